"""The whole way of `ror interpret`: genotype files, their reader, the quality gate, the findings.

What a file says counts, not how it says it: each property writes one genotype in two ways and compares every field of
the finding. A reader or a reading of sites that is broken on purpose shows that the comparison notices.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import groupby
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.genotype_files import bgzf, genome_text
from support.pharmacogenomic_cases import Case, differences, sex_of
from support.shared import SHARED, needs_shared
from typer.testing import CliRunner

from interpreters.findings import NotTested, PharmacogenomicFinding
from interpreters.genotypes import Assay, Build, CallSetKind, GenotypeCalls, Record, Sample, Sex
from interpreters.pharmacogenomics import PharmacogenomicsInterpreter, load
from interpreters.pharmacogenomics.sites import INDEL_MARGIN, Site
from interpreters.pharmacogenomics.tables import Position
from ror_service.cli.interpret import interpret_files
from ror_service.cli.main import make_app
from ror_service.intake.needs import Needs
from ror_service.intake.qc import Declared, Verdict
from ror_service.intake.reader import read_genotypes, read_stream
from ror_service.intake.results import Limits

CaseRecords = Callable[[Case], list[Record]]
Found = Mapping[str, PharmacogenomicFinding | NotTested]

EVERY_CASE = "ROR_EVERY_CASE"
"""Set this variable to send all 288 cases through the reading process of `ror interpret`, not some twenty."""

TABLES = load().tables
GENES = [gene for gene in TABLES.genes.values() if gene.from_sequence]


def by_gene(findings: Iterable[object], not_tested: Iterable[NotTested]) -> Found:
    found: dict[str, PharmacogenomicFinding | NotTested] = {item.subject: item for item in not_tested}
    for finding in findings:
        assert isinstance(finding, PharmacogenomicFinding)
        found[finding.gene] = finding
    return found


# The example cases as files.


@pytest.fixture(scope="module")
def cases(data: Path) -> list[Case]:
    """The example cases: all where they are at hand, else those that the project carries."""
    everything = SHARED / "pgx" / "cases.json"
    source = everything if everything.is_file() else data / "cases.json"
    listed: list[Case] = json.loads(source.read_text(encoding="utf-8"))["cases"]
    return listed


@pytest.fixture(scope="module")
def deliberate(data: Path) -> dict[str, set[str]]:
    """Case to the fields in which our answer differs on purpose."""
    reasons = json.loads((data / "deliberate_differences.json").read_text(encoding="utf-8"))
    return {name: set(fields) for name, fields in reasons.items() if name != "about"}


def test_the_cases_as_files_agree(
    cases: list[Case],
    deliberate: dict[str, set[str]],
    case_records: CaseRecords,
    everything: PharmacogenomicsInterpreter,
    tmp_path: Path,
) -> None:
    needs = Needs({"pharmacogenomics": everything})
    path = tmp_path / "case.vcf"
    for case in cases:
        path.write_bytes(genome_text(case_records(case)))
        read = read_genotypes(path, needs.intervals.__getitem__)
        assert needs.assess(read, Declared(sex_at_birth=sex_of(case))).verdict is Verdict.PASS, case["id"]
        done = everything.interpret(Sample(read.build, Assay.WGS, sex_of(case)), read.calls)
        found = by_gene(done.findings, done.not_tested)
        assert differences(case, found) == deliberate.get(case["id"], set()), case["id"]


def test_the_cases_through_the_reading_process_agree(
    cases: list[Case],
    deliberate: dict[str, set[str]],
    case_records: CaseRecords,
    everything: PharmacogenomicsInterpreter,
    tmp_path: Path,
) -> None:
    men = [case for case in cases if sex_of(case) is Sex.MALE]
    chosen = cases if os.environ.get(EVERY_CASE) else [*cases[:: 1 + len(cases) // 20], *men[:1]]
    for sex in (Sex.MALE, Sex.FEMALE):
        files: dict[str, Case] = {}
        for number, case in enumerate(chosen):
            if sex_of(case) is sex:
                path = tmp_path / f"{number}.vcf.gz"
                path.write_bytes(bgzf(genome_text(case_records(case))))
                files[str(path)] = case
        interpreters = {"pharmacogenomics": everything}
        for done in interpret_files([Path(name) for name in files], interpreters, Declared(sex_at_birth=sex)):
            case = files[done.file]
            assert done.quality is not None, case["id"]
            assert done.quality.verdict is Verdict.PASS, case["id"]
            found = by_gene(done.interpretations[0].findings, done.not_tested)
            assert differences(case, found) == deliberate.get(case["id"], set()), case["id"]


# Two ways to write one genotype.


@cache
def interpreter_of(gene: str) -> PharmacogenomicsInterpreter:
    return load(options={"genes": gene})


def found_in(text: bytes, gene: str, sex: Sex = Sex.FEMALE) -> PharmacogenomicFinding | NotTested:
    """What a file says of one gene, read by the real reader."""
    interpreter = interpreter_of(gene)
    needs = Needs({"pharmacogenomics": interpreter})
    read = read_stream(io.BytesIO(text), needs.wanted.__getitem__, Limits())
    assert needs.assess(read, Declared()).verdict is Verdict.PASS
    done = interpreter.interpret(Sample(read.build, Assay.WGS, sex), read.calls)
    return by_gene(done.findings, done.not_tested)[gene]


@dataclass(frozen=True)
class Genome:
    """A person as far as one gene is concerned."""

    gene: str
    build: Build = Build.GRCH38
    genotypes: Mapping[int, Sequence[str]] = field(default_factory=dict)
    """Index of a position to its alleles; reference of GRCh38 elsewhere."""
    phased: bool = False

    def records(self) -> list[Record]:
        """Every position of the gene, each with all of its alleles."""
        return [self._record(index, p) for index, p in enumerate(TABLES.genes[self.gene].positions)]

    def _record(self, index: int, position: Position) -> Record:
        reference = position.reference(self.build) or position.ref
        alleles = self.genotypes.get(index, (position.ref, position.ref))
        names = tuple(dict.fromkeys((reference, position.ref, *position.alts, *alleles)))
        numbers = tuple(map(names.index, alleles))
        start = position.start(self.build)
        return Record(
            *(TABLES.genes[self.gene].chrom, start, start + len(reference) - 1, reference, names[1:], numbers),
            phased=self.phased,
            depth=30,
            genotype_quality=99,
            allele_depths=tuple(15 * numbers.count(number) for number in range(len(names))),
        )

    def found(self, lines: Iterable[Record] | None = None, prefix: str = "chr") -> PharmacogenomicFinding | NotTested:
        """What a file says of the gene that holds these lines, or the usual ones."""
        return found_in(self.text(lines, prefix), self.gene)

    def text(self, lines: Iterable[Record] | None = None, prefix: str = "chr") -> bytes:
        """That file."""
        return genome_text(self.records() if lines is None else lines, build=self.build, prefix=prefix)


@st.composite
def genomes(draw: st.DrawFn, builds: Sequence[Build] = tuple(Build)) -> Genome:
    """A gene with up to four of its positions changed."""
    gene = draw(st.sampled_from(GENES))
    genotypes = {}
    for index in draw(st.sets(st.integers(0, len(gene.positions) - 1), max_size=4)):
        position = gene.positions[index]
        others = "ACGT" if position.is_single_base else ()
        alleles = sorted({position.ref, *position.alts, *others})
        genotypes[index] = (draw(st.sampled_from(alleles)), draw(st.sampled_from(alleles)))
    return Genome(gene.name, draw(st.sampled_from(builds)), genotypes, phased=draw(st.booleans()))


def split(record: Record, *, other: int | None) -> list[Record]:
    """One line for each alternate allele; on each, what carries another one is written as `other`."""
    if len(record.alts) < 2:
        return [record]
    lines = []
    for own, alt in enumerate(record.alts, start=1):
        numbers = tuple(1 if number == own else other if number else number for number in record.genotype)
        depths = (record.allele_depths[0], record.allele_depths[own])
        lines.append(replace(record, alts=(alt,), genotype=numbers, allele_depths=depths))
    return lines


def only_carried(record: Record) -> Record:
    """The line without the alternate alleles that the sample does not carry."""
    kept = sorted({0, *(number for number in record.genotype if number is not None)})
    return replace(
        record,
        alts=tuple(record.alts[number - 1] for number in kept[1:]),
        genotype=tuple(None if number is None else kept.index(number) for number in record.genotype),
        allele_depths=tuple(record.allele_depths[number] for number in kept),
    )


def as_gvcf(record: Record) -> Record:
    """A reference block of the line's own bases, or the line with `<NON_REF>` as its last alternate."""
    if any(record.genotype):
        return replace(record, alts=(*record.alts, "<NON_REF>"), allele_depths=(*record.allele_depths, 0))
    return replace(record, alts=("<NON_REF>",), allele_depths=())


def as_blocks(records: Iterable[Record]) -> list[Record]:
    """Neighbouring reference lines as one block; it spells its first base only, as blocks do."""
    blocks = []
    for carries, group in groupby(sorted(records, key=lambda r: r.pos), key=lambda r: any(r.genotype)):
        run = list(group)
        first, last = run[0], max(record.end for record in run)
        block = replace(first, end=last, ref=first.ref[0], alts=("<NON_REF>",), allele_depths=())
        blocks += run if carries else [block]
    return blocks


WAYS: Mapping[str, Callable[[Sequence[Record]], list[Record]]] = {
    "split, others 0": lambda records: [line for record in records for line in split(record, other=0)],
    "split, others missing": lambda records: [line for record in records for line in split(record, other=None)],
    "only alleles carried": lambda records: [only_carried(record) for record in records],
    "gVCF": lambda records: [as_gvcf(record) for record in records],
    "some repeated": lambda records: [*records[:3], *records],
    "backwards": lambda records: list(reversed(records)),
}


@settings(max_examples=40)
@given(genomes(), st.sampled_from(list(WAYS)), st.randoms(use_true_random=False))
def test_how_genotypes_are_written_changes_nothing(genome: Genome, way: str, shuffler: random.Random) -> None:
    usual = genome.found()
    lines = WAYS[way](genome.records())
    assert genome.found(lines) == usual
    shuffler.shuffle(lines)
    assert genome.found(lines, prefix="") == usual


@settings(max_examples=20)
@given(genomes(), st.sampled_from([gzip.compress, bgzf]))
def test_compression_changes_nothing(genome: Genome, compress: Callable[[bytes], bytes]) -> None:
    assert found_in(compress(genome.text()), genome.gene) == genome.found()


@settings(max_examples=30)
@given(genomes([Build.GRCH38]))
def test_blocks_over_many_positions_change_nothing(genome: Genome) -> None:
    assert genome.found(as_blocks(genome.records())) == genome.found()


# One insertion or deletion, in every spelling.

INDELS = [
    (gene.name, index, alt)
    for gene in GENES
    for index, position in enumerate(gene.positions)
    for alt in position.alts
    if len(alt) != len(position.ref)
]


def spellings(left: str, ref: str, alt: str, right: str) -> list[tuple[int, str, str]]:
    """Every way to write a change among these flanking bases: shift of POS, REF, ALT."""
    before, after = left + ref + right, left + alt + right
    found = []
    for start in range(len(before)):
        for end in range(start + 1, len(before) + 1):
            tail = len(before) - end
            middle = after[start : len(after) - tail]
            whole = before[:start] + middle + before[end:]
            if whole == after and middle and len(middle) == len(after) - tail - start:
                found.append((start - len(left), before[start:end], middle))
    return found


def respelled(gene: str, index: int, way: tuple[int, str, str], genotype: tuple[int, int]) -> list[Record]:
    """The positions of a gene, all reference but for one change in this spelling."""
    records = Genome(gene).records()
    shift, ref, alt = way
    pos = records[index].pos + shift
    records[index] = replace(
        records[index],
        pos=pos,
        end=pos + len(ref) - 1,
        ref=ref,
        alts=(alt,),
        genotype=genotype,
        allele_depths=(30 - 15 * sum(genotype), 15 * sum(genotype)),
    )
    return records


@settings(max_examples=60)
@given(st.sampled_from(INDELS), st.sampled_from([(0, 1), (1, 1)]), st.data())
def test_equal_spellings_of_an_insertion_or_deletion_change_nothing(
    chosen: tuple[str, int, str], genotype: tuple[int, int], data: st.DataObject
) -> None:
    gene, index, alt = chosen
    position = TABLES.genes[gene].positions[index]
    # Made-up bases may stand beside a position, but not where another position says what there is.
    behind = position.pos + len(position.ref)
    left = data.draw(st.text("ACGT", max_size=3)) if is_free(gene, index, position.pos - 3, position.pos) else ""
    right = data.draw(st.text("ACGT", max_size=8)) if is_free(gene, index, behind, behind + 8) else ""
    ways = [way for way in spellings(left, position.ref, alt, right) if way[0] <= len(position.ref)]
    usual = Genome(gene).found(respelled(gene, index, (0, position.ref, alt), genotype))
    assert Genome(gene).found(respelled(gene, index, data.draw(st.sampled_from(ways)), genotype)) == usual


@pytest.mark.parametrize("chosen", INDELS, ids=lambda chosen: f"{chosen[0]}-{chosen[1]}-{chosen[2]}")
def test_a_change_far_behind_in_a_repeat_is_held_and_never_reference(chosen: tuple[str, int, str]) -> None:
    """Behind the bases that a definition spells nothing is known of a repeat: a person must look."""
    gene, index, alt = chosen
    position = TABLES.genes[gene].positions[index]
    unit = max(position.ref, alt, key=len)[min(len(position.ref), len(alt)) :]
    repeat = (unit * (INDEL_MARGIN // len(unit)))[: INDEL_MARGIN - len(unit)]
    ways = [way for way in spellings("", position.ref, alt, repeat) if way[0] > len(position.ref)]
    ways = [way for way in ways if is_free(gene, index, position.pos, position.pos + way[0] + len(way[1]))]
    for way in ways[:: max(1, len(ways) // 3)]:
        finding = Genome(gene).found(respelled(gene, index, way, (0, 1)))
        assert isinstance(finding, PharmacogenomicFinding)
        assert "unrecognised_indel" in finding.reasons
        assert finding.reported_phenotype is None


def is_free(gene: str, index: int, start: int, end: int) -> bool:
    """Whether no other position of the gene has a base from `start` up to `end`."""
    others = (other for number, other in enumerate(TABLES.genes[gene].positions) if number != index)
    return all(other.pos + len(other.ref) <= start or other.pos >= end for other in others)


def test_a_variant_seen_on_one_copy_alone_makes_the_gene_no_call() -> None:
    genome = Genome("CYP2C19", genotypes={TABLES.genes["CYP2C19"].index_of["rs4244285"]: ("G", "A")})
    half = [replace(line, genotype=(None, 1)) if any(line.genotype) else line for line in genome.records()]
    finding = genome.found(half)
    assert isinstance(finding, PharmacogenomicFinding)
    assert (finding.diplotypes, finding.phenotypes) == ((), ("No Result",))
    assert finding.requires_review
    assert "half_called_variant" in finding.reasons


# A file of variants with a list of assayed sites.

REFUSED = [g.name for g in GENES if any(p.rsid in TABLES.policy.never_assumed_reference for p in g.positions)]
LISTED_GENES = [gene.name for gene in GENES if gene.name not in REFUSED and len(gene.positions) > 1]


def variant_of(gene: str, build: Build) -> Genome:
    """Somebody with one variant in a gene, at a position whose base is known in both builds."""
    positions = TABLES.genes[gene].positions
    index = next(i for i, p in enumerate(positions) if p.is_single_base and p.ref37 == p.ref)
    return Genome(gene, build, {index: (positions[index].ref, positions[index].alts[0])})


def sites_vcf(genome: Genome) -> str:
    text = genome.text().decode()
    lines = ("\t".join(line.split("\t")[: 8 if not line.startswith("##") else None]) for line in text.splitlines())
    return "".join(f"{line}\n" for line in lines)


def table(genome: Genome) -> str:
    return "".join(f"{r.chrom}\t{r.pos}\t{r.ref}\t{','.join(r.alts)}\n" for r in genome.records())


def manifest(genome: Genome, *, alternates: int = 3) -> str:
    """An array with an assay for each alternate allele up to this many; every other one is on the minus strand."""
    rows = []
    for record in genome.records():
        for number, alt in enumerate(record.alts[:alternates]):
            strand, alleles = "+", f"{record.ref}/{alt}"
            if len(alleles) != len("A/C"):
                alleles = "D/I"
            elif number % 2 == 0:
                strand, alleles = "-", alleles.translate(str.maketrans("ACGT", "TGCA"))
            build = genome.build.removeprefix("GRCh")
            rows.append(f"x,[{alleles}],{build},{record.chrom},{record.pos},{strand}")
    columns = "IlmnID,SNP,GenomeBuild,Chr,MapInfo,RefStrand"
    return "\n".join(("Illumina, Inc.", "[Heading]", f"Loci Count,{len(rows)}", "[Assay]", columns, *rows, ""))


def interpreted(genome: Genome, listed: str | None, folder: Path) -> Found:
    """What the file of variants says with a list beside it; a failed position on another chromosome is in it too."""
    failed = Record("21", 20_000_000, 20_000_000, "A", ("C",), (None, None))
    path = folder / "variants.vcf"
    path.write_bytes(genome.text([*(r for r in genome.records() if any(r.genotype)), failed]))
    beside = None
    if listed is not None:
        beside = folder / "list"
        beside.write_text(listed)
    interpreters = {"pharmacogenomics": interpreter_of(genome.gene)}
    (done,) = interpret_files([path], interpreters, Declared(), assayed_file=beside)
    assert done.error is None, done.error
    return by_gene(done.interpretations[0].findings, done.not_tested)


def without_evidence(finding: PharmacogenomicFinding) -> PharmacogenomicFinding:
    assert "reference_by_assayed_sites" in finding.reasons
    return replace(finding, reasons=tuple(r for r in finding.reasons if r != "reference_by_assayed_sites"))


@pytest.mark.parametrize("gene", LISTED_GENES[::4])
@pytest.mark.parametrize("as_list", [sites_vcf, table])
def test_a_list_makes_silence_as_good_as_an_explicit_reference_genotype(
    gene: str, as_list: Callable[[Genome], str], tmp_path: Path
) -> None:
    genome = variant_of(gene, Build.GRCH38)
    finding = interpreted(genome, as_list(genome), tmp_path)[gene]
    assert isinstance(finding, PharmacogenomicFinding)
    assert without_evidence(finding) == genome.found()
    alone = interpreted(genome, None, tmp_path)[gene]
    assert isinstance(alone, PharmacogenomicFinding)
    assert alone.positions_read == 1
    assert "reference_by_assayed_sites" not in alone.reasons


def test_a_manifest_counts_for_single_bases_and_only_where_every_allele_is_told_apart(tmp_path: Path) -> None:
    genome = variant_of("CYP2C9", Build.GRCH38)
    single = [position for position in TABLES.genes["CYP2C9"].positions if position.is_single_base]
    simple = [position for position in single if len(position.alts) == 1]
    assert len(simple) < len(single) < len(TABLES.genes["CYP2C9"].positions)
    for listed, positions in ((manifest(genome), single), (manifest(genome, alternates=1), simple)):
        finding = interpreted(genome, listed, tmp_path)["CYP2C9"]
        assert isinstance(finding, PharmacogenomicFinding)
        assert finding.positions_read == len(positions)


@pytest.mark.parametrize("gene", REFUSED)
def test_where_silence_misleads_the_position_stays_unread(gene: str, tmp_path: Path) -> None:
    genome = variant_of(gene, Build.GRCH38)
    finding = interpreted(genome, sites_vcf(genome), tmp_path)[gene]
    assert isinstance(finding, PharmacogenomicFinding)
    assert finding.positions_total - finding.positions_read == 1
    assert {"reference_assumed_refused", "missing_positions"} <= set(finding.reasons)


def test_on_grch37_silence_is_the_reference_of_grch37(tmp_path: Path) -> None:
    """Of the positions whose base differs between the builds this is the one where silence may be believed."""
    variant = variant_of("DPYD", Build.GRCH37)
    other = TABLES.genes["DPYD"].index_of["rs1801265"]
    genome = replace(variant, genotypes={**variant.genotypes, other: ("G", "G")})
    finding = interpreted(genome, sites_vcf(genome), tmp_path)["DPYD"]
    assert isinstance(finding, PharmacogenomicFinding)
    assert "reference_by_assayed_sites" in finding.reasons
    assert all(name.count("c.85T>C") == 2 for name in finding.diplotypes)


def refusal(genome: Genome, listed: str, folder: Path) -> str:
    path, beside = folder / "variants.vcf", folder / "list"
    path.write_bytes(genome.text(r for r in genome.records() if any(r.genotype)))
    beside.write_text(listed)
    arguments = ["interpret", str(path), "--json", "--module", "pharmacogenomics", "--assayed-sites", str(beside)]
    ran = CliRunner().invoke(make_app("interpret"), arguments)
    assert ran.exit_code == 1
    (said,) = map(json.loads, ran.stdout.splitlines())
    assert said["findings"] == []
    return f"{said['error']['file']} {said['error']['code']} {said['error']['problem']} {said['error']['remedy']}"


def test_a_list_that_cannot_be_used_is_refused_by_the_command(tmp_path: Path) -> None:
    genome = variant_of("TPMT", Build.GRCH38)
    other = variant_of("TPMT", Build.GRCH37)
    assert "list build_mismatch the list is for GRCh37" in refusal(genome, sites_vcf(other), tmp_path)
    assert "list bad_assayed_sites" in refusal(genome, "1\tx\n", tmp_path)
    assert "variants.vcf bad_assayed_sites a manifest was given" in refusal(genome, manifest(genome), tmp_path)


def test_the_command_tells_how_much_of_a_list_was_used(tmp_path: Path) -> None:
    genome = variant_of("TPMT", Build.GRCH38)
    path, beside = tmp_path / "variants.vcf", tmp_path / "list.tsv"
    path.write_bytes(genome.text(r for r in genome.records() if any(r.genotype)))
    beside.write_text(f"{table(genome)}chrUn_1\t5\n21\t5\n")
    arguments = ["interpret", str(path), "--module", "pharmacogenomics", "--assayed-sites", str(beside)]
    said = json.loads(CliRunner().invoke(make_app("interpret"), [*arguments, "--json"]).stdout)
    needed = len(genome.records())
    assert said["assayed_sites"] == {"listed": needed + 1, "needed": needed, "left_out": {"another_sequence": 1}}
    shown = CliRunner().invoke(make_app("interpret"), arguments).stdout
    assert f"Assayed sites: {needed} of {needed + 1} listed are needed here; left out: 1 another sequence" in shown


# Real files.

REAL = SHARED / "genomes"


def readings(path: Path, assay: Assay = Assay.WGS) -> dict[str, dict[str, tuple[str, ...]]]:
    """Gene to rsID to the alleles read, for every position that was read."""
    interpreter = load()
    read = read_genotypes(path, Needs({"pharmacogenomics": interpreter}).intervals.__getitem__)
    sample = Sample(read.build, assay, Sex.UNKNOWN)
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for gene in GENES:
        for position, reading in zip(gene.positions, interpreter.read(gene, sample, read.calls)[0], strict=True):
            if reading.alleles:
                found.setdefault(gene.name, {})[position.rsid] = reading.alleles
    return found


@needs_shared
@pytest.mark.genomes
def test_two_assays_of_one_person_on_grch37() -> None:
    """Lines of both files compared by hand with the table of positions; GRCh37 spells rs1801265 as G."""
    genome = readings(REAL / "corpas_wgs_GRCh37" / "corpas_30x.pgx_loci.vcf.gz")
    exome = readings(REAL / "corpas_exome_GRCh37" / "Pfeiffer.vcf.gz")
    both = {"CYP2B6": {"rs3745274": ("G", "T")}, "CYP2C9": {"rs1799853": ("C", "T")}}
    assert genome == both | {"VKORC1": {"rs9923231": ("T", "T")}}
    assert exome == {
        "CYP2B6": both["CYP2B6"] | {"rs3211371": ("C", "T")},
        "CYP2C9": both["CYP2C9"],
        "CYP4F2": {"rs2108622": ("C", "T")},
        "DPYD": {"rs1801265": ("A", "A")},
        "NAT2": {"rs1208": ("G", "A"), "rs1801280": ("T", "C"), "rs1799930": ("G", "A")},
    }


@needs_shared
@pytest.mark.genomes
def test_a_real_file_of_variants_settles_only_what_one_position_settles() -> None:
    path = REAL / "corpas_wgs_GRCh37" / "corpas_30x.pgx_loci.vcf.gz"
    (done,) = interpret_files([path], {"pharmacogenomics": load()}, Declared())
    assert done.quality is not None
    assert done.quality.verdict is Verdict.PASS
    found = by_gene(done.interpretations[0].findings, done.not_tested)
    reported = {
        gene: said.reported_phenotype for gene, said in found.items() if isinstance(said, PharmacogenomicFinding)
    }
    assert reported == {"CYP2B6": None, "CYP2C9": None, "VKORC1": "-1639 AA"}


@needs_shared
@pytest.mark.genomes
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("na12878_gvcf_GRCh38/NA12878.g.vcf.gz", "no_position_usable"),
        ("platinum_gvcf_GRCh37/NA12877.platinum.tiny.g.vcf.gz", "no_position_read"),
        ("platinum_gvcf_GRCh37/NA12889.platinum.tiny.g.vcf.gz", "no_position_read"),
        ("platinum_gvcf_GRCh37/NA12890.platinum.tiny.g.vcf.gz", "no_position_read"),
    ],
)
def test_real_gvcfs_without_reads_at_these_genes_say_nothing_of_them(name: str, reason: str) -> None:
    (done,) = interpret_files([REAL / name], {"pharmacogenomics": load()}, Declared())
    assert done.read is not None
    assert done.read.calls.kind is CallSetKind.GVCF
    assert done.interpretations[0].findings == ()
    assert {item.reason for item in done.not_tested} == {reason, "not_callable_from_sequence"}


@needs_shared
@pytest.mark.genomes
def test_a_real_array_says_the_same_by_its_genotypes_and_by_its_manifest(tmp_path: Path) -> None:
    (path,) = (REAL / "illumina_gtc").glob("*.vcf")
    spelled = readings(path, Assay.ARRAY)
    assert {gene: len(read) for gene, read in spelled.items()} == {"CYP3A4": 1, "DPYD": 1, "RYR1": 3}
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    variants = tmp_path / "variants.vcf"
    # What is not reference; positions that failed are kept.
    variants.write_text("".join(x for x in lines if x[0] == "#" or not x.split("\t")[9].startswith(("0/0", "0:"))))
    listed = REAL / "illumina_gtc" / "small_manifest.csv.gz"
    declared = Declared(assay=Assay.ARRAY)
    (done,) = interpret_files([variants], {"pharmacogenomics": load()}, declared, assayed_file=listed)
    found = by_gene(done.interpretations[0].findings, done.not_tested)
    dpyd = found["DPYD"]
    assert isinstance(dpyd, PharmacogenomicFinding)
    assert dpyd.positions_read == len(spelled["DPYD"])
    assert "reference_by_assayed_sites" in dpyd.reasons
    # GRCh37's bases of these three are not checked, and the manifest does not say which of its alleles is reference.
    assert found["RYR1"] == NotTested("pharmacogenomics", "RYR1", "no_position_usable")
    # Its one position is an insertion, which a manifest does not spell.
    assert found["CYP3A4"] == NotTested("pharmacogenomics", "CYP3A4", "no_position_read")


# What breaks is noticed.


class KeepsOneLine(GenotypeCalls):
    """As a reader that keeps the first of several lines of a position."""

    def __init__(self, build: Build, kind: CallSetKind, records: Iterable[Record]) -> None:
        first: dict[tuple[str, int], Record] = {}
        for record in records:
            first.setdefault((record.chrom, record.pos), record)
        super().__init__(build, kind, first.values())


@pytest.mark.parametrize("way", ["split, others 0", "split, others missing"])
def test_a_reader_that_drops_a_split_line_is_noticed(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    repeat = TABLES.genes["UGT1A1"].index_of["rs3064744"]
    genome = Genome("UGT1A1", genotypes={repeat: TABLES.genes["UGT1A1"].positions[repeat].alts[:2]})
    usual, lines = genome.found(), WAYS[way](genome.records())
    assert genome.found(lines) == usual
    monkeypatch.setattr("ror_service.intake.reader.GenotypeCalls", KeepsOneLine)
    assert genome.found() == usual
    assert genome.found(lines) != usual


def test_a_comparison_letter_by_letter_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    gene, index, alt = next(indel for indel in INDELS if indel[0] == "UGT1A1")
    ref = TABLES.genes[gene].positions[index].ref
    lines = respelled(gene, index, (-1, f"A{ref}", f"A{alt}"), (0, 1))
    usual = Genome(gene).found(respelled(gene, index, (0, ref, alt), (0, 1)))
    assert Genome(gene).found(lines) == usual
    monkeypatch.setattr(Site, "_documented", lambda *_: None)
    assert Genome(gene).found(lines) != usual
