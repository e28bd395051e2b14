"""The files of one report version, in every language and format."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from consent.gate import Release
from report_templates.content import Language, ReportContent
from report_templates.render import render_html
from ror_service.rendering.accessibility import check_accessible

AUDIENCE = "participant"


class Renderer(Protocol):
    """Turns an HTML document into a PDF."""

    def render(self, html: str) -> bytes:
        """The PDF of one document."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file of a report version."""

    name: str
    """File name, `<audience>.<language>.<format>`."""
    media_type: str
    language: Language
    content: bytes


def artifacts(
    release: Release[ReportContent], languages: Iterable[Language], renderer: Renderer
) -> tuple[Artifact, ...]:
    """HTML and PDF of the report in each language; the same release gives the same bytes.

    Args:
        release: What the consent gate let through.
        languages: Languages, in the order of the result.
        renderer: Maker of the PDF, usually a `RendererProcess` that serves many reports.

    Raises:
        WordingError: If there is no wording for something that the report must say.
        RenderingError: If no PDF could be made.
        AccessibilityError: If the PDF could not be followed by a screen reader.
    """
    made: list[Artifact] = []
    for language in languages:
        html = render_html(release, language)
        pdf = renderer.render(html)
        check_accessible(pdf)
        name = f"{AUDIENCE}.{language}"
        made.append(Artifact(f"{name}.html", "text/html; charset=utf-8", language, html.encode()))
        made.append(Artifact(f"{name}.pdf", "application/pdf", language, pdf))
    return tuple(made)
