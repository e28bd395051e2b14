from dataclasses import replace
from io import BytesIO

import pikepdf
import pytest
from support import reports

from report_templates.content import Language
from ror_service.rendering import AccessibilityError, Artifact, RendererProcess, artifacts


def test_html_and_pdf_in_each_language(renderer: RendererProcess) -> None:
    made = artifacts(reports.release(reports.hereditary_not_read()), Language, renderer)
    assert [(item.name, item.media_type, item.language) for item in made] == [
        ("participant.en.html", "text/html; charset=utf-8", Language.EN),
        ("participant.en.pdf", "application/pdf", Language.EN),
        ("participant.es.html", "text/html; charset=utf-8", Language.ES),
        ("participant.es.pdf", "application/pdf", Language.ES),
    ]
    assert made[0].content.startswith(b"<!DOCTYPE html>")
    assert b'lang="es"' in made[2].content
    assert made[3].content.startswith(b"%PDF-1.7")


@pytest.mark.parametrize("state", ["ancestry", "traits", "hereditary-positive", "medicines-held"])
def test_every_module_passes_the_gate(renderer: RendererProcess, state: str) -> None:
    made = artifacts(reports.release(reports.STATES[state]()), [Language.ES], renderer)
    assert len(made) == 2


class Careless:
    """A renderer that makes a PDF without tags."""

    def render(self, html: str) -> bytes:
        assert html
        made = BytesIO()
        with pikepdf.new() as document:
            document.add_blank_page()
            document.save(made)
        return made.getvalue()


def test_a_pdf_that_could_not_be_followed_is_not_delivered() -> None:
    release = reports.release(reports.medicines())
    with pytest.raises(AccessibilityError):
        artifacts(release, [Language.EN], Careless())


def test_an_artifact_is_a_value() -> None:
    one = Artifact("participant.en.html", "text/html", Language.EN, b"x")
    assert replace(one) == one
