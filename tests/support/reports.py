"""Report contents for tests: one realistic participant in every module and state, let through by the real gate."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from importlib.resources import files
from typing import Any

from consent.gate import Release, gate
from interpreters.findings import (
    AncestryFinding,
    Coverage,
    DrugRecommendation,
    Finding,
    GeneAssessment,
    GeneStatus,
    HereditaryFinding,
    HereditaryOutcome,
    HereditaryVariant,
    Interpretation,
    NotTested,
    PharmacogenomicFinding,
    Placement,
    Region,
    RegionShare,
    Subregion,
)
from interpreters.genotypes import Assay, Build, Sex
from interpreters.knowledge import Source
from report_templates.content import (
    Change,
    Difference,
    DifferenceKind,
    FindingDecision,
    FindingOutcome,
    Language,
    ParticipantReference,
    Programme,
    ReportContent,
    ReportKind,
    SignerRole,
    SignOff,
    Specimen,
    SpecimenKind,
    Statement,
    variant_key,
)
from report_templates.differences import Topic
from report_templates.wording import change_reason, content_file
from support import consent_facts, reference_groups, trait_genomes

RELEASE = files("interpreters.pharmacogenomics") / "data" / "2025-11-05"
CC0 = "CC0 1.0"
CPIC = "https://www.clinpgx.org/"
SOURCES = {
    "ancestry": (
        Source(
            "1000 Genomes Project phase 3",
            "2013-05-02",
            "2013-05-02",
            "open data",
            "https://www.internationalgenome.org/",
        ),
        Source("Human Genome Diversity Project", "Stanford 650Y", "2008-02-22", "open data", "https://hagsc.org/hgdp/"),
    ),
    "traits": (Source("Trait models of the programme", "1.0", "2026-11-22", CC0, "https://example.org/traits"),),
    "hereditary_risk": (
        Source("ClinVar", "2025-09-28", "2025-09-28", "public domain", "https://www.ncbi.nlm.nih.gov/clinvar/"),
        Source("ACMG SF", "v3.3", "2025-06-23", "facts", "https://doi.org/10.1016/j.gim.2025.101454"),
    ),
    "pharmacogenomics": (
        Source("CPIC alleles", "2025-11-05", "2025-11-05", CC0, CPIC),
        Source("CPIC guidelines", "2024-05", "2024-05", CC0, CPIC),
    ),
}


def content(
    module: str,
    findings: tuple[Finding, ...] = (),
    not_tested: tuple[NotTested, ...] = (),
    **changes: Any,  # noqa: ANN401 - fields of any type
) -> ReportContent:
    """A first version for the participant of `consent_facts`, with changes."""
    facts: dict[str, Any] = {
        "interpretation": Interpretation(module, "1.0", f"{module}-2026.11", "5f0c" * 16, findings, not_tested),
        "programme": Programme("Meridian Health Study", "555-0100", "555-0142"),
        "participant": ParticipantReference(consent_facts.PERSON, 1980),
        "accession": "R-2026-000417",
        "version": 1,
        "issued": date(2026, 11, 22),
        "specimen": Specimen(SpecimenKind.SALIVA, date(2026, 8, 3), date(2026, 8, 7), Assay.WGS, Build.GRCH38),
        "sources": SOURCES[module],
        "family_letter": True,
    }
    return ReportContent(**(facts | changes))


def release(report: ReportContent) -> Release[ReportContent]:
    """The report, let through by the real gate."""
    found = any(decision.outcome is FindingOutcome.CONFIRMED for decision in report.decisions)
    candidate = consent_facts.positive() if found else consent_facts.candidate(report.module)
    outcome = gate(consent_facts.history(), candidate, consent_facts.POLICY, consent_facts.NOW, report)
    assert isinstance(outcome, Release)
    return outcome


# --- Ancestry


def ancestry(status: str = "reported") -> ReportContent:
    """Two named regions, one of few references, and a small part that is not assigned."""
    shares = (
        RegionShare(Region.EUROPE, 0.584, 0.541, 0.622),
        RegionShare(Region.AMERICAS, 0.312, 0.268, 0.352),
        RegionShare(Region.SUB_SAHARAN_AFRICA, 0.063, 0.041, 0.087),
        RegionShare(Region.MIDDLE_EAST_AND_NORTH_AFRICA, 0.028, 0.0, 0.071),
        RegionShare(Region.SOUTHERN_ASIA, 0.013, 0.004, 0.03),
        RegionShare(Region.EASTERN_AND_NORTHERN_ASIA, 0.0, 0.0, 0.012),
        RegionShare(Region.OCEANIA, 0.0, 0.0, 0.008),
    )
    placement = Placement("world35k", (0.004, -0.056, -0.085, 0.055), reference_groups.WORLD)
    found = AncestryFinding(shares, 34120, 35231, status, "world35k 2026.11", placement=placement)
    return content("ancestry", (found,))


def ancestry_one_region() -> ReportContent:
    """One region, and the part of it that fits best."""
    shares = (RegionShare(Region.EUROPE, 0.974, 0.951, 0.99), RegionShare(Region.SOUTHERN_ASIA, 0.026, 0.0, 0.05))
    found = AncestryFinding(
        shares,
        55412,
        56464,
        "reported",
        "world35k+kgp23k",
        subregion=Subregion("EUR_Fin", "Finland", 21.4),
        placement=Placement("world35k", (-0.065, -0.181, -0.014, 0.003), reference_groups.WORLD),
    )
    return content("ancestry", (found,))


def ancestry_core_only() -> ReportContent:
    """A file that only the panel of five regions can read."""
    shares = (
        RegionShare(Region.SUB_SAHARAN_AFRICA, 0.79, 0.77, 0.82),
        RegionShare(Region.EUROPE, 0.21, 0.18, 0.23),
    )
    placement = Placement("kgp23k", (0.23, 0.025, 0.012, -0.02), reference_groups.CORE)
    report = content("ancestry", (AncestryFinding(shares, 9120, 21569, "fewer_sites", "kgp23k", placement=placement),))
    limits = {
        "reference_people": "1676",
        "reference_groups": "21",
        "regions_without_reference": "Middle East and North Africa; Oceania",
    }
    return replace(report, interpretation=replace(report.interpretation, limits=limits))


def ancestry_not_assigned() -> ReportContent:
    """Read well, but close to no region."""
    shares = tuple(RegionShare(region, 1 / 7, 0.0, 0.4) for region in Region)
    return content("ancestry", (AncestryFinding(shares, 34120, 35231, "fits_less_well", "world35k 2026.11"),))


def ancestry_not_read(reason: str = "not_enough_sites") -> ReportContent:
    """Too few sites, or another reason."""
    report = content("ancestry", (), (NotTested("ancestry", "world35k+kgp23k", reason),))
    return replace(report, interpretation=replace(report.interpretation, limits={"sites_needed": "1000"}))


# --- Traits


def traits() -> ReportContent:
    """Three traits read, one of them in part, one not."""
    taste = {"rs713598": "CG", "rs1726866": "AG", "rs10246939": "CT"}
    made = trait_genomes.interpret(
        trait_genomes.person({**taste, "rs17822931": "TT", "rs4988235": "AG"}),
        wanted="bitter_taste,cilantro,earwax,lactose",
    )
    return content("traits", made.findings, made.not_tested)


TEN_TRAITS: dict[str, trait_genomes.Genotype] = {
    "rs713598": "CC", "rs1726866": "AA", "rs10246939": "TT", "rs72921001": "CC", "rs17822931": "CC",
    "rs4988235": "GG", "rs41380347": "AA", "rs41525747": "GG", "rs145946881": "CC",
    "rs12913832": "AG", "rs1800407": "CT", "rs12896399": "GT", "rs16891982": "GG", "rs1393350": "AG",
    "rs12203592": "CC",
    "rs1805007": "CT", "rs1805008": "CT", "rs1805009": "GG", "rs11547464": "GG", "rs1110400": "TT",
    "rs1815739": "TT", "rs10427255": "CT", "rs4481887": "AG", "rs3827760": "AA",
}  # fmt: skip


def traits_ten() -> ReportContent:
    """Every trait that is returned by default, read whole; the eye color cannot be told."""
    return content("traits", trait_genomes.interpret(trait_genomes.person(TEN_TRAITS), wanted="recommended").findings)


def traits_sensitive() -> ReportContent:
    """A programme that asked for the sensitive traits as well: those, and an eye color that was read in part."""
    read: dict[str, trait_genomes.Genotype] = {
        "rs671": "AG", "rs1229984": "CC", "rs8176719": ("T", "TC"), "rs8176746": "GG",
        "rs12913832": "AA", "rs12896399": "GG", "rs16891982": "CC", "rs1393350": "GG", "rs12203592": "CC",
    }  # fmt: skip
    wanted = "alcohol_flush,alcohol_metabolism,eye_colour,abo"
    return content("traits", trait_genomes.interpret(trait_genomes.person(read), wanted=wanted).findings)


def traits_not_read() -> ReportContent:
    """No trait read."""
    names = ("bitter_taste", "cilantro", "earwax", "lactose")
    return content("traits", (), tuple(NotTested("traits", name, "absent") for name in names))


# --- Medicines


def row(
    drug: str,
    genes: tuple[str, ...],
    actions: str,
    text_sha: str,
    **changes: Any,  # noqa: ANN401 - as above
) -> DrugRecommendation:
    """One guideline row."""
    facts: dict[str, Any] = {
        "drug": drug,
        "genes": genes,
        "source": "CPIC",
        "strength": "Strong",
        "population": "general",
        "actions": tuple(actions.split(",")) if actions else (),
        "statement": "A restatement for professionals.",
        "url": CPIC,
        "as_of": "2024-05",
        "text_sha": text_sha,
        "needs_review": False,
    }
    return DrugRecommendation(**(facts | changes))


def gene(
    name: str,
    diplotype: str,
    phenotype: str,
    *rows: DrugRecommendation,
    **changes: Any,  # noqa: ANN401 - as above
) -> PharmacogenomicFinding:
    """A clear result of one gene."""
    facts: dict[str, Any] = {
        "gene": name,
        "diplotypes": (diplotype,),
        "phenotypes": (phenotype,),
        "activity_score": None,
        "haplotypes": (),
        "reported_phenotype": phenotype,
        "positions_read": 35,
        "positions_total": 36,
        "phased": False,
        "requires_review": False,
        "reasons": (),
        "recommendations": rows,
    }
    return PharmacogenomicFinding(**(facts | changes))


def cyp2c19() -> PharmacogenomicFinding:
    """Intermediate metabolizer, with guidance of all kinds."""
    own, with_2d6 = ("CYP2C19",), ("CYP2C19", "CYP2D6")
    weak = {"strength": "Optional"}
    careful = "standard_dose,reduce_dose,monitor"
    return gene(
        "CYP2C19",
        "*1/*2",
        "Intermediate Metabolizer",
        row("clopidogrel", own, "avoid,alternative", "4effcd022368", population="CVI ACS PCI"),
        row(
            "clopidogrel",
            own,
            "no_recommendation",
            "1c52b87da23d",
            population="CVI non-ACS non-PCI",
            strength="No recommendation",
        ),
        row("clopidogrel", own, "alternative", "3c76364b8c18", population="NVI", strength="Moderate"),
        *(
            row(drug, own, careful, "6146af6fb4e3", **weak)
            for drug in ("dexlansoprazole", "lansoprazole", "omeprazole", "pantoprazole")
        ),
        *(row(drug, own, careful, "d8f4a71263b8", strength="Moderate") for drug in ("citalopram", "escitalopram")),
        row("voriconazole", own, "standard_dose", "73f43c0d69e1", population="adults", strength="Moderate"),
        row("voriconazole", own, "standard_dose", "73f43c0d69e1", population="pediatrics", strength="Moderate"),
        row("amitriptyline", with_2d6, "standard_dose", "d00a532a7104"),
    )


def medicine_findings() -> tuple[PharmacogenomicFinding, ...]:
    """Six genes with a clear result."""
    thiopurines = ("NUDT15", "TPMT")
    normal = "standard_dose"
    pair = (
        row("azathioprine", thiopurines, normal, "68f6909835ab"),
        row("mercaptopurine", thiopurines, normal, "f4c20a9a6215"),
        row("thioguanine", thiopurines, normal, "2c9b4943deaf"),
    )
    fluoropyrimidines = tuple(
        row(drug, ("DPYD",), "reduce_dose,monitor", "42436023437b") for drug in ("capecitabine", "fluorouracil")
    )
    statins = (
        row("simvastatin", ("SLCO1B1",), "alternative,limit_dose", "757bd591adf1"),
        row("atorvastatin", ("SLCO1B1",), "limit_dose,monitor", "647e90ef7c07", strength="Moderate"),
        row("rosuvastatin", ("ABCG2", "SLCO1B1"), "partial_data,monitor,standard_dose", "d8c130835cb3"),
    )
    unphased = {"activity_score": "1.0", "diplotypes": (), "haplotypes": ("Reference", "c.1905+1G>A (*2A)")}
    return (
        cyp2c19(),
        gene("DPYD", "", "Intermediate Metabolizer", *fluoropyrimidines, **unphased),
        gene("NUDT15", "*1/*1", "Normal Metabolizer", *pair, positions_read=18, positions_total=18),
        gene("TPMT", "*1/*1", "Normal Metabolizer", *pair, positions_read=43, positions_total=43),
        gene("SLCO1B1", "*1/*5", "Decreased Function", *statins),
        gene("UGT1A1", "*1/*28", "Intermediate Metabolizer", row("atazanavir", ("UGT1A1",), normal, "e2cd13e02037")),
    )


def medicines() -> ReportContent:
    """Warnings, clear results, one gene not read."""
    return content(
        "pharmacogenomics", medicine_findings(), (NotTested("pharmacogenomics", "G6PD", "no_position_read"),)
    )


def guideline_rows(source: str, values: Mapping[str, Sequence[str]]) -> dict[str, tuple[DrugRecommendation, ...]]:
    """Rows of a shipped release that fit `values` (gene to what its rows are keyed by), by gene; else `No Result`."""
    data = json.loads((RELEASE / f"recommendations_{source.lower()}.json").read_text("utf-8"))
    found: dict[str, list[DrugRecommendation]] = {name: [] for name in values}
    for drug, lookup, population, number in data["rows"]:
        if all(wanted in values.get(name, ("No Result",)) for name, wanted in lookup.items()):
            strength, actions, statement, url, as_of, text_sha, needs_review = data["advices"][number]
            given = row(
                drug,
                tuple(sorted(lookup)),
                actions,
                text_sha,
                source=source,
                strength=strength,
                statement=statement,
                population=population,
                url=url,
                as_of=as_of,
                needs_review=needs_review == "1",
            )
            for name in lookup.keys() & values.keys():
                found[name].append(given)
    return {name: tuple(sorted(set(rows), key=repr)) for name, rows in found.items()}


CALLS = (
    ("ABCG2", "rs2231142 reference (G)/rs2231142 reference (G)", "Normal Function", None),
    ("CACNA1S", "Reference/Reference", "Uncertain Susceptibility", None),
    ("CFTR", "ivacaftor non-responsive CFTR sequence/ivacaftor non-responsive CFTR sequence",
     "ivacaftor non-responsive in CF patients", None),
    ("CYP2B6", "*1/*6", "Intermediate Metabolizer", None),
    ("CYP2C19", "*1/*2", "Intermediate Metabolizer", None),
    ("CYP2C9", "*1/*2", "Intermediate Metabolizer", "1.5"),
    ("CYP3A4", "*1/*1", "Normal Metabolizer", None),
    ("CYP3A5", "*3/*3", "Poor Metabolizer", None),
    ("CYP4F2", "*1/*3", "", None),
    ("DPYD", "Reference/Reference", "Normal Metabolizer", "2.0"),
    ("G6PD", "B (reference)/B (reference)", "Normal", None),
    ("IFNL3", "rs12979860 reference (C)/rs12979860 variant (T)", "n/a", None),
    ("NAT2", "*4/*5", "Intermediate Metabolizer", None),
    ("NUDT15", "*1/*1", "Normal Metabolizer", None),
    ("RYR1", "Reference/Reference", "Uncertain Susceptibility", None),
    ("SLCO1B1", "*1/*5", "Decreased Function", None),
    ("TPMT", "*1/*1", "Normal Metabolizer", None),
    ("UGT1A1", "*1/*28", "Intermediate Metabolizer", None),
    ("VKORC1", "rs9923231 reference (C)/rs9923231 variant (T)", "-1639 AG", None),
)  # fmt: skip
"""One clear result of every gene that sequence can show: gene, diplotype, phenotype, activity score."""
OUTSIDE = (
    ("CYP2D6", "*1/*4", ("Intermediate Metabolizer",), "1.0"),
    ("HLA-A", "*02:01/*24:02", ("*31:01 negative",), None),
    ("HLA-B", "*15:02/*44:03", ("*15:02 positive", "*57:01 negative", "*58:01 negative"), None),
    ("MT-RNR1", "m.1555A", ("normal risk of aminoglycoside-induced hearing loss",), None),
)
"""One result of every gene that only another laboratory method can show."""


def every_gene(*, outside: bool, open_genes: Collection[str] = ()) -> tuple[PharmacogenomicFinding, ...]:
    """Every gene with the guideline rows that fit, with or without those that only an outside call can show.

    No row fits that needs one of `open_genes`.
    """
    calls = [(name, diplotype, (phenotype,), score) for name, diplotype, phenotype, score in CALLS]
    calls += OUTSIDE if outside else ()
    values = {name: (score,) if score else phenotypes for name, _, phenotypes, score in calls}
    values |= dict.fromkeys(open_genes, ())
    first, second = (guideline_rows(source, values) for source in ("CPIC", "DPWG"))
    findings = []
    for name, diplotype, phenotypes, score in calls:
        has_meaning = phenotypes[0] not in {"", "n/a"}
        actions = {row.drug: row.actions for row in first[name]}
        found = gene(
            name,
            diplotype,
            phenotypes[0],
            *first[name],
            phenotypes=phenotypes if phenotypes[0] else (),
            activity_score=score,
            reported_phenotype=", ".join(phenotypes) if has_meaning else None,
            consistent=(diplotype,),
            consistent_phenotypes=phenotypes if has_meaning else (),
            reasons=() if has_meaning else ("no_phenotype_defined",),
            second_opinions=tuple(row for row in second[name] if row.actions != actions.get(row.drug)),
        )
        if name in dict.fromkeys(item[0] for item in OUTSIDE):
            found = replace(found, called_from="outside_call", positions_read=0, positions_total=0)
        findings.append(found)
    return tuple(findings)


NOT_CALLABLE = tuple(NotTested("pharmacogenomics", name, "not_callable_from_sequence") for name, *_ in OUTSIDE)
NOT_CALLED = "Variants that no definition lists. Deletions, duplications and rearrangements, also of single exons."
OWN_MEDICINES = (
    "Plavix 75 mg",
    "Simvastatina",
    "Tylenol with codeine",
    "vitamin D",
    "carbamazepine",
    "<b>omeprazol</b>",
)
"""A list as a participant may type it: brands, both languages, one that is not in the list, and markup."""


def medicines_every_gene() -> ReportContent:
    """Every gene has a clear result, some by another method; the participant gave a list of medicines."""
    return content("pharmacogenomics", every_gene(outside=True), own_medicines=OWN_MEDICINES)


def medicines_sequence_only() -> ReportContent:
    """What most people get: every gene that sequence can show, one of them of too few positions to name a diplotype."""
    partial = {
        "coverage": Coverage.PARTIAL,
        "variant_found": False,
        "positions_read": 12,
        "positions_total": 43,
        "tier1_read": 3,
        "tier1_total": 4,
        "not_excluded": tuple(f"*{number}" for number in (2, 3, *range(5, 30))),
        "reasons": ("amp_tier1_position_missing", "missing_positions"),
    }
    findings = tuple(
        replace(found, **partial) if found.gene == "TPMT" else found for found in every_gene(outside=False)
    )
    report = content("pharmacogenomics", findings, NOT_CALLABLE, own_medicines=OWN_MEDICINES)
    limits = {f"not_called.{found.gene}": NOT_CALLED for found in findings} | {"genes": "ABCG2,CACNA1S,CFTR"}
    return replace(report, interpretation=replace(report.interpretation, limits=limits))


def medicines_reviewed() -> ReportContent:
    """A specialist looked at two genes: accepted the result of one, and could not settle the other."""
    findings = {found.gene: found for found in every_gene(outside=False, open_genes={"CYP2C19"})}
    findings["CYP2C19"] = replace(
        findings["CYP2C19"],
        reported_phenotype=None,
        recommendations=(),
        second_opinions=(),
        reasons=("ambiguous_phenotype", "not_settled_in_review", "recommendations_withheld"),
        consistent=("*1/*2", "*1/*17"),
        consistent_phenotypes=("Intermediate Metabolizer", "Rapid Metabolizer"),
    )
    findings["SLCO1B1"] = replace(
        findings["SLCO1B1"], reasons=("accepted_in_review", "unread_alleles_change_phenotype")
    )
    return content("pharmacogenomics", tuple(findings.values()), NOT_CALLABLE, own_medicines=OWN_MEDICINES)


def medicines_typical() -> ReportContent:
    """No warning."""
    return content("pharmacogenomics", medicine_findings()[2:4])


def medicines_held() -> ReportContent:
    """One gene that a person must look at first, though its rows are there."""
    held = replace(cyp2c19(), requires_review=True, reported_phenotype=None, reasons=("rare_diplotype",))
    return content("pharmacogenomics", (held,))


def medicines_not_read(**limits: str) -> ReportContent:
    """No gene read; the interpretation states `limits`."""
    genes = ("CYP2C19", "DPYD", "G6PD", "NUDT15", "SLCO1B1", "TPMT", "UGT1A1")
    unread = tuple(NotTested("pharmacogenomics", name, "no_position_read") for name in genes)
    report = content("pharmacogenomics", (), unread)
    return replace(report, interpretation=replace(report.interpretation, limits=limits))


# --- Hereditary disease risk

GENES = tuple(
    sorted(
        {name for condition in content_file("hereditary/conditions.json")["conditions"] for name in condition["genes"]}
    )
)
BRCA2 = HereditaryVariant(
    "13",
    32340300,
    "GT",
    "G",
    "9318",
    "Pathogenic",
    3,
    "heterozygous",
    hgvs="NC_000013.11:g.32340301del",
    conditions="Hereditary_breast_ovarian_cancer_syndrome|Familial_cancer_of_breast",
    depth=34,
    genotype_quality=99,
    allele_balance=0.47,
    reads=(18, 16),
    transcript="NM_000059.4",
    consequences=("frameshift_variant",),
    consequence_from="clinvar",
    exon=10,
    exons_total=26,
    escapes_decay=False,
    placed_by="as_written",
)
MUTYH = HereditaryVariant(
    "1", 45332803, "T", "C", "5293", "Pathogenic/Likely_pathogenic", 2, "heterozygous", "NC_000001.11:g.45332803T>C"
)
MUTYH_OTHER = HereditaryVariant(
    "1", 45331556, "C", "T", "5294", "Pathogenic", 2, "heterozygous", "NC_000001.11:g.45331556C>T"
)
LDLR = HereditaryVariant("19", 11113376, "G", "A", "3691", "Pathogenic", 3, "homozygous", "NC_000019.10:g.11113376G>A")
GLA = HereditaryVariant("X", 101398942, "A", "G", "10730", "Pathogenic", 2, "hemizygous", "NC_000023.11:g.101398942A>G")
HFE = HereditaryVariant("6", 26092913, "G", "A", "9", "Pathogenic", 2, "homozygous", hgvs="NC_000006.12:g.26092913G>A")
SIGNED = (
    SignOff("R. Alvarez, MS, CGC", SignerRole.GENETIC_COUNSELOR, date(2026, 11, 12)),
    SignOff("N. Osei, MD, PhD", SignerRole.LABORATORY_DIRECTOR, date(2026, 11, 13)),
)


HEREDITARY_LIMITS = {
    "gene_list": "ACMG SF v3.3",
    "genes": "84",
    "clinvar_release": "2026-02-26-union",
    "clinvar_date": "2025-09-28",
    "rule_set": "2026.11-2",
    "min_depth": "15",
    "min_genotype_quality": "30",
    "assessed_fraction": "0.98",
    "partly_assessed_fraction": "0.9",
    "copy_number": "not_assessed",
    "deep_introns": "known_sites_only",
}


def hereditary(
    findings: tuple[Finding, ...],
    not_tested: tuple[NotTested, ...] = (),
    **changes: Any,  # noqa: ANN401 - fields of any type
) -> ReportContent:
    """A hereditary report with the limits that the interpreter gives."""
    report = content("hereditary_risk", findings, not_tested, **changes)
    return replace(report, interpretation=replace(report.interpretation, limits=HEREDITARY_LIMITS))


def assessed(status: Callable[[str], GeneStatus] = lambda _gene: GeneStatus.ASSESSED) -> tuple[GeneAssessment, ...]:
    """Every gene of the list with the status that `status` gives it."""
    read = {
        GeneStatus.ASSESSED: (0.998, 214, ()),
        GeneStatus.PARTLY_ASSESSED: (0.9499, 206, (3, 5, 6, 7, 11)),
        GeneStatus.NOT_ASSESSED: (0.2, 31, (1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22)),
    }
    return tuple(
        GeneAssessment(name, found, share, sites, 214, exons)
        for name in GENES
        for found in (status(name),)
        for share, sites, exons in (read[found],)
    )


def some_in_part(name: str) -> GeneStatus:
    """A typical genome: most genes assessed, a few not."""
    if name in {"PMS2", "TTN"}:
        return GeneStatus.PARTLY_ASSESSED
    return GeneStatus.NOT_ASSESSED if name == "CALM2" else GeneStatus.ASSESSED


def finding(
    name: str, variant: HereditaryVariant, outcome: HereditaryOutcome = HereditaryOutcome.CANDIDATE_POSITIVE
) -> HereditaryFinding:
    """A finding as the policy made it."""
    path = ("plp_ge2star_dominant", "clinvar_plp", "quality_passed")
    return HereditaryFinding(name, outcome, path[0], variant, path)


def decision(found: HereditaryFinding, outcome: FindingOutcome = FindingOutcome.CONFIRMED) -> FindingDecision:
    """The review's decision on a finding."""
    return FindingDecision(
        found.gene, variant_key(found.variant), outcome, "Northbridge Clinical Genetics", date(2026, 11, 9)
    )


def hereditary_positive(*found: HereditaryFinding) -> ReportContent:
    """Confirmed findings; one in BRCA2 unless told otherwise."""
    findings = found or (finding("BRCA2", BRCA2),)
    return hereditary(
        (*findings, *assessed(some_in_part)),
        decisions=tuple(decision(item) for item in findings),
        sign_offs=SIGNED,
        sex_at_birth=Sex.FEMALE,
    )


def hereditary_pair() -> ReportContent:
    """Two variants of a gene that needs two; whether they lie on different copies is not known."""
    found = HereditaryFinding(
        "MUTYH",
        HereditaryOutcome.CANDIDATE_POSITIVE,
        "compound_het_phase_unknown",
        MUTYH,
        ("compound_het_phase_unknown", "clinvar_plp", "quality_passed"),
        ("phase_unknown",),
        MUTYH_OTHER,
    )
    return hereditary_positive(found)


def hereditary_both_copies() -> ReportContent:
    """A change on both copies of a gene where one is enough: urgent."""
    return hereditary_positive(finding("LDLR", LDLR))


def hereditary_hemizygous() -> ReportContent:
    """A man with a change on his only X chromosome."""
    return replace(hereditary_positive(finding("GLA", GLA)), sex_at_birth=Sex.MALE)


def hereditary_two() -> ReportContent:
    """Two findings, one of them homozygous."""
    return hereditary_positive(finding("BRCA2", BRCA2), finding("HFE", HFE))


def hereditary_negative() -> ReportContent:
    """Every gene assessed, nothing to report."""
    return hereditary(assessed())


def hereditary_in_part() -> ReportContent:
    """Most genes assessed, nothing to report; a possible finding was not confirmed."""
    found = finding("BRCA2", BRCA2)
    return hereditary(
        (found, *assessed(some_in_part)),
        decisions=(decision(found, FindingOutcome.NOT_CONFIRMED),),
        sign_offs=SIGNED,
    )


def hereditary_read_in_part() -> ReportContent:
    """No gene assessed in full."""
    return hereditary(assessed(lambda name: GeneStatus.PARTLY_ASSESSED if name < "C" else GeneStatus.NOT_ASSESSED))


def hereditary_not_read() -> ReportContent:
    """A file of variants alone: nothing assessed."""
    return hereditary(
        tuple(GeneAssessment(name, GeneStatus.NOT_ASSESSED, 0.0) for name in GENES),
        tuple(NotTested("hereditary_risk", name, "file_lists_variants_only") for name in GENES),
    )


def amended() -> ReportContent:
    """A second version that gives its reason."""
    reason = {
        Language.EN: "experts now see one gene change in a new way",
        Language.ES: "los expertos ahora ven un cambio en un gen de otra manera",
    }
    return replace(
        hereditary_negative(), version=2, kind=ReportKind.AMENDED, change=Change(1, date(2026, 3, 2), reason)
    )


def corrected() -> ReportContent:
    """A second version that takes the place of one with a mistake: two genes and a medicine read otherwise."""
    differences = (
        Difference(
            DifferenceKind.CHANGED,
            Topic.GENE,
            "SLCO1B1",
            Statement("*1/*1, Normal Function", label="*1/*1"),
            Statement("*1/*5, Decreased Function", label="*1/*5"),
        ),
        Difference(DifferenceKind.ADDED, Topic.GENE, "UGT1A1", None, Statement("*1/*28", label="*1/*28")),
        Difference(DifferenceKind.CHANGED, Topic.MEDICINE, "simvastatin", Statement("none"), Statement("limit_dose")),
    )
    knowledge = ("pharmacogenomics-2026.05", "pharmacogenomics-2026.11")
    change = Change(1, date(2026, 3, 2), change_reason("wrong_rule"), differences, knowledge)
    return replace(medicines(), version=2, kind=ReportKind.CORRECTED, change=change)


def addendum() -> ReportContent:
    """A third version, to which a person added a note."""
    note = {
        Language.EN: "We looked at your sample again. What this report says still stands.",
        Language.ES: "Miramos su muestra otra vez. Lo que dice este informe sigue en pie.",
    }
    change = Change(2, date(2026, 3, 2), change_reason("note"), note=note)
    return replace(hereditary_positive(), version=3, kind=ReportKind.ADDENDUM, change=change)


STATES: dict[str, Callable[[], ReportContent]] = {
    "ancestry": ancestry,
    "ancestry-fewer-sites": lambda: ancestry("fewer_sites"),
    "ancestry-fits-less-well": lambda: ancestry("fits_less_well"),
    "ancestry-one-region": ancestry_one_region,
    "ancestry-core-only": ancestry_core_only,
    "ancestry-not-assigned": ancestry_not_assigned,
    "ancestry-not-read": ancestry_not_read,
    "ancestry-lists-only-differences": lambda: ancestry_not_read("lists_only_differences"),
    "traits": traits,
    "traits-ten": traits_ten,
    "traits-sensitive": traits_sensitive,
    "traits-not-read": traits_not_read,
    "medicines": medicines,
    "medicines-every-gene": medicines_every_gene,
    "medicines-sequence-only": medicines_sequence_only,
    "medicines-reviewed": medicines_reviewed,
    "medicines-typical": medicines_typical,
    "medicines-held": medicines_held,
    "medicines-not-read": medicines_not_read,
    "hereditary-positive": hereditary_positive,
    "hereditary-pair": hereditary_pair,
    "hereditary-both-copies": hereditary_both_copies,
    "hereditary-hemizygous": hereditary_hemizygous,
    "hereditary-two": hereditary_two,
    "hereditary-negative": hereditary_negative,
    "hereditary-in-part": hereditary_in_part,
    "hereditary-read-in-part": hereditary_read_in_part,
    "hereditary-not-read": hereditary_not_read,
    "hereditary-amended": amended,
    "hereditary-addendum": addendum,
    "medicines-corrected": corrected,
}
"""Every state that a report can be in, by name."""
