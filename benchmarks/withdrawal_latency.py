"""From a withdrawal to blocked and to recalled, while reports are being sent to a partner; on PostgreSQL.

    python benchmarks/withdrawal_latency.py [--quick] [--people N] [--workers N] [--timeout SECONDS] [--database URL]

So many people with a report each, workers that run whatever job is due, a partner on loopback. Each person withdraws,
one after the other, while the workers deliver. Measured of each: from the request until its transaction is committed
(nothing can be read any more, which is tried), until the recall is sent, and until the partner acknowledged it.

Then a partner that does not answer in time: the withdrawal comes in the middle of a send, and waits at most for that
one time-out. At the end senders come to one person's lock without a gap, without the line before the lock and with it.

Without --database it starts a server. Ends with status 1 when a promise was broken.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import text
from sqlalchemy.exc import OperationalError

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

from promises import tell
from support.servers import postgres_server
from support.service import PIPELINE, PORTAL, Service, running_partner, service_on_database

from consent.withdrawal import WithdrawalKind
from ror_service import withdrawals
from ror_service.context import database_clock
from ror_service.errors import ErasedError, NotFoundError, WithheldError
from ror_service.sandbox.partner_faults import Fault
from ror_service.states import DeliveryState
from ror_service.storage import jobs, participants
from ror_service.storage.participants import Lock
from ror_service.storage.tables import DeliveryRow, RecallRow
from ror_service.worker.jobs import run_job

BLOCKED_SECONDS, RECALLED_SECONDS = 2.0, 10.0
"""What is promised while the partner answers."""
MARGIN_SECONDS = 1.0
"""For the withdrawal itself, behind a send that ends with a time-out."""
PAUSE_SECONDS = 0.01
HOLD_SECONDS = 0.03
SENDERS = 4
OVERTAKEN_SECONDS = 3
"""After so long without the line the withdrawal is given up as overtaken for ever."""


def work_until(service: Service, stop: threading.Event) -> None:
    """A worker: run what is due."""
    while not stop.is_set():
        with service.work(PIPELINE) as work:
            due = [job.job_id for job in jobs.open_jobs(work.session) if job.available_at <= work.at]
        for job_id in due:
            run_job(service.context, job_id)
        if not due:
            stop.wait(PAUSE_SECONDS)


def withdraw(service: Service, person: str) -> tuple[datetime, float]:
    """Withdraw; when that was asked, and the seconds until it was committed."""
    asked, began = datetime.now(UTC), time.monotonic()
    with service.work(PORTAL) as work:
        withdrawals.request(work, person, WithdrawalKind.PROGRAMME)
    return asked, time.monotonic() - began


def is_readable(service: Service, person: str) -> bool:
    """Whether the person's report can be read."""
    try:
        service.read(participant_id=person)
    except (NotFoundError, ErasedError, WithheldError):
        return False
    return True


def figures(seconds: Sequence[float]) -> str:
    """p50, p99 and the longest, in milliseconds."""
    ordered = sorted(seconds)
    at = [ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.99)]
    return f"p50 {at[0] * 1000:.0f} ms, p99 {at[1] * 1000:.0f} ms, max {ordered[-1] * 1000:.0f} ms, n {len(ordered)}"


def while_sending(service: Service, people: int, workers: int) -> bool:
    """Everybody withdraws while everybody's report is being sent."""
    names = [f"P-{number:06d}" for number in range(people)]
    for name in names:
        service.available(participant_id=name)
    stop = threading.Event()
    threads = [threading.Thread(target=work_until, args=(service, stop)) for _ in range(workers)]
    for thread in threads:
        thread.start()
    blocked, asked, readable = [], {}, 0
    for name in names:
        asked[name], seconds = withdraw(service, name)
        blocked.append(seconds)
        readable += is_readable(service, name)
    while service.rows(RecallRow, RecallRow.acknowledged_at.is_(None)):
        time.sleep(PAUSE_SECONDS)
    stop.set()
    for thread in threads:
        thread.join()
    owner = {row.delivery_id: row.participant_id for row in service.rows(DeliveryRow)}
    recalls = service.rows(RecallRow)
    sent = [(row.sent_at - asked[owner[row.delivery_id]]).total_seconds() for row in recalls]
    done = [(row.acknowledged_at - asked[owner[row.delivery_id]]).total_seconds() for row in recalls]
    print(f"{people} withdrawals while {workers} workers deliver")
    print(f"  blocked              {figures(blocked)}, readable afterwards {readable}")
    print(f"  recall sent          {figures(sent)}")
    print(f"  recall acknowledged  {figures(done)}")
    kept = [
        tell(
            f"A withdrawal blocks every reading within {BLOCKED_SECONDS:.0f} s, while reports are being sent",
            f"{figures(blocked)}; readable afterwards: {readable}",
            held=max(blocked) <= BLOCKED_SECONDS and not readable,
        ),
        tell(
            f"Partners that answer have acknowledged the recall {RECALLED_SECONDS:.0f} s after the withdrawal",
            figures(done),
            held=max(done) <= RECALLED_SECONDS,
        ),
    ]
    return all(kept)


def behind_a_slow_partner(service: Service, people: int, timeout: float) -> bool:
    """Each withdraws in the middle of a send to a partner that does not answer in time."""
    blocked = []
    for number in range(people):
        name = f"P-slow-{number:03d}"
        service.available(participant_id=name)
        service.partner.faults.next(Fault.SLOW)
        entries = service.last_entry()
        job = service.job("deliver_report", service.delivery(name).delivery_id)
        sender = threading.Thread(target=run_job, args=(service.context, job.job_id))
        sender.start()
        while service.last_entry() == entries and sender.is_alive():
            time.sleep(PAUSE_SECONDS)
        blocked.append(withdraw(service, name)[1])
        sender.join()
        stuck = service.delivery(name).state != DeliveryState.RECALLED
        if stuck:
            raise SystemExit("a withdrawal left a delivery that was not recalled")
    print(f"{people} withdrawals during a send to a partner that does not answer in {timeout:g} s")
    print(f"  blocked              {figures(blocked)}")
    return tell(
        "A partner that does not answer delays a withdrawal by one time-out at most",
        f"{figures(blocked)}; time-out {timeout:g} s",
        held=max(blocked) <= timeout + MARGIN_SECONDS,
    )


def behind_senders_without_a_gap(service: Service, *, line: bool) -> float:
    """Seconds until a withdrawal has the lock that senders take again and again; `OVERTAKEN_SECONDS` when never."""
    name = "P-line" if line else "P-no-line"
    service.register(name)
    stop, holding = threading.Event(), threading.Barrier(SENDERS + 1)

    def send(number: int) -> None:
        time.sleep(number * HOLD_SECONDS / SENDERS)
        first = True
        while not stop.is_set():
            with service.work(PIPELINE) as work:
                if line:
                    participants.stand_in_line(work.session, name)
                participants.get(work.session, name, Lock.SHARED)
                if first:
                    holding.wait()
                    first = False
                time.sleep(HOLD_SECONDS)

    senders = [threading.Thread(target=send, args=(number,)) for number in range(SENDERS)]
    for sender in senders:
        sender.start()
    holding.wait()
    began = time.monotonic()
    try:
        with service.work(PORTAL) as work:
            work.session.execute(text(f"SET LOCAL lock_timeout = '{OVERTAKEN_SECONDS}s'"))
            if line:
                participants.take_turn(work.session, name)
            participants.get(work.session, name, Lock.EXCLUSIVE)
            return time.monotonic() - began
    except OperationalError:
        return float(OVERTAKEN_SECONDS)
    finally:
        stop.set()
        for sender in senders:
            sender.join()


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a bounded run for continuous integration")
    parser.add_argument("--people", type=int, help="who withdraw while reports are sent (200, quick 15)")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--timeout", type=float, help="of the partner, in seconds (3, quick 1)")
    parser.add_argument("--database", help="URL of an empty PostgreSQL database")
    asked = parser.parse_args()
    people = asked.people or (15 if asked.quick else 200)
    timeout = asked.timeout or (1.0 if asked.quick else 3.0)
    with ExitStack() as exits:
        url = asked.database or exits.enter_context(exits.enter_context(postgres_server()).database())
        folder = Path(exits.enter_context(TemporaryDirectory()))
        service = exits.enter_context(service_on_database(folder / "service", url))
        service.context.clock = database_clock
        waits = {"partner_timeout_seconds": timeout}
        service.context.settings = service.context.settings.model_copy(update=waits)
        exits.enter_context(running_partner(service, folder / "partner"))
        kept = [
            while_sending(service, people, asked.workers),
            behind_a_slow_partner(service, 2 if asked.quick else 10, timeout),
        ]
        without, with_line = (behind_senders_without_a_gap(service, line=line) for line in (False, True))
        print(f"{SENDERS} senders without a gap hold one person's lock {HOLD_SECONDS * 1000:.0f} ms each")
        print(f"  without the line     {'overtaken' if without >= OVERTAKEN_SECONDS else 'locked'} at {without:.2f} s")
        print(f"  with the line        {with_line:.2f} s")
        kept.append(
            tell(
                "Senders that come without a gap do not overtake a withdrawal",
                f"lock after {with_line:.2f} s; without the line {without:.2f} s",
                held=with_line < OVERTAKEN_SECONDS,
            )
        )
    return 0 if all(kept) else 1


if __name__ == "__main__":
    raise SystemExit(main())
