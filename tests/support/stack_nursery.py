"""Forks the processes of the service from one that has imported what they need, so that killing many is cheap.

    python -m support.stack_nursery CLOCK_FILE LOG_FOLDER [BROKEN_SERVICE]

Reads a role a line (`worker`, `relay`, `api PORT`) and answers with the process id of a new process of that role, which
leads a group of its own. Reports are made of small hand-made files, as in other tests of delivery, and the time is the
database's, moved forward by the seconds that CLOCK_FILE holds.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import NoReturn


def main(clock_file: Path, logs: Path, broken: str | None) -> None:
    """Fork a process for each line."""
    import uvicorn  # noqa: F401, PLC0415 - for the processes

    from ror_service.api.app import create_app  # noqa: F401, PLC0415
    from ror_service.cli import running  # noqa: PLC0415
    from ror_service.settings import Settings  # noqa: PLC0415
    from ror_service.worker import celery_app  # noqa: PLC0415
    from support.service import FastContext  # noqa: PLC0415
    from support.stack_kills import SharedClock  # noqa: PLC0415

    class StackContext(FastContext):
        def __init__(self, settings: Settings) -> None:
            super().__init__(settings, clock=SharedClock(clock_file))

    running.ServiceContext = StackContext  # type: ignore[misc]
    celery_app.ServiceContext = StackContext  # type: ignore[misc]
    if broken:
        import pytest  # noqa: PLC0415

        from support import broken_services  # noqa: PLC0415

        getattr(broken_services, broken)(pytest.MonkeyPatch())
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for number, line in enumerate(sys.stdin):
        role, *port = line.split()
        child = os.fork()
        if not child:
            _become(role, port, logs / f"{role}-{number}.log")
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


def _become(role: str, port: list[str], log: Path) -> NoReturn:
    from ror_service.cli import running  # noqa: PLC0415

    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with log.open("wb") as output, Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    try:
        if role == "worker":
            running.worker(concurrency=2)
        elif role == "relay":
            running.relay()
        else:
            running.api(port=int(port[0]))
    finally:
        os._exit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else None)
