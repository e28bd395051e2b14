"""The tag-tree gate accepts what we make and refuses each broken variant of it."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import pikepdf
import pytest

from ror_service.rendering import AccessibilityError, check_accessible
from ror_service.rendering.accessibility import _elements


def changed(pdf: bytes, change: Callable[[pikepdf.Pdf], None]) -> bytes:
    with pikepdf.open(BytesIO(pdf)) as document:
        change(document)
        out = BytesIO()
        document.save(out)
        return out.getvalue()


def first(document: pikepdf.Pdf, kind: str) -> pikepdf.Object:
    return next(element for found, element in _elements(document.Root.StructTreeRoot) if found == kind)


def no_language(document: pikepdf.Pdf) -> None:
    del document.Root["/Lang"]


def no_title(document: pikepdf.Pdf) -> None:
    del document.docinfo["/Title"]


def hidden_title(document: pikepdf.Pdf) -> None:
    del document.Root["/ViewerPreferences"]


def not_marked(document: pikepdf.Pdf) -> None:
    del document.Root["/MarkInfo"]


def no_tree(document: pikepdf.Pdf) -> None:
    del document.Root["/StructTreeRoot"]


def no_alternative(document: pikepdf.Pdf) -> None:
    del first(document, "/Figure")["/Alt"]


def two_titles(document: pikepdf.Pdf) -> None:
    first(document, "/H2")["/S"] = pikepdf.Name("/H1")


def no_first_heading(document: pikepdf.Pdf) -> None:
    first(document, "/H1")["/S"] = pikepdf.Name("/P")


def skipped_level(document: pikepdf.Pdf) -> None:
    for kind, element in list(_elements(document.Root.StructTreeRoot)):
        if kind == "/H3":
            element["/S"] = pikepdf.Name("/H4")


def no_header_cells(document: pikepdf.Pdf) -> None:
    for kind, element in list(_elements(first(document, "/Table"))):
        if kind == "/TH":
            element["/S"] = pikepdf.Name("/TD")


def nameless_cell(document: pikepdf.Pdf) -> None:
    del first(document, "/TD")["/A"]


def bare_link(document: pikepdf.Pdf) -> None:
    link = document.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name("/Annot"), Subtype=pikepdf.Name("/Link")))
    document.pages[0]["/Annots"] = pikepdf.Array([link])


BROKEN = {
    no_language: "no language",
    no_title: "no title",
    hidden_title: "the title is not shown",
    not_marked: "not tagged",
    no_tree: "not tagged",
    no_alternative: "a figure has no text alternative",
    two_titles: "2 headings of the first level",
    no_first_heading: "the first heading is not of the first level",
    skipped_level: "a heading level is skipped",
    no_header_cells: "a table has no header cells",
    nameless_cell: "a table cell names no header",
    bare_link: "a link has no description",
}


def test_a_report_passes(pdf: bytes) -> None:
    check_accessible(pdf)
    check_accessible(changed(pdf, lambda _document: None))


@pytest.mark.parametrize("change", BROKEN, ids=lambda change: change.__name__)
def test_each_fault_is_refused(pdf: bytes, change: Callable[[pikepdf.Pdf], None]) -> None:
    with pytest.raises(AccessibilityError) as caught:
        check_accessible(changed(pdf, change))
    assert BROKEN[change] in caught.value.faults
    assert BROKEN[change] in str(caught.value)


def test_attributes_may_be_a_list(pdf: bytes) -> None:
    def as_list(document: pikepdf.Pdf) -> None:
        cell = first(document, "/TD")
        cell["/A"] = pikepdf.Array([cell["/A"]])

    check_accessible(changed(pdf, as_list))
