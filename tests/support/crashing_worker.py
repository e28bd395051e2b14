"""Runs `ror worker` for some queues and lets each die, by SIGKILL, at one point of its work after the other.

    python -m support.crashing_worker FOLDER '{"fetch": ["after a write", null], ...}'

Each worker is a process of its own, forked from one that has imported and loaded what they need. It dies at its point
with the process that runs the job, as when their machine dies; the next one of its queue takes its place. `null` is a
worker that stays, until it is told to end: its process id is in FOLDER/QUEUE.pid. Each death is a line of
FOLDER/deaths. A point that begins with `careless: ` is of a service that is broken on purpose from then on: it reads a
sample whatever was kept of it.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

POINTS: dict[str, dict[str, tuple[str, str, str]]] = {
    "fetch": {
        "before the file is opened": ("ror_service.intake.submission", "receive", "before"),
        "before the first write": ("ror_service.intake.incoming", "Incoming.write", "before"),
        "after a write": ("ror_service.intake.incoming", "Incoming.write", "after"),
        "before the file is synced": ("ror_service.intake.incoming", "Incoming.finish", "before"),
        "after the file is synced": ("ror_service.intake.incoming", "Incoming.finish", "after"),
        "before the row is committed": ("ror_service.intake.samples", "file_received", "after"),
        "after the row is committed": ("ror_service.intake.submission", "receive", "after"),
        "before the fetch is done": ("ror_service.storage.jobs", "finish", "before"),
    },
    "extract": {
        "before the reading process starts": ("ror_service.intake.isolation", "read_in_child", "before"),
        "while the reading process reads": ("ror_service.intake.isolation", "_talk", "before"),
        "after the reading process": ("ror_service.intake.isolation", "read_in_child", "after"),
        "before the verdict": ("ror_service.intake.samples", "record_verdict", "before"),
        "after the verdict": ("ror_service.intake.samples", "record_verdict", "after"),
        "after the genotypes": ("ror_service.genotypes.store", "GenotypeStore.keep", "after"),
        "after the fingerprint": ("ror_service.fingerprints", "FingerprintIndex.keep", "after"),
        "after all of it is committed": ("ror_service.pipeline", "STEPS.extract_sample", "after"),
        "before the extraction is done": ("ror_service.storage.jobs", "finish", "before"),
    },
    "interpret": {
        "before it is asked whose it is": ("ror_service.identity_cases", "examine", "before"),
        "after it was asked whose it is": ("ror_service.identity_cases", "examine", "after"),
        "before the interpreter": ("ror_service.interpretations", "interpret", "before"),
        "after the interpreter": ("ror_service.interpretations", "interpret", "after"),
        "before the interpretation is kept": ("ror_service.interpretations", "keep", "before"),
        "before the interpretation is committed": ("ror_service.interpretations", "keep", "after"),
        "after the interpretation is committed": ("ror_service.pipeline", "STEPS.interpret_sample", "after"),
        "before the interpretation is done": ("ror_service.storage.jobs", "finish", "before"),
    },
}
"""Queue to its points: where in the program, and whether before or after that is called. The last ones of a queue are
behind a commit."""


def main(folder: Path, queues: dict[str, list[str | None]]) -> None:
    """Run the workers of each queue, one after the other."""
    from ror_service.cli.running import worker  # noqa: F401, PLC0415 - for the workers
    from ror_service.context import ServiceContext  # noqa: PLC0415
    from ror_service.genotypes.catalogue import Catalogue  # noqa: PLC0415
    from ror_service.settings import settings  # noqa: PLC0415
    from ror_service.worker import celery_app  # noqa: F401, PLC0415 - for the workers

    # What each worker would load for itself, and take seconds for.
    loaded = ServiceContext(settings())
    made = Catalogue.of(loaded.interpreters)
    assert loaded.needs.wanted
    assert made.digest
    ServiceContext.interpreters = loaded.interpreters  # type: ignore[assignment]
    ServiceContext.needs = loaded.needs  # type: ignore[assignment]
    Catalogue.of = lambda _: made  # type: ignore[method-assign, assignment]
    for queue, points in queues.items():
        if not os.fork():
            for point in points:
                _run(folder, queue, point)
            os._exit(0)
    for _ in queues:
        os.wait()


def _run(folder: Path, queue: str, point: str | None) -> None:
    """Run one worker to its end."""
    from ror_service.cli.running import worker  # noqa: PLC0415
    from ror_service.context import ServiceContext  # noqa: PLC0415

    if point is not None and point.startswith("careless: "):
        point = point.removeprefix("careless: ")
        ServiceContext.stored = lambda *_: None  # type: ignore[method-assign]
    child = os.fork()
    if not child:
        if point is not None:
            _die_at(*POINTS[queue][point], functools.partial(_note, folder / "deaths", point))
        worker(queue, concurrency=1)
        os._exit(0)
    if point is None:
        (folder / f"{queue}.pid").write_text(str(child))
    os.waitpid(child, 0)


def _note(log: Path, point: str) -> None:
    with log.open("a") as deaths:
        deaths.write(f"{point}\n")


def _die_at(module: str, path: str, when: str, note: Any) -> None:  # noqa: ANN401
    owner: Any = import_module(module)
    *parents, name = path.split(".")
    for parent in parents:
        owner = getattr(owner, parent)
    original = owner[name] if isinstance(owner, dict) else getattr(owner, name)

    @functools.wraps(original)
    def dying(*arguments: Any, **named: Any) -> None:  # noqa: ANN401
        if when == "after":
            original(*arguments, **named)
        note()
        os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)

    if isinstance(owner, dict):
        owner[name] = dying
    else:
        setattr(owner, name, dying)


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))
