"""Commands over knowledge releases."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Column, Table

from interpreters.comparison import Comparison, FactChange
from interpreters.hereditary_risk.compare import compare as compare_hereditary_risk
from interpreters.knowledge import (
    KnowledgeError,
    KnowledgeRelease,
    choose_release,
    load_release,
    verify,
)
from interpreters.pharmacogenomics.compare import compare as compare_pharmacogenomics
from interpreters.registry import installed, module_names, releases
from ror_service.cli.tables import show
from ror_service.errors import InvalidInputError
from ror_service.settings import settings

_COMPARE: Mapping[str, Callable[[KnowledgeRelease, KnowledgeRelease], Comparison]] = {
    "hereditary_risk": compare_hereditary_risk,
    "pharmacogenomics": compare_pharmacogenomics,
}
"""The modules whose releases can be compared fact by fact."""

_LISTED = 160
"""Characters of a list of names on one line of a comparison; of a longer one only the first `_FEW` are shown."""

_FEW = 2

knowledge = typer.Typer(help="Knowledge releases: the versioned data behind every finding.", no_args_is_help=True)
import_ = typer.Typer(help="Build a new release.", no_args_is_help=True)
knowledge.add_typer(import_, name="import")


@knowledge.command("list")
def list_releases() -> None:
    """Every release of every module with its sources; the one in use is marked."""
    table = Table("module", Column("release", no_wrap=True), "in use", "digest", "source", "version", "licence")
    for used, found in _modules():
        for release in found:
            mark = "yes" if release.digest == used.digest else ""
            for source in release.sources:
                table.add_row(
                    used.module, release.release, mark, release.digest[:12], source.name, source.version, source.licence
                )
    show(table)


@knowledge.command("verify")
def verify_releases() -> None:
    """Check every file of every release against its hash; exit status 1 naming the first that differs."""
    for _, found in _modules():
        for release in found:
            with _told():
                verify(release)
            typer.echo(f"{release.module} {release.release}: {len(release.files)} files as in the manifest")


@knowledge.command("diff")
def diff_releases(
    module: Annotated[str, typer.Argument(help="Module, such as pharmacogenomics.")],
    before: Annotated[str, typer.Argument(help="Name of the older release.")],
    after: Annotated[str, typer.Argument(help="Name of the newer release.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")] = False,
) -> None:
    """What differs between two releases: files, sources and, by gene, facts.

    For hereditary_risk what ClinVar reclassified, for pharmacogenomics everything.
    """
    if module not in module_names():
        raise InvalidInputError(f"no module {module!r}; there are: {', '.join(module_names())}")
    extra = settings().knowledge_folder
    with _told():
        data = installed(modules=(module,), extra=extra)[module].knowledge.folder.parent
        old, new = (choose_release(module, name, data, extra) for name in (before, after))
        compared = _COMPARE[module](old, new) if module in _COMPARE else None
    changed = {"file": _changed(old.files, new.files), "source": _changed(_sources(old), _sources(new))}
    if as_json:
        rows = compared and [{**fact.subject._asdict(), **_values(fact)} for fact in compared.facts]
        summary = compared and compared.summary
        typer.echo(json.dumps({"module": module, **changed, "fact": rows, "summary": summary}, indent=1))
        return
    typer.echo(f"{module}: from {old.release} ({old.digest[:12]}) to {new.release} ({new.digest[:12]})")
    lines = [
        f"  {kind} {how}: {name}" for kind, found in changed.items() for how, names in found.items() for name in names
    ]
    for line in [*lines, *_lines(compared.facts if compared else ())] or ["  nothing differs"]:
        typer.echo(line)
    only = f"Fact by fact, only releases of {' and '.join(_COMPARE)} are compared."
    for line in compared.summary if compared else (only,):
        typer.echo(line)


@import_.command("clinvar")
def import_clinvar(
    file: Annotated[Path, typer.Argument(help="NCBI's clinvar.vcf.gz, unchanged.")],
    output: Annotated[Path | None, typer.Option(help="Folder of releases; ROR_KNOWLEDGE_FOLDER when left out.")] = None,
    release: Annotated[str | None, typer.Option(help="Name of the release; ClinVar's date when left out.")] = None,
) -> None:
    """Build a hereditary-risk release from ClinVar's own VCF."""
    from interpreters.hereditary_risk import build  # noqa: PLC0415 - only this command needs it

    folder = output or settings().knowledge_folder
    if folder is None:
        raise InvalidInputError("name a folder with --output, or set ROR_KNOWLEDGE_FOLDER")
    with _told(), _bar(file) as progress:
        made = build.import_clinvar(file, folder / build.MODULE, release, progress=progress)
    typer.echo(f"Built {made.module} release {made.release} in {made.folder}; digest {made.digest}")


def _modules() -> Iterator[tuple[KnowledgeRelease, list[KnowledgeRelease]]]:
    """For each module the release in use, and all that there are."""
    extra, chosen = settings().knowledge_folder, settings().knowledge_releases
    for name in module_names():
        with _told():
            used = installed(modules=(name,), releases=chosen, extra=extra)[name].knowledge
            found = [load_release(folder) for folder in releases(name, extra).values()]
        yield used, found


def _sources(release: KnowledgeRelease) -> Mapping[str, str]:
    return {source.name: f"{source.version} {source.date} {source.licence} {source.url}" for source in release.sources}


def _changed(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, list[str]]:
    return {
        "added": sorted(new.keys() - old.keys()),
        "removed": sorted(old.keys() - new.keys()),
        "changed": sorted(name for name in old.keys() & new.keys() if old[name] != new[name]),
    }


def _values(fact: FactChange) -> dict[str, str | None]:
    return {"field": fact.field, "before": fact.before, "after": fact.after}


def _lines(facts: Iterable[FactChange]) -> Iterator[str]:
    """Changed facts by gene; names to which the same happened share a line."""
    alike: dict[tuple[str, str, str, str | None, str | None], list[str]] = {}
    for fact in facts:
        gene, kind, name = fact.subject
        alike.setdefault((gene, kind, fact.field, fact.before, fact.after), []).append(name)
    heading = None
    for (gene, kind, field, before, after), names in alike.items():
        if gene != heading:
            heading = gene
            yield gene or "Every gene"
        if before is None:
            what = f"added {after}"
        elif after is None:
            what = f"removed {before}"
        else:
            what = f"{field} {before or 'none'} -> {after or 'none'}"
        yield f"  {kind} {_listed(names)}: {what}".rstrip()


def _listed(names: Sequence[str]) -> str:
    every = ", ".join(names)
    return every if len(every) <= _LISTED else f"{', '.join(names[:_FEW])} and {len(names) - _FEW} more"


@contextmanager
def _bar(file: Path) -> Iterator[Callable[[int], None]]:
    """Shows a terminal how much of a file has been read; the full file of ClinVar takes half a minute."""
    if not (sys.stderr.isatty() and file.is_file()):
        yield lambda _: None
        return
    with typer.progressbar(length=file.stat().st_size, label=f"Reading {file.name}", file=sys.stderr) as bar:
        yield bar.update


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except KnowledgeError as error:
        raise InvalidInputError(str(error)) from error
