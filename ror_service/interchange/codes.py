"""Code systems, and the coded values of the bundle in them: LOINC answers, SNOMED CT, HGNC numbers."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import Any

from interpreters.genotypes import Assay, Build
from report_templates.content import ReportKind, SpecimenKind
from report_templates.views.hereditary_facts import State
from ror_service.interchange.profiles import Json, guide

LOINC = "http://loinc.org"
CODES = "http://hl7.org/fhir/uv/genomics-reporting/CodeSystem/tbd-codes-cs"
_GENES = "http://www.genenames.org"
SNOMED = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
CLINVAR = "http://www.ncbi.nlm.nih.gov/clinvar"
DBSNP = "http://www.ncbi.nlm.nih.gov/projects/SNP"
HGVS = "http://varnomen.hgvs.org"
UCUM = "http://unitsofmeasure.org"

STATUS = {
    ReportKind.ORIGINAL: "final",
    ReportKind.AMENDED: "amended",
    ReportKind.CORRECTED: "corrected",
    ReportKind.ADDENDUM: "appended",
}
BUILDS = {Build.GRCH37: ("LA14029-5", "GRCh37"), Build.GRCH38: ("LA26806-2", "GRCh38")}
METHODS = {Assay.WGS: ("LA26398-0", "Sequencing"), Assay.ARRAY: ("LA26811-2", "SNP array")}
SPECIMENS = {
    SpecimenKind.BLOOD: ("119297000", "Blood specimen"),
    SpecimenKind.SALIVA: ("119342007", "Saliva specimen"),
}
ALLELIC_STATES = {
    "homozygous": ("LA6705-3", "Homozygous"),
    "heterozygous": ("LA6706-1", "Heterozygous"),
    "hemizygous": ("LA6707-9", "Hemizygous"),
}
SIGNIFICANCE = {"Pathogenic": ("LA6668-3", "Pathogenic"), "Likely_pathogenic": ("LA26332-9", "Likely Pathogenic")}
_PHENOTYPES = {
    "Ultrarapid Metabolizer": ("LA10315-2", "Ultrarapid metabolizer"),
    "Rapid Metabolizer": ("LA25390-8", "Rapid metabolizer"),
    "Normal Metabolizer": ("LA25391-6", "Normal metabolizer"),
    "Intermediate Metabolizer": ("LA10317-8", "Intermediate metabolizer"),
    "Poor Metabolizer": ("LA9657-3", "Poor metabolizer"),
    "Increased Function": ("LA25392-4", "Increased function"),
    "Normal Function": ("LA25393-2", "Normal function"),
    "Decreased Function": ("LA25395-7", "Decreased function"),
    "Poor Function": ("LA25394-0", "Poor function"),
}
"""Answers of LOINC for the phenotypes of guidelines; the others stand as text."""
CONCLUSIONS = {State.POSITIVE: ("LA6576-8", "Positive"), State.NEGATIVE: ("LA6577-6", "Negative")}
"""A result that holds for a part of the genes has none of these codes: a reader could take it for all of them."""
CHROMOSOMES = {name: code for code, name in enumerate([*map(str, range(1, 23)), "X", "Y"])}


def coded(system: str, code: str, display: str | None = None) -> dict[str, Any]:
    """A CodeableConcept of one code."""
    coding = {"system": system, "code": code} | ({"display": display} if display else {})
    return {"coding": [coding]}


def component(system: str, code: str, **value: Any) -> Json:  # noqa: ANN401
    """A component of an observation with its value."""
    return {"code": coded(system, code), **value}


def gene(symbol: str) -> Json:
    """A gene by its number at the nomenclature committee; as text where it has none."""
    number = _hgnc().get(symbol)
    return coded(_GENES, number, symbol) if number else {"text": symbol}


def chromosome(place: int) -> Json:
    """The chromosome at a place of LOINC's list of them."""
    answer = guide().answers("http://loinc.org/vs/LL2938-0")[place]
    return coded(LOINC, answer["code"], answer["display"])


def phenotype(of_gene: str, meaning: str) -> Json:
    """What a gene's result means, in the words of guidelines."""
    known = _PHENOTYPES.get(meaning)
    return {**(coded(LOINC, *known) if known else {}), "text": f"{of_gene} {meaning}"}


@cache
def _hgnc() -> dict[str, str]:
    """Gene to its number at the HUGO Gene Nomenclature Committee."""
    text = (files("ror_service.interchange") / "genes.tsv").read_text()
    return {row["gene"]: row["hgnc_id"] for row in csv.DictReader(text.splitlines(), delimiter="\t")}
