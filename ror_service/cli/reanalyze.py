"""`ror reanalyze`: whose result another knowledge release would change, and reviews of what asks people to act."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal

import typer
from rich.table import Table

from interpreters.hereditary_risk import GENE_LIST_OPTION
from interpreters.hereditary_risk.interpretation import NAME as HEREDITARY_RISK
from interpreters.registry import releases
from interpreters.serial import to_json
from ror_service import reanalysis
from ror_service.cli.running import service
from ror_service.cli.tables import show
from ror_service.context import ServiceContext
from ror_service.errors import InvalidInputError
from ror_service.reanalysis import Reanalyzed

_PROGRESS_EVERY = 100


def reanalyze(
    *,
    module: Annotated[
        Literal["hereditary_risk", "pharmacogenomics"], typer.Option(help="Module whose results are made again.")
    ],
    release: Annotated[
        str | None, typer.Option(help="Knowledge release; the newest that there is, when left out.")
    ] = None,
    gene_list: Annotated[
        str | None, typer.Option("--list", help="ACMG SF gene list of hereditary_risk: v2.0, v3.2 or v3.3.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would change.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Look at so many cases at most.")] = None,
    show_results: Annotated[
        bool, typer.Option("--show-results", help="Also print each result before and after. Keep the output safe.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, the last one a summary.")] = False,
) -> None:
    """Tell whose result would change with another knowledge release, and open reviews of what asks people to act.

    Nothing is released. What is stored of each sample is read, or its file where that is not all that is needed, which
    is audited. Ends with status 1 when a file could not be read.
    """
    if module != HEREDITARY_RISK and gene_list is not None:
        raise InvalidInputError(f"--list chooses genes of {HEREDITARY_RISK}, not of {module}; leave it out")
    outcomes, kinds, asked = Counter[str](), Counter[tuple[str, str]](), Counter[str]()
    files_read = 0
    with service() as context:
        release = release or _newest(context, module)
        interpreter = context.interpreter(module, release, {GENE_LIST_OPTION: gene_list} if gene_list else {})
        found = reanalysis.count(context, module)
        total = found if limit is None else min(found, limit)
        for done in _with_progress(reanalysis.reanalyze(context, interpreter, limit, dry_run=dry_run), total):
            outcomes[_outcome(done)] += 1
            files_read += done.from_file
            kinds.update({(change.gene, change.kind.value) for change in done.changes})
            asked.update(_asked(done))
            for line in _json_lines(done, show_results) if as_json else _lines(done, show_results):
                typer.echo(line)
    if as_json:
        summary = _summary(module, interpreter.knowledge.digest, release, outcomes, kinds)
        follow_ups = {name: asked[name] for name in _ASKED}
        typer.echo(json.dumps({"summary": {**summary, "files_read": files_read, "follow_ups": follow_ups}}))
    else:
        _print_summary(release, outcomes, kinds, asked)
        if files_read:
            typer.echo(
                f"{files_read:,} files were read again: what is stored of their samples is not all that is needed"
            )
    raise typer.Exit(1 if outcomes["not_read"] else 0)


def _newest(context: ServiceContext, module: str) -> str:
    """The newest release that is at hand: releases are named by the dates of their data."""
    return max(releases(module, context.settings.knowledge_folder))


def _outcome(done: Reanalyzed) -> str:
    if done.passed_over:
        return "passed_over"
    if done.problem is not None:
        return "not_read"
    return "changed" if done.changes else "unchanged"


def _asked(done: Reanalyzed) -> Iterator[str]:
    """What the change of one case asks for, by the names of `_ASKED`."""
    yield from (follow_up.value for follow_up in done.follow_ups)
    if done.to_amend:
        yield "report_to_amend"
    if done.opened:
        yield "opened"


def _lines(done: Reanalyzed, show_results: bool) -> Iterator[str]:
    if done.problem is not None:
        yield f"not read: sample {done.sample_id} ({done.problem})"
    elif done.changes and not show_results:
        yield f"would change: {done.case_id}{_to_do(done)}"
    elif show_results:
        for change in done.changes:
            yield f"would change: {done.case_id} {change.gene} {change.kind}: {change.before} -> {change.after}"


def _to_do(done: Reanalyzed) -> str:
    """What people must do, in words that name no result."""
    words = [*sorted(done.follow_ups), *(["report to amend"] if done.to_amend else [])]
    return f" ({', '.join(words)}{'; review opened' if done.opened else ''})" if words else ""


def _json_lines(done: Reanalyzed, show_results: bool) -> Iterator[str]:
    if done.problem is not None:
        yield json.dumps({"sample_id": done.sample_id, "problem": done.problem})
    elif done.changes:
        told: dict[str, Any] = {"case_id": done.case_id}
        if done.follow_ups:
            told |= {"follow_ups": sorted(done.follow_ups), "to_amend": done.to_amend, "opened": done.opened}
        if show_results:
            told["changes"] = [to_json(change) for change in done.changes]
        yield json.dumps(told, ensure_ascii=False)


def _summary(
    module: str, digest: str, release: str, outcomes: Counter[str], kinds: Counter[tuple[str, str]]
) -> dict[str, Any]:
    return {
        "module": module,
        "release": release,
        "knowledge_digest": digest,
        "cases": {name: outcomes[name] for name in _OUTCOMES},
        "changes": [{"gene": gene, "kind": kind, "cases": number} for (gene, kind), number in sorted(kinds.items())],
    }


_OUTCOMES = {
    "changed": "would change",
    "unchanged": "would not",
    "passed_over": "passed over: the participant's standing forbids any use or asks for none, the case is suspended or "
    "moved on meanwhile, or the data are erased",
    "not_read": "could not be read",
}


_ASKED = {
    "review": "would be reviewed as a new finding",
    "counselor_task": "would be looked at by a counselor: a finding is no longer supported",
    "report_to_amend": "of these had a report returned, which stays as it is until an amended one is released",
    "opened": "reviews were opened",
}


def _print_summary(release: str, outcomes: Counter[str], kinds: Counter[tuple[str, str]], asked: Counter[str]) -> None:
    if kinds:
        table = Table("gene", "what would change", "cases")
        for (gene, kind), number in sorted(kinds.items()):
            table.add_row(gene, kind, f"{number:,}")
        show(table)
    typer.echo(f"With release {release}, of {outcomes.total():,} cases")
    for name, words in _OUTCOMES.items():
        typer.echo(f"  {outcomes[name]:,} {words}")
    if kinds:
        typer.echo("Of the cases that would change")
        for name, words in _ASKED.items():
            typer.echo(f"  {asked[name]:,} {words}")


def _with_progress(cases: Iterable[Reanalyzed], total: int) -> Iterator[Reanalyzed]:
    """The same, telling on standard error how far it is and what a case costs; never what was found."""
    started, number = time.perf_counter(), 0
    for number, done in enumerate(cases, 1):
        yield done
        if number % _PROGRESS_EVERY == 0 or number == total:
            each = (time.perf_counter() - started) / number
            typer.echo(f"{number:,} of {total:,} cases, {each:.2f} s each", err=True)
