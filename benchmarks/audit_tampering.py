"""Random tampering with the audit log: is each one found, with and without checkpoints, and is its row named?

    python benchmarks/audit_tampering.py [--tamperings 600] [--events 120] [--seed 1]

Writes events through the service to a database file of its own, keeps signed checkpoints of them in a folder, then
tampers with the rows as somebody can who owns the database: without its triggers, and able to compute hashes. Each
tampering is done in a transaction that is verified and taken back. Six classes:

    change      one column of one row
    delete      one or more rows in the middle; half of the time the rest moves up
    insert      a row in the middle, the rest moves down; half of the time with a hash that fits its content
    exchange    two rows change places
    rewrite     a row is changed and every hash from there on computed anew
    cut off     the last rows are gone; half of the time others are written in their place, with hashes that fit

Ends with status 1 if one is not found against the checkpoints, or if the first row where the log differs is not named
(for what was written anew: the rows between two checkpoints of which it is one).
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import promises
from sqlalchemy import delete, insert, select, text
from sqlalchemy.orm import Session

from ror_service import audit_checkpoints
from ror_service.audit import log
from ror_service.audit.log import Actor, Checkpoint
from ror_service.audit_checkpoints import Checkpoints
from ror_service.context import ServiceContext
from ror_service.errors import AuditError
from ror_service.sealing.signing import Signer
from ror_service.settings import Settings
from ror_service.storage import migrations
from ror_service.storage.tables import AuditEventRow

ACTOR = Actor("benchmark", "operator", "tampering")
COLUMNS = [column.name for column in AuditEventRow.__table__.columns]
CONTENT = [name for name in COLUMNS if name not in {"sequence", "previous_hash", "event_hash"}]
CHECKPOINTS = 4
HALF = 0.5
Row = dict[str, Any]


def tampered_text(value: str, draw: random.Random) -> str:
    """The text with one character changed, added or removed."""
    place = draw.randrange(len(value) + 1)
    return draw.choice(
        [value[:place] + draw.choice("abcdef0123456789") + value[place + draw.randrange(2) :], value[: place // 2]]
    )


def changed(row: Row, draw: random.Random, columns: list[str] = CONTENT) -> Row:
    """The row with one of these columns changed."""
    while True:
        name = draw.choice(columns)
        value = row[name]
        if isinstance(value, datetime):
            new: Any = value.replace(microsecond=draw.randrange(1_000_000))
        elif isinstance(value, dict):
            new = {**value, draw.choice([*value, "more"]): draw.randrange(1000)}
        else:
            new = draw.choice([None, "P-0000"]) if name == "participant_id" else tampered_text(value, draw)
        if new != value:
            return {**row, name: new}


def with_hash(row: Row) -> Row:
    """The row with the hash that fits what it says."""
    return {**row, "event_hash": log.event_hash(AuditEventRow(**row))}


def rehashed(rows: list[Row], start: int) -> list[Row]:
    """The rows with every hash from an index on computed anew, as a forger does."""
    rows = list(rows)
    for index in range(start, len(rows)):
        previous = rows[index - 1]["event_hash"] if index else log.GENESIS
        rows[index] = with_hash({**rows[index], "previous_hash": previous})
    return rows


def renumbered(rows: list[Row]) -> list[Row]:
    """The rows, numbered from 1 in their order."""
    return [{**row, "sequence": number} for number, row in enumerate(rows, 1)]


def change(rows: list[Row], draw: random.Random) -> tuple[list[Row], int]:
    """One column of one row."""
    index = draw.randrange(len(rows))
    return [*rows[:index], changed(rows[index], draw, COLUMNS[1:]), *rows[index + 1 :]], index + 1


def remove(rows: list[Row], draw: random.Random) -> tuple[list[Row], int]:
    """Rows in the middle."""
    index = draw.randrange(len(rows) - 1)
    count = draw.randint(1, min(5, len(rows) - 1 - index))
    left = [*rows[:index], *rows[index + count :]]
    return (renumbered(left) if draw.random() < HALF else left), index + 1


def add(rows: list[Row], draw: random.Random) -> tuple[list[Row], int]:
    """A row in the middle; the rest moves down."""
    index = draw.randrange(len(rows))
    row = changed(draw.choice(rows), draw)
    if draw.random() < HALF:
        previous = rows[index - 1]["event_hash"] if index else log.GENESIS
        row = with_hash({**row, "sequence": index + 1, "previous_hash": previous})
    else:
        row["event_hash"] = f"{draw.getrandbits(256):064x}"
    return renumbered([*rows[:index], row, *rows[index:]]), index + 1


def exchange(rows: list[Row], draw: random.Random) -> tuple[list[Row], int]:
    """Two rows change places."""
    one, other = sorted(draw.sample(range(len(rows)), 2))
    swapped = list(rows)
    swapped[one], swapped[other] = swapped[other], swapped[one]
    return renumbered(swapped), one + 1


def rewrite(rows: list[Row], draw: random.Random) -> tuple[list[Row], int]:
    """A row is changed, and every hash from there on is made to fit."""
    index = draw.randrange(len(rows))
    return rehashed([*rows[:index], changed(rows[index], draw), *rows[index + 1 :]], index), index + 1


def cut_off(rows: list[Row], draw: random.Random) -> tuple[list[Row], int]:
    """The last rows; half of the time others stand in their place."""
    index = draw.randrange(len(rows))
    others = draw.randrange(2 * (len(rows) - index)) if draw.random() < HALF else 0
    rest = [{**changed(draw.choice(rows), draw), "action": "forged"} for _ in range(others)]
    return rehashed(renumbered([*rows[:index], *rest]), index), index + 1


CLASSES: dict[str, Callable[[list[Row], random.Random], tuple[list[Row], int]]] = {
    "change": change,
    "delete": remove,
    "insert": add,
    "exchange": exchange,
    "rewrite": rewrite,
    "cut off": cut_off,
}


def written(context: ServiceContext, place: Checkpoints, events: int) -> None:
    """Events through the service, with checkpoints at intervals and one at the end."""
    with context.engine.begin() as connection:
        for action in ("update", "delete"):
            connection.execute(text(f"DROP TRIGGER append_only_audit_events_{action}"))
    for number in range(1, events + 1):
        with context.transaction(ACTOR) as work:
            work.audit("test.event", "thing", f"thing-{number}", f"P-{number % 7}", number=number, codes=["a", "b"])
        if number == events or number % (events // CHECKPOINTS) == 0:
            with context.transaction(ACTOR) as work:
                audit_checkpoints.take(work.session, place, datetime.now(UTC))


def store(session: Session, before: list[Row], after: list[Row]) -> None:
    """Make the table hold other rows, by as few statements as tell the difference."""
    kept = {row["sequence"]: row for row in before}
    wanted = {row["sequence"]: row for row in after}
    differ = [number for number in wanted if number in kept and wanted[number] != kept[number]]
    gone = [number for number in kept if number not in wanted]
    session.execute(delete(AuditEventRow).where(AuditEventRow.sequence.in_([*differ, *gone])))
    fresh = [wanted[number] for number in (*differ, *(number for number in wanted if number not in kept))]
    if fresh:
        session.execute(insert(AuditEventRow), fresh)


def complaint(session: Session, checkpoints: list[Checkpoint]) -> str:
    """What the verification says, empty when it finds nothing."""
    try:
        log.verify(session, checkpoints=checkpoints)
    except AuditError as error:
        return str(error)
    return ""


def names(said: str, first: int, last: int) -> bool:
    """Whether one of these rows is named, or the rows between two checkpoints of which the first is one."""
    numbered = re.search(r"audit event (\d+)", said)
    within = re.search(r"the events (\d+) to (\d+)", said)
    return bool(numbered and first <= int(numbered[1]) <= last) or bool(
        within and int(within[1]) <= first <= int(within[2])
    )


def main() -> int:
    """Tamper, count, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tamperings", type=int, default=600)
    parser.add_argument("--events", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    draw = random.Random(options.seed)  # noqa: S311 - a simulation
    done, alone, against, named = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    started = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        context = ServiceContext(Settings(home=Path(folder)))
        migrations.upgrade(context.engine)
        place = Checkpoints(str(Path(folder) / "second-place"), Signer.generate())
        written(context, place, options.events)
        kept = place.kept()
        with Session(context.engine) as session:
            found = session.execute(select(AuditEventRow.__table__).order_by(AuditEventRow.sequence))
            rows = [dict(row) for row in found.mappings()]
            untouched = complaint(session, kept)
        for number in range(options.tamperings):
            kind = list(CLASSES)[number % len(CLASSES)]
            after, first = CLASSES[kind](rows, draw)
            with Session(context.engine) as session:
                store(session, rows, after)
                alone[kind] += bool(complaint(session, []))
                said = complaint(session, kept)
                session.rollback()
            done[kind] += 1
            against[kind] += bool(said)
            # After an inserted row with a hash that fits, the next one "does not follow the event before it".
            named[kind] += names(said, first, first + (kind == "insert"))
        context.close()
    print(f"{options.events} events, {len(kept)} checkpoints, the last one of the last event")
    print(f"{'tampering':12}{'tried':>8}{'found':>8}{'row named':>12}{'found without checkpoints':>28}")
    for kind in CLASSES:
        print(f"{kind:12}{done[kind]:8}{against[kind]:8}{named[kind]:12}{alone[kind]:28}")
    total = options.tamperings
    print(f"{'all':12}{total:8}{against.total():8}{named.total():12}{alone.total():28}")
    print(f"untouched log: {untouched or 'holds'}; {time.process_time() - started:.0f} s of processor time")
    held = promises.tell(
        "tampering with the audit log is found, and the row named",
        f"{against.total():,} of {total:,} in {len(CLASSES)} classes found, {named.total():,} rows named",
        held=against.total() == named.total() == total and not untouched,
    )
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
