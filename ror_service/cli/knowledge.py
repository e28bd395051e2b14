"""Commands over knowledge releases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Column, Table

from interpreters.knowledge import KnowledgeError, KnowledgeRelease, load_release, release_folders, verify
from interpreters.registry import installed, module_names
from ror_service.cli.running import settings
from ror_service.cli.tables import show
from ror_service.errors import InvalidInputError

knowledge = typer.Typer(help="Knowledge releases: the versioned data behind every finding.", no_args_is_help=True)
import_ = typer.Typer(help="Build a new release.", no_args_is_help=True)
knowledge.add_typer(import_, name="import")


@knowledge.command("list")
def list_releases() -> None:
    """Every release of every module with its sources; the one in use is marked."""
    table = Table("module", Column("release", no_wrap=True), "in use", "digest", "source", "version", "licence")
    for used, releases in _modules():
        for release in releases:
            mark = "yes" if release.digest == used.digest else ""
            for source in release.sources:
                table.add_row(
                    used.module, release.release, mark, release.digest[:12], source.name, source.version, source.licence
                )
    show(table)


@knowledge.command("verify")
def verify_releases() -> None:
    """Check every file of every release against its hash; exit status 1 naming the first that differs."""
    for _, releases in _modules():
        for release in releases:
            with _told():
                verify(release)
            typer.echo(f"{release.module} {release.release}: {len(release.files)} files as in the manifest")


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
    with _told():
        made = build.import_clinvar(file, folder / build.MODULE, release)
    typer.echo(f"Built {made.module} release {made.release} in {made.folder}; digest {made.digest}")


def _modules() -> Iterator[tuple[KnowledgeRelease, list[KnowledgeRelease]]]:
    """For each module the release in use, and all that there are."""
    extra = settings().knowledge_folder
    for name in module_names():
        with _told():
            used = installed(modules=(name,), extra=extra)[name].knowledge
            folders = release_folders(name, used.folder.parent, *((extra / name,) if extra else ()))
            releases = [load_release(folder) for folder in folders.values()]
        yield used, releases


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except KnowledgeError as error:
        raise InvalidInputError(str(error)) from error
