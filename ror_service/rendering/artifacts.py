"""The files of one report version, for every audience, in its languages and every format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from consent.gate import Release
from report_templates.content import Audience, Language, ReportContent
from report_templates.differences import document
from report_templates.render import audiences, render_html
from ror_service.interchange.bundle import FILE, MEDIA_TYPE, fhir_bundle
from ror_service.rendering.accessibility import check_accessible
from ror_service.rendering.archive import check_archivable
from ror_service.sealing.canonical import canonical_json

DIFFERENCE = "difference.json"
"""What the version says otherwise than the one before, for systems. Its reader gets no file of the report that way."""


class Renderer(Protocol):
    """Turns an HTML document into a PDF."""

    def render(self, html: str, data: bytes = b"") -> bytes:
        """The PDF of one document, with JSON attached."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file of a report version."""

    name: str
    """File name, `<audience>.<language>.<format>`, or `difference.json`."""
    media_type: str
    audience: Audience
    language: Language
    content: bytes


def artifacts(
    release: Release[ReportContent], renderer: Renderer, sign: Callable[[bytes], bytes] | None = None
) -> tuple[Artifact, ...]:
    """HTML and PDF for each audience and language, and the FHIR bundle, which each PDF holds as well.

    Unsigned, the same release gives the same.

    Args:
        release: What the consent gate let through.
        renderer: Maker of the PDF, usually a `RendererProcess` that serves many reports.
        sign: Signs a PDF, where the programme signs them.

    Raises:
        WordingError: If there is no wording for something that the report must say.
        RenderingError: If no PDF could be made.
        RenderError: If the FHIR bundle would not keep the profiles of its guide.
        AccessibilityError: If the PDF could not be followed by a screen reader.
        ArchiveError: If the PDF could not be kept for long.
    """
    made: list[Artifact] = []
    bundle = fhir_bundle(release)
    for audience, language in audiences(release.payload.module):
        html = render_html(release, language, audience)
        pdf = renderer.render(html, bundle)
        if sign is not None:
            pdf = sign(pdf)
        check_accessible(pdf)
        check_archivable(pdf)
        name = f"{audience}.{language}"
        made.append(Artifact(f"{name}.html", "text/html; charset=utf-8", audience, language, html.encode()))
        made.append(Artifact(f"{name}.pdf", "application/pdf", audience, language, pdf))
    made.append(Artifact(FILE, MEDIA_TYPE, Audience.CLINICIAN, Language.EN, bundle))
    return (*made, *difference(release.payload))


def difference(content: ReportContent) -> tuple[Artifact, ...]:
    """The file that tells what a version says otherwise than the one before; the original has none."""
    change = content.change
    if change is None:
        return ()
    about = {
        "version": content.version,
        "kind": content.kind.value,
        "reason": content.reason,
        "supersedes": change.previous_version,
        "knowledge_release": {"before": change.knowledge[0], "after": change.knowledge[1]}
        if change.knowledge
        else None,
        "interpreter_version": content.interpretation.version,
    }
    text = canonical_json(document(change.differences, about))
    return (Artifact(DIFFERENCE, "application/json", Audience.CLINICIAN, Language.EN, text),)
