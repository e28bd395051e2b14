"""Log lines carry what is allowed and nothing else."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from ror_service import logs


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Where a configured process writes; the logging of the tests is put back afterwards."""
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr("sys.stderr", stream)
    for hook in ("sys.excepthook", "sys.unraisablehook", "threading.excepthook", "warnings.showwarning"):
        monkeypatch.setattr(hook, None)  # put back afterwards
    monkeypatch.setattr("logging.raiseExceptions", True)
    logs.configure()
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_line_carries_the_allowed_keys_alone(stream: io.StringIO) -> None:
    extra = {"job_id": "job-1", "code": "withheld", "participant_id": "P0001", "diplotype": "*1/*3"}
    logging.getLogger("ror_service.worker.jobs").warning("job failed", extra=extra)
    line = json.loads(stream.getvalue())
    assert line["message"] == "job failed"
    assert (line["job_id"], line["code"], line["level"]) == ("job-1", "withheld", "warning")
    assert "P0001" not in stream.getvalue()
    assert "*1/*3" not in stream.getvalue()


def test_arguments_and_tracebacks_stay_out(stream: io.StringIO) -> None:
    try:
        int("rs17822931 T/T")
    except ValueError:
        logging.getLogger("a.library").exception("could not read %s", "BRCA2")
    line = json.loads(stream.getvalue())
    assert line["error"] == "ValueError"
    assert line["message"] == "could not read %s"
    assert "rs17822931" not in stream.getvalue()
    assert "BRCA2" not in stream.getvalue()


def test_the_places_of_an_error_are_told_and_what_it_says_is_not(stream: io.StringIO) -> None:
    def read() -> None:
        raise KeyError("P0001")

    try:
        read()
    except KeyError:
        logging.getLogger("a.library").exception("could not read")
    line = json.loads(stream.getvalue())
    assert [place.rpartition(":")[0].rpartition(".")[2] for place in line["trace"]][-1] == "read"
    assert "P0001" not in stream.getvalue()


@pytest.mark.parametrize("said", [{"genotype": "0/1"}, f"no report for {'P0001'.upper()}", "P0001 " + str(1)])
def test_a_message_that_was_put_together_is_left_out_and_its_place_told(stream: io.StringIO, said: object) -> None:
    logging.getLogger("a.library").error(said)
    line = json.loads(stream.getvalue())
    assert "message" not in line
    assert line["where"].startswith("test_logs:")
    assert "P0001" not in stream.getvalue()


_TOLD = "waiting for %s"


def test_a_message_of_the_module_counts_as_written(stream: io.StringIO) -> None:
    logging.getLogger("a.library").error(_TOLD, "P0001")
    assert json.loads(stream.getvalue())["message"] == "waiting for %s"


def test_the_places_of_an_error_may_be_told_without_the_error(stream: io.StringIO) -> None:
    extra = {"trace": ["ror_service.pipeline.<module>:7", "read P0001", {"P0001": 1}]}
    logging.getLogger("a.library").error("failed", extra=extra)
    assert json.loads(stream.getvalue())["trace"] == ["ror_service.pipeline.<module>:7", "str", "dict"]
    logging.getLogger("a.library").error("failed", extra={"trace": "P0001"})
    assert "P0001" not in stream.getvalue()


def test_a_record_that_came_from_elsewhere_shows_no_message(stream: io.StringIO) -> None:
    logging.getLogger().handle(logging.makeLogRecord({"msg": "P0001", "name": "a.library", "levelno": logging.ERROR}))
    assert "message" not in json.loads(stream.getvalue())


def test_an_allowed_key_carries_no_free_text(stream: io.StringIO) -> None:
    logging.getLogger("a.library").error("failed", extra={"code": "no P0001: rs1 C/T", "status": 503, "task": b"P"})
    line = json.loads(stream.getvalue())
    assert (line["code"], line["status"], line["task"]) == ("str", 503, "bytes")


def test_a_line_that_cannot_be_written_says_nothing_of_it(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs.JsonLines, "format", lambda *_: 1 / 0)
    logging.getLogger("a.library").error("failed %s", "P0001")
    assert not stream.getvalue()


def test_warnings_are_told_by_their_class(stream: io.StringIO) -> None:
    warnings.showwarning("P0001", UserWarning, "P0001", 1)
    assert json.loads(stream.getvalue())["code"] == "UserWarning"
    assert "P0001" not in stream.getvalue()


@pytest.mark.parametrize("hook", ["excepthook", "unraisablehook", "threading"])
def test_errors_that_nobody_caught_are_told_by_class_and_place(stream: io.StringIO, hook: str) -> None:
    error = ValueError("P0001")
    told = SimpleNamespace(exc_type=ValueError, exc_value=error, exc_traceback=None, thread=None)
    if hook == "excepthook":
        sys.excepthook(ValueError, error, None)
        sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    else:
        (sys.unraisablehook if hook == "unraisablehook" else threading.excepthook)(told)  # type: ignore[arg-type]
    line = json.loads(stream.getvalue())
    assert (line["level"], line["error"]) == ("critical", "ValueError")
    assert "P0001" not in stream.getvalue()


def test_what_is_not_a_warning_is_not_written(stream: io.StringIO) -> None:
    logging.getLogger("a.library").info("fine")
    assert not stream.getvalue()
