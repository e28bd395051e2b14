"""How a request travels to the reading process and its result back: JSON, so that nothing received can run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from operator import attrgetter
from typing import Any

from interpreters.genotypes import Build, CallSetKind, GenotypeCalls, Record
from ror_service.intake.errors import IntakeError
from ror_service.intake.known_sites import KnownSites
from ror_service.intake.results import (
    Confinement,
    Container,
    Flag,
    Flagged,
    HeaderFacts,
    Limits,
    ReadMetrics,
    ReadResult,
)
from ror_service.intake.wanted import WantedIntervals

_RECORD_FIELDS = tuple(field.name for field in fields(Record))
_record_values = attrgetter(*_RECORD_FIELDS)
_TUPLES = frozenset({"alts", "genotype", "filters", "allele_depths", "consequences"})


@dataclass(frozen=True, slots=True)
class Request:
    """What the reading process is asked to do with the file that it is handed open."""

    wanted: Mapping[Build, WantedIntervals]
    limits: Limits
    expected_sha256: str | None
    name_says_compressed: bool


def encode_request(request: Request) -> bytes:
    """Bytes of a request."""
    return json.dumps(
        {
            "wanted": {build.value: wanted.to_json() for build, wanted in request.wanted.items()},
            "known": {build.value: wanted.known.to_json() for build, wanted in request.wanted.items()},
            "limits": asdict(request.limits),
            "expected_sha256": request.expected_sha256,
            "name_says_compressed": request.name_says_compressed,
        }
    ).encode()


def decode_request(data: bytes) -> Request:
    """The request that `encode_request` wrote."""
    plain = json.loads(data)
    return Request(
        wanted={
            Build(build): WantedIntervals.from_json(wanted, KnownSites.from_json(plain["known"][build]))
            for build, wanted in plain["wanted"].items()
        },
        limits=Limits(**plain["limits"]),
        expected_sha256=plain["expected_sha256"],
        name_says_compressed=plain["name_says_compressed"],
    )


def encode_result(result: ReadResult) -> bytes:
    """Bytes of a result."""
    plain = {
        "kind": result.calls.kind,
        "records": [_record_values(record) for record in result.calls],
        "build": result.build,
        "sha256": result.sha256,
        "size": result.size,
        "sample_name": result.sample_name,
        "header": asdict(result.header),
        "metrics": asdict(result.metrics),
        "container": result.container,
        "flags": {flag.value: (flagged.count, flagged.line) for flag, flagged in result.flags.items()},
        "confinement": result.confinement,
        "cpu_seconds": result.cpu_seconds,
        "peak_memory_bytes": result.peak_memory_bytes,
    }
    return json.dumps({"result": plain}, separators=(",", ":")).encode()


def encode_error(error: IntakeError) -> bytes:
    """Bytes of a refusal."""
    return json.dumps({"error": error.to_json()}).encode()


def decode_reply(data: bytes) -> ReadResult:
    """The result of the reading process.

    Raises:
        IntakeError: The refusal that it sent instead.
        ValueError: If the reply is not understood, also KeyError or TypeError.
    """
    plain = json.loads(data)
    if "error" in plain:
        raise IntakeError.from_json(plain["error"])
    plain = plain["result"]
    build = Build(plain["build"])
    return ReadResult(
        calls=GenotypeCalls(build, CallSetKind(plain["kind"]), [_record(values) for values in plain["records"]]),
        build=build,
        sha256=plain["sha256"],
        size=plain["size"],
        sample_name=plain["sample_name"],
        header=HeaderFacts(**plain["header"]),
        metrics=ReadMetrics(**plain["metrics"]),
        container=Container(plain["container"]),
        flags={Flag(flag): Flagged(*flagged) for flag, flagged in plain["flags"].items()},
        confinement=Confinement(plain["confinement"]),
        cpu_seconds=plain["cpu_seconds"],
        peak_memory_bytes=plain["peak_memory_bytes"],
    )


def _record(values: list[Any]) -> Record:
    if len(values) != len(_RECORD_FIELDS):
        raise ValueError("a record of another length")
    content: dict[str, Any] = {
        name: tuple(value) if name in _TUPLES else value for name, value in zip(_RECORD_FIELDS, values, strict=True)
    }
    return Record(**content)
