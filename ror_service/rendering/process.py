"""A long-lived child process that turns HTML into PDF, with limits on time and memory."""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import threading
import time
from contextlib import suppress
from importlib.resources import as_file, files
from types import TracebackType
from typing import IO, Self

from ror_service.rendering.worker import HEADER, MEBIBYTE, READY

START_SECONDS = 60.0
DOCUMENT_SECONDS = 60.0
DOCUMENTS_A_PROCESS = 200
"""After this many the process is renewed: WeasyPrint's memory grows by a quarter of a megabyte a document."""
MAX_PDF_BYTES = 64 * MEBIBYTE


class RenderingError(RuntimeError):
    """No PDF could be made. The message names the cause and never quotes the document."""


class RendererProcess:
    """Makes PDFs in a child process that is started when first needed and kept for many documents.

    A document that takes too long, or that makes the child fail, ends the child; the next document gets a new one.
    May be shared by threads: one document at a time. Use as a context manager, or call `close`.

    Args:
        document_seconds: Time that one document may take.
        documents_a_process: Number of documents after which the child is renewed.
    """

    def __init__(
        self, document_seconds: float = DOCUMENT_SECONDS, documents_a_process: int = DOCUMENTS_A_PROCESS
    ) -> None:
        self._document_seconds = document_seconds
        self._documents_a_process = documents_a_process
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._done = 0

    def render(self, html: str, data: bytes = b"") -> bytes:
        """The PDF of an HTML document, both PDF/UA-1 and PDF/A-3a; the same document gives the same bytes.

        Args:
            html: The document.
            data: JSON to attach; empty for none.

        Raises:
            RenderingError: If the document has a fault, asks for anything outside itself, or takes too long.
        """
        with self._lock:
            child = self._running()
            try:
                status, body = self._exchange(child, html.encode(), data)
            except (OSError, RenderingError) as error:
                self._stop()
                raise RenderingError(f"PDF: {error}") from None
            self._done += 1
            if self._done >= self._documents_a_process:
                self._stop()
        if status != b"+":
            raise RenderingError(f"PDF: {body.decode(errors='replace')}")
        return body

    def close(self) -> None:
        """End the child process."""
        with self._lock:
            self._stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is not None and self._child.poll() is None:
            return self._child
        self._stop()
        with as_file(files("report_templates") / "static" / "fonts" / "fonts.conf") as font_list:
            # Nothing of the service's own environment: no settings, no keys.
            environment = {"PATH": os.defpath, "FONTCONFIG_FILE": str(font_list), "LC_ALL": "C.UTF-8"}
            child = subprocess.Popen(
                [sys.executable, "-I", "-m", "ror_service.rendering.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
                cwd="/",
            )
            self._child, self._done = child, 0
            try:
                _read(_pipe(child.stdout), len(READY), time.monotonic() + START_SECONDS)
            except RenderingError as error:
                self._stop()
                raise RenderingError(
                    f"PDF: the renderer did not start ({error}); are pango and harfbuzz-subset installed?"
                ) from None
        return child

    def _exchange(self, child: subprocess.Popen[bytes], html: bytes, data: bytes) -> tuple[bytes, bytes]:
        deadline = time.monotonic() + self._document_seconds
        sink, source = _pipe(child.stdin), _pipe(child.stdout)
        # The child reads a whole document before it answers, so this cannot wait for itself.
        sink.write(HEADER.pack(len(html)) + html + HEADER.pack(len(data)) + data)
        sink.flush()
        head = _read(source, 1 + HEADER.size, deadline)
        (length,) = HEADER.unpack(head[1:])
        if length > MAX_PDF_BYTES:
            raise RenderingError("the document is too large")
        return head[:1], _read(source, length, deadline)

    def _stop(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            with suppress(OSError):
                _pipe(pipe).close()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    """The pipe, which is there because it was asked for."""
    assert pipe is not None  # noqa: S101 - tells the type checker what Popen cannot
    return pipe


def _read(pipe: IO[bytes], size: int, deadline: float) -> bytes:
    """Exactly `size` bytes before `deadline`.

    Raises:
        RenderingError: If the time is over or the other side has closed.
    """
    parts = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while len(parts) < size:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise RenderingError("took too long")
            part = os.read(pipe.fileno(), min(size - len(parts), MEBIBYTE))
            if not part:
                raise RenderingError("the renderer stopped")
            parts += part
    return bytes(parts)
