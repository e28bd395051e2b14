"""Making a page: templates, what every page shows, and the headers that every page has."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from report_templates.content import Language
from report_templates.render import pictogram
from ror_service.web.wording import LANGUAGE_NAMES, Texts

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
"""No script at all: a page for participants needs none."""
SCRIPTED = HEADERS | {
    "Content-Security-Policy": HEADERS["Content-Security-Policy"] + "; script-src 'self'; connect-src 'self'"
}
"""Pages of staff have scripts of ours, from files of the package."""


def page(
    template: str,
    t: Texts | None,
    status: int = 200,
    headers: Mapping[str, str] = HEADERS,
    **facts: Any,  # noqa: ANN401
) -> HTMLResponse:
    """A page as an answer.

    Args:
        template: Name of a template without its ending.
        t: The words of the language of the page; None where it is in English alone.
        status: HTTP status.
        headers: What goes with it.
        facts: What the template shows.
    """
    html = _environment().get_template(f"{template}.html.j2").render(t=t, **facts)
    return HTMLResponse(html, status_code=status, headers=dict(headers))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("ror_service.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"pictogram": pictogram, "languages": list(Language), "language_names": LANGUAGE_NAMES}
    return environment
