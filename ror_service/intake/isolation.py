"""Reads a foreign file in a process of its own: what breaks the reader breaks that process, as a typed error."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from interpreters.genotypes import Build, Interval
from ror_service.intake.errors import IntakeError, Problem
from ror_service.intake.feeding import Feeder
from ror_service.intake.reader import says_compressed
from ror_service.intake.results import Limits, ReadResult
from ror_service.intake.wanted import WantedIntervals
from ror_service.intake.wire import Request, decode_reply, encode_request

_KEPT_MEMORY = str(32 << 20)
_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "PATH": "/usr/bin:/bin",
    "LC_ALL": "C.UTF-8",
    "MALLOC_MMAP_THRESHOLD_": _KEPT_MEMORY,
    "MALLOC_TRIM_THRESHOLD_": _KEPT_MEMORY,
}
"""All that the reading process gets to know of its surroundings. Freed memory below a size stays with it: to give it
back to the kernel and take it again for each piece of the file costs CPU time."""


def read_in_child(
    source: Path | Iterable[bytes],
    intervals: Mapping[Build, Sequence[Interval]] | Mapping[Build, WantedIntervals],
    limits: Limits | None = None,
    expected_sha256: str | None = None,
) -> ReadResult:
    """Read a genotype file in a confined process; see `reader.read_genotypes`.

    Args:
        source: The file; a path of the caller's own making. The process gets the open file, never the name. Or the
            file's bytes in order, for what is not in clear on disk: they reach the process through a pipe.
        intervals: What to keep, for every build that is read; merged `WantedIntervals` save work
            when many files follow.
        limits: Caps on the file and on the process.
        expected_sha256: Hash that the sender announced, in hexadecimal.

    Raises:
        IntakeError: If the file cannot be used, or if the process died (`reader_killed`, `reader_timed_out`).
        Exception: What a source of bytes raises, as it is; the process is killed, and nothing that it read counts.
    """
    name = str(source) if isinstance(source, Path) else ""
    limits = limits or Limits()
    wanted = {
        build: found if isinstance(found, WantedIntervals) else WantedIntervals.of(found)
        for build, found in intervals.items()
    }
    request = encode_request(Request(wanted, limits, expected_sha256, says_compressed(Path(name))))
    try:
        reply = _exchange(source, request, limits)
        return _decoded(reply)
    except IntakeError as error:
        raise error.in_file(name) from error


def _decoded(reply: bytes) -> ReadResult:
    try:
        return decode_reply(reply)
    except (ValueError, KeyError, TypeError) as error:
        raise IntakeError(Problem.READER_FAILED, "the reading process sent no usable reply") from error


def _exchange(source: Path | Iterable[bytes], request: bytes, limits: Limits) -> bytes:
    """Start the process, hand it the file or feed it, send it the request, and take its reply."""
    if isinstance(source, Path):
        return _supervise(_open(source, limits), None, request, limits)
    with Feeder(source) as feeder:
        return _supervise(feeder.descriptor, feeder, request, limits)


def _supervise(descriptor: int, feeder: Feeder | None, request: bytes, limits: Limits) -> bytes:
    """Run the process on an open file, which is closed here, and see that it ends."""
    try:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module, no shell, nothing from outside
            [sys.executable, "-I", "-m", "ror_service.intake.child", str(descriptor)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # a traceback could quote the file
            env=_ENVIRONMENT,
            cwd="/",
            pass_fds=(descriptor,),
        )
    finally:
        os.close(descriptor)
    timed_out = threading.Event()

    def stop() -> None:
        timed_out.set()
        process.kill()

    watchdog = threading.Timer(limits.wall_seconds, stop)
    watchdog.start()
    try:
        with process:
            try:
                if feeder is not None:
                    feeder.start(process.kill)
                reply = _talk(process, request, limits.reply_bytes)
            except BaseException:
                process.kill()  # nobody would take its reply
                raise
    finally:
        watchdog.cancel()
        watchdog.join()
    if timed_out.is_set():
        raise IntakeError(Problem.READER_TIMED_OUT, "the file took longer to read than allowed")
    if len(reply) > limits.reply_bytes:
        raise IntakeError(Problem.TOO_LARGE, "the file yields more than the limit allows")
    if process.returncode < 0:
        name = signal.strsignal(-process.returncode) or "unknown"
        raise IntakeError(Problem.READER_KILLED, f"the reading process was ended by a signal: {name}")
    return reply


def _open(path: Path, limits: Limits) -> int:
    """The open file, which must be a regular one of allowed size."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise IntakeError(Problem.UNREADABLE, "the file cannot be opened") from error
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) and status.st_size <= limits.file_bytes:
        return descriptor
    os.close(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise IntakeError(Problem.UNREADABLE, "this is not a regular file")
    raise IntakeError(Problem.TOO_LARGE, "the file exceeds the limit")


def _talk(process: subprocess.Popen[bytes], request: bytes, most: int) -> bytes:
    """Send the request, then read the reply, at most one byte more than allowed."""
    assert process.stdin is not None  # noqa: S101 - for the type checker: both are pipes
    assert process.stdout is not None  # noqa: S101
    try:
        process.stdin.write(request)
        process.stdin.close()
    except BrokenPipeError:
        return b""  # the process ended early; its status tells why
    reply = process.stdout.read(most + 1)
    if len(reply) > most:
        process.kill()
    return reply
