"""An evidence packet in lines."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from support.consent_facts import PERSON
from support.service import COUNSELOR, POSITIVE, Service

from interpreters.hereditary_risk.packet import Criterion
from ror_service import evidence
from ror_service.cli.packet_text import packet_lines
from ror_service.review.curations import VariantDecisions
from ror_service.review.queue import Disposition


def _packet(service: Service) -> evidence.HereditaryPacket:
    service.interpreted(POSITIVE)
    with service.work(COUNSELOR) as work:
        (packet,) = evidence.packet(work, service.context, service.review().review_id).hereditary
    return packet


def test_every_section_and_what_is_not_available_is_printed(service: Service) -> None:
    packet = _packet(service)
    lines = list(packet_lines(packet))
    assert lines[0] == "Evidence on BRCA2"
    assert lines[-1] == f"  Not available: {', '.join(packet.unavailable)}"
    assert [line for line in lines if line.startswith("  ") and line[2] != " "] == [
        *("  identity", "  finding", "  history", "  decision", "  counseling"),
        lines[-1],
    ]
    assert f"    participant id: {PERSON}" in lines
    assert "    identity case open: no" in lines
    assert "    hereditary refusals: none" in lines
    assert "          depth: 34" in lines


def test_decisions_of_others_and_criteria_to_look_at_are_printed(service: Service) -> None:
    packet = _packet(service)
    seen = VariantDecisions(
        disposition=Disposition.REPORT,
        genotype="heterozygous",
        knowledge_release="r",
        reviews=2,
        last_in=date(2026, 8, 1),
    )
    lines = list(
        packet_lines(
            replace(
                packet,
                history=replace(packet.history, decisions=((seen,), None)),
                finding=replace(
                    packet.finding, criteria=(Criterion("PVS1", 8, ("novel_lof",)), Criterion("BA1", -8, ()))
                ),
            )
        )
    )
    first = lines.index("      - - disposition: report")
    assert [line.strip() for line in lines[first : first + 6]] == [
        "- - disposition: report",
        "genotype: heterozygous",
        "knowledge release: r",
        "reviews: 2",
        "last in: 2026-08-01",
        "- not available",
    ]
    assert "    criteria: PVS1 +8 (look at novel_lof), BA1 -8" in lines
