"""Log lines as JSON with an allow-list of keys: what is not on it never reaches a log, whoever puts it there."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

ALLOWED = ("job_id", "task", "code", "attempts", "method", "route", "status")
"""Keys of `extra` that a line may carry: codes, counts and opaque ids."""


class JsonLines(logging.Formatter):
    """One JSON object a line. A traceback is left out: it may quote data; the class of the error stays."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            # Not the arguments: they may be anything.
            "message": record.msg if isinstance(record.msg, str) else type(record.msg).__name__,
        }
        line |= {key: getattr(record, key) for key in ALLOWED if hasattr(record, key)}
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
        return json.dumps(line)


def configure() -> None:
    """Send warnings and worse of this process to standard error, as JSON lines."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
