"""Findings to JSON and back. Field names and order are those of the types; the schema version rises with any change."""

from __future__ import annotations

import functools
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from interpreters.findings import (
    AncestryFinding,
    Finding,
    GeneAssessment,
    HereditaryFinding,
    Interpretation,
    NotTested,
    PharmacogenomicFinding,
    TraitFinding,
)

SCHEMA = "ror.interpretation/1"

T = TypeVar("T")
JsonObject = dict[str, Any]

_PLAIN = frozenset({str, int, float, bool, types.NoneType})


def to_json(value: object) -> Any:  # noqa: ANN401 - JSON has no narrower type
    """Plain JSON value of a finding or of any part of one."""
    if type(value) in _PLAIN:  # most values by far, so asked first; not an enumeration, which is also a str
        return value
    if isinstance(value, StrEnum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_json(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_json(value[key]) for key in sorted(value)}
    if isinstance(value, tuple | list):
        return [to_json(item) for item in value]
    return value


def finding_from_json(data: JsonObject) -> Finding:
    """The finding that `to_json` wrote.

    Raises:
        ValueError: If the object is of no known finding type.
    """
    kind: type[Any]
    match data.get("module"):
        case "ancestry":
            kind = AncestryFinding
        case "traits":
            kind = TraitFinding
        case "pharmacogenomics":
            kind = PharmacogenomicFinding
        case "hereditary_risk":
            kind = HereditaryFinding if "outcome" in data else GeneAssessment
        case other:
            raise ValueError(f"no finding type for module {other!r}")
    finding: Finding = _read(kind, data)
    return finding


def interpretation_from_json(data: JsonObject) -> Interpretation:
    """The interpretation that `to_json` wrote.

    Raises:
        ValueError: If a part is of no known type.
    """
    plain = {key: value for key, value in data.items() if key not in {"findings", "not_tested"}}
    return Interpretation(
        **plain,
        findings=tuple(finding_from_json(item) for item in data["findings"]),
        not_tested=tuple(_read(NotTested, item) for item in data["not_tested"]),
    )


def _read(kind: type[T], data: JsonObject) -> T:
    hints = _hints(kind)  # type: ignore[arg-type]  # every class can be hashed
    values = {}
    for f in fields(kind):  # type: ignore[arg-type]  # only called with dataclasses
        if not f.init:
            continue
        if f.name not in data and f.default is not MISSING:
            continue
        values[f.name] = _value(hints[f.name], data[f.name])
    return kind(**values)


@functools.cache
def _hints(kind: type[object]) -> dict[str, Any]:
    """Types of a dataclass's fields; finding them out takes longer than reading the object."""
    return get_type_hints(kind)


def _value(hint: Any, value: Any) -> Any:  # noqa: ANN401 - follows the hint at run time
    if value is None:
        return None
    origin = get_origin(hint)
    if origin in {Union, types.UnionType}:
        (inner,) = (arg for arg in get_args(hint) if arg is not type(None))
        return _value(inner, value)
    if origin is tuple:
        return tuple(_value(get_args(hint)[0], item) for item in value)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint(value)
    if isinstance(hint, type) and is_dataclass(hint):
        return _read(hint, value)
    return value
