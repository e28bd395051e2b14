"""The yield of a batch: counted from the reviews, with the candidates alone opened, and alarms by the policy."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from support.service import NOW, POSITIVE, TWO_POSITIVE, Service

from interpreters.findings import HereditaryFinding, HereditaryOutcome, Interpretation
from ror_service import batch_yield
from ror_service.batch_yield import Alarm, BatchYield, alarms, count, load_policy
from ror_service.errors import ErasedError
from ror_service.sealing import vault
from ror_service.storage import data_keys, results
from ror_service.storage.tables import InterpretationRow, ParticipantRow, SampleRow

MODULE = batch_yield.MODULE
POLICY = load_policy()


def batch(candidates: int, samples: int = 1000, commonest: int = 1) -> BatchYield:
    return BatchYield(candidates, 0, samples - candidates, candidates, commonest)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (batch(30), ()),
        (batch(10), ()),
        (batch(9), (Alarm.TOO_FEW,)),
        (batch(0, commonest=0), (Alarm.TOO_FEW,)),
        (batch(60), ()),
        (batch(61), (Alarm.TOO_MANY,)),
        (batch(30, commonest=6), ()),
        (batch(30, commonest=7), (Alarm.ONE_VARIANT,)),
        (batch(70, commonest=15), (Alarm.TOO_MANY, Alarm.ONE_VARIANT)),
        (batch(500, samples=999, commonest=500), ()),
        (batch(0, samples=0, commonest=0), ()),
        (replace(batch(30, commonest=2), compared=5), (Alarm.ONE_VARIANT,)),
    ],
)
def test_alarms_by_the_policy(found: BatchYield, expected: tuple[Alarm, ...]) -> None:
    assert alarms(found, POLICY) == expected


def test_a_policy_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text('version = "1"\n')
    with pytest.raises(TypeError, match="minimum_samples"):
        load_policy(tmp_path / "policy.toml")


def review_only(outcome: HereditaryOutcome = HereditaryOutcome.REVIEW) -> Interpretation:
    return replace(
        POSITIVE,
        findings=tuple(
            replace(finding, outcome=outcome) if isinstance(finding, HereditaryFinding) else finding
            for finding in POSITIVE.findings
        ),
    )


def test_counts_by_the_strongest_outcome_of_each_sample(service: Service) -> None:
    for number, made in enumerate((POSITIVE, POSITIVE, TWO_POSITIVE, review_only())):
        service.interpreted(made, f"P-{number}")
    service.interpreted(review_only(HereditaryOutcome.NOT_REPORTABLE), "P-nothing")
    service.interpreted("traits", "P-other-module")
    found = count(service.context)
    carried = [batch_yield.variants_of(made) for made in (POSITIVE, POSITIVE, TWO_POSITIVE)]
    most = max(sum(variant in variants for variants in carried) for variant in frozenset().union(*carried))
    assert found == BatchYield(candidates=3, reviews=1, others=1, compared=3, commonest=most)
    assert most >= 2
    assert found.samples == 5
    assert found.share == pytest.approx(0.6)


def test_only_candidates_are_opened_and_each_is_audited(service: Service) -> None:
    service.interpreted(POSITIVE, "P-1")
    service.interpreted(review_only(), "P-2")
    count(service.context)
    (event,) = service.actions("interpretation.count_yield")
    assert event.participant_id == "P-1"


def test_a_batch_is_chosen_by_day_and_genome_center(service: Service) -> None:
    service.interpreted(POSITIVE, "P-early")
    service.clock.advance(days=2)
    service.interpreted(POSITIVE, "P-late")
    assert count(service.context, NOW + timedelta(days=1)).samples == 1
    assert count(service.context, genome_center="another center").samples == 0
    center = service.rows(SampleRow)[0].genome_center
    assert count(service.context, genome_center=center).samples == 2


def test_pages_are_counted_whole(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_yield, "_PAGE", 2)
    for number in range(4):
        service.interpreted(POSITIVE, f"P-{number}")
    assert count(service.context).candidates == 4


def test_who_withdrew_is_not_counted(service: Service) -> None:
    service.interpreted(POSITIVE, "P-1")
    service.interpreted(POSITIVE)
    service.withdraw()
    assert count(service.context).samples == 1
    assert {event.participant_id for event in service.actions("interpretation.count_yield")} == {"P-1"}


def test_what_must_not_or_cannot_be_opened_is_counted_and_not_compared(service: Service) -> None:
    service.interpreted(POSITIVE, "P-erased")
    service.interpreted(POSITIVE, "P-unknown")
    with service.work() as work:
        made = results.must_get(work.session, InterpretationRow, service.case("P-erased", MODULE).interpretation_id)
        data_keys.destroy_keys(work.session, [made.data_key_id], work.at)
        with pytest.raises(ErasedError):
            vault.open_interpretation(work, service.context.keys, made)
        results.must_get(work.session, ParticipantRow, "P-unknown").participation = "unknown"
    found = count(service.context)
    assert (found.candidates, found.compared, found.commonest) == (2, 0, 0)
    assert found.commonest_share == 0
    assert service.actions("interpretation.count_yield") == []
