"""The renderer: same bytes for the same document, nothing from outside, limits that hold."""

from __future__ import annotations

import logging
import struct
from importlib.resources import as_file, files
from io import BytesIO

import pikepdf
import pytest

from ror_service.rendering import RendererProcess, RenderingError, process, worker
from ror_service.rendering.worker import HEADER, READY, Engine, serve

SMALL = '<!DOCTYPE html><html lang="en"><head><title>t</title>{head}</head><body><h1>t</h1>{body}</body></html>'


def small(body: str = "", head: str = "") -> str:
    return SMALL.format(head=head, body=body)


def test_the_same_document_gives_the_same_bytes_in_any_process(
    renderer: RendererProcess, html: str, pdf: bytes
) -> None:
    assert renderer.render(html) == pdf
    with RendererProcess() as another:
        assert another.render(html) == pdf


def test_the_document_says_when_it_was_issued_and_uses_the_bundled_fonts_alone(pdf: bytes) -> None:
    with pikepdf.open(BytesIO(pdf)) as document:
        assert str(document.docinfo["/CreationDate"]).startswith("D:20261122")
        fonts = {
            str(font["/BaseFont"]).split("+")[-1]
            for page in document.pages
            for font in page.Resources.get("/Font", pikepdf.Dictionary()).values()
        }
    assert fonts
    assert all(font.startswith("Source-Sans-3") for font in fonts)


@pytest.mark.parametrize(
    "document",
    [
        small('<img alt="x" src="https://example.org/x.png">'),
        small('<img alt="x" src="file:///etc/passwd">'),
        small(head='<link rel="stylesheet" href="file:///etc/passwd">'),
        small(head="<style>@import url(http://127.0.0.1:9/x.css);</style>"),
        small(head='<style>@font-face{font-family:x;src:url("file:///etc/passwd")} body{font-family:x}</style>'),
        small(head='<link rel="attachment" href="file:///etc/passwd">'),
    ],
)
def test_nothing_outside_the_document_is_read(renderer: RendererProcess, document: str) -> None:
    with pytest.raises(RenderingError) as caught:
        renderer.render(document)
    assert "passwd" not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)


def test_a_fault_is_named_without_a_word_of_the_document(renderer: RendererProcess) -> None:
    with pytest.raises(RenderingError) as caught:
        renderer.render(small(head="<style>p { secret-finding: BRCA2 }</style>"))
    assert "BRCA2" not in str(caught.value)
    # The process goes on to serve the next document.
    assert renderer.render(small()).startswith(b"%PDF-1.7")


def test_data_in_the_document_may_be_used(renderer: RendererProcess) -> None:
    dot = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 1 1'/%3E"
    assert renderer.render(small(f'<img alt="dot" src="{dot}">')).startswith(b"%PDF")


def test_a_document_that_takes_too_long_ends_its_process_and_the_next_gets_a_new_one() -> None:
    with RendererProcess(document_seconds=0.0) as hasty:
        with pytest.raises(RenderingError, match="took too long"):
            hasty.render(small())
        assert hasty._child is None
        hasty._document_seconds = process.DOCUMENT_SECONDS
        assert hasty.render(small()).startswith(b"%PDF")
        assert hasty._child is not None
        hasty._child.kill()
        hasty._child.wait()
        # A child that died between two documents is replaced unseen.
        assert hasty.render(small()).startswith(b"%PDF")


def test_the_process_is_renewed_after_its_number_of_documents(renderer: RendererProcess) -> None:
    child, renderer._documents_a_process = renderer._child, renderer._done + 1
    try:
        renderer.render(small())
        assert renderer._child is None
    finally:
        renderer._documents_a_process = process.DOCUMENTS_A_PROCESS
    assert child is not None
    assert child.poll() is not None


def test_a_renderer_that_cannot_start_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process.sys, "executable", "/bin/false")
    with RendererProcess() as broken, pytest.raises(RenderingError, match="pango"):
        broken.render(small())


def test_an_answer_that_is_too_large_is_refused(renderer: RendererProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "MAX_PDF_BYTES", 10)
    with pytest.raises(RenderingError, match="too large"):
        renderer.render(small())


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # WeasyPrint's own, of its color profile
def test_the_engine_itself(monkeypatch: pytest.MonkeyPatch, html: str, pdf: bytes) -> None:
    with as_file(files("report_templates") / "static" / "fonts" / "fonts.conf") as font_list:
        monkeypatch.setenv("FONTCONFIG_FILE", str(font_list))
        engine = Engine()
        assert engine.pdf(html) == pdf
        assert engine.pdf(html, b"{}") == engine.pdf(html, b"{}") != pdf
        with pytest.raises(ValueError, match="%"):
            engine.pdf(small(head="<style>p { secret-finding: BRCA2 }</style>"))
        with pytest.raises(BaseException, match="refused"):
            engine.pdf(small('<img alt="x" src="file:///etc/passwd">'))


class FakeEngine(Engine):
    """Answers without WeasyPrint."""

    def __init__(self) -> None:
        pass

    def pdf(self, html: str, data: bytes = b"") -> bytes:
        if html == "fault":
            raise ValueError("a fault")
        if html == "refused":
            raise KeyboardInterrupt
        return html.upper().encode() + data


def frame(html: str, data: bytes = b"") -> bytes:
    return HEADER.pack(len(html)) + html.encode() + HEADER.pack(len(data)) + data


def test_the_worker_answers_in_frames_until_the_input_ends() -> None:
    sink = BytesIO()
    pages = (frame("page", b"{}"), frame("fault"), frame("refused"))
    serve(BytesIO(b"".join(pages)), sink, FakeEngine())
    answers = [(b"+", b"PAGE{}"), (b"-", b"a fault"), (b"-", b"KeyboardInterrupt")]
    assert sink.getvalue() == READY + b"".join(s + struct.pack(">I", len(b)) + b for s, b in answers)


def test_limits_are_set_before_the_first_document(monkeypatch: pytest.MonkeyPatch) -> None:
    limits: dict[int, tuple[int, int]] = {}
    monkeypatch.setattr(worker.resource, "setrlimit", limits.__setitem__)
    monkeypatch.setattr(worker, "Engine", FakeEngine)
    monkeypatch.setattr(worker, "serve", lambda _source, _sink, _engine: None)
    with pytest.raises(SystemExit) as ended:
        worker.main()
    assert ended.value.code == 0
    assert limits[worker.resource.RLIMIT_FSIZE] == (0, 0)
    assert limits[worker.resource.RLIMIT_AS][0] == worker.MAX_ADDRESS_SPACE


def test_complaints_are_kept_without_their_arguments() -> None:
    problems = worker._Problems()
    problems.emit(logging.LogRecord("weasyprint", logging.ERROR, "", 1, "no alt for %s", ("BRCA2",), None))
    assert problems.found == ["no alt for %s"]
