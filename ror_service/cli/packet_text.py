"""The readable form of an evidence packet: every field by its name, and what is not available."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass

from interpreters.hereditary_risk.packet import Criterion, Explained
from ror_service.evidence import HereditaryPacket


def packet_lines(packet: HereditaryPacket) -> Iterator[str]:
    """The packet in lines; sections are indented."""
    yield f"Evidence on {packet.finding.gene}"
    for section in ("identity", "finding", "history", "decision", "counseling"):
        yield f"  {section}"
        yield from (f"    {line}" for line in _lines(getattr(packet, section)))
    yield f"  Not available: {', '.join(packet.unavailable)}"


def _lines(value: object) -> Iterator[str]:
    """Fields of one object, or the objects of a list one after the other."""
    if is_dataclass(value):
        for f in fields(value):
            yield from _field(f.name.replace("_", " "), getattr(value, f.name))
    elif isinstance(value, tuple):
        for item in value:
            first, *rest = list(_lines(item)) or ["none"]
            yield f"- {first}"
            yield from (f"  {line}" for line in rest)
    else:
        yield _plain(value)


def _field(name: str, value: object) -> Iterator[str]:
    match value:
        case Mapping():
            yield from (f"{name}, {key}: {_plain(item)}" for key, item in value.items())
        case tuple() if not any(is_dataclass(item) or isinstance(item, tuple) for item in value):
            yield f"{name}: {', '.join(map(_plain, value)) or 'none'}"
        case (Criterion(), *_):
            yield f"{name}: {', '.join(map(_short, value))}"
        case (Explained(), *_):
            yield f"{name}:"
            yield from (f"  - {_short(item)}" for item in value)
        case _ if is_dataclass(value) or isinstance(value, tuple):
            yield f"{name}:"
            yield from (f"  {line}" for line in _lines(value))
        case _:
            yield f"{name}: {_plain(value)}"


def _short(value: object) -> str:
    match value:
        case Explained(code, text):
            return f"{code}: {text}"
        case Criterion(code, points, look_at):
            return f"{code} {points:+d}" + (f" (look at {', '.join(look_at)})" if look_at else "")
        case _:
            return _plain(value)


def _plain(value: object) -> str:
    match value:
        case None:
            return "not available"
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value) or "none"
