"""One renderer and one good PDF for all tests of this folder: a PDF costs the better part of a second."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support import reports

from report_templates.content import Language
from report_templates.render import render_html
from ror_service.rendering import RendererProcess


@pytest.fixture(scope="session")
def renderer() -> Iterator[RendererProcess]:
    with RendererProcess() as process:
        yield process


@pytest.fixture(scope="session")
def html() -> str:
    return render_html(reports.release(reports.medicines()), Language.EN)


@pytest.fixture(scope="session")
def pdf(renderer: RendererProcess, html: str) -> bytes:
    return renderer.render(html)
