"""The evidence packet: opened for a review, with an audit event, and not at all once it is erased."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.service import COUNSELOR, FOUR_MEDICINE_GENES, POSITIVE, TWO_POSITIVE, UNCERTAIN_MEDICINES, Service

from interpreters.findings import Interpretation
from ror_service import evidence
from ror_service.audit import log
from ror_service.errors import AuditError, ErasedError, NotFoundError
from ror_service.storage import results
from ror_service.storage.tables import ResultCaseRow


def _packet(service: Service, review_id: str) -> evidence.Packet:
    with service.work(COUNSELOR) as work:
        return evidence.packet(work, service.context.keys, review_id)


@pytest.mark.parametrize(
    ("found", "genes"),
    [
        (POSITIVE, ["BRCA2"]),
        (TWO_POSITIVE, ["BRCA2", "HFE"]),
        (FOUR_MEDICINE_GENES, ["CYP2C19", "NUDT15", "SLCO1B1"]),
    ],
)
def test_a_packet_holds_what_a_person_needs_and_is_audited(
    service: Service, found: Interpretation, genes: list[str]
) -> None:
    service.interpreted(found)
    review_id = service.review(found.module).review_id
    packet = _packet(service, review_id)
    assert (packet.review.review_id, packet.interpretation) == (review_id, found)
    assert [item.gene for item in packet.to_decide] == genes == [finding.gene for finding in packet.findings]
    (read,) = service.actions("review.read")
    assert (read.actor, read.object_id, read.details) == (COUNSELOR.name, review_id, {})


def test_what_is_to_decide_is_told_in_short(service: Service) -> None:
    service.interpreted(FOUR_MEDICINE_GENES)
    first, second, _ = _packet(service, service.review("pharmacogenomics").review_id).to_decide
    assert (first.can_be_reported, first.diplotypes, first.phenotypes) == (
        True,
        ("*2/*17",),
        ("Intermediate Metabolizer",),
    )
    assert first.reasons == ("unread_alleles_change_phenotype",)
    assert (first.positions_read, first.positions_total) == (35, 36)
    assert not second.can_be_reported
    assert (len(second.consistent), second.consistent_total) == (evidence.CONSISTENT_SHOWN, 37)
    assert second.consistent_phenotypes == ("Indeterminate", "Poor Metabolizer")


def test_alleles_stand_for_a_gene_that_is_called_without_a_diplotype(service: Service) -> None:
    (call,) = UNCERTAIN_MEDICINES.findings
    service.interpreted(replace(UNCERTAIN_MEDICINES, findings=(replace(call, diplotypes=(), haplotypes=("c.1A>G",)),)))
    (item,) = _packet(service, service.review("pharmacogenomics").review_id).to_decide
    assert item.diplotypes == ("c.1A>G",)


def test_nothing_is_shown_when_the_audit_event_cannot_be_written(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, review_id = service.positive()

    def fail(*_: object, **__: object) -> None:
        raise AuditError("the log is full")

    monkeypatch.setattr(log, "append", fail)
    with pytest.raises(AuditError):
        _packet(service, review_id)


def test_there_is_no_packet_of_nothing_or_of_what_is_erased(service: Service) -> None:
    with pytest.raises(NotFoundError):
        _packet(service, "review-of-nobody")
    case_id, review_id = service.positive()
    with service.work() as work:
        results.must_get(work.session, ResultCaseRow, case_id).interpretation_id = None
    with pytest.raises(ErasedError):
        _packet(service, review_id)


def test_a_packet_is_dead_after_the_withdrawal(service: Service) -> None:
    _, review_id = service.positive()
    service.withdraw()
    with pytest.raises(ErasedError):
        _packet(service, review_id)
