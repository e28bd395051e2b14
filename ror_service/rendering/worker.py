"""The process that turns HTML into PDF: reads documents from standard input, writes PDFs to standard output.

Run as `python -I -m ror_service.rendering.worker` by `RendererProcess`, never by hand. It keeps no file: the fonts come
from the package by way of `FONTCONFIG_FILE`, and after start-up the process cannot write files at all.

A frame in is 4 bytes of length (big-endian) and the HTML in UTF-8. A frame out is one byte (`+` or `-`), 4 bytes of
length, and the PDF or, after `-`, a code that says what went wrong without a word of the document.
"""

from __future__ import annotations

import gc
import logging
import resource
import struct
import sys
from typing import Any, BinaryIO, NoReturn

from ror_service import memory

READY = b"ready"
HEADER = struct.Struct(">I")
MEBIBYTE = 2**20
MAX_ADDRESS_SPACE = 2048 * MEBIBYTE


class _Problems(logging.Handler):
    """Collects what WeasyPrint complains of: a report with a fault is not to be delivered."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message without its arguments, which may quote the document."""
        self.found.append(str(record.msg))


def _limit() -> None:
    """No files, bounded memory; the parent process bounds the time."""
    memory.keep()
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MAX_ADDRESS_SPACE, MAX_ADDRESS_SPACE))


class Engine:
    """WeasyPrint with the settings of this service; fonts are loaded once."""

    def __init__(self) -> None:
        from weasyprint import HTML  # noqa: PLC0415 - takes two seconds, and only this process needs it
        from weasyprint.text.fonts import FontConfiguration  # noqa: PLC0415 - as above
        from weasyprint.urls import FatalURLFetchingError, URLFetcher  # noqa: PLC0415 - as above

        class DataOnly(URLFetcher):  # type: ignore[misc]  # the library has no types
            """Refuses every address but `data:`; a refused one stops the document."""

            def fetch(self, url: str, headers: Any = None) -> Any:  # noqa: ANN401 - the library's signature
                if not url.startswith("data:"):
                    raise FatalURLFetchingError("address refused")
                return super().fetch(url, headers)

        self._html = HTML
        self._fetcher = DataOnly
        self._fonts = FontConfiguration()
        self._problems = _Problems()
        logger = logging.getLogger("weasyprint")
        logger.handlers = [self._problems]
        logger.setLevel(logging.WARNING)
        logger.propagate = False

    def pdf(self, html: str) -> bytes:
        """The PDF/UA-1 document of an HTML document.

        Raises:
            ValueError: If WeasyPrint found anything to complain of; the message is its text without arguments.
        """
        self._problems.found.clear()
        document = self._html(string=html, url_fetcher=self._fetcher(), media_type="print")
        pdf: bytes = document.write_pdf(
            font_config=self._fonts, pdf_variant="pdf/ua-1", presentational_hints=False, custom_metadata=False
        )
        if self._problems.found:
            raise ValueError("; ".join(sorted(set(self._problems.found))))
        return pdf


def _answer(engine: Engine, html: bytes) -> tuple[bytes, bytes]:
    """Status and body of the frame for one document."""
    try:
        return b"+", engine.pdf(html.decode())
    except ValueError as error:
        return b"-", str(error).encode()
    except BaseException as error:  # noqa: BLE001 - refusals of the fetcher are no Exception; every case is told by name
        return b"-", type(error).__name__.encode()


def serve(source: BinaryIO, sink: BinaryIO, engine: Engine) -> None:
    """Answer documents until the input ends."""
    sink.write(READY)
    sink.flush()
    gc.disable()
    while header := source.read(HEADER.size):
        (length,) = HEADER.unpack(header)
        status, body = _answer(engine, source.read(length))
        sink.write(status + HEADER.pack(len(body)) + body)
        sink.flush()
        # Collecting between documents and not during them saves a tenth of the time.
        gc.collect()


def main() -> NoReturn:
    """Load WeasyPrint, give up what is not needed, and serve."""
    engine = Engine()
    _limit()
    serve(sys.stdin.buffer, sys.stdout.buffer, engine)
    sys.exit(0)


if __name__ == "__main__":
    main()
