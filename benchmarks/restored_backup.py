"""Yesterday's backup after a withdrawal and a rotation: can anything of those who withdrew be read again?

    python benchmarks/restored_backup.py [--people 30] [--quick]

On a PostgreSQL that it starts: people get reports, medicine lists and fingerprints; the database is backed up by the
lines of docs/howto/operate.md; every third person withdraws; the key-encryption key is rotated, the keys are backed up
and the old one is destroyed. Yesterday's backup is restored with the newest keys (`newest keys`), and with yesterday's
keys and a key-encryption key that still lives (`yesterday's keys`, where the journal of erasures has to help). Each
sealed thing is tried by every means of the restored system, and by yesterday's dump of the keys. Then three broken ways
show that the same check finds what must not be: keys in the same backup and the old key-encryption key kept; no
`ror db after-restore`; a journal that nobody wrote. Ends with status 1 if a promise is broken or a broken way is not
seen.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from promises import tell

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

from support.restored_backup import Backups, keys_in_database, person, restored, rotate, tried, working_service
from support.servers import PostgresServer, postgres_server
from support.service import Service

from ror_service import restoring
from ror_service.sealing.keys import WrappedKey
from ror_service.worker import relay

QUICK_PEOPLE = 6
LEAVES = 3
"""Every so many-th person withdraws."""


@dataclass(frozen=True)
class Counted:
    """Sealed things, and how many of them open, of those who withdrew and of the others."""

    left: int
    left_open: int
    stayed: int
    stayed_open: int


class Play:
    """One day of a service, its backups, and its end."""

    def __init__(self, server: PostgresServer, folder: Path, people: int) -> None:
        self.server, self.folder, self.people = server, folder, people

    @contextmanager
    def day(self) -> Iterator[tuple[Service, Backups, str]]:
        """A service with people, and yesterday's backups of it."""
        with (
            self.server.database() as url,
            TemporaryDirectory(dir=self.folder) as home,
            working_service(Path(home) / "home", url, self.people) as service,
        ):
            backups = Backups(Path(home) / "backups")
            relay.keep_checkpoint(service.context)
            backups.take_main(url)
            backups.take_keys(url)
            yield service, backups, url

    def leave(self, service: Service) -> None:
        """Every third person withdraws."""
        service.clock.advance(hours=20)
        for number in range(0, self.people, LEAVES):
            service.withdraw(person(number))

    @contextmanager
    def restored(self, service: Service, backups: Backups) -> Iterator[Service]:
        """A service on a database restored from the backups."""
        with self.server.database(template="template0") as url:
            backups.restore(url)
            with restored(service, url) as again:
                yield again

    def count(self, again: Service, more: dict[str, WrappedKey] | None = None) -> Counted:
        """Try everything of everybody."""
        found = tried(again, more)
        leavers = [found[person(number)] for number in range(0, self.people, LEAVES)]
        others = [found[person(number)] for number in range(self.people) if number % LEAVES]
        return Counted(
            *(sum(pair[place] for pair in group) for group in (leavers, others) for place in (0, 1))  # type: ignore[misc]
        )


def newest_keys(play: Play) -> Counted:
    """As the guide says: rotated, and the keys backed up again before the end."""
    with play.day() as (service, backups, url):
        yesterdays = keys_in_database(service)
        play.leave(service)
        relay.keep_erasures(service.context)
        old = rotate(service)
        backups.take_keys(url)
        service.context.keys.destroy(old)
        with play.restored(service, backups) as again:
            restoring.after_restore(again.context)
            return play.count(again, yesterdays)


def yesterdays_keys(play: Play) -> Counted:
    """The end came before the night: the journal alone knows of the withdrawals."""
    with play.day() as (service, backups, _):
        play.leave(service)
        relay.keep_erasures(service.context)
        with play.restored(service, backups) as again:
            restoring.after_restore(again.context)
            return play.count(again)


def one_backup_and_a_kept_key(play: Play) -> Counted:
    """Broken: the dump holds the keys too, and the old key-encryption key was kept."""
    with play.day() as (service, backups, _):
        yesterdays = keys_in_database(service)
        play.leave(service)
        rotate(service)
        with play.restored(service, backups) as again:
            return play.count(again, yesterdays)


def no_after_restore(play: Play) -> Counted:
    """Broken: the restored database is used as it is."""
    with play.day() as (service, backups, _):
        play.leave(service)
        relay.keep_erasures(service.context)
        with play.restored(service, backups) as again:
            return play.count(again)


def no_journal(play: Play) -> Counted:
    """Broken: nobody wrote down what was erased."""
    with play.day() as (service, backups, _):
        play.leave(service)
        with play.restored(service, backups) as again:
            restoring.after_restore(again.context)
            return play.count(again)


WAYS: dict[str, Callable[[Play], Counted]] = {"newest keys": newest_keys, "yesterday's keys": yesterdays_keys}
BROKEN: dict[str, Callable[[Play], Counted]] = {
    "BROKEN: one backup, key kept": one_backup_and_a_kept_key,
    "BROKEN: no after-restore": no_after_restore,
    "BROKEN: no journal": no_journal,
}


def main() -> int:
    """Play every way and print what could be read."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=30)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    people = min(options.people, QUICK_PEOPLE) if options.quick else options.people
    with ExitStack() as exits:
        folder = Path(exits.enter_context(TemporaryDirectory()))
        play = Play(exits.enter_context(postgres_server()), folder, people)
        counted = {name: way(play) for name, way in {**WAYS, **BROKEN}.items()}
    print(f"{people} people, {-(-people // LEAVES)} of them withdrew after the backup")
    print(f"{'restored':30} {'sealed':>8} {'read':>8}   {'sealed':>8} {'read':>8}")
    print(f"{'':30} {'withdrew':>17}   {'stayed':>17}")
    for name, one in counted.items():
        print(f"{name:30} {one.left:8,} {one.left_open:8,}   {one.stayed:8,} {one.stayed_open:8,}")
    sound = [counted[name] for name in WAYS]
    seen = sum(counted[name].left_open > 0 for name in BROKEN)
    kept = [
        tell(
            "Yesterday's backup restored cannot be read for whoever has withdrawn since",
            f"{sum(one.left for one in sound):,} sealed things tried, {sum(one.left_open for one in sound)} opened; "
            f"{seen} of {len(BROKEN)} broken ways seen",
            held=not any(one.left_open for one in sound) and all(one.left for one in sound) and seen == len(BROKEN),
        ),
        tell(
            "A restored backup gives back everybody else",
            f"{sum(one.stayed_open for one in sound):,} of {sum(one.stayed for one in sound):,} sealed things open",
            held=all(one.stayed_open == one.stayed > 0 for one in sound),
        ),
    ]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    raise SystemExit(main())
