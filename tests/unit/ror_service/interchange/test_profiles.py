"""The checker accepts every example of the guide, and refuses each example in which one thing was made wrong."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from typing import Any

import pytest
from support.shared import SHARED, needs_shared

from ror_service.interchange.profiles import GUIDE, RELEASE, Json, guide

EXAMPLES = SHARED / "fhir" / f"genomics-reporting-{RELEASE}"
_DEFINITIONS = {
    "StructureDefinition", "ValueSet", "CodeSystem", "ConceptMap", "ImplementationGuide", "OperationDefinition",
}  # fmt: skip
NONSENSE = "no-such-code"
HL7 = "http://terminology.hl7.org/CodeSystem/"


@cache
def examples() -> dict[str, Json]:
    read = [json.loads(file.read_text()) for file in sorted(EXAMPLES.glob("*.json"))]
    return {f"{each['resourceType']}/{each['id']}": each for each in read if each["resourceType"] not in _DEFINITIONS}


@cache
def differential(url: str) -> tuple[Json, ...]:
    """Elements of a profile and of those that it is built on, as the files give them."""
    name = url.removeprefix(GUIDE)
    file = EXAMPLES / f"StructureDefinition-{name}.json"
    if name == url or not file.exists():
        return ()
    definition = json.loads(file.read_text())
    return (*differential(definition["baseDefinition"]), *definition["differential"]["element"])


def keys_of(resource: Json, name: str) -> list[str]:
    stem = name.removesuffix("[x]")
    choice = name.endswith("[x]")
    return [key for key in resource if key == name or (choice and key.startswith(stem) and key[len(stem)].isupper())]


def mutants(example: Json) -> Iterator[tuple[str, Json]]:
    """Copies of an example, each with one thing that its first profile forbids, and what that is."""
    url = example["meta"]["profile"][0]
    yield "unknown profile", {**example, "meta": {"profile": [f"{url}-of-tomorrow"]}}
    elements = differential(url)
    for element in elements:
        parts = element["id"].split(".")[1:]
        if len(parts) == 1 and ":" not in parts[0]:
            yield from _of_element(example, parts[0], element)
    for slice_id in {element["id"] for element in elements if element["id"].startswith("Observation.component:")}:
        yield from _of_component(example, slice_id, elements)


def _of_element(example: Json, name: str, element: Json) -> Iterator[tuple[str, Json]]:
    there = keys_of(example, name)
    if element.get("min") and there:
        yield "required element left out", {key: value for key, value in example.items() if key not in there}
    if element.get("max") == "0":
        yield "forbidden element", {**example, name.replace("[x]", "String"): "something"}
    if there and any(key.startswith("pattern") for key in element):
        yield "another pattern", {**example, there[0]: _other(example[there[0]])}
    if there and element.get("binding", {}).get("strength") == "required":
        yield "code that is not bound", {**example, there[0]: _other(example[there[0]])}
    if there and name.endswith("[x]") and element.get("type"):
        rest = {key: value for key, value in example.items() if key not in there}
        yield "another type", {**rest, name.replace("[x]", "SampledData"): {}}
    targets = [target for kind in element.get("type", ()) for target in kind.get("targetProfile", ())]
    if there and targets and isinstance(example[there[0]], dict):
        yield "reference to something else", {**example, there[0]: {"reference": "Account/1"}}


def _of_component(example: Json, slice_id: str, elements: tuple[Json, ...]) -> Iterator[tuple[str, Json]]:
    code = next((each for each in elements if each["id"] == f"{slice_id}.code"), None)
    if slice_id.count(".") != 1 or code is None:
        return
    wanted = code["patternCodeableConcept"]["coding"][0]
    for place, component in enumerate(example.get("component", ())):
        if wanted["code"] not in {coding.get("code") for coding in component["code"].get("coding", ())}:
            continue
        for element in elements:
            if element["id"] == slice_id and element.get("max") == "1":
                yield "component twice", {**example, "component": [*example["component"], component]}
            if element["id"] == f"{slice_id}.value[x]":
                rest = {key: value for key, value in component.items() if not key.startswith("value")}
                if element.get("min"):
                    yield "component without value", _with(example, place, rest)
                if element.get("type"):
                    yield "component of another type", _with(example, place, {**rest, "valueSampledData": {}})
                if element.get("binding", {}).get("strength") == "required":
                    value = _other(component["valueCodeableConcept"])
                    yield "component code not bound", _with(example, place, {**rest, "valueCodeableConcept": value})


def _with(example: Json, place: int, component: Json) -> Json:
    components = list(example["component"])
    components[place] = component
    return {**example, "component": components}


def _other(value: Any) -> Any:  # noqa: ANN401 - a code or a concept
    if isinstance(value, str):
        return NONSENSE
    other = deepcopy(value)
    for coding in other.get("coding", ()):
        coding |= {"code": NONSENSE, "system": "http://example.org"}
    return other


@needs_shared
def test_every_example_of_the_guide_is_accepted() -> None:
    faults = {name: guide().check(example, examples()) for name, example in examples().items()}
    assert len(faults) == 204
    assert {name: found for name, found in faults.items() if found} == {}


@needs_shared
def test_every_mutant_of_the_examples_is_refused() -> None:
    refused: Counter[str] = Counter()
    missed = []
    for name, example in examples().items():
        if example.get("meta", {}).get("profile"):
            for what, mutant in mutants(example):
                if guide().check(mutant, examples()):
                    refused[what] += 1
                else:
                    missed.append((name, what))
    assert missed == []
    assert len(refused) == 11
    assert sum(refused.values()) > 1_000


def variant(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    """A variant with what the profile asks for, and no more."""
    resource = {
        "resourceType": "Observation",
        "meta": {"profile": [f"{GUIDE}variant"]},
        "status": "final",
        "category": [
            {
                "coding": [
                    {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}
                ]
            },
            {"coding": [{"system": f"{HL7}v2-0074", "code": "GE"}]},
        ],
        "code": {"coding": [{"system": "http://loinc.org", "code": "69548-6"}]},
    }
    return resource | changes


def test_a_smallest_variant_is_accepted() -> None:
    assert guide().check(variant()) == []


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"category": []}, "Observation.category"),
        ({"code": {"text": "variant"}}, "Observation.code[0]"),
        ({"valueCodeableConcept": {"text": "present"}}, "Observation.valueCodeableConcept"),
        (
            {"note": [{"text": "x", "extension": [{"url": f"{GUIDE}annotation-code", "valueString": "x"}]}]},
            "Observation.note[0].extension:code[0].valueString",
        ),
    ],
)
def test_a_fault_names_its_place(changes: dict[str, Any], path: str) -> None:
    assert path in {fault.path for fault in guide().check(variant(**changes))}


def test_a_profile_of_another_resource_is_refused() -> None:
    (fault,) = [fault for fault in guide().check(variant(resourceType="Procedure")) if fault.path == "Procedure"]
    assert "profile of another resource" in fault.message


def test_what_is_contained_and_what_is_in_a_bundle_is_checked() -> None:
    contained = variant(contained=[variant(id="inner", category=[])])
    bundle = {"resourceType": "Bundle", "entry": [{"fullUrl": "urn:x"}, {"resource": variant(id="1", category=[])}]}
    assert [fault.path for fault in guide().check(contained)].count("Observation.category") == 1
    assert guide().check(bundle)[0].path == "Bundle.entry[1].Observation.category"


def test_a_value_set_that_is_not_at_hand_refuses() -> None:
    assert not guide().holds_code("http://example.org/none", [{"system": "http://loinc.org", "code": "LA9633-4"}])
