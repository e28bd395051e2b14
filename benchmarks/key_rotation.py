"""Rotation of the key-encryption key while the service runs: how long, and does everything still open?

    python benchmarks/key_rotation.py [--keys 2000] [--kills 1] [--readers 1] [--provider file] [--database URL]

Makes participants whose files, call sets, fingerprints, lists of medicines and interpretations have data keys of their
own, wrapped as the service does; one in a hundred is destroyed already. Then `ror keys rotate` runs in a process of its
own, is killed (SIGKILL) in the middle, and `ror keys rewrap` goes on, while other processes open random lists of
medicines, and this one destroys keys as a withdrawal does. At the end the old key-encryption key is destroyed, and
every data key is opened and compared with the one of the beginning.

`--provider pkcs11` keeps the key-encryption keys in a token of SoftHSM2, made for the run; how many data keys a holder
wraps and unwraps a second is measured for both. Without --database an SQLite file is used; a PostgreSQL database must
be empty. Ends with status 1 if a key is lost, one that was destroyed comes back, a reader fails, or 100,000 keys in
files would take more than a minute of processor time (other work on the machine makes the minute longer). `--quick` is
a run of seconds.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from promises import tell
from sqlalchemy import func, insert, select

from ror_service.audit.log import Actor
from ror_service.context import ServiceContext
from ror_service.errors import SealError
from ror_service.sealing import vault
from ror_service.sealing.canonical import canonical_json
from ror_service.sealing.envelope import SealContext, new_data_key, seal
from ror_service.sealing.keys import KeyProvider, WrappedKey
from ror_service.settings import Settings
from ror_service.storage import data_keys, migrations, participants
from ror_service.storage.tables import (
    DataFileRow,
    DataKeyRow,
    FingerprintRow,
    InterpretationRow,
    OutsideCallsRow,
    OwnMedicinesRow,
    ParticipantRow,
    SampleRow,
)
from ror_service.work import Work

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

from support.tokens import make_token

ACTOR = Actor("benchmark", "operator", "key rotation")
NOW = datetime(2026, 11, 22, tzinfo=UTC)
MODULES = ("ancestry", "traits", "hereditary_risk", "pharmacogenomics")
OF_ONE_PERSON = 4 + len(MODULES)
IN_TIME_SECONDS, KEYS_IN_TIME = 60, 100_000
DESTROYED_BEFORE = 100
PORTION = 1000
PAUSE_SECONDS = 0.1
WRAPS = 1000
QUICK_KEYS = 800
ROR = [sys.executable, "-c", "from ror_service.cli.main import main; main()"]
READER = [sys.executable, __file__, "--read"]
Rows = dict[type, list[dict[str, Any]]]


def person(number: int, keys: KeyProvider, digests: dict[str, bytes]) -> Iterator[tuple[type, dict[str, Any]]]:
    """Rows of one participant; notes the digest of each data key."""
    name, sample = f"P-{number:07d}", f"S-{number:07d}"

    def key_of(object_id: str) -> tuple[str, bytes, dict[str, Any]]:
        key_id, data_key = f"key-{random.randbytes(16).hex()}", new_data_key()  # noqa: S311 - names alone
        wrapped = keys.wrap(data_key, vault.key_context(name, object_id, key_id).associated_data())
        living = len(digests) % DESTROYED_BEFORE != 1
        digests[key_id] = hashlib.sha256(data_key).digest() if living else b""
        row = {"key_id": key_id, "key_encryption_key_id": wrapped.kek_id, "created_at": NOW}
        return key_id, data_key, {**row, "wrapped": wrapped.wrapped if living else None}

    yield ParticipantRow, {
        "participant_id": name, "language": "en", "sex_at_birth": "female", "vital_status": "alive",
        "participation": "active", "created_at": NOW,
    }  # fmt: skip
    yield SampleRow, {
        "sample_id": sample, "participant_id": name, "genome_center": "center", "specimen": "saliva", "assay": "wgs",
        "sex_at_birth": "female", "file_sha256": "", "file_size": 0, "manifest_sha256": "", "state": "ready",
        "created_at": NOW,
    }  # fmt: skip
    key_id, _, row = key_of(f"file-{number}")
    yield DataKeyRow, row
    yield DataFileRow, {
        "file_id": f"file-{number}", "sample_id": sample, "role": "genotypes", "sha256": "", "size": 0,
        "data_key_id": key_id, "received_at": NOW,
    }  # fmt: skip
    for kind, more in ((OutsideCallsRow, {}), (FingerprintRow, {"panel_release": "benchmark"})):
        key_id, _, row = key_of(sample)
        yield DataKeyRow, row
        yield kind, {"sample_id": sample, "sealed": b"", "data_key_id": key_id, **more}
    for module in MODULES:
        key_id, _, row = key_of(f"interpretation-{number}-{module}")
        yield DataKeyRow, row
        yield InterpretationRow, {
            "interpretation_id": f"interpretation-{number}-{module}", "sample_id": sample, "participant_id": name,
            "module": module, "interpreter_version": "", "knowledge_release": "", "knowledge_digest": "",
            "input_sha256": "", "sealed": b"", "data_key_id": key_id, "created_at": NOW,
        }  # fmt: skip
    key_id, data_key, row = key_of(f"medicines-{number}")
    yield DataKeyRow, row
    context = SealContext(name, f"medicines-{number}", 1, "own-medicines", "", key_id)
    yield OwnMedicinesRow, {
        "list_id": f"medicines-{number}", "participant_id": name, "data_key_id": key_id, "entered_at": NOW,
        "sealed": seal(canonical_json({"medicines": ["warfarin"]}), data_key, context),
    }  # fmt: skip


def fill(context: ServiceContext, keys: KeyProvider, count: int) -> dict[str, bytes]:
    """Store participants with this many data keys; returns the digest of each key, empty for a destroyed one."""
    digests: dict[str, bytes] = {}
    for first in range(0, count // OF_ONE_PERSON, PORTION):
        rows: Rows = {}
        for number in range(first, min(first + PORTION, count // OF_ONE_PERSON)):
            for kind, row in person(number, keys, digests):
                rows.setdefault(kind, []).append(row)
        with context.transaction(ACTOR) as work:
            # What others refer to comes first.
            for kind in (DataKeyRow, *(kind for kind in rows if kind is not DataKeyRow)):
                work.session.execute(insert(kind), rows[kind])
    return digests


def read(people: int) -> None:
    """Open random lists of medicines until standard input ends; print how many, and the slowest in milliseconds."""
    context = ServiceContext(Settings())
    opened, failed, times = 0, 0, []
    os.set_blocking(sys.stdin.fileno(), False)
    while sys.stdin.buffer.raw.read(1) is None:
        name = f"P-{random.randrange(people):07d}"  # noqa: S311 - a load
        started = time.perf_counter()
        with context.transaction(ACTOR) as work:
            row = participants.own_medicines(work.session, name)
            key = None if row is None else work.session.get(DataKeyRow, row.data_key_id)
            if row is not None and key is not None and key.wrapped is not None:
                opened += 1
                failed += vault.open_own_medicines(work, context.keys, row) != ("warfarin",)
        times.append(time.perf_counter() - started)
        time.sleep(0.002)  # as people come, not as fast as the machine can
    times.sort()
    print(opened, failed, round(1000 * times[len(times) * 99 // 100], 1), round(1000 * times[-1], 1))


def withdraw(context: ServiceContext, digests: dict[str, bytes]) -> None:
    """Destroy one living key, as a withdrawal does."""
    key_id = random.choice(list(digests))  # noqa: S311 - a load
    with context.transaction(ACTOR) as work:
        data_keys.destroy_keys(work.session, [key_id], work.at)
    digests[key_id] = b""


def rotate(context: ServiceContext, digests: dict[str, bytes], kills: int) -> tuple[float, float, int]:
    """Rotate and go on after each kill.

    Returns:
        Seconds from the beginning to the end, those of processor, and how many kills found the rotation at work.
    """
    in_order = sorted(digests)
    started, cpu, killed = time.perf_counter(), 0.0, 0
    for number in range(kills + 1):
        command = [*ROR, "keys", "rewrap" if number else "rotate"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - our command
        mark = len(in_order) * (number + 1) // (kills + 1) - 1
        ended, status, used = os.wait4(process.pid, os.WNOHANG)
        while not ended:
            withdraw(context, digests)
            if number < kills and came_to(context, in_order[max(0, mark - PORTION)], in_order[mark]):
                os.kill(process.pid, signal.SIGKILL)  # the process object would take the figures of its end
            time.sleep(PAUSE_SECONDS)
            ended, status, used = os.wait4(process.pid, os.WNOHANG)
        process.returncode = os.waitstatus_to_exitcode(status)
        cpu += used.ru_utime + used.ru_stime
        killed += process.returncode == -signal.SIGKILL
        if process.returncode not in {0, -signal.SIGKILL}:
            raise SystemExit(f"{' '.join(command[3:])} ended with status {process.returncode}")
    return time.perf_counter() - started, cpu, killed


def came_to(context: ServiceContext, shortly_before: str, key_id: str) -> bool:
    """Whether the rotation has come as far as this data key; looks at few rows, to take no time from it."""
    with context.transaction(ACTOR) as work:
        left = data_keys.keys_not_under(work.session, context.keys.current_key_id(), shortly_before, 1)
    return bool(left) and left[0] > key_id


def lost(context: ServiceContext, keys: KeyProvider, digests: dict[str, bytes]) -> tuple[int, int]:
    """Living keys that do not open as before, and destroyed ones that are back."""
    wrong = back = 0
    with context.transaction(ACTOR) as work:
        for first in range(0, len(digests), PORTION):
            ids = list(digests)[first : first + PORTION]
            found = {key.key_id: key for key in data_keys.locked_keys(work.session, ids, wait=True)}
            back += sum(not digests[key_id] for key_id in found)
            wrong += sum(not _opens(keys, found.get(key_id), digests[key_id]) for key_id in ids if digests[key_id])
    return wrong, back


def _opens(keys: KeyProvider, key: data_keys.OwnedKey | None, digest: bytes) -> bool:
    if key is None:
        return False
    bound = vault.key_context(key.participant_id, key.object_id, key.key_id).associated_data()
    try:
        data_key = keys.unwrap(WrappedKey(key.key_encryption_key_id, key.wrapped), bound)
    except SealError:
        return False
    return hashlib.sha256(data_key).digest() == digest


def under(work: Work) -> dict[str, int]:
    """Living keys by the key-encryption key that wraps them."""
    query = select(DataKeyRow.key_encryption_key_id, func.count()).where(DataKeyRow.wrapped.is_not(None))
    grouped = work.session.execute(query.group_by(DataKeyRow.key_encryption_key_id))
    return {row[0]: row[1] for row in grouped}


def speed(keys: KeyProvider) -> tuple[float, float]:
    """Data keys that one thread wraps, and unwraps, in a second."""
    bound = vault.key_context("P-0000000", "object", "key").associated_data()
    started = time.perf_counter()
    wrapped = [keys.wrap(new_data_key(), bound) for _ in range(WRAPS)]
    between = time.perf_counter()
    for one in wrapped:
        keys.unwrap(one, bound)
    return WRAPS / (between - started), WRAPS / (time.perf_counter() - between)


def measure(options: argparse.Namespace) -> int:
    """Fill, rotate under load, verify, print."""
    context = ServiceContext(Settings())
    migrations.upgrade(context.engine)
    keys = context.keys
    wraps, unwraps = speed(keys)
    digests = fill(context, keys, options.keys)
    old = keys.current_key_id()
    readers = [
        subprocess.Popen(  # noqa: S603 - this very script
            [*READER, str(options.keys // OF_ONE_PERSON)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(options.readers)
    ]
    seconds, cpu, killed = rotate(context, digests, options.kills)
    with context.transaction(ACTOR) as work:
        wrapped_by = under(work)
    keys.destroy(old)
    figures = [reader.communicate()[0].split() for reader in readers]
    wrong, back = lost(context, keys, digests)
    living = sum(map(bool, digests.values()))
    print(f"{len(digests):,} data keys, {context.engine.dialect.name}, {killed} kills, {options.readers} readers")
    print(f"keys in {options.provider}: {wraps:,.0f} wraps a second, {unwraps:,.0f} unwraps a second")
    print(f"rotated in {seconds:.1f} s, with the starts of the command: {cpu:.1f} s of processor time")
    print(f"load average of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"living keys under the new key-encryption key: {wrapped_by.get(keys.current_key_id(), 0):,} of {living:,}")
    for opened, failed, most, slowest in figures:
        print(f"a reader opened {opened} meanwhile, {failed} failed; 99 % within {most} ms, all within {slowest} ms")
    print(f"do not open any more: {wrong}; destroyed and back: {back}")
    context.close()
    in_time = cpu <= IN_TIME_SECONDS * max(1, len(digests) / KEYS_IN_TIME)
    whole = wrapped_by == {keys.current_key_id(): living} and not wrong and not back
    read_well = all(len(row) == 4 and row[1] == "0" for row in figures)  # noqa: PLR2004 - the four figures of a reader
    opened = f"{len(digests):,} keys in {options.provider}, {killed} kills: {wrong} lost, {back} back from destruction"
    kept = [
        tell("A rotation of the key-encryption key loses no data key and brings none back", opened, held=whole),
        tell(
            "While keys are rotated everybody goes on reading",
            "{:,} readings, {} failed".format(*(sum(int(row[place]) for row in figures if row) for place in (0, 1))),
            held=read_well,
        ),
    ]
    if options.provider == "file":
        promise = "100,000 data keys are rotated in under a minute of processor time"
        kept.append(tell(promise, f"{cpu:.1f} s for {len(digests):,} keys", held=in_time))
    return 0 if all(kept) else 1


def main() -> int:
    """Read the options; a reader is this script too."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=1)
    parser.add_argument("--readers", type=int, default=1)
    parser.add_argument("--provider", choices=("file", "pkcs11"), default="file")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--database", help="URL of an empty PostgreSQL database")
    parser.add_argument("--read", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        read(options.read)
        return 0
    if options.quick:
        options.keys, options.kills = min(options.keys, QUICK_KEYS), 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ROR_HOME"] = str(Path(folder))
        if options.database:
            os.environ["ROR_DATABASE_URL"] = options.database
        if options.provider == "pkcs11":
            os.environ["ROR_KEY_PROVIDER"] = make_token(Path(folder))
        return measure(options)


if __name__ == "__main__":
    sys.exit(main())
