"""A report as a FHIR bundle: valid FHIR, by the guide's profiles, and no more than the clinician's version says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import fhirkit
import pytest
from support import reports

from interpreters.findings import HereditaryVariant
from report_templates.content import FindingOutcome, ReportContent
from report_templates.wording import content_file
from ror_service.errors import RenderError
from ror_service.interchange import bundle as bundles
from ror_service.interchange import codes
from ror_service.interchange.bundle import fhir_bundle
from ror_service.interchange.profiles import GUIDE, guide

EVERY_STATE = tuple(reports.STATES.values())


def made(content: ReportContent) -> dict[str, Any]:
    return dict(json.loads(fhir_bundle(reports.release(content))))


def resources(bundle: dict[str, Any], kind: str, profile: str = "") -> Iterator[dict[str, Any]]:
    for entry in bundle["entry"]:
        resource = entry["resource"]
        if resource["resourceType"] == kind and (
            not profile or resource.get("meta", {}).get("profile") == [GUIDE + profile]
        ):
            yield resource


def component(resource: dict[str, Any], code: str) -> dict[str, Any]:
    (found,) = [each for each in resource["component"] if each["code"].get("coding", [{}])[0].get("code") == code]
    return dict(found)


@pytest.mark.parametrize("content", EVERY_STATE)
def test_every_state_of_every_module_is_valid(content: Callable[[], ReportContent]) -> None:
    bundle = made(content())
    assert [str(issue) for issue in fhirkit.validate(bundle)] == []
    assert guide().check(bundle) == []


@pytest.mark.parametrize("content", EVERY_STATE)
def test_every_reference_is_to_an_entry(content: Callable[[], ReportContent]) -> None:
    text = fhir_bundle(reports.release(content())).decode()
    there = {entry["fullUrl"] for entry in json.loads(text)["entry"]}

    def references(value: Any) -> Iterator[str]:  # noqa: ANN401
        if isinstance(value, dict):
            if isinstance(value.get("reference"), str):
                yield value["reference"]
            for each in value.values():
                yield from references(each)
        elif isinstance(value, list):
            for each in value:
                yield from references(each)

    assert set(references(json.loads(text))) <= there


def test_the_same_release_gives_the_same_bytes() -> None:
    assert fhir_bundle(reports.release(reports.medicines())) == fhir_bundle(reports.release(reports.medicines()))


def test_a_confirmed_variant_is_told_with_its_place_and_state() -> None:
    bundle = made(reports.hereditary_both_copies())
    (variant,) = resources(bundle, "Observation", "variant")
    (implication,) = resources(bundle, "Observation", "diagnostic-implication")
    finding = reports.hereditary_both_copies().candidates[0]
    assert component(variant, "69547-8")["valueString"] == finding.variant.ref
    assert component(variant, "81254-5")["valueRange"] == {"low": {"value": finding.variant.pos}}
    assert component(variant, "53034-5")["valueCodeableConcept"]["coding"][0]["code"] == "LA6705-3"
    assert implication["derivedFrom"][0]["reference"].endswith(variant["id"])
    (report,) = resources(bundle, "DiagnosticReport")
    assert report["conclusionCode"][0]["coding"][0]["display"] == "Positive"


@pytest.mark.parametrize("outcome", [FindingOutcome.NOT_CONFIRMED, FindingOutcome.NOT_REPORTED])
def test_a_finding_that_is_not_to_be_reported_is_nowhere_in_it(outcome: FindingOutcome) -> None:
    found = reports.hereditary_both_copies().candidates[0]
    content = reports.hereditary((found,), decisions=(reports.decision(found, outcome),))
    text = fhir_bundle(reports.release(content)).decode()
    assert str(found.variant.pos) not in text
    assert not list(resources(json.loads(text), "Observation"))


def test_a_negative_in_part_has_no_code_for_negative_and_names_the_genes_not_read() -> None:
    bundle = made(reports.hereditary_in_part())
    (report,) = resources(bundle, "DiagnosticReport")
    (analysis,) = resources(bundle, "Procedure", "genomic-study-analysis")
    (regions,) = [each for each in analysis["extension"] if each["url"].endswith("regions")]
    uncalled = [each for each in regions["extension"] if each["url"] == "uncalled"]
    assert "conclusionCode" not in report
    assert uncalled
    assert all("coding" in each["valueCodeableConcept"] for each in uncalled)
    (whole,) = resources(made(reports.hereditary_negative()), "DiagnosticReport")
    assert whole["conclusionCode"][0]["coding"][0]["display"] == "Negative"


def test_a_held_gene_shows_no_genotype_and_no_guidance() -> None:
    bundle = made(reports.medicines_held())
    assert not list(resources(bundle, "Observation"))
    assert not list(resources(bundle, "Task"))
    (report,) = resources(bundle, "DiagnosticReport")
    assert any("CYP2C19" in each.get("valueAnnotation", {}).get("text", "") for each in report["extension"])


def test_guidance_says_whether_anybody_approved_its_words() -> None:
    tasks = list(resources(made(reports.medicines()), "Task"))
    assert tasks
    assert all("Awaiting clinical review" in task["description"] for task in tasks)


@pytest.mark.parametrize(
    "gene", [*reports.GENES, *(entry["gene"] for entry in content_file("medicines/genes.json")["genes"])]
)
def test_every_reported_gene_has_its_number(gene: str) -> None:
    assert codes._hgnc()[gene].startswith("HGNC:")


def test_a_bundle_that_breaks_a_profile_is_never_given_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(codes.ALLELIC_STATES, "homozygous", ("LA6705-3", "Homozygous"))
    monkeypatch.setattr(codes, "chromosome", lambda _place: {"text": "chromosome"})
    with pytest.raises(RenderError, match="chromosome-identifier") as caught:
        made(reports.hereditary_both_copies())
    assert "LA" not in str(caught.value)


def test_two_variants_of_different_classes_are_named_one_after_the_other() -> None:
    bundle = made(reports.hereditary_pair())
    (implication,) = resources(bundle, "Observation", "diagnostic-implication")
    assert len(implication["derivedFrom"]) == 2
    assert component(implication, "53037-8")["valueCodeableConcept"]


def test_a_later_version_says_so_and_why() -> None:
    (report,) = resources(made(reports.amended()), "DiagnosticReport")
    assert report["status"] == "amended"
    assert any("in a new way" in each.get("valueAnnotation", {}).get("text", "") for each in report["extension"])


def test_facts_that_are_missing_are_left_out() -> None:
    report = bundles._Report(reports.hereditary_both_copies())
    report._patient = report._programme = report._specimen = {"reference": "urn:uuid:0"}
    bare = HereditaryVariant("MT", 1, "A", "C", None, None, None, "unknown")
    report._variant("NOT-A-GENE", bare)
    (resource,) = [entry["resource"] for entry in report._entries]
    codes = {each["code"]["coding"][0]["code"] for each in resource["component"]}
    assert codes.isdisjoint({"48000-4", "53034-5", "81290-9", "81252-9", "51958-7", "82121-5", "81258-6"})
    assert component(resource, "48018-6")["valueCodeableConcept"] == {"text": "NOT-A-GENE"}
