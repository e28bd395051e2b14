import re
from dataclasses import replace
from io import BytesIO

import pikepdf
import pytest
from support import reports

from report_templates.content import Audience, Language
from ror_service.identifiers import SHOWN
from ror_service.rendering import AccessibilityError, Artifact, RendererProcess, RenderingError, artifacts

PARTICIPANT, CLINICIAN = Audience.PARTICIPANT, Audience.CLINICIAN
FOR_PARTICIPANTS = [
    ("participant.en.html", "text/html; charset=utf-8", PARTICIPANT, Language.EN),
    ("participant.en.pdf", "application/pdf", PARTICIPANT, Language.EN),
    ("participant.es.html", "text/html; charset=utf-8", PARTICIPANT, Language.ES),
    ("participant.es.pdf", "application/pdf", PARTICIPANT, Language.ES),
]
FOR_CLINICIANS = [
    ("clinician.en.html", "text/html; charset=utf-8", CLINICIAN, Language.EN),
    ("clinician.en.pdf", "application/pdf", CLINICIAN, Language.EN),
]
FOR_SYSTEMS = [("clinician.en.json", "application/fhir+json", CLINICIAN, Language.EN)]


def facts(made: tuple[Artifact, ...]) -> list[tuple[str, str, Audience, Language]]:
    return [(item.name, item.media_type, item.audience, item.language) for item in made]


def test_html_and_pdf_in_each_language(renderer: RendererProcess) -> None:
    made = artifacts(reports.release(reports.traits_not_read()), renderer)
    assert facts(made) == FOR_PARTICIPANTS + FOR_SYSTEMS
    assert made[0].content.startswith(b"<!DOCTYPE html>")
    assert b'lang="es"' in made[2].content
    assert made[3].content.startswith(b"%PDF-1.7")


def test_the_medicines_report_has_a_version_for_clinicians_too(renderer: RendererProcess) -> None:
    made = artifacts(reports.release(reports.medicines()), renderer)
    assert facts(made) == FOR_PARTICIPANTS + FOR_CLINICIANS + FOR_SYSTEMS
    assert len({item.content for item in made}) == len(made)
    assert artifacts(reports.release(reports.medicines()), renderer) == made, "the same report, to the byte"


@pytest.mark.parametrize(
    "state",
    ["ancestry", "traits", "hereditary-pair", "hereditary-read-in-part", "medicines-held", "medicines-reviewed"],
)
def test_every_module_passes_the_gate(renderer: RendererProcess, state: str) -> None:
    assert artifacts(reports.release(reports.STATES[state]()), renderer)


def test_the_medicines_report_shows_whatever_may_be_entered(renderer: RendererProcess) -> None:
    """Every character of the pattern, and the longest list; a character beyond it could stop the report for ever."""
    allowed = [chr(code) for code in range(0x20, 0x3000) if re.fullmatch(SHOWN, chr(code))]
    lines = ["".join(allowed[start : start + 100]) for start in range(0, len(allowed), 100)]
    most = [f"{number:02}{'W' * 98}" for number in range(50 - len(lines))]
    made = artifacts(reports.release(replace(reports.medicines(), own_medicines=(*lines, *most))), renderer)
    assert facts(made) == FOR_PARTICIPANTS + FOR_CLINICIANS + FOR_SYSTEMS
    beyond = replace(reports.medicines(), own_medicines=("阿司匹林",))
    with pytest.raises(RenderingError, match="unsupported by fonts"):
        artifacts(reports.release(beyond), renderer)


class Careless:
    """A renderer that makes a PDF without tags."""

    def render(self, html: str, data: bytes = b"") -> bytes:
        assert html
        assert data
        made = BytesIO()
        with pikepdf.new() as document:
            document.add_blank_page()
            document.save(made)
        return made.getvalue()


def test_a_pdf_that_could_not_be_followed_is_not_delivered() -> None:
    release = reports.release(reports.medicines())
    with pytest.raises(AccessibilityError):
        artifacts(release, Careless())


def test_an_artifact_is_a_value() -> None:
    one = Artifact("participant.en.html", "text/html", PARTICIPANT, Language.EN, b"x")
    assert replace(one) == one
