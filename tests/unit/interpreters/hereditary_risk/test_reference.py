"""A reference sequence, where the programme installed one: what is refused, and what it makes certain."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.reference_sequences import write_reference

from interpreters.findings import GeneAssessment, HereditaryFinding, Interpretation
from interpreters.genotypes import Build, CallSetKind, Interval, Record
from interpreters.hereditary_risk import HereditaryRisk, load
from interpreters.hereditary_risk.alleles import AlleleKey, equivalents
from interpreters.hereditary_risk.clinvar import ClinVarRecord
from interpreters.hereditary_risk.reference import build_of
from interpreters.knowledge import KnowledgeError

Call = Callable[..., Record]
Result = Callable[..., tuple[str, str]]
Findings = Callable[..., list[HereditaryFinding]]
UNKNOWN_DESERT = 40


def unread_stretch(risk: HereditaryRisk, gene: str) -> int:
    """Position of the first of some exonic codons whose bases ClinVar does not spell."""
    known = risk._build(Build.GRCH38)
    exons = known.exons[gene]
    assert exons.forward
    for row in exons.rows:
        for pos in range(row.start, row.end - UNKNOWN_DESERT):
            stretch = range(pos - 1, pos + UNKNOWN_DESERT)
            first = exons.codons(AlleleKey(exons.chrom, pos, "A", "C")) - exons.codons(
                AlleleKey(exons.chrom, pos - 1, "A", "C")
            )
            if first and all(known.bases.at(exons.chrom, near) is None for near in stretch):
                return pos
    raise AssertionError(gene)


@pytest.fixture(scope="module")
def place_in_dsp(risk: HereditaryRisk) -> int:
    return unread_stretch(risk, "DSP")


@pytest.fixture(scope="module")
def last_base(risk: HereditaryRisk) -> ClinVarRecord:
    """A candidate that deletes one base and after which no base is known: it could be written further right."""
    bases = risk.reference_bases(Build.GRCH38)
    return next(
        record
        for record in risk.clinvar(Build.GRCH38)
        if record.is_pathogenic
        and record.stars >= 2
        and "frameshift_variant" in record.consequences
        and record.genes == ("DSP",)
        and (len(record.key.deleted), record.key.inserted) == (1, "")
        and all(bases.at(record.chrom, record.key.pos + step) is None for step in (1, 2, 3, 4))
    )


@pytest.fixture(scope="module")
def with_sequence(
    risk: HereditaryRisk, tmp_path_factory: pytest.TempPathFactory, place_in_dsp: int, last_base: ClinVarRecord
) -> HereditaryRisk:
    """The interpreter with a reference sequence in which two places of DSP are spelled out."""
    key = last_base.key
    path = write_reference(
        tmp_path_factory.mktemp("reference") / "genome.fa",
        risk,
        changes={("6", place_in_dsp): "CAGTTTTACGGG", (key.chrom, key.pos + 1): key.deleted * 3 + "N"},
    )
    return load(options={"reference_grch38": str(path)})


def test_without_the_file_or_its_index_nothing_starts(tmp_path: Path) -> None:
    path = tmp_path / "genome.fa"
    with pytest.raises(KnowledgeError, match=r"genome\.fa: not there.*samtools faidx"):
        load(options={"reference_grch38": str(path)})
    path.write_text(">chr1\nACGT\n", encoding="utf-8")
    with pytest.raises(KnowledgeError, match=r"genome\.fa\.fai: not there.*samtools faidx"):
        load(options={"reference_grch38": str(path)})
    assert not path.with_name("genome.fa.fai").exists()


@pytest.mark.parametrize("index", ["", "chr1\tmany\n"])
def test_an_index_that_is_none_is_refused(tmp_path: Path, index: str) -> None:
    path = tmp_path / "genome.fa"
    path.write_text(">chr1\nACGT\n", encoding="utf-8")
    path.with_name("genome.fa.fai").write_text(index, encoding="utf-8")
    with pytest.raises(KnowledgeError, match=r"genome\.fa: "):
        load(options={"reference_grch38": str(path)})


def test_a_file_of_another_build_is_refused(risk: HereditaryRisk, tmp_path: Path) -> None:
    path = write_reference(tmp_path / "genome.fa", risk)
    with pytest.raises(KnowledgeError, match=r"chromosome 1 is 248956422 bases long, not 249250621 bases"):
        load(options={"reference_grch37": str(path)})
    index = path.with_name("genome.fa.fai")
    lines = index.read_text(encoding="utf-8").splitlines()
    index.write_text("".join(f"{line}\n" for line in lines if "chrX" not in line), encoding="utf-8")
    with pytest.raises(KnowledgeError, match="chromosome X is missing"):
        load(options={"reference_grch38": str(path)})


def test_a_file_with_other_bases_is_refused(risk: HereditaryRisk, tmp_path: Path) -> None:
    longest = max(risk.reference_bases(Build.GRCH38).stretches(), key=lambda stretch: len(stretch[2]))
    path = write_reference(tmp_path / "genome.fa", risk, changes={longest[:2]: "T" * len(longest[2])})
    with pytest.raises(KnowledgeError, match=r"only 9\d\.\d% of the bases that ClinVar spells"):
        load(options={"reference_grch38": str(path)})


def test_a_file_that_was_cut_is_refused(risk: HereditaryRisk, tmp_path: Path) -> None:
    path = write_reference(tmp_path / "genome.fa", risk)
    with path.open("r+b") as file:
        file.truncate(1_000_000_000)
    with pytest.raises(KnowledgeError, match="cut short or not of this index"):
        load(options={"reference_grch38": str(path)})


@pytest.mark.parametrize("prefix", ["chr", ""])
def test_the_sequence_is_read_around_the_genes(risk: HereditaryRisk, tmp_path: Path, prefix: str) -> None:
    path = write_reference(tmp_path / "genome.fa", risk, prefix=prefix)
    read = load(options={"reference_grch38": str(path)})
    assert dict(read.reference_bases(Build.GRCH38)) == dict(risk.reference_bases(Build.GRCH38))
    assert read.limits(Build.GRCH38)["novel_stop_codons"] == "by_the_reference_sequence"
    assert read.limits(Build.GRCH37)["reference_sequence"] == "none"
    other = load("2025-09-28", options={"reference_grch37": str(path)})
    assert other.limits(Build.GRCH37)["reference_sequence"] == "none"  # the release has no such build


def test_the_build_is_told_by_the_contigs(risk: HereditaryRisk, tmp_path: Path) -> None:
    lengths = {build: risk.known_contig_lengths()[build.value] for build in Build}
    for build in Build:
        assert build_of(write_reference(tmp_path / f"{build}.fa", risk, build), lengths) is build
    strange = tmp_path / "strange.fa"
    strange.write_text(">chr1\nACGT\n", encoding="utf-8")
    strange.with_name("strange.fa.fai").write_text("chr1\t4\t6\t4\t5\n", encoding="utf-8")
    with pytest.raises(KnowledgeError, match="lengths of no supported build"):
        build_of(strange, lengths)


def test_an_indel_far_from_known_bases_is_placed_by_the_sequence_alone(
    call: Call, findings: Findings, with_sequence: HereditaryRisk, last_base: ClinVarRecord
) -> None:
    key = last_base.key
    far = call(f"{key.chrom} {key.pos + 2} {key.deleted * 2} {key.deleted}")
    (without,) = findings(far)
    assert (without.outcome, without.reason, without.variant.placed_by) == ("REVIEW", "unnormalised_indel", None)
    (found,) = findings(far, by=with_sequence)
    (plain,) = findings(call(f"{key.chrom} {last_base.pos} {last_base.ref} {last_base.alt}"), by=with_sequence)
    assert (found.outcome, found.variant.clinvar_id) == ("CANDIDATE_POSITIVE", last_base.variation_id)
    assert (found.variant.placed_by, plain.variant.placed_by) == ("reference_sequence", "as_written")
    # Beyond the N that follows nothing is certain again.
    beyond = call(f"{key.chrom} {key.pos + 5} {key.deleted * 2} {key.deleted}")
    assert [finding.reason for finding in findings(beyond, by=with_sequence)] == ["unnormalised_indel"]


def test_every_spelling_by_the_sequence_gives_one_finding(
    call: Call, findings: Findings, with_sequence: HereditaryRisk, last_base: ClinVarRecord
) -> None:
    bases = with_sequence.reference_bases(Build.GRCH38)
    spelled = list(equivalents(last_base.key, bases))
    assert len(spelled) == 4
    found = set()
    for key in spelled:
        anchor = bases.at(key.chrom, key.pos - 1)
        (finding,) = findings(call(f"{key.chrom} {key.pos - 1} {anchor}{key.deleted} {anchor}"), by=with_sequence)
        found.add((finding.outcome, finding.reason, finding.variant.pos, finding.variant.ref, finding.variant.alt))
    assert len(found) == 1


def test_a_reference_allele_that_is_not_the_reference_is_never_accepted(
    call: Call, findings: Findings, with_sequence: HereditaryRisk, last_base: ClinVarRecord
) -> None:
    """The bases after the variant tell that the file is of another reference; ClinVar's bases alone cannot."""
    wrong = "A" if last_base.key.deleted != "A" else "C"
    site = f"{last_base.chrom} {last_base.pos} {last_base.ref}{wrong} {last_base.alt}{wrong}"
    assert [finding.outcome for finding in findings(call(site))] == ["CANDIDATE_POSITIVE"]
    (found,) = findings(call(site), by=with_sequence)
    assert (found.outcome, found.reason) == ("REVIEW", "reference_disagrees")
    # So it is by the known bases, and for a copy-number call.
    assert [f.reason for f in findings(call("17 43124027 TCT T"))] == ["reference_disagrees"]
    assert "reference_disagrees" in findings(call("17 43124027 T <DEL>", end=43124900))[0].rule_path
    assert [f.reason for f in findings(call("17 43124026 NACT NA"))] == ["plp_ge2star_dominant"]


def test_a_reference_call_with_another_base_does_not_read_the_gene(
    interpret: Callable[..., Interpretation], risk: HereditaryRisk
) -> None:
    exon = risk._build(Build.GRCH38).exons["PLN"].whole

    def fraction(ref: str) -> float:
        block = Record(
            exon.chrom, 118558956, exon.end + 100, ref, ("<NON_REF>",), (0, 0), depth=30, genotype_quality=60
        )
        done = interpret(block, kind=CallSetKind.GVCF, callable_intervals=[Interval("6", 1, 118558955)])
        return next(f.fraction for f in done.findings if isinstance(f, GeneAssessment) and f.gene == "PLN")

    assert fraction("T") == fraction("N") == 1.0
    assert fraction("A") < 0.5


@pytest.mark.parametrize(
    "change",
    [
        (0, "C", "T"),  # CAG to TAG
        (6, "TAC", "TAA"),  # written with bases that do not change
        (3, "T", "TTTTAAT"),  # an insertion in frame that brings a stop codon with it
    ],
)
def test_a_new_stop_codon_is_read_from_the_sequence(
    call: Call,
    findings: Findings,
    with_sequence: HereditaryRisk,
    place_in_dsp: int,
    change: tuple[int, str, str],
) -> None:
    offset, ref, alt = change
    site = call(f"6 {place_in_dsp + offset} {ref} {alt}")
    (found,) = findings(site, by=with_sequence)
    assert (found.outcome, found.reason) == ("REVIEW", "novel_lof")
    assert (found.variant.consequences, found.variant.consequence_from) == (("nonsense",), "reference_sequence")


@pytest.mark.parametrize("change", [(3, "T", "TACG"), (1, "A", "C")])
def test_a_change_without_a_stop_codon_is_not_reportable(
    call: Call, findings: Findings, with_sequence: HereditaryRisk, place_in_dsp: int, change: tuple[int, str, str]
) -> None:
    offset, ref, alt = change
    (found,) = findings(call(f"6 {place_in_dsp + offset} {ref} {alt}"), by=with_sequence)
    assert (found.outcome, found.reason, found.variant.consequence_from) == ("NOT_REPORTABLE", "not_in_clinvar", None)


def test_without_the_sequence_the_stop_codon_is_not_seen(call: Call, findings: Findings, place_in_dsp: int) -> None:
    assert [found.reason for found in findings(call(f"6 {place_in_dsp} C T"))] == ["not_in_clinvar"]
