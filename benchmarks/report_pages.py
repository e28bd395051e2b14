"""Every report, made: pages, CPU seconds, faults of its tags, overflow, reading grade, untranslated texts.

    python benchmarks/report_pages.py [--quick] [--state NAME] [--write FOLDER] [--repeat 3]

Renders every state of every template in each language and for each audience (`tests/support/reports.py`) with the
service's own renderer, and prints a line for each. CPU seconds are those of one HTML document and its PDF, the least of
--repeat. "Overlaps" counts words that lie on each other or leave the page. English is graded by Flesch-Kincaid, Spanish
by the Szigriszt-Pazos index (65 and more is fairly easy), names of genes and medicines masked; reports for clinicians
are not graded. The pseudo-locale `en-XA` (accented English, some 35 % longer) stands for languages to come.

--quick is one state of each module, and --state one of them. --write keeps the PDFs and HTML files. Ends with status 1
when a bound is broken; the bound on time is that of the mean report, and counts for all states together alone.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pikepdf
from promises import tell

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

from support import report_pages, reports
from support.reading import FAIRLY_EASY, GRADE
from support.report_pages import Version

from report_templates.content import Audience, Language
from ror_service.rendering import AccessibilityError, RendererProcess, check_accessible

CPU_SECONDS = 0.5
"""Of the mean report. One of 15 pages on medicines takes more: some 0.06 s a page."""
QUICK = ("ancestry", "traits-ten", "medicines-sequence-only", "hereditary-positive", "medicines-corrected")
PROMISE = (
    "Every report in every state and language can be read: tags whole, no text on another, plain words, translated"
)


@dataclass(frozen=True, slots=True)
class Line:
    """What was measured of one version."""

    version: Version
    pages: int
    seconds: float
    tag_faults: tuple[str, ...]
    overflows: tuple[str, ...]
    reading: float | None
    untranslated: tuple[str, ...]

    def broken(self) -> Iterator[str]:
        """Which bounds it breaks, but that on time."""
        _, language, _ = self.version
        yield from self.tag_faults
        yield from self.overflows
        yield from (f"not translated: {text[:60]}" for text in self.untranslated)
        if self.reading is None:
            return
        if language == Language.EN and self.reading > GRADE:
            yield f"grade {self.reading:.1f} of at most {GRADE:.0f}"
        if language == Language.ES and self.reading < FAIRLY_EASY:
            yield f"index {self.reading:.1f} of at least {FAIRLY_EASY:.0f}"


def measure(version: Version, renderer: RendererProcess, repeat: int, folder: Path | None) -> Line:
    """Render one version and look at what came out."""
    seconds = []
    for _ in range(repeat):
        before = report_pages.cpu_seconds(renderer) + time.process_time()
        html = report_pages.html_of(version)
        pdf = renderer.render(html)
        seconds.append(report_pages.cpu_seconds(renderer) + time.process_time() - before)
    if folder is not None:
        name = folder / "-".join(version)
        name.with_suffix(".html").write_text(html, "utf-8")
        name.with_suffix(".pdf").write_bytes(pdf)
    try:
        check_accessible(pdf)
        faults: tuple[str, ...] = ()
    except AccessibilityError as error:
        faults = error.faults
    with pikepdf.open(BytesIO(pdf)) as document:
        pages = len(document.pages)
    graded = version[2] is Audience.PARTICIPANT and version[1] in set(Language)
    return Line(
        version,
        pages,
        min(seconds),
        faults,
        tuple(report_pages.overflows(pdf)),
        report_pages.reading(version) if graded else None,
        tuple(report_pages.untranslated(version)),
    )


def main() -> int:
    """Measure, print, and say whether a bound was broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--state", action="append", choices=reports.STATES)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--repeat", type=int, default=1)
    words = parser.parse_args()
    states = words.state or (QUICK if words.quick else tuple(reports.STATES))
    if words.write:
        words.write.mkdir(parents=True, exist_ok=True)
    lines = []
    print(f"{'report':56} pages  CPU s  tags  overlaps  reads  untranslated")
    with RendererProcess() as renderer:
        renderer.render(report_pages.html_of(("ancestry", Language.EN, Audience.PARTICIPANT)))  # fonts and styles
        for version in report_pages.EVERY:
            if version[0] in states:
                line = measure(version, renderer, words.repeat, words.write)
                lines.append(line)
                show(line)
    seconds = [line.seconds for line in lines]
    broken = sum(bool(list(line.broken())) for line in lines)
    mean, most = sum(seconds) / len(seconds), max(seconds)
    print(f"{len(lines)} reports, {sum(line.pages for line in lines)} pages: mean {mean:.2f} CPU s, most {most:.2f}")
    in_time = len(states) < len(reports.STATES) or mean <= CPU_SECONDS
    figure = f"{len(lines)} reports, {broken} with a fault; one took {mean:.2f} CPU s (most {most:.2f})"
    return 0 if tell(PROMISE, figure, held=not broken and in_time) else 1


def show(line: Line) -> None:
    """Print one line of the table, and what is broken below it."""
    reads = "-" if line.reading is None else f"{line.reading:.1f}"
    print(
        f"{' '.join(line.version):56} {line.pages:5} {line.seconds:6.2f} {len(line.tag_faults):5} "
        f"{len(line.overflows):9} {reads:>6} {len(line.untranslated):13}"
    )
    for fault in list(line.broken())[:5]:
        print(f"    {fault}")


if __name__ == "__main__":
    sys.exit(main())
