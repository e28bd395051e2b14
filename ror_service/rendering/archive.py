"""The gate that a PDF must pass to be kept for long: does it keep PDF/A-3a, with its data attached?

Looks for what ISO 19005-3 (PDF/A-3) asks of a file made by our own renderer: what it says of itself, a color profile,
embedded fonts whose text can be read, attached files that say what they are, and nothing that runs or that lies
elsewhere. The tags that level A asks for are checked by `accessibility`.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any
from xml.etree import ElementTree as ET

import pikepdf

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_A, _UA = "{http://www.aiim.org/pdfa/ns/id/}", "{http://www.aiim.org/pdfua/ns/id/}"
_SCHEMA = "{http://www.aiim.org/pdfa/ns/schema#}namespaceURI"
_RUNS = ("/OpenAction", "/AA", "/XFA", "/JS", "/JavaScript")
_FONT_FILES = ("/FontFile", "/FontFile2", "/FontFile3")
_INVISIBLE, _HIDDEN, _PRINT, _NO_VIEW = 1, 2, 4, 32


class ArchiveError(ValueError):
    """A PDF that must not be kept as it is; `faults` says why, without a word of the document."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("not fit for an archive: " + "; ".join(faults))
        self.faults = faults


def check_archivable(pdf: bytes) -> None:
    """Check that a PDF keeps PDF/A-3a and says so, and that it says to keep PDF/UA-1 too.

    Raises:
        ArchiveError: If it does not name both standards, has no identifier or is encrypted; has no color profile, a
            font that is not embedded or whose text cannot be read, an attached file that does not say what it is,
            something that runs, or an annotation that is hidden or not printed.
    """
    with pikepdf.open(BytesIO(pdf)) as document:
        faults = tuple(dict.fromkeys(_faults(document)))
    if faults:
        raise ArchiveError(faults)


def _faults(document: pikepdf.Pdf) -> Iterator[str]:
    if document.is_encrypted or "/ID" not in document.trailer:
        yield "encrypted, or without identifier"
    yield from _metadata_faults(document.Root)
    intents = document.Root.get("/OutputIntents", pikepdf.Array())
    if not any(intent.get("/S") == "/GTS_PDFA1" and "/DestOutputProfile" in intent for intent in intents):
        yield "no color profile"
    for item in document.objects:
        if isinstance(item, pikepdf.Dictionary | pikepdf.Stream):
            yield from _object_faults(item)
    yield from _attachment_faults(document.Root)


def _metadata_faults(root: Any) -> Iterator[str]:  # noqa: ANN401 - pikepdf objects have no narrower type
    if "/Metadata" not in root:
        yield "no metadata"
        return
    tree = ET.fromstring(root.Metadata.read_bytes())  # noqa: S314 - our own renderer wrote it
    if len(list(tree.iter(f"{_RDF}RDF"))) != 1:
        yield "metadata in several parts"
    said: dict[str, str] = {}
    for description in tree.iter(f"{_RDF}Description"):
        said |= description.attrib
    if (said.get(f"{_A}part"), said.get(f"{_A}conformance")) != ("3", "A"):
        yield "does not say PDF/A-3a"
    if said.get(f"{_UA}part") != "1":
        yield "does not say PDF/UA-1"
    # Whoever signs the file writes its metadata anew, and an address as a reference.
    if _UA.strip("{}") not in [schema.get(f"{_RDF}resource", schema.text) for schema in tree.iter(_SCHEMA)]:
        yield "metadata that are not explained"


def _object_faults(item: Any) -> Iterator[str]:  # noqa: ANN401 - as above
    if any(key in item for key in _RUNS):
        yield "something that runs"
    kind = item.get("/Type")
    if kind == "/Font" and item.get("/Subtype") != "/Type0":
        descriptor = item.get("/FontDescriptor", pikepdf.Dictionary())
        if not any(key in descriptor for key in _FONT_FILES):
            yield "a font that is not embedded"
    if kind == "/Font" and item.get("/Subtype") == "/Type0" and "/ToUnicode" not in item:
        yield "a font whose text cannot be read"
    if kind == "/Annot":
        flags = int(item.get("/F", 0))
        if not flags & _PRINT or flags & (_INVISIBLE | _HIDDEN | _NO_VIEW):
            yield "an annotation that is hidden or not printed"


def _attachment_faults(root: Any) -> Iterator[str]:  # noqa: ANN401 - as above
    names = root.get("/Names", pikepdf.Dictionary()).get("/EmbeddedFiles", pikepdf.Dictionary())
    attached = list(names.get("/Names", pikepdf.Array()))[1::2]
    associated = list(root.get("/AF", pikepdf.Array()))
    if [file.objgen for file in attached] != [file.objgen for file in associated]:
        yield "an attached file that belongs to nothing"
    for file in attached:
        stream = file.get("/EF", pikepdf.Dictionary()).get("/F")
        if stream is None or "/Subtype" not in stream or "/ModDate" not in stream.get("/Params", pikepdf.Dictionary()):
            yield "an attached file without kind or date"
        if not {"/AFRelationship", "/F", "/UF", "/Desc"} <= set(file.keys()):
            yield "an attached file that does not say what it is"
