"""Whether a FHIR resource keeps the profiles of the Genomics Reporting guide that it claims.

The guide gives each profile as a differential: what it asks beyond the profile that it is built on. Here the
differentials of a chain are joined to one tree, and a resource is walked along it: cardinalities, slices, patterns,
types, targets of references, required bindings, extensions. What FHIR itself asks of a resource (elements that exist,
data types, base cardinalities) is not looked at here.

Source of the rules: https://hl7.org/fhir/R4/profiling.html; of the profiles: `genomics_reporting/`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

RELEASE = "3.0.0"
GUIDE = "http://hl7.org/fhir/uv/genomics-reporting/StructureDefinition/"
_BASE = "http://hl7.org/fhir/StructureDefinition/"
_CHOICE = "[x]"
_VALUE_RULES = ("pattern", "fixed")

Json = Mapping[str, Any]
"""A resource or a part of one, as JSON objects are read."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Where a resource does not keep a profile."""

    path: str
    """Place in the resource, for example `Observation.component[2].valueCodeableConcept`."""
    message: str


@dataclass(slots=True)
class _Element:
    """What a profile asks of one element, and of what lies below."""

    minimum: int = 0
    maximum: int | None = None
    patterns: list[tuple[str, Any]] = field(default_factory=list)
    types: list[Json] = field(default_factory=list)
    required_codes: str | None = None
    discriminators: list[Json] = field(default_factory=list)
    children: dict[str, _Element] = field(default_factory=dict)
    slices: dict[str, _Element] = field(default_factory=dict)

    def at(self, segments: Iterable[str]) -> _Element:
        """The element that an element id names, made where it is new."""
        here = self
        for segment in segments:
            name, _, slice_name = segment.partition(":")
            here = here.children.setdefault(name, _Element())
            if slice_name:
                here = here.slices.setdefault(slice_name, _Element())
        return here

    def narrow(self, definition: Json) -> None:
        """Add what one profile of the chain asks."""
        self.minimum = max(self.minimum, definition.get("min", 0))
        if definition.get("max", "*") != "*":
            self.maximum = int(definition["max"])
        for key, value in definition.items():
            if key.startswith(_VALUE_RULES):
                self.patterns.append((next(rule for rule in _VALUE_RULES if key.startswith(rule)), value))
        self.types = definition.get("type", self.types)
        binding = definition.get("binding", {})
        if binding.get("strength") == "required":
            self.required_codes = binding["valueSet"]
        self.discriminators = definition.get("slicing", {}).get("discriminator", self.discriminators)


class Guide:
    """The profiles, value sets and code systems of one release of the guide."""

    def __init__(self, resources: Iterable[Json], answer_lists: Json) -> None:
        """Take the guide's resources as published, and LOINC's answer lists that it binds to by address."""
        self._profiles: dict[str, Json] = {}
        self._value_sets: dict[str, Json] = dict(answer_lists)
        self._code_systems: dict[str, frozenset[str]] = {}
        for resource in resources:
            match resource["resourceType"]:
                case "StructureDefinition":
                    self._profiles[resource["url"]] = resource
                case "ValueSet":
                    self._value_sets[resource["url"]] = resource
                case _:
                    self._code_systems[resource["url"]] = frozenset(_codes(resource.get("concept", ())))
        self._trees = {url: self._tree(url) for url in self._profiles}

    def check(self, resource: Json, others: Mapping[str, Json] | None = None) -> list[Fault]:
        """Everything in which a resource, and what it contains, does not keep the profiles that it claims.

        Args:
            resource: Any FHIR resource; a bundle is checked entry by entry, its references followed.
            others: Resources that references may name, by reference.
        """
        if resource.get("resourceType") == "Bundle":
            return self._check_bundle(resource)
        named = dict(others or {}) | {f"#{each['id']}": each for each in resource.get("contained", ())}
        faults = [fault for inner in resource.get("contained", ()) for fault in self.check(inner, named)]
        for url in _claimed(resource):
            if url in self._trees:
                faults += _Walk(self, named).value(self._trees[url], resource, resource["resourceType"])
                if self._profiles[url]["type"] != resource["resourceType"]:
                    faults.append(Fault(resource["resourceType"], f"{url} is a profile of another resource"))
            elif url.startswith(GUIDE):
                faults.append(Fault(resource["resourceType"], f"{url} is not a profile of release {RELEASE}"))
        return faults

    def _check_bundle(self, bundle: Json) -> list[Fault]:
        named: dict[str, Json] = {}
        held = [(place, entry) for place, entry in enumerate(bundle.get("entry", ())) if "resource" in entry]
        for _, entry in held:
            resource = entry["resource"]
            named[f"{resource['resourceType']}/{resource.get('id')}"] = resource
            if "fullUrl" in entry:
                named[entry["fullUrl"]] = resource
        return [
            Fault(f"Bundle.entry[{place}].{fault.path}", fault.message)
            for place, entry in held
            for fault in self.check(entry["resource"], named)
        ]

    def tree(self, url: str) -> _Element | None:
        """The joined profile at an address; None where the guide has none."""
        return self._trees.get(url)

    def answers(self, value_set: str) -> Sequence[Json]:
        """The concepts that a value set lists, in its order.

        Raises:
            KeyError: If the value set is not at hand.
        """
        listed = self._value_sets[value_set]["compose"]["include"]
        return [concept for include in listed for concept in include.get("concept", ())]

    def is_one_of(self, resource: Json | None, reference: str, targets: Sequence[str]) -> bool:
        """Whether what a reference names may stand where one of `targets` is asked for.

        A resource that is not at hand is judged by its type alone.
        """
        kind = resource["resourceType"] if resource is not None else reference.rpartition("/")[0].rpartition("/")[2]
        if not kind:
            return True
        for target in targets:
            if target in {f"{_BASE}{kind}", f"{_BASE}Resource"}:
                return True
            profile = self._profiles.get(target)
            if profile is None or profile["type"] != kind:
                continue
            if resource is None or any(target in self._chain(url) for url in _claimed(resource)):
                return True
        return False

    def holds_code(self, value_set: str, codings: Sequence[Json]) -> bool:
        """Whether one of the codings is in a value set; a value set that is not at hand refuses all."""
        known = self._value_sets.get(value_set)
        return known is not None and any(
            self._includes(include, coding) for coding in codings for include in known["compose"]["include"]
        )

    def _includes(self, include: Json, coding: Json) -> bool:
        if coding.get("system") != include["system"] or not coding.get("code"):
            return False
        if "concept" in include:
            return coding["code"] in {concept["code"] for concept in include["concept"]}
        codes = self._code_systems.get(include["system"])
        return codes is None or coding["code"] in codes

    def _chain(self, url: str) -> list[str]:
        """A profile and what it is built on, the nearest first."""
        chain = []
        while url in self._profiles:
            chain.append(url)
            url = self._profiles[url]["baseDefinition"]
        return chain

    def _tree(self, url: str) -> _Element:
        root = _Element()
        for each in reversed(self._chain(url)):
            for definition in self._profiles[each]["differential"]["element"]:
                root.at(definition["id"].split(".")[1:]).narrow(definition)
        return root


class _Walk:
    """One resource along one tree."""

    def __init__(self, guide: Guide, named: Mapping[str, Json]) -> None:
        self._guide = guide
        self._named = named

    def value(self, element: _Element, value: Any, path: str) -> Iterator[Fault]:  # noqa: ANN401 - JSON of any kind
        """Everything in which one value does not keep its element."""
        for rule, pattern in element.patterns:
            if not _keeps(value, pattern, exactly=rule == "fixed"):
                yield Fault(path, f"is not {json.dumps(pattern)}")
        if element.required_codes is not None and not self._guide.holds_code(element.required_codes, _codings(value)):
            yield Fault(path, f"has no code of {element.required_codes}")
        if isinstance(value, Mapping):
            yield from self._types(element, value, path)
            for name, child in element.children.items():
                yield from self._many(child, name, list(_named_values(value, name)), path)

    def _many(
        self, element: _Element, name: str, found: list[tuple[str, Any]], path: str, shown: str = ""
    ) -> Iterator[Fault]:
        """The values of one element, or of one slice of it: how many, of which types, and each of them."""
        here = f"{path}.{name}{shown}"
        if len(found) < element.minimum:
            yield Fault(here, f"{element.minimum} needed, {len(found)} given")
        if element.maximum is not None and len(found) > element.maximum:
            yield Fault(here, f"{element.maximum} allowed, {len(found)} given")
        allowed = {str(kind["code"]).lower() for kind in element.types}
        for place, (key, value) in enumerate(found):
            at = f"{path}.{key}" if name.endswith(_CHOICE) else f"{here}[{place}]"
            kind = key.removeprefix(name.removesuffix(_CHOICE)).lower()
            if name.endswith(_CHOICE) and allowed and kind not in allowed:
                yield Fault(at, f"is none of the types {', '.join(sorted(allowed))}")
            yield from self.value(element, value, at)
        for slice_name, part in element.slices.items():
            inside = [(key, value) for key, value in found if self._belongs(element, part, name, key, value)]
            yield from self._many(part, name, inside, path, f":{slice_name}")

    def _types(self, element: _Element, value: Json, path: str) -> Iterator[Fault]:
        """Profiles of an extension or a data type, and targets of a reference."""
        for kind in element.types:
            for profile in kind.get("profile", ()):
                tree = self._guide.tree(profile)
                if tree is not None:
                    yield from self.value(tree, value, path)
        targets = [target for kind in element.types for target in kind.get("targetProfile", ())]
        reference = value.get("reference")
        if targets and reference and not self._guide.is_one_of(self._named.get(reference), reference, targets):
            yield Fault(path, f"names nothing of {', '.join(targets)}")

    def _belongs(self, sliced: _Element, part: _Element, name: str, key: str, value: Any) -> bool:  # noqa: ANN401
        """Whether a value is in a slice, by the discriminators of the element that is sliced."""
        by = sliced.discriminators or [{"type": "value", "path": "url"}]
        return all(self._discriminates(each, part, name, key, value) for each in by)

    def _discriminates(self, by: Json, part: _Element, name: str, key: str, value: Any) -> bool:  # noqa: ANN401
        if by["type"] == "type":
            return any(key == name.removesuffix(_CHOICE) + kind["code"] for kind in part.types)
        if by["type"] == "profile":
            named = self._named.get(value.get("reference", ""))
            targets = [target for kind in part.types for target in kind.get("targetProfile", ())]
            return named is not None and self._guide.is_one_of(named, value["reference"], targets)
        if by["path"] == "url":
            fixed = [pattern for _, pattern in part.children.get("url", _Element()).patterns]
            return value.get("url") in (fixed or [each for kind in part.types for each in kind.get("profile", ())])
        patterns = part.children.get(by["path"], _Element()).patterns
        given = [each for _, each in _named_values(value, by["path"])]
        return any(_keeps(each, pattern) for each in given for _, pattern in patterns)


@cache
def guide() -> Guide:
    """The release of the guide that comes with this package."""
    folder = files("ror_service.interchange") / "genomics_reporting"
    published = [json.loads(file.read_text()) for file in (folder / RELEASE).iterdir() if file.name.endswith(".json")]
    return Guide(published, json.loads((folder / "answer_lists.json").read_text())["lists"])


def _claimed(resource: Json) -> list[str]:
    return [str(url) for url in resource.get("meta", {}).get("profile", ())]


def _codes(concepts: Iterable[Json]) -> Iterator[str]:
    for concept in concepts:
        yield concept["code"]
        yield from _codes(concept.get("concept", ()))


def _codings(value: Any) -> Sequence[Json]:  # noqa: ANN401
    return value.get("coding", ()) if isinstance(value, Mapping) else ()


def _named_values(value: Json, name: str) -> Iterator[tuple[str, Any]]:
    """Values of an element with the keys that they stand under, which tell the type of a choice."""
    stem = name.removesuffix(_CHOICE)
    for key, found in value.items():
        if key == name or (name.endswith(_CHOICE) and key.startswith(stem) and key[len(stem) :][:1].isupper()):
            for each in found if isinstance(found, list) else [found]:
                yield key, each


def _keeps(value: Any, pattern: Any, *, exactly: bool = False) -> bool:  # noqa: ANN401
    """Whether a value holds all that a pattern gives: parts of objects, and each member of a list somewhere."""
    if exactly or not isinstance(pattern, Mapping | list):
        return bool(value == pattern)
    if isinstance(pattern, Mapping):
        return isinstance(value, Mapping) and all(
            key in value and _keeps(value[key], each) for key, each in pattern.items()
        )
    return isinstance(value, list) and all(any(_keeps(one, each) for one in value) for each in pattern)
