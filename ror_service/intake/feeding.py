"""Feeds bytes to the reading process through a pipe: what is sealed on disk is in clear in memory alone."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self


class Feeder:
    """A pipe and the thread that fills it. A context manager: on leaving, thread and pipe are gone.

    Args:
        chunks: The bytes, in order; taken in the thread alone.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self.descriptor, write_end = os.pipe()
        """The end to read from; for the process, and closed by whoever starts it."""
        self._pipe = os.fdopen(write_end, "wb", buffering=0)
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def start(self, stop: Callable[[], None]) -> None:
        """Begin to feed, once the process has its end of the pipe and nobody else does.

        Args:
            stop: Kills the process; called when the source fails.
        """
        thread = threading.Thread(target=self._run, args=(stop,), name="feeder", daemon=True)
        thread.start()
        self._thread = thread

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the thread; it ends with the source or with the process.

        Raises:
            BaseException: What the source raised. It goes before whatever came of the process, which was killed for it.
        """
        if self._thread is not None:
            self._thread.join()
        self._pipe.close()
        if self._failure is not None:
            raise self._failure

    def _run(self, stop: Callable[[], None]) -> None:
        try:
            for chunk in self._chunks:
                if not self._write(chunk):
                    break
        except BaseException as error:  # noqa: BLE001 - raised again where the feeder is left
            self._failure = error
            # Before the pipe is closed: the process must not take what it got for a whole file.
            stop()
        finally:
            self._pipe.close()

    def _write(self, chunk: bytes) -> bool:
        """False when the process has ended; its status and reply tell why."""
        rest = memoryview(chunk)
        try:
            while rest:
                rest = rest[self._pipe.write(rest) :]
        except BrokenPipeError:
            return False
        return True
