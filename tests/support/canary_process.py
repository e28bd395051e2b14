"""Runs `ror COMMAND...` as a process of the canary scan: dumps allowed, each stage failing once, canaries in the error.

    python -m support.canary_process FOLDER BROKEN COMMAND...

FOLDER holds `canaries.json` (texts). What is removed from TMPDIR is kept in FOLDER/removed; a file without a name is
noted in FOLDER/unnamed. BROKEN is 1 for a service that is careless in every way that the scan looks for, else 0.
"""

from __future__ import annotations

import functools
import itertools
import json
import logging
import os
import resource
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

FAILS = {
    "read": ("ror_service.intake.isolation", "read_in_child"),
    "interpret": ("ror_service.interpretations", "interpret"),
    "render": ("ror_service.rendering.process", "RendererProcess.render"),
    "keep the report": ("ror_service.reports", "keep"),
    "relay": ("ror_service.worker.relay", "relay_once"),
    "answer": ("ror_service.own_medicines", "read"),
    "crash": ("ror_service.interpretations", "keep"),
}
"""Each stage that fails once: where in the program. The report fails in the database, `crash` ends the process."""

DUMP_BYTES = 16 << 20
"""Of a core dump: that there is one is what matters."""


def main(folder: Path, broken: bool, command: list[str]) -> None:
    """Run the command."""
    texts = json.loads((folder / "canaries.json").read_text())
    os.chdir(folder / "working")
    _, hardest = resource.getrlimit(resource.RLIMIT_CORE)
    wanted = DUMP_BYTES if hardest == resource.RLIM_INFINITY else min(hardest, DUMP_BYTES)
    resource.setrlimit(resource.RLIMIT_CORE, (wanted, hardest))
    _keep_what_is_removed(folder)

    from ror_service.worker import jobs  # noqa: PLC0415

    jobs._jitter = lambda: 0.0
    for name, (module, path) in FAILS.items():
        _fails_once(folder, name, module, path, texts)
    if broken:
        _break(texts)

    from ror_service.cli.main import main as ror  # noqa: PLC0415

    sys.argv = ["ror", *command]
    ror()


def _keep_what_is_removed(folder: Path) -> None:
    """By audit hooks, which are called before anything happens and cannot be taken away."""
    temporary, numbers = os.environ["TMPDIR"], itertools.count()

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "os.remove" and str(arguments[0]).startswith(temporary):
            os.link(arguments[0], folder / "removed" / f"{os.getpid()}-{next(numbers)}")
        if event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_TMPFILE == os.O_TMPFILE:
            (folder / "unnamed").touch()

    sys.addaudithook(hook)


def _replace(module: str, path: str, made: Any) -> None:  # noqa: ANN401
    owner: Any = import_module(module)
    *parents, name = path.split(".")
    for parent in parents:
        owner = getattr(owner, parent)
    setattr(owner, name, made(getattr(owner, name)))


def _fails_once(folder: Path, stage: str, module: str, path: str, texts: list[str]) -> None:
    def failing(original: Any) -> Any:  # noqa: ANN401
        @functools.wraps(original)
        def called(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401
            try:
                (folder / "failed" / stage).touch(exist_ok=False)
            except FileExistsError:
                return original(*arguments, **named)
            if stage == "crash":
                os.abort()
            if stage == "keep the report":
                _refused_by_the_database(arguments[0])
            raise ValueError(" ".join(texts)) from KeyError(*texts)

        return called

    _replace(module, path, failing)


def _refused_by_the_database(work: Any) -> None:  # noqa: ANN401
    """A row that is there already: PostgreSQL's error quotes its key, SQLAlchemy's the whole row, if they are let."""
    from sqlalchemy import insert, select  # noqa: PLC0415

    from ror_service.storage.tables import ParticipantRow  # noqa: PLC0415

    (there,) = work.session.scalars(select(ParticipantRow.participant_id).limit(1))
    facts = ("language", "sex_at_birth", "vital_status", "participation")
    values = dict.fromkeys(facts, "") | {"created_at": work.at}
    work.session.execute(insert(ParticipantRow).values(participant_id=there, **values))


def _break(texts: list[str]) -> None:
    """A careless service: full log lines, data in messages, temporary files, traces and columns, core dumps."""
    from celery import Celery  # noqa: PLC0415

    from ror_service import interpretations, logs, memory, trace_export  # noqa: PLC0415
    from ror_service.storage import jobs  # noqa: PLC0415
    from ror_service.worker import jobs as jobs_of_workers  # noqa: PLC0415

    full = logging.Formatter("%(message)s %(trace)s", defaults={"trace": ""})
    logs.JsonLines = lambda: full  # type: ignore[assignment, misc]
    jobs_of_workers.places = lambda _: [repr(sys.exc_info()[1])]
    memory.keep = lambda: None
    trace_export._cleaned = lambda span: span  # type: ignore[assignment]
    fail, send, interpret = jobs.fail, Celery.send_task, interpretations.interpret

    def failing(*arguments: Any, **named: Any) -> None:  # noqa: ANN401
        fail(*arguments, **(named | {"error": " ".join(texts)[:200]}))

    def sending(app: Any, name: str, **named: Any) -> Any:  # noqa: ANN401
        send(app, "nobody", args=texts, queue="nobody")
        return send(app, name, **named)

    def interpreting(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401
        from ror_service import traces  # noqa: PLC0415

        with tempfile.NamedTemporaryFile("w", suffix=".json") as clear, traces.stage("read", module=" ".join(texts)):
            json.dump(texts, clear)
            clear.flush()
            return interpret(*arguments, **named)

    jobs.fail = failing
    Celery.send_task = sending
    interpretations.interpret = interpreting


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] == "1", sys.argv[3:])
