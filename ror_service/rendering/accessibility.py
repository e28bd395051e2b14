"""The gate that a PDF must pass before it is delivered: can a screen reader follow it?

Walks the tag tree, because the maker of the PDF only logs what is missing. Sources: ISO 14289-1 (PDF/UA-1), clauses
7.1 to 7.5 and 7.18.5.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from itertools import pairwise
from typing import Any

import pikepdf

_HEADINGS = {f"/H{level}": level for level in range(1, 7)}


class AccessibilityError(ValueError):
    """A PDF that must not be delivered; `faults` says why, without a word of the document."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("not accessible: " + "; ".join(faults))
        self.faults = faults


def check_accessible(pdf: bytes) -> None:
    """Check the tag tree of a PDF.

    Raises:
        AccessibilityError: If the document is not tagged, has no language or title; has a figure without a text
            alternative, no or several first-level headings, a skipped heading level, a table without header cells or
            with data cells that name none, or a link without a description.
    """
    with pikepdf.open(BytesIO(pdf)) as document:
        faults = tuple(dict.fromkeys(_faults(document)))
    if faults:
        raise AccessibilityError(faults)


def _faults(document: pikepdf.Pdf) -> Iterator[str]:
    yield from _document_faults(document)
    if "/StructTreeRoot" not in document.Root:
        return
    elements = list(_elements(document.Root.StructTreeRoot))
    yield from _heading_faults([_HEADINGS[kind] for kind, _ in elements if kind in _HEADINGS])
    for kind, element in elements:
        if kind == "/Figure" and not str(element.get("/Alt", "")).strip():
            yield "a figure has no text alternative"
        if kind == "/Table":
            yield from _table_faults(element)
    for page in document.pages:
        for annotation in page.get("/Annots", pikepdf.Array()):
            if annotation.get("/Subtype") == "/Link" and not str(annotation.get("/Contents", "")):
                yield "a link has no description"


def _document_faults(document: pikepdf.Pdf) -> Iterator[str]:
    root = document.Root
    if not str(root.get("/Lang", "")):
        yield "no language"
    if not str(document.docinfo.get("/Title", "")):
        yield "no title"
    if not bool(root.get("/ViewerPreferences", pikepdf.Dictionary()).get("/DisplayDocTitle", False)):
        yield "the title is not shown"
    if not bool(root.get("/MarkInfo", pikepdf.Dictionary()).get("/Marked", False)) or "/StructTreeRoot" not in root:
        yield "not tagged"


def _elements(node: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - pikepdf objects have no narrower type
    """Every structure element below `node` with its kind, in reading order."""
    children = node.get("/K")
    if children is None:
        return
    for child in children if isinstance(children, pikepdf.Array) else [children]:
        if isinstance(child, pikepdf.Dictionary) and "/S" in child:
            yield str(child.S), child
            yield from _elements(child)


def _heading_faults(levels: list[int]) -> Iterator[str]:
    if levels.count(1) != 1:
        yield f"{levels.count(1)} headings of the first level"
    if levels and levels[0] != 1:
        yield "the first heading is not of the first level"
    if any(after > before + 1 for before, after in pairwise(levels)):
        yield "a heading level is skipped"


def _table_faults(table: Any) -> Iterator[str]:  # noqa: ANN401 - as above
    cells = [(kind, cell) for kind, cell in _elements(table) if kind in {"/TH", "/TD"}]
    if not any(kind == "/TH" for kind, _ in cells):
        yield "a table has no header cells"
    if any(kind == "/TD" and not _headers(cell) for kind, cell in cells):
        yield "a table cell names no header"


def _headers(cell: Any) -> int:  # noqa: ANN401 - as above
    """How many headers a data cell names."""
    attributes = cell.get("/A", pikepdf.Dictionary())
    return sum(
        len(attribute.get("/Headers", pikepdf.Array()))
        for attribute in (attributes if isinstance(attributes, pikepdf.Array) else [attributes])
    )
