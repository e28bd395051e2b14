"""The process that turns HTML into PDF: reads documents from standard input, writes PDFs to standard output.

Run as `python -I -m ror_service.rendering.worker` by `RendererProcess`, never by hand. It keeps no file: the fonts come
from the package by way of `FONTCONFIG_FILE`, and after start-up the process cannot write files at all.

A frame in is 4 bytes of length (big-endian) and the HTML in UTF-8, then again a length and the JSON to attach, of
length 0 where there is none. A frame out is one byte (`+` or `-`), 4 bytes of length, and the PDF or, after `-`, a code
that says what went wrong without a word of the document.
"""

from __future__ import annotations

import gc
import logging
import resource
import struct
import sys
from datetime import datetime
from typing import Any, BinaryIO, NoReturn

from ror_service import memory

READY = b"ready"
HEADER = struct.Struct(">I")
MEBIBYTE = 2**20
MAX_ADDRESS_SPACE = 2048 * MEBIBYTE
ATTACHED = "result.json"
"""Name of the attached file."""
_END_OF_METADATA = b"</rdf:RDF>"
_ALSO_UA = b"""\
<rdf:Description rdf:about=""
 xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/" pdfuaid:part="1"/>
<rdf:Description rdf:about=""
 xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"
 xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#"
 xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
<pdfaSchema:schema>PDF/UA Universal Accessibility Schema</pdfaSchema:schema>
<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>
<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>
<pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">
<pdfaProperty:name>part</pdfaProperty:name>
<pdfaProperty:valueType>Integer</pdfaProperty:valueType>
<pdfaProperty:category>internal</pdfaProperty:category>
<pdfaProperty:description>Indicates, which part of ISO 14289 standard is followed</pdfaProperty:description>
</rdf:li></rdf:Seq></pdfaSchema:property>
</rdf:li></rdf:Bag></pdfaExtension:schemas>
</rdf:Description>
"""
"""What says that the file keeps PDF/UA-1 besides PDF/A-3a, and explains that property, as PDF/A asks for each that it
does not know. WeasyPrint writes one of the two alone (PDF Association, "Conforming to both PDF/A and PDF/UA")."""


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
        from weasyprint import HTML, Attachment  # noqa: PLC0415 - takes two seconds, and only this process needs it
        from weasyprint.text.fonts import FontConfiguration  # noqa: PLC0415 - as above
        from weasyprint.urls import FatalURLFetchingError, URLFetcher  # noqa: PLC0415 - as above

        class DataOnly(URLFetcher):  # type: ignore[misc]  # the library has no types
            """Refuses every address but `data:`; a refused one stops the document."""

            def fetch(self, url: str, headers: Any = None) -> Any:  # noqa: ANN401 - the library's signature
                if not url.startswith("data:"):
                    raise FatalURLFetchingError("address refused")
                return super().fetch(url, headers)

        self._html = HTML
        self._attachment = Attachment
        self._fetcher = DataOnly
        self._fonts = FontConfiguration()
        self._problems = _Problems()
        logger = logging.getLogger("weasyprint")
        logger.handlers = [self._problems]
        logger.setLevel(logging.WARNING)
        logger.propagate = False

    def pdf(self, html: str, data: bytes = b"") -> bytes:
        """The PDF of an HTML document, both PDF/UA-1 and PDF/A-3a.

        Args:
            html: The document.
            data: JSON to attach, as another form of what the document says; empty for none.

        Raises:
            ValueError: If WeasyPrint found anything to complain of; the message is its text without arguments.
        """
        self._problems.found.clear()
        source = self._html(string=html, url_fetcher=self._fetcher(), media_type="print")
        document = source.render(font_config=self._fonts, presentational_hints=False)
        if data:
            # A time of its own would make two renderings of one report differ.
            issued = datetime.fromisoformat(document.metadata.created or "1970-01-01")
            document.metadata.attachments.append(
                self._attachment(
                    string=data, name=ATTACHED, created=issued, modified=issued, relationship="Alternative",
                    description="FHIR R4 bundle of this result",
                )
            )  # fmt: skip
        pdf: bytes = document.write_pdf(finisher=_finish, pdf_variant="pdf/a-3a", pdf_identifier=True)
        if self._problems.found:
            raise ValueError("; ".join(sorted(set(self._problems.found))))
        return pdf


def _finish(_document: Any, pdf: Any) -> None:  # noqa: ANN401 - the library has no types
    """Say that the file keeps PDF/UA-1 too, and name each attached file once."""
    metadata = pdf.objects[int(pdf.catalog["Metadata"].split()[0])]
    head, end, tail = metadata.stream[0].rpartition(_END_OF_METADATA)
    metadata.stream[0] = head + _ALSO_UA + end + tail
    if "AF" in pdf.catalog:
        pdf.catalog["AF"][:] = dict.fromkeys(pdf.catalog["AF"])


def _answer(engine: Engine, html: bytes, data: bytes) -> tuple[bytes, bytes]:
    """Status and body of the frame for one document."""
    try:
        return b"+", engine.pdf(html.decode(), data)
    except ValueError as error:
        return b"-", str(error).encode()
    except BaseException as error:  # noqa: BLE001 - refusals of the fetcher are no Exception; every case is told by name
        return b"-", type(error).__name__.encode()


def serve(source: BinaryIO, sink: BinaryIO, engine: Engine) -> None:
    """Answer documents until the input ends."""
    sink.write(READY)
    sink.flush()
    # Collecting between documents and not during them saves a tenth of the time. What was loaded stays for ever, and
    # looking through it each time would find nothing.
    gc.disable()
    gc.collect()
    gc.freeze()
    while header := source.read(HEADER.size):
        html, data = _read(source, header), _read(source, source.read(HEADER.size))
        status, body = _answer(engine, html, data)
        sink.write(status + HEADER.pack(len(body)) + body)
        sink.flush()
        gc.collect()


def _read(source: BinaryIO, header: bytes) -> bytes:
    (length,) = HEADER.unpack(header)
    return source.read(length)


def main() -> NoReturn:
    """Load WeasyPrint, give up what is not needed, and serve."""
    engine = Engine()
    _limit()
    serve(sys.stdin.buffer, sys.stdout.buffer, engine)
    sys.exit(0)


if __name__ == "__main__":
    main()
