"""Makes the HTML of a report. The same HTML is read on a screen and turned into the PDF.

Only what the consent gate let through can be rendered: `render_html` accepts nothing but a `Release`.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Callable
from functools import cache, partial
from importlib.resources import files
from importlib.resources.abc import Traversable

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from consent.gate import Release
from report_templates.content import Audience, ContentError, Language, ReportContent
from report_templates.views import (
    ancestry,
    clinician_hereditary,
    clinician_medicines,
    frame,
    hereditary,
    medicines,
    traits,
)
from report_templates.wording import Words, check_every_language, content_file

INK = "#0f4c5c"
"""Color of pictograms and of the map; a color of its own in the SVG, because a PDF knows no currentColor."""
PALE = "#d9dfe1"
_FOLDERS = ("content", "locale", "pictograms", "static", "templates", "views")
_MODULES = (
    "completeness.py",
    "content.py",
    "differences.py",
    "medicine_messages.py",
    "medicine_names.py",
    "render.py",
    "wording.py",
)
_BORROWED = (("interpreters.hereditary_risk", "reasons.py"),)
"""Wording that a report takes from elsewhere, by package."""
_SVG_TITLE = re.compile(r"<title>.*?</title>", re.DOTALL)
_SVG_DESC = re.compile(r"<desc>.*?</desc>", re.DOTALL)
_MAP_REGION = re.compile(r'<g id="(?P<id>[\w-]+)"[^>]*>(?:<title>[^<]*</title>)?')


def render_html(release: Release[ReportContent], language: Language, audience: Audience = Audience.PARTICIPANT) -> str:
    """The report in one language as one HTML document that needs no other file.

    Args:
        release: What the consent gate let through.
        language: Language of the report.
        audience: Whom it is written for; `audiences` lists what there is.

    Raises:
        ContentError: If the release is for another participant or module than the report, or there is no such version.
        WordingError: If the report must say something for which there is no wording.
        IncompleteLanguageError: If any language lacks a text, whatever the report is about.
    """
    content, decision = release.payload, release.decision
    if (decision.participant_id, decision.module) != (content.participant.programme_id, content.module):
        raise ContentError("release: the decision is for another participant or module than the report")
    if (audience, language) not in audiences(content.module):
        raise ContentError(f"audience: {content.module} has no version for the {audience} in the language {language}")
    return document(release, Words(language, audience))


def document(release: Release[ReportContent], words: Words) -> str:
    """The report in `words`, which need not be those of a language that is released."""
    content, decision = release.payload, release.decision
    template = _environment().get_template(_TEMPLATES[words.audience].format(module=content.module))
    return template.render(
        t=words,
        title_of=partial(_picture_title, words),
        content=content,
        frame=frame.frame(content, words, decision.policy_version),
        view=_VIEWS[words.audience][content.module](content, words),
    )


def audiences(module: str) -> tuple[tuple[Audience, Language], ...]:
    """Every version that a module's report has: whom it is for, and in which language.

    Participants get each report in every language. The clinician version is in English only: it restates guidelines
    that are written, and will be reviewed, in English, and a translation that nobody has reviewed could harm.
    """
    versions = [(Audience.PARTICIPANT, language) for language in Language]
    if module in _VIEWS[Audience.CLINICIAN]:
        versions.append((Audience.CLINICIAN, Language.EN))
    return tuple(versions)


@cache
def template_digest() -> str:
    """SHA-256 over everything that a rendered report depends on besides its content.

    Covers templates, wording, styles, fonts and the code that joins them. A report version that records it can be made
    again.
    """
    digest = hashlib.sha256()
    root = files("report_templates")
    parts = [root / name for name in _MODULES]
    parts += [files(package) / name for package, name in _BORROWED]
    for folder in _FOLDERS:
        parts += _files_below(root / folder)
    for part in parts:
        digest.update(part.name.encode() + b"\0" + hashlib.sha256(part.read_bytes()).digest())
    return digest.hexdigest()


def _picture_title(words: Words, name: str) -> str:
    return words.text(content_file("pictograms.json")["pictograms"][name]["title"])


def _hereditary(content: ReportContent, words: Words) -> hereditary.HereditaryView:
    return hereditary.view(content, words, frame.knowledge_date(content, words) or words("date_not_given"))


_VIEWS: dict[Audience, dict[str, Callable[[ReportContent, Words], object]]] = {
    Audience.PARTICIPANT: {
        "ancestry": ancestry.view,
        "traits": traits.view,
        "hereditary_risk": _hereditary,
        "pharmacogenomics": medicines.view,
    },
    Audience.CLINICIAN: {
        "hereditary_risk": clinician_hereditary.view,
        "pharmacogenomics": clinician_medicines.view,
    },
}
_TEMPLATES = {Audience.PARTICIPANT: "{module}.html.j2", Audience.CLINICIAN: "{module}.clinician.html.j2"}


@cache
def _environment() -> Environment:
    check_every_language()
    environment = Environment(
        loader=PackageLoader("report_templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        pictogram=pictogram, world_map=world_map, stylesheet=stylesheet, fonts=fonts, css_string=css_string
    )
    return environment


def _files_below(folder: Traversable) -> list[Traversable]:
    found: list[Traversable] = []
    for part in sorted(folder.iterdir(), key=lambda item: item.name):
        if part.is_dir() and part.name != "__pycache__":
            found += _files_below(part)
        elif part.is_file() and not part.name.endswith(".pyc"):
            found.append(part)
    return found


def pictogram(name: str, title: str, color: str = INK) -> Markup:
    """A pictogram as inline SVG with `title` as its text alternative."""
    drawing = _SVG_TITLE.sub("", _pictogram_file(name)).replace("currentColor", color)
    start = drawing.index(">") + 1
    return Markup(drawing[:start]) + Markup("<title>{}</title>").format(title) + Markup(drawing[start:])  # noqa: S704 - the drawing is the package's own file; the title is escaped


def world_map(shares: tuple[ancestry.NamedShare, ...], title: str) -> Markup:
    """The world map, each named region the darker the larger its share; all others pale."""
    estimates = {share.map_id: share.estimate for share in shares}

    def region(match: re.Match[str]) -> str:
        estimate = estimates.get(match["id"])
        if estimate is None:
            opacity = "0.45" if match["id"].startswith("area-") else "1"
            return f'<g fill="{PALE}" fill-opacity="{opacity}">'
        return f'<g fill="{INK}" fill-opacity="{0.35 + 0.65 * estimate / 100:.2f}">'

    drawing = _SVG_DESC.sub("", _pictogram_file("world-regions.svg"))
    start = drawing.index(">") + 1
    head, body = drawing[:start], _MAP_REGION.sub(region, _SVG_TITLE.sub("", drawing[start:], count=1))
    return Markup(head) + Markup("<title>{}</title>").format(title) + Markup(body)  # noqa: S704 - as for pictograms


@cache
def _pictogram_file(name: str) -> str:
    text = (files("report_templates") / "pictograms" / name).read_text("utf-8").strip()
    return re.sub(r"\s*\n\s*", "", text)


@cache
def stylesheet() -> Markup:
    """The one style sheet of all reports."""
    return Markup((files("report_templates") / "static" / "report.css").read_text("utf-8"))  # noqa: S704 - own file


@cache
def fonts() -> Markup:
    """The fonts for a screen, inside the document. The PDF takes the same family from the files of the package."""
    rules = []
    for weight in (400, 700):
        name = f"source-sans-3-latin-{weight}-normal.woff2"
        data = b64encode((files("report_templates") / "static" / "fonts" / name).read_bytes()).decode()
        rules.append(
            f'@font-face{{font-family:"Source Sans 3";font-weight:{weight};'
            f'src:url("data:font/woff2;base64,{data}") format("woff2")}}'
        )
    return Markup("".join(rules))  # noqa: S704 - made of the package's own files


def css_string(value: str) -> Markup:
    """A text as a CSS string, every character that could end it or the style element written as its code."""
    safe = "".join(char if char.isalnum() or char == " " else f"\\{ord(char):x} " for char in value)
    return Markup('"{}"').format(escape(safe))
