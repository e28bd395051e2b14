"""Many rows of a manifest in one transaction do what each of them does alone, on both databases."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from support.manifests import Fields, as_csv, fields
from support.service import CENTER, Service, running_service, service_on_database

from ror_service.audit import log
from ror_service.audit.log import Actor
from ror_service.errors import ServiceError
from ror_service.intake import samples, submission
from ror_service.intake.feedback import Feedback
from ror_service.intake.manifest_check import check_manifest
from ror_service.intake.samples import ManifestRow
from ror_service.intake.submission import submit_manifest, submitted_row
from ror_service.storage.tables import AuditEventRow, OutsideCallsRow, SampleRow
from ror_service.work import Work

Take = Callable[[Service, Actor, list[ManifestRow]], list[str]]
OTHER_CENTER = Actor("center-2", "genome_center", "sample submission")
PEOPLE = 12
GONE = "P-3"


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[Service]:
    with service_on_database(tmp_path / "service", database_url) as running:
        yield running


def enrolled(service: Service, people: int = PEOPLE) -> Service:
    for number in range(1, people + 1):
        service.register(f"P-{number}")
    service.withdraw(GONE)
    return service


def send(service: Service, rows: list[Fields], center: Actor = CENTER) -> Feedback:
    return submit_manifest(
        partial(service.context.transaction, center), service.context.keys, check_manifest(as_csv(rows))
    )


def verdicts(feedback: Feedback) -> list[str]:
    return [row.verdict.value for row in feedback.rows]


def verified(service: Service) -> int:
    with service.work() as work:
        return log.verify(work.session).events


# The same as alone


def drawn(draw: random.Random, count: int) -> list[tuple[Actor, ManifestRow]]:
    """Rows of two centers: known and unknown people, the same sample again, with other facts, or by another center."""
    made = []
    for _ in range(count):
        (checked,) = check_manifest(as_csv([fields(draw.randint(1, PEOPLE))])).rows
        assert checked.declared is not None
        row = submitted_row(checked.declared)
        row = replace(row, participant_id=f"P-{draw.choice([1, 2, 3, 4, 99])}") if draw.random() < 0.4 else row
        row = replace(row, contamination=2.0) if draw.random() < 0.1 else row
        row = replace(row, specimen="blood") if draw.random() < 0.2 else row
        well = {"well": draw.choice(["A01", "B02"])} if draw.random() < 0.3 else {}
        row = replace(row, laboratory=replace(row.laboratory, **well))
        row = replace(row, laboratory=samples.LaboratoryFacts()) if draw.random() < 0.3 else row
        made.append((draw.choice([CENTER, CENTER, OTHER_CENTER]), row))
    return made


def alone(service: Service, center: Actor, rows: list[ManifestRow]) -> list[str]:
    """Each row in a transaction of its own."""
    said = []
    for row in rows:
        try:
            with service.work(center) as work:
                samples.submit(work, service.context.keys, row)
            said.append("taken")
        except ServiceError as error:
            said.append(error.code)
    return said


def together(service: Service, center: Actor, rows: list[ManifestRow]) -> list[str]:
    with service.work(center) as work:
        refusals = samples.submit_all(work, service.context.keys, rows)
    return ["taken" if refusal is None else refusal.code for refusal in refusals]


def kept(service: Service) -> tuple[set[tuple[str, ...]], set[str], list[str]]:
    """Samples, those of which something is sealed, and whose submission is in the log."""
    return (
        {(row.sample_id, row.genome_center, row.manifest_sha256, row.state) for row in service.rows(SampleRow)},
        {row.sample_id for row in service.rows(OutsideCallsRow)},
        sorted(row.object_id for row in service.rows(AuditEventRow, AuditEventRow.action == "sample.submit")),
    )


def differences(tmp_path: Path, seeds: range, taken_together: Take = together) -> int:
    """In how many drawn sequences rows together end otherwise than rows alone."""
    found = 0
    for seed in seeds:
        sent = drawn(random.Random(seed), 60)  # noqa: S311 - no secret
        ended = []
        for name, take in (("alone", alone), ("together", taken_together)):
            with running_service(tmp_path / f"{name}-{seed}") as running:
                enrolled(running, 4)
                said = []
                for start in range(0, len(sent), 20):
                    for center in (CENTER, OTHER_CENTER):
                        # One row a sample, as a checked manifest has them.
                        rows = {row.sample_id: row for by, row in sent[start : start + 20] if by is center}
                        said += take(running, center, list(rows.values()))
                ended.append((said, kept(running)))
        found += ended[0] != ended[1]
    return found


def test_rows_together_end_as_rows_alone(tmp_path: Path) -> None:
    assert differences(tmp_path, range(2)) == 0


def _compares_nothing(work: Work, keys: object, known: dict[str, SampleRow], *_: object) -> dict[str, None]:
    """A broken variant: whatever is known already is taken for the same, whoever sent it."""
    assert work, keys
    return dict.fromkeys(known)


def _never_erased(standings: object) -> bool:
    """A broken variant: what a withdrawn participant's laboratory says is sealed again."""
    return standings is None


@pytest.mark.parametrize(
    ("place", "name", "variant"),
    [(samples, "_compare", _compares_nothing), (samples.cases, "must_be_erased", _never_erased)],
)
def test_broken_batches_are_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: object, name: str, variant: Callable[..., object]
) -> None:
    def broken(service: Service, center: Actor, rows: list[ManifestRow]) -> list[str]:
        with monkeypatch.context() as here:
            here.setattr(place, name, variant)
            return together(service, center, rows)

    assert differences(tmp_path, range(1), broken) == 1


# Whole manifests


def test_a_mistake_costs_its_own_row_and_no_other_of_its_batch(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolled(service)
    monkeypatch.setattr(submission, "ROWS_AT_ONCE", 5)
    rows = [fields(number) for number in range(1, PEOPLE + 1)]
    rows[6] |= {"participant_id": "P-4000"}
    rows[8] |= {"specimen": "hair"}
    told = send(service, rows)
    wrong = {int(GONE[2:]): "conflict", 7: "not_found", 9: "not_a_choice"}
    assert {row.row: row.reasons[0].code for row in told.rows if row.verdict.value == "refused"} == wrong
    assert {row.sample_id for row in service.rows(SampleRow)} == {
        f"S-{number}" for number in range(1, PEOPLE + 1) if number not in wrong
    }
    assert len(service.actions("sample.submit")) == PEOPLE - len(wrong)
    assert verified(service)


def test_replays_in_other_orders_and_other_batches_change_nothing(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolled(service)
    rows = [fields(number) for number in range(1, PEOPLE + 1)]
    send(service, rows)
    before = kept(service)
    order = random.Random(7)  # noqa: S311 - no secret
    for at_once in (1, 4, 100):
        monkeypatch.setattr(submission, "ROWS_AT_ONCE", at_once)
        order.shuffle(rows)
        told = send(service, rows + rows[:2])
        gone = sum(row["participant_id"] == GONE for row in rows + rows[:2])
        assert (told.refused, told.waiting) == (gone, PEOPLE + 2 - gone)
        assert kept(service) == before
    changed = [row | {"well": "H12", "plate": f"PL-{number}"} for number, row in enumerate(rows)]
    assert set(verdicts(send(service, changed))) == {"refused"}
    assert kept(service) == before
    opened = service.actions("sample.outside_calls")
    assert len(opened) == 4 * (PEOPLE - 1), "each opening of what was sealed before is in the log"
    assert verified(service)


def test_two_centers_that_send_the_same_samples_at_once(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    enrolled(service)
    rows = [fields(number) for number in range(1, PEOPLE + 1)]
    barrier = threading.Barrier(2)
    add_samples = samples.results.add_samples

    def both_at_once(session: Session, given: list[dict[str, object]]) -> set[str]:
        # On SQLite the second one cannot even begin before the first one has ended.
        if service.context.engine.dialect.name == "postgresql":
            barrier.wait(30)
        return add_samples(session, given)

    monkeypatch.setattr(samples.results, "add_samples", both_at_once)
    told: dict[str, Feedback] = {}

    def run(center: Actor, sent: list[Fields]) -> None:
        told[center.name] = send(service, sent, center)

    centers = [(CENTER, rows), (OTHER_CENTER, rows[::-1])]
    threads = [threading.Thread(target=run, args=given) for given in centers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    owners = {row.sample_id: row.genome_center for row in service.rows(SampleRow)}
    assert len(owners) == PEOPLE - 1
    for center, answer in told.items():
        taken = {row.sample_id for row in answer.rows if row.verdict.value == "accepted"}
        assert taken == {name for name, owner in owners.items() if owner == center}
        assert {row.reasons[0].code for row in answer.rows if row.sample_id not in taken} == {"conflict"}
    assert len(service.actions("sample.submit")) == len(owners)
    assert verified(service)


@pytest.mark.services
def test_a_transaction_that_the_database_ends_is_made_row_by_row(postgres_url: str, tmp_path: Path) -> None:
    with service_on_database(tmp_path / "service", postgres_url) as service:
        enrolled(service)
        holder = service.context.engine.connect()
        holder.execute(text("SELECT 1 FROM participants WHERE participant_id = 'P-5' FOR UPDATE"))
        tries: list[int] = []

        @contextmanager
        def begin() -> Iterator[Work]:
            tries.append(1)
            if len(tries) == 2:
                holder.close()
            with service.context.transaction(CENTER) as work:
                work.session.execute(text("SET LOCAL lock_timeout = '20ms'"))
                yield work

        manifest = check_manifest(as_csv([fields(number) for number in range(1, PEOPLE + 1)]))
        told = submit_manifest(begin, service.context.keys, manifest)
        assert (told.refused, told.waiting, len(tries)) == (1, PEOPLE - 1, 1 + PEOPLE)
        with service.context.engine.connect() as again:
            again.execute(text("SELECT 1 FROM participants WHERE participant_id = 'P-5' FOR UPDATE"))
            with pytest.raises(DBAPIError):
                submit_manifest(begin, service.context.keys, manifest)
        assert submit_manifest(begin, service.context.keys, manifest).waiting == PEOPLE - 1
