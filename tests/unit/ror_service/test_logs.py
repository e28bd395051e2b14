"""Log lines carry what is allowed and nothing else."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from ror_service import logs


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Where a configured process writes; the logging of the tests is put back afterwards."""
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr("sys.stderr", stream)
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


def test_a_message_that_is_no_text_is_named_by_its_type(stream: io.StringIO) -> None:
    logging.getLogger("a.library").error({"genotype": "0/1"})
    assert json.loads(stream.getvalue())["message"] == "dict"


def test_what_is_not_a_warning_is_not_written(stream: io.StringIO) -> None:
    logging.getLogger("a.library").info("fine")
    assert not stream.getvalue()
