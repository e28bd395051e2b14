"""How a defining position is read: spellings, split lines, evidence of reference, quality, builds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpreters.genotypes import Assay, AssayedSites, Build, CallSetKind, GenotypeCalls, Interval, Record, told_apart
from interpreters.pharmacogenomics import load
from interpreters.pharmacogenomics.sites import INDEL_MARGIN, UNDOCUMENTED, Site, SiteReading

TABLES = load().tables
POLICY = TABLES.policy
INDELS = [
    (gene, position)
    for gene in TABLES.genes.values()
    if gene.from_sequence
    for position in gene.positions
    if any(len(alt) != len(position.ref) for alt in position.alts)
]


def site(gene: str, rsid: str, build: Build = Build.GRCH38) -> Site:
    (position,) = (p for p in TABLES.genes[gene].positions if rsid in {p.rsid, str(p.pos)})
    return Site(TABLES.genes[gene], position, build)


TA_REPEAT = site("UGT1A1", "rs3064744")  # CAT > C, CATAT, CATATAT
SNV = site("NUDT15", "rs116855232")  # C > T
DELETION = site("G6PD", "154532752")  # 18 bases, over rs137852313 among others
UNDER_DELETION = site("G6PD", "154532758")  # T > C


def record(at: Site, ref: str, alts: str, genotype: str, shift: int = 0, **facts: object) -> Record:
    numbers = tuple(None if n == "." else int(n) for n in genotype.replace("|", "/").split("/"))
    made = Record(
        at.chrom,
        at.start + shift,
        at.start + shift + len(ref) - 1,
        ref,
        tuple(alts.split(",")) if alts else (),
        numbers,
        phased="|" in genotype,
        depth=30,
        genotype_quality=99,
    )
    return replace(made, **facts)  # type: ignore[arg-type]


def read(
    at: Site,
    *records: Record,
    intervals: list[Interval] | None = None,
    assayed: AssayedSites | None = None,
    kind: CallSetKind = CallSetKind.VARIANTS_ONLY,
    assay: Assay = Assay.WGS,
) -> SiteReading:
    calls = GenotypeCalls(at.build, kind, records, intervals, assayed_sites=assayed)
    return at.read(calls, POLICY, (DELETION,) if at.gene.name == "G6PD" else (), assay)


def reasons(at: Site, *records: Record, assayed: AssayedSites | None = None) -> set[str]:
    reading = read(at, *records, assayed=assayed)
    assert reading.alleles == ()
    return set(reading.reasons)


def test_a_single_base() -> None:
    assert read(SNV, record(SNV, "C", "T", "0/1")) == SiteReading(("C", "T"))
    assert read(SNV, record(SNV, "C", "T", "1|0", phase_set="7")) == SiteReading(("T", "C"), phased=True, phase_set="7")
    assert read(SNV, record(SNV, "C", "", "0/0")).alleles == ("C", "C")
    assert read(SNV, record(SNV, "C", "A,T", "1/2")).alleles == ("A", "T")
    assert read(SNV, record(SNV, "CG", "TG,CA", "1/2")).alleles == ("T", "C")
    assert read(SNV, record(SNV, "CGT", "TGT", "1/1")).alleles == ("T", "T")
    assert read(SNV, record(SNV, "GACGT", "GATGA", "0/1", shift=-2)).alleles == ("C", "T")


def test_silence_is_not_reference() -> None:
    for kind in CallSetKind:
        assert read(SNV, kind=kind) == SiteReading()
    assert read(SNV, record(SNV, "A", "G", "0/0", shift=-1)) == SiteReading()


def test_a_line_about_another_variant_is_no_evidence() -> None:
    assert read(SNV, record(SNV, "C", "CA", "0/1")) == SiteReading()
    assert read(SNV, record(SNV, "ACGT", "A", "0/0", shift=-1)) == SiteReading()
    assert read(SNV, record(SNV, "A", "<DEL>", "0/0", shift=-50, end=SNV.end + 50)) == SiteReading()
    assert read(TA_REPEAT, record(TA_REPEAT, "C", "T", "0/0")) == SiteReading()
    assert read(TA_REPEAT, record(TA_REPEAT, "CAT", "TAT", "0/1")) == SiteReading()


def test_a_block_with_depth_is_evidence_of_reference() -> None:
    block = record(SNV, "A", "<NON_REF>", "0/0", shift=-50, end=SNV.end + 9)
    assert read(SNV, block) == SiteReading(("C", "C"))
    assert read(SNV, replace(block, alts=(), genotype_quality=None)).alleles == ("C", "C")
    assert reasons(SNV, replace(block, depth=0, genotype_quality=0)) == {"low_depth"}
    assert reasons(SNV, replace(block, depth=None, genotype_quality=None)) == {"block_without_depth"}


def test_blocks_must_cover_an_indel_whole() -> None:
    first = record(TA_REPEAT, "C", "<NON_REF>", "0/0", shift=-9, end=TA_REPEAT.start)
    second = record(TA_REPEAT, "A", "<NON_REF>", "0/0", shift=1, end=TA_REPEAT.end)
    assert read(TA_REPEAT, first, second).alleles == ("CAT", "CAT")
    assert read(TA_REPEAT, first) == SiteReading()
    assert read(TA_REPEAT, replace(second, pos=second.pos + 1, ref="T")) == SiteReading()


@pytest.mark.parametrize("alts", ["<NON_REF>", "<*>", ""])
def test_records_of_single_bases_cover_an_indel_together(alts: str) -> None:
    bases = [record(TA_REPEAT, base, alts, "0/0", shift) for shift, base in enumerate("CAT")]
    assert read(TA_REPEAT, *bases) == SiteReading(("CAT", "CAT"))
    assert read(TA_REPEAT, *bases[:2]) == SiteReading()
    assert reasons(TA_REPEAT, *bases[:2], replace(bases[2], depth=9)) == {"low_depth"}
    assert reasons(TA_REPEAT, *bases[:2], replace(bases[2], genotype=(0, None))) == {"no_call_position"}


def test_a_variant_goes_before_a_block() -> None:
    block = record(SNV, "A", "<NON_REF>", "0/0", shift=-50, end=SNV.end + 9)
    assert read(SNV, block, record(SNV, "C", "T,<NON_REF>", "0/1")).alleles == ("C", "T")


@pytest.mark.parametrize(
    ("ref", "alts", "genotype", "shift", "alleles"),
    [
        ("CAT", "CATAT,C,CATATAT", "0/1", 0, ("CAT", "CATAT")),
        ("C", "CAT", "0/1", 0, ("CAT", "CATAT")),
        ("CATATAT", "CATATATAT", "1/1", 0, ("CATAT", "CATAT")),
        ("CATAT", "CAT", "0/1", 0, ("CAT", "C")),
        ("T", "TAT", "0/1", 2, ("CAT", "CATAT")),
        ("A", "ATA", "0/1", 3, ("CAT", "CATAT")),
        ("GCAT", "GCATATAT", "0/1", -1, ("CAT", "CATATAT")),
        ("CAT", "CATAT,C", "1/2", 0, ("CATAT", "C")),
        ("CAT", "CATAT,TAT", "1/2", 0, ("CATAT", "CAT")),
        ("CAT", "CATATATAT", "0/1", 0, ("CAT", UNDOCUMENTED)),
        ("A", "AG", "0/1", 1, ("CAT", UNDOCUMENTED)),
    ],
)
def test_a_repeat_is_recognised_in_any_spelling(
    ref: str, alts: str, genotype: str, shift: int, alleles: tuple[str, ...]
) -> None:
    assert read(TA_REPEAT, record(TA_REPEAT, ref, alts, genotype, shift)).alleles == alleles


def test_an_indel_in_the_same_repeat_that_cannot_be_compared_is_not_ignored() -> None:
    reference = record(TA_REPEAT, "CAT", "CATAT", "0/0")
    assert reasons(TA_REPEAT, reference, record(TA_REPEAT, "T", "TAT", "0/1", shift=8)) == {"unrecognised_indel"}
    assert read(TA_REPEAT, reference, record(TA_REPEAT, "T", "TGG", "0/1", shift=8)).alleles == ("CAT", "CAT")
    assert read(TA_REPEAT, reference, record(TA_REPEAT, "T", "<DEL>,*", "1/2", shift=8)).alleles == ("CAT", "CAT")
    assert TA_REPEAT.interval.end - TA_REPEAT.end == INDEL_MARGIN


def spellings(at: Site, alt: str) -> Iterator[tuple[int, str, str]]:
    """Every way to write a change with the bases of the definition: shift, ref, alt."""
    whole = at.reference
    for start in range(len(whole)):
        for end in range(start + 1, len(whole) + 1):
            prefix, suffix = whole[:start], whole[end:]
            if alt.startswith(prefix) and alt.endswith(suffix) and len(alt) > len(prefix) + len(suffix):
                yield start, whole[start:end], alt[len(prefix) : len(alt) - len(suffix)]


@given(st.sampled_from(INDELS), st.data())
def test_equal_spellings_change_nothing(chosen: tuple[object, object], data: st.DataObject) -> None:
    at = Site(*chosen, Build.GRCH38)  # type: ignore[arg-type]
    alt = data.draw(st.sampled_from(at.position.alts))
    shift, ref, spelled = data.draw(st.sampled_from(list(spellings(at, alt))))
    tail = data.draw(st.text("ACGT", max_size=5)) if shift + len(ref) == len(at.reference) else ""
    genotype = data.draw(st.sampled_from(["0/1", "1|0", "1/1"]))
    usual = read(at, record(at, at.reference, alt, genotype))
    assert read(at, record(at, ref + tail, spelled + tail, genotype, shift)) == usual
    assert alt in usual.alleles


SPLIT = [
    ("0/1", "1/0", ("T", "A")),
    ("1/.", "./1", ("A", "T")),
    ("1|0", "0|1", ("A", "T")),
    ("0|1", "1|0", ("T", "A")),
    ("1|.", ".|1", ("A", "T")),
    ("0/0", "0/1", ("C", "T")),
    ("0/.", "0/1", ("C", "T")),
    ("0|.", "0|1", ("C", "T")),
    ("./.", "1/1", ("T", "T")),
    (".", "1/1", ("T", "T")),
    (".|.", "1|1", ("T", "T")),
]


@pytest.mark.parametrize(("a", "t", "alleles"), SPLIT)
@pytest.mark.parametrize("turned", [False, True])
def test_lines_split_by_allele_are_joined(a: str, t: str, alleles: tuple[str, ...], turned: bool) -> None:
    lines = [record(SNV, "C", "A", a), record(SNV, "C", "T", t)]
    found = read(SNV, *(lines[::-1] if turned else lines))
    assert sorted(found.alleles) == sorted(alleles)
    assert found.phased == ("|" in a and a != "0/0")
    if found.phased:
        assert found.alleles == alleles


@pytest.mark.parametrize(
    ("a", "t", "reason"),
    [
        ("1/1", "0/1", "conflicting_records"),
        ("0|1", "0|1", "conflicting_records"),
        ("1", "0/1", "conflicting_records"),
        ("0/1", "./.", "half_called_variant"),
        ("0/1", ".", "half_called_variant"),
        ("0/.", "./1", "half_called_variant"),
        ("0/0", "./.", "no_call_position"),
        ("./.", ".", "no_call_position"),
        (".|1", ".|0", "half_called_variant"),
        ("0/.", "./0", "no_call_position"),
        (".|0", "0|.", "no_call_position"),
    ],
)
def test_lines_that_cannot_both_be_true_are_no_call(a: str, t: str, reason: str) -> None:
    assert reasons(SNV, record(SNV, "C", "A", a), record(SNV, "C", "T", t)) == {reason}


def test_the_same_allele_told_differently_is_a_conflict() -> None:
    assert reasons(SNV, record(SNV, "C", "T", "0/1"), record(SNV, "C", "T", "1/1")) == {"conflicting_records"}


@pytest.mark.parametrize(
    ("genotype", "reason"),
    [("./.", "no_call_position"), ("0/.", "no_call_position"), ("1/.", "half_called_variant")],
)
def test_a_half_missing_genotype_is_no_call_and_a_seen_variant_is_not_lost(genotype: str, reason: str) -> None:
    assert reasons(SNV, record(SNV, "C", "T", genotype)) == {reason}
    assert reasons(SNV, record(SNV, "C", "A,T", genotype)) == {reason}
    assert reasons(SNV, replace(record(SNV, "C", "T", genotype), genotype=())) == {"no_call_position"}


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"filters": ("LowQual",)}, "filtered_position"),
        ({"depth": 9}, "low_depth"),
        ({"genotype_quality": 19}, "low_genotype_quality"),
        ({"allele_depths": (28, 2)}, "allele_imbalance"),
        ({"allele_depths": (0, None)}, "allele_imbalance"),
    ],
)
def test_a_poor_call_is_as_good_as_unread(facts: dict[str, object], reason: str) -> None:
    assert reasons(SNV, record(SNV, "C", "T", "0/1", **facts)) == {reason}


def test_a_fair_call_is_read() -> None:
    assert read(SNV, record(SNV, "C", "T", "0/1", allele_depths=(20, 10))).alleles == ("C", "T")
    assert read(SNV, record(SNV, "C", "T", "1/1", allele_depths=(0, 10))).alleles == ("T", "T")
    assert read(UNDER_DELETION, record(UNDER_DELETION, "T", "C", "1", depth=5)).alleles == ("C",)
    bare = record(SNV, "C", "T", "0/1", depth=None, genotype_quality=None)
    assert read(SNV, bare) == SiteReading(("C", "T"), reasons=frozenset({"no_quality_in_file"}))


def test_reads_of_lines_that_were_split_are_counted_together() -> None:
    lines = [
        record(SNV, "C", "A", "1/0", allele_depths=(0, 14)),
        record(SNV, "C", "T", "0/1", allele_depths=(0, 15)),
    ]
    assert sorted(read(SNV, *lines).alleles) == ["A", "T"]
    assert reasons(SNV, lines[0], replace(lines[1], allele_depths=(0, 2))) == {"allele_imbalance"}
    assert read(SNV, replace(lines[0], genotype=(0, 0), allele_depths=(15, 0)), lines[1]).alleles == ("C", "T")


def test_reads_count_for_what_they_say_of_this_very_site() -> None:
    assert read(SNV, record(SNV, "CG", "TG,CA", "1/2", allele_depths=(0, 15, 14))).alleles == ("T", "C")
    assert read(SNV, record(SNV, "C", "T,CA", "0/2", allele_depths=(28, 0, 2))).alleles == ("C", "C")
    deletion = record(DELETION, DELETION.position.ref, *DELETION.position.alts, "0/1")
    spanned = record(UNDER_DELETION, "T", "C,*", "1/2", allele_depths=(0, 15, 14))
    assert read(UNDER_DELETION, deletion, spanned).alleles == ("C", "T")


def test_the_quality_of_an_array_is_no_phred_scale() -> None:
    call = record(SNV, "C", "T", "0/1", depth=None, genotype_quality=3)
    assert reasons(SNV, call) == {"low_genotype_quality"}
    assert read(SNV, call, assay=Assay.ARRAY).alleles == ("C", "T")
    assert not read(SNV, replace(call, genotype=(None, None)), assay=Assay.ARRAY).alleles


def test_a_reference_base_that_is_not_the_builds_is_refused() -> None:
    assert reasons(SNV, record(SNV, "G", "T", "0/1")) == {"reference_mismatch"}
    assert reasons(DELETION, record(DELETION, "CA", "C", "0/1")) == {"reference_mismatch"}


def test_a_documented_deletion_leaves_the_position_under_it_as_defined() -> None:
    ref, (alt,) = DELETION.position.ref, DELETION.position.alts
    deletion = record(DELETION, ref, alt, "0/1")
    assert read(DELETION, deletion).alleles == (ref, alt)
    assert read(UNDER_DELETION, deletion).alleles == ("T", "T")
    spanned = record(UNDER_DELETION, "T", "C,*", "1/2")
    assert read(UNDER_DELETION, deletion, spanned).alleles == ("C", "T")


def test_any_other_deletion_over_a_position_leaves_it_unread() -> None:
    assert reasons(UNDER_DELETION, record(UNDER_DELETION, "T", "*", "0/1")) == {"spanned_position"}
    assert reasons(UNDER_DELETION, record(UNDER_DELETION, "ATG", "A", "0/1", shift=-1)) == {"spanned_position"}
    symbolic = record(UNDER_DELETION, "A", "<DEL>", "0/1", shift=-9, end=UNDER_DELETION.end + 9)
    assert reasons(UNDER_DELETION, replace(symbolic, depth=30)) == {"spanned_position"}
    assert reasons(TA_REPEAT, record(TA_REPEAT, "CAT", "*", "0/1")) == {"spanned_position"}
    assert reasons(SNV, record(SNV, "C", "C[2:5[", "0/1")) == {"spanned_position"}
    assert read(SNV, record(SNV, "C", "C[2:5[", "0/0")) == SiteReading()


def test_a_replacement_of_several_bases() -> None:
    at = site("RYR1", "38572266")  # TC > CT
    assert read(at, record(at, "TC", "CT", "0/1")).alleles == ("TC", "CT")
    assert read(at, record(at, "T", "C", "0/1")).alleles == ("TC", UNDOCUMENTED)
    assert read(at, record(at, "TC", "TG", "0/1")).alleles == ("TC", UNDOCUMENTED)
    assert read(at, record(at, "TCA", "TCG", "0/0")) == SiteReading()


@pytest.mark.parametrize(
    ("ref", "alt", "alleles"), [("G", "A", ("G", "A")), ("G", "", ("G", "G"))], ids=["het", "homozygous reference"]
)
def test_grch37_bases_are_translated_not_copied(ref: str, alt: str, alleles: tuple[str, str]) -> None:
    at = site("CYP2C19", "rs3758581", Build.GRCH37)  # A in GRCh38, G in GRCh37
    assert read(at, record(at, ref, alt, "0/1" if alt else "0/0")).alleles == alleles
    block = record(at, "T", "<NON_REF>", "0/0", shift=-5, end=at.end + 5)
    assert read(at, block).alleles == ("G", "G")
    assert reasons(at, record(at, "A", "G", "0/0")) == {"reference_mismatch"}


def test_an_unchecked_grch37_base_needs_the_files_own_spelling() -> None:
    gene = TABLES.genes["SLCO1B1"]
    position = next(p for p in gene.positions if p.ref37 is None)
    at = Site(gene, position, Build.GRCH37)
    alt = position.alts[0]
    assert read(at, record(at, position.ref, alt, "0/1")).alleles == (position.ref, alt)
    assert read(at, record(at, alt, position.ref, "0/0")).alleles == (alt, alt)
    assert reasons(at, record(at, "N", alt, "0/1")) == {"reference_mismatch"}
    block = record(at, "T", "<NON_REF>", "0/0", shift=-5, end=at.end + 5)
    assert reasons(at, block) == {"reference_unchecked"}
    assert read(at, intervals=[at.interval]).reasons == {"reference_unchecked"}


def test_a_line_beside_an_unchecked_deletion_does_not_hide_what_its_own_line_says() -> None:
    gene = TABLES.genes["G6PD"]
    position = next(p for p in gene.positions if p.ref37 is None and len(p.alts[0]) < len(p.ref))
    at = Site(gene, position, Build.GRCH37)
    beside = record(at, position.ref[1], "", "0/0", shift=1)
    assert reasons(at, beside) == {"reference_unchecked"}
    for genotype, alleles in (("0/0", (position.ref,) * 2), ("0/1", (position.ref, *position.alts))):
        own = record(at, position.ref, ",".join(position.alts), genotype)
        assert read(at, beside, own) == read(at, own) == SiteReading(alleles)
    assert reasons(at, replace(beside, genotype=(None, 0))) == {"reference_unchecked"}


def test_a_callable_regions_file_vouches_for_silence_but_not_everywhere() -> None:
    vouched = read(SNV, intervals=[Interval("13", SNV.start, SNV.end)])
    assert vouched == SiteReading(("C", "C"), reasons=frozenset({"reference_by_callable_regions"}))
    assert read(SNV, intervals=[Interval("13", SNV.start + 1, SNV.end + 9)]) == SiteReading()
    assert read(TA_REPEAT, intervals=[TA_REPEAT.interval]).reasons == {"reference_assumed_refused"}


def listed(at: Site, *alleles: str) -> AssayedSites:
    """A list of this site with the alleles that the assay tells apart; none names the position only."""
    return {(at.chrom, at.start): frozenset(alleles)}


BY_LIST = frozenset({"reference_by_assayed_sites"})


def test_a_list_of_assayed_sites_vouches_for_the_silence_of_a_file_of_variants() -> None:
    for alleles in ("", "CT", "ACGT"):
        assert read(SNV, assayed=listed(SNV, *alleles)) == SiteReading(("C", "C"), reasons=BY_LIST)
    assert read(SNV, assayed=listed(UNDER_DELETION)) == SiteReading()


@pytest.mark.parametrize("kind", [CallSetKind.ALL_SITES, CallSetKind.GVCF])
def test_where_reference_is_spelled_out_a_list_adds_nothing(kind: CallSetKind) -> None:
    assert read(SNV, assayed=listed(SNV), kind=kind) == SiteReading()


@pytest.mark.parametrize("alleles", ["CA", "AT", "C", "T"])
def test_an_assay_of_other_alleles_says_nothing(alleles: str) -> None:
    assert read(SNV, assayed=listed(SNV, *alleles)) == SiteReading()


def test_every_allele_of_the_definition_must_be_told_apart() -> None:
    several = next(
        Site(gene, position, Build.GRCH38)
        for gene in TABLES.genes.values()
        for position in gene.positions
        if len(position.alts) > 1 and position.is_single_base
    )
    for left_out in several.position.alts:
        told = {several.position.ref, *several.position.alts} - {left_out}
        assert read(several, assayed=listed(several, *told)) == SiteReading()
    assert read(several, assayed=listed(several, several.position.ref, *several.position.alts)).reasons == BY_LIST


def test_an_indel_is_vouched_for_only_in_its_own_spelling() -> None:
    at = site("NUDT15", "rs746071566")
    ref, alts = at.position.ref, at.position.alts
    assert read(at, assayed=listed(at, *told_apart(ref, alts))) == SiteReading((ref, ref), reasons=BY_LIST)
    for told in ((), (ref, *alts), told_apart(ref, alts[:1]), told_apart(alts[0], [ref])):
        assert read(at, assayed=listed(at, *told)) == SiteReading()


@pytest.mark.parametrize(("gene", "rsid"), [("CYP2C19", "rs3758581"), ("CYP3A5", "rs776746"), ("UGT1A1", "rs3064744")])
@pytest.mark.parametrize("build", list(Build))
def test_where_silence_misleads_no_list_is_believed(gene: str, rsid: str, build: Build) -> None:
    at = site(gene, rsid, build)
    told = told_apart(at.reference, {at.position.ref, *at.position.alts} - {at.reference})
    assert reasons(at, assayed=listed(at, *told)) == {"reference_assumed_refused"}
    assert read(at, intervals=[at.interval]).reasons == {"reference_assumed_refused"}


def test_a_list_does_not_make_up_for_an_unchecked_base() -> None:
    gene = TABLES.genes["SLCO1B1"]
    at = Site(gene, next(p for p in gene.positions if p.ref37 is None), Build.GRCH37)
    assert reasons(at, assayed=listed(at, "A", "C", "G", "T")) == {"reference_unchecked"}


@pytest.mark.parametrize("genotype", ["./.", "0/.", "1/."])
def test_what_failed_stays_unread_on_a_list(genotype: str) -> None:
    assert not read(SNV, record(SNV, "C", "T", genotype), assayed=listed(SNV)).alleles
    assert reasons(SNV, record(SNV, "C", "T", "0/1", filters=("q",)), assayed=listed(SNV)) == {"filtered_position"}
    over = record(SNV, "ACGT", "A", genotype, shift=-1)
    assert not read(SNV, over, assayed=listed(SNV)).alleles
    assert reasons(SNV, replace(over, genotype=()), assayed=listed(SNV)) == {"no_call_position"}


def test_a_variant_goes_before_the_list() -> None:
    assert read(SNV, record(SNV, "C", "T", "0/1"), assayed=listed(SNV)) == SiteReading(("C", "T"))
    assert reasons(SNV, record(SNV, "ACGT", "A", "0/1", shift=-1), assayed=listed(SNV)) == {"spanned_position"}


DIFFERENT = [
    (gene.name, position.rsid)
    for gene in TABLES.genes.values()
    for position in gene.positions
    if gene.from_sequence and position.ref37 not in {None, position.ref}
]


def test_the_positions_whose_reference_differs_between_the_builds() -> None:
    assert DIFFERENT == [("CYP2C19", "rs3758581"), ("CYP3A5", "rs776746"), ("DPYD", "rs1801265")]


@pytest.mark.parametrize(("gene", "rsid"), DIFFERENT)
def test_homozygous_reference_of_grch37_is_the_other_allele(gene: str, rsid: str) -> None:
    at = site(gene, rsid, Build.GRCH37)
    (other,) = at.position.alts
    for line in (
        record(at, other, "", "0/0"),
        record(at, other, at.position.ref, "0/0"),
        record(at, "N", "<NON_REF>", "0/0", shift=-5, end=at.end + 5),
    ):
        assert read(at, line).alleles == (other, other)
    assert read(at, record(at, other, at.position.ref, "0|1")).alleles == (other, at.position.ref)
    assert read(at, record(at, other, at.position.ref, "1/1")).alleles == (at.position.ref, at.position.ref)
    assert reasons(at, record(at, at.position.ref, other, "0/0")) == {"reference_mismatch"}


def test_silence_on_grch37_is_reference_of_grch37() -> None:
    at = site("DPYD", "rs1801265", Build.GRCH37)
    assert read(at, assayed=listed(at)) == SiteReading(("G", "G"), reasons=BY_LIST)
    assert read(at, assayed=listed(at, "G", "A")).alleles == ("G", "G")
    assert read(at, assayed=listed(at, "G", "C")) == SiteReading()
    assert read(at, intervals=[at.interval]).alleles == ("G", "G")
    at.reference = at.position.ref  # a reading that copies 0/0 from one build to the other
    assert read(at, assayed=listed(at)).alleles == ("A", "A")
