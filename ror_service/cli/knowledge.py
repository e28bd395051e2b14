"""Commands over knowledge releases."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich import print  # noqa: A004 - colored where the terminal allows
from rich.table import Table

from interpreters.knowledge import KnowledgeError, verify
from interpreters.registry import installed
from ror_service.errors import InvalidInputError
from ror_service.settings import Settings

knowledge = typer.Typer(help="Knowledge releases: the versioned data behind every finding.", no_args_is_help=True)
import_ = typer.Typer(help="Build a new release.", no_args_is_help=True)
knowledge.add_typer(import_, name="import")


@knowledge.command("list")
def list_releases() -> None:
    """The release in use of every module, with its sources."""
    table = Table("module", "release", "digest", "source", "version", "date", "licence")
    for name, interpreter in installed(extra=Settings().knowledge_folder).items():
        release = interpreter.knowledge
        for source in release.sources:
            table.add_row(
                name, release.release, release.digest[:12], source.name, source.version, source.date, source.licence
            )
    print(table)


@knowledge.command("verify")
def verify_releases() -> None:
    """Check every file of every release in use against its hash; exit status 1 when one differs."""
    for name, interpreter in installed(extra=Settings().knowledge_folder).items():
        try:
            verify(interpreter.knowledge)
        except KnowledgeError as error:
            raise InvalidInputError(str(error)) from error
        print(f"{name} {interpreter.knowledge.release}: {len(interpreter.knowledge.files)} files as in the manifest")


@import_.command("clinvar")
def import_clinvar(
    file: Annotated[Path, typer.Argument(help="NCBI's clinvar.vcf.gz, unchanged.")],
    output: Annotated[Path | None, typer.Option(help="Folder of releases; ROR_KNOWLEDGE_FOLDER when left out.")] = None,
    release: Annotated[str | None, typer.Option(help="Name of the release; ClinVar's date when left out.")] = None,
) -> None:
    """Build a hereditary-risk release from ClinVar's own VCF."""
    from interpreters.hereditary_risk import build  # noqa: PLC0415 - only this command needs it

    folder = output or Settings().knowledge_folder
    if folder is None:
        raise InvalidInputError("name a folder with --output, or set ROR_KNOWLEDGE_FOLDER")
    try:
        made = build.import_clinvar(file, folder / "hereditary_risk", release)
    except KnowledgeError as error:
        raise InvalidInputError(str(error)) from error
    print(f"Built {made.module} release {made.release} in {made.folder}; digest {made.digest}")
