"""Log lines as JSON with an allow-list of keys: what is not on it never reaches a log, whoever puts it there."""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import traceback
import warnings
from datetime import UTC, datetime
from types import FrameType, TracebackType

ALLOWED = ("job_id", "task", "code", "attempts", "method", "route", "status")
"""Keys of `extra` that a line may carry: codes, counts and opaque ids."""
MOST_PLACES = 12
"""Places of a traceback that a line names at most, the innermost ones."""
_PLAIN = re.compile(r"[A-Za-z0-9_.{}/:<>-]{1,128}")
_log = logging.getLogger(__name__)


def plain(value: object) -> int | float | str:
    """A value as it may be told: a number, or a text that looks like a code, a route or an opaque id; else its type."""
    if isinstance(value, (int, float)) or (isinstance(value, str) and _PLAIN.fullmatch(value)):
        return value
    return type(value).__name__


class JsonLines(logging.Formatter):
    """One JSON object a line.

    Of an error only the class and the places in the program stay: its message and a traceback's lines may quote data.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "where": f"{record.module}:{record.lineno}",
        }
        # Not the arguments: they may be anything.
        if _is_written_in_the_program(record):
            line["message"] = record.msg
        line |= {key: plain(getattr(record, key)) for key in ALLOWED if hasattr(record, key)}
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            line["trace"] = places(record.exc_info[2])
        if isinstance(trace := getattr(record, "trace", None), list):
            line["trace"] = [plain(place) for place in trace]
        return json.dumps(line)


def configure() -> None:
    """Send all that this process has to say to standard error as JSON lines.

    That is: warnings and worse of every library, Python's own warnings, and errors that nobody caught, in any thread.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    # A library that quotes data when a line cannot be written, or a call of `logging` is wrong, is not asked to.
    logging.raiseExceptions = False
    warnings.showwarning = _warned
    sys.excepthook = _uncaught
    threading.excepthook = lambda told: _uncaught(told.exc_type, told.exc_value, told.exc_traceback)
    sys.unraisablehook = lambda told: _uncaught(told.exc_type, told.exc_value, told.exc_traceback)


def _is_written_in_the_program(record: logging.LogRecord) -> bool:
    """Whether the message stands in the source of the function, or its module, that logs: one put together is data."""
    frame: FrameType | None = sys._getframe()  # noqa: SLF001 - as `logging` itself finds who logs
    while frame is not None:
        code = frame.f_code
        if code.co_filename == record.pathname and code.co_name == record.funcName:
            constants = (value for name, value in frame.f_globals.items() if name.strip("_").isupper())
            return isinstance(record.msg, str) and any(record.msg is told for told in (*code.co_consts, *constants))
        frame = frame.f_back
    return False


def places(trace: TracebackType | None) -> list[str]:
    """Module, function and line of each call that an error came through, the innermost last: `extra` may carry it."""
    found = [
        f"{frame.f_globals.get('__name__', '')}.{frame.f_code.co_name}:{line}"
        for frame, line in traceback.walk_tb(trace)
    ]
    return found[-MOST_PLACES:]


def _warned(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: object, **__: object
) -> None:
    del message, filename, lineno  # a warning may quote a value
    _log.warning("a warning was given", extra={"code": category.__name__})


def _uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    error = kind() if error is None else error
    _log.critical("nobody caught an error", exc_info=(kind, error, trace))
