"""The gate for archives accepts what we make, signed or not, and refuses each broken variant of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO

import pikepdf
import pytest
from support import reports

from report_templates.content import Language
from report_templates.render import render_html
from ror_service.interchange.bundle import fhir_bundle
from ror_service.rendering import ArchiveError, RendererProcess, check_accessible, check_archivable


@pytest.fixture(scope="module")
def kept(renderer: RendererProcess) -> bytes:
    release = reports.release(reports.traits_not_read())
    return renderer.render(render_html(release, Language.EN), fhir_bundle(release))


def changed(pdf: bytes, change: Callable[[pikepdf.Pdf], None]) -> bytes:
    with pikepdf.open(BytesIO(pdf)) as document:
        change(document)
        out = BytesIO()
        document.save(out)
        return out.getvalue()


def rewritten(document: pikepdf.Pdf, old: bytes, new: bytes) -> None:
    metadata = document.Root.Metadata.read_bytes()
    assert old in metadata
    document.Root.Metadata = document.make_stream(metadata.replace(old, new))


def font(document: pikepdf.Pdf, subtype: str) -> pikepdf.Object:
    return next(
        item
        for item in document.objects
        if isinstance(item, pikepdf.Dictionary) and item.get("/Type") == "/Font" and item.get("/Subtype") == subtype
    )


def no_metadata(document: pikepdf.Pdf) -> None:
    del document.Root["/Metadata"]


def another_level(document: pikepdf.Pdf) -> None:
    rewritten(document, b'pdfaid:conformance="A"', b'pdfaid:conformance="B"')


def no_ua(document: pikepdf.Pdf) -> None:
    rewritten(document, b'pdfuaid:part="1"', b"")


def two_parts(document: pikepdf.Pdf) -> None:
    rdf = b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/>'
    rewritten(document, b"</x:xmpmeta>", rdf + b"</x:xmpmeta>")


def unexplained(document: pikepdf.Pdf) -> None:
    rewritten(document, b"pdfaSchema:namespaceURI>http://www.aiim.org/pdfua", b"pdfaSchema:namespaceURI>http://other")


def no_profile(document: pikepdf.Pdf) -> None:
    del document.Root["/OutputIntents"]


def font_elsewhere(document: pikepdf.Pdf) -> None:
    descriptor = font(document, "/CIDFontType2").FontDescriptor
    for key in ("/FontFile2", "/FontFile3"):
        if key in descriptor:
            del descriptor[key]


def unreadable_font(document: pikepdf.Pdf) -> None:
    del font(document, "/Type0")["/ToUnicode"]


def belongs_to_nothing(document: pikepdf.Pdf) -> None:
    del document.Root["/AF"]


def nameless(document: pikepdf.Pdf) -> None:
    del document.Root.AF[0]["/AFRelationship"]


def dateless(document: pikepdf.Pdf) -> None:
    del document.Root.AF[0].EF.F.Params["/ModDate"]


def fileless(document: pikepdf.Pdf) -> None:
    del document.Root.AF[0].EF["/F"]


def runs(document: pikepdf.Pdf) -> None:
    document.Root["/OpenAction"] = pikepdf.Dictionary(S=pikepdf.Name("/JavaScript"), JS="1")


def hidden(document: pikepdf.Pdf) -> None:
    note = pikepdf.Dictionary(Type=pikepdf.Name("/Annot"), Subtype=pikepdf.Name("/Text"), F=6)
    document.pages[0]["/Annots"] = pikepdf.Array([document.make_indirect(note)])


BROKEN = {
    no_metadata: "no metadata",
    another_level: "does not say PDF/A-3a",
    no_ua: "does not say PDF/UA-1",
    two_parts: "metadata in several parts",
    unexplained: "metadata that are not explained",
    no_profile: "no color profile",
    font_elsewhere: "a font that is not embedded",
    unreadable_font: "a font whose text cannot be read",
    belongs_to_nothing: "an attached file that belongs to nothing",
    nameless: "an attached file that does not say what it is",
    dateless: "an attached file without kind or date",
    fileless: "an attached file without kind or date",
    runs: "something that runs",
    hidden: "an annotation that is hidden or not printed",
}


def test_a_report_is_fit_for_an_archive_and_holds_its_data(kept: bytes) -> None:
    check_archivable(kept)
    check_accessible(kept)
    with pikepdf.open(BytesIO(kept)) as document:
        (name,) = document.attachments
        attached = document.attachments[name].get_file().read_bytes()
        colors = {
            str(operator)
            for page in document.pages
            for _, operator in pikepdf.parse_content_stream(page)
            if str(operator) in {"k", "K", "sh"}
        }
    assert name == "result.json"
    assert json.loads(attached)["resourceType"] == "Bundle"
    assert colors == set(), "the color profile is one of red, green and blue"


def test_a_report_without_data_is_one_too(pdf: bytes) -> None:
    check_archivable(pdf)


@pytest.mark.parametrize("change", BROKEN, ids=lambda change: change.__name__)
def test_each_fault_is_refused(kept: bytes, change: Callable[[pikepdf.Pdf], None]) -> None:
    with pytest.raises(ArchiveError) as caught:
        check_archivable(changed(kept, change))
    assert BROKEN[change] in caught.value.faults
    assert BROKEN[change] in str(caught.value)


def test_an_encrypted_file_is_refused(kept: bytes) -> None:
    out = BytesIO()
    with pikepdf.open(BytesIO(kept)) as document:
        document.save(out, encryption=pikepdf.Encryption(owner="x", user=""))
    with pytest.raises(ArchiveError, match="encrypted"):
        check_archivable(out.getvalue())
