"""`ror interpret`: reads genotype files and interprets them, with no database and no service."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from identity.panel import load_panel
from interpreters import registry
from interpreters.findings import Interpretation, NotTested
from interpreters.genotypes import Assay, Build, GenotypeCalls, Sample, Sex
from interpreters.interpreter import Interpreter
from interpreters.knowledge import KnowledgeError
from interpreters.serial import SCHEMA, to_json
from ror_service.intake.assayed_sites import SiteList, read_assayed_sites
from ror_service.intake.builds import LENGTHS
from ror_service.intake.callable_bed import read_callable_bed
from ror_service.intake.errors import IntakeError, Problem
from ror_service.intake.isolation import read_in_child
from ror_service.intake.needs import Needs
from ror_service.intake.outside_calls import read_outside_calls
from ror_service.intake.qc import Declared, QcAssessment, Verdict
from ror_service.intake.results import Limits, ReadResult

if TYPE_CHECKING:
    from interpreters.hereditary_risk.outcome import SampleSummary

_HEREDITARY = "hereditary_risk"
_PHARMACOGENOMICS = "pharmacogenomics"
_TRAITS = "traits"


@dataclass(frozen=True, slots=True)
class InterpretedFile:
    """One file: what was read and found, or why not."""

    file: str
    assay: Assay
    """As declared; where nothing was, an array for raw text and sequencing for any other file."""
    knowledge: Mapping[str, str]
    """Module to digest of its knowledge release."""
    read: ReadResult | None = None
    quality: QcAssessment | None = None
    interpretations: tuple[Interpretation, ...] = ()
    error: IntakeError | None = None
    assayed: SiteList | None = None
    """The list of assayed sites, if one was given."""

    @property
    def not_tested(self) -> tuple[NotTested, ...]:
        """Everything without an answer; a hold or an unread file leaves every module without one."""
        if self.error is not None:
            return tuple(NotTested(module, "sample", f"file_not_read: {self.error.code}") for module in self.knowledge)
        if self.quality is not None and self.quality.verdict is Verdict.HOLD:
            reason = "sample_hold: " + ", ".join(self.quality.holds)
            return tuple(NotTested(module, "sample", reason) for module in self.knowledge)
        return tuple(item for interpretation in self.interpretations for item in interpretation.not_tested)

    @property
    def hereditary_outcome(self) -> SampleSummary | None:
        """The outcome of the sample for hereditary risk; None where that module was not asked."""
        if _HEREDITARY not in self.knowledge:
            return None
        from interpreters.hereditary_risk.outcome import held, not_read, summarize  # noqa: PLC0415 - loads the module

        if self.error is not None:
            # A file that lists nothing was read to its end: it assesses nothing. Any other error stops the sample.
            empty = self.error.code == Problem.HEADER_ONLY
            return not_read(self.error.code) if empty else held(self.error.code)
        if self.quality is not None and self.quality.verdict is Verdict.HOLD:
            return held(", ".join(self.quality.holds))
        (said,) = (done for done in self.interpretations if done.module == _HEREDITARY)
        return summarize(said, varied_elsewhere=self.read is not None and self.read.metrics.varied > 0)

    def to_json(self) -> dict[str, Any]:
        """The object that `docs/reference/interpretation-json.md` describes."""
        read, quality = self.read, self.quality
        plain: dict[str, Any] = {
            "schema": SCHEMA,
            "file": self.file,
            "sample": read.sample_name or None if read else None,
            "format": read.header.file_format if read else None,
            "build": read.build.value if read else None,
            "assay": self.assay.value,
            "sha256": read.sha256 if read else None,
            "qc": {
                "verdict": quality.verdict.value if quality else Verdict.HOLD.value,
                "reasons": list(quality.reasons) if quality else [],
                "rules": to_json(quality.rules) if quality else [],
                "policy": quality.policy_version if quality else None,
            },
            "knowledge": dict(self.knowledge),
            "findings": [to_json(finding) for done in self.interpretations for finding in done.findings],
            "not_tested": to_json(self.not_tested),
            "limits": {done.module: to_json(done.limits) for done in self.interpretations},
        }
        if (outcome := self.hereditary_outcome) is not None:
            plain["hereditary_outcome"] = to_json(outcome)
        if self.assayed is not None:
            found = self.assayed
            plain["assayed_sites"] = {
                "listed": found.listed,
                "needed": len(found.sites),
                "left_out": dict(found.left_out),
            }
        if self.error is not None:
            plain["qc"]["reasons"] = [f"{self.error.code}: {self.error.problem}"]
            plain["error"] = self.error.to_json()
        return plain


def interpret(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="VCF, gVCF or raw text of one sample each.")],
    *,
    sex_at_birth: Annotated[Sex, typer.Option(help="As declared by the participant.")] = Sex.UNKNOWN,
    assay: Annotated[
        Assay | None,
        typer.Option(help="How the genotypes were measured; when not given, wgs, and array for raw text."),
    ] = None,
    module: Annotated[list[str] | None, typer.Option(help="Interpret with this module only; may be repeated.")] = None,
    callable_file: Annotated[
        Path | None, typer.Option("--callable", help="BED file of the regions that the laboratory vouches for.")
    ] = None,
    assayed_sites: Annotated[
        Path | None,
        typer.Option(metavar="LIST", help="What was assayed: sites VCF, table of positions, BED or array manifest."),
    ] = None,
    outside_calls: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Pharmacogene results by another method: PharmCAT's table, or JSON."),
    ] = None,
    reference: Annotated[
        list[Path] | None,
        typer.Option(metavar="FASTA", help="Reference sequence with its index, to place indels; one for each build."),
    ] = None,
    sf_list: Annotated[str | None, typer.Option(help="ACMG SF gene list: v2.0, v3.2 or v3.3.")] = None,
    genes: Annotated[
        str | None, typer.Option(help="Pharmacogenes: all, programme (the seven of All of Us), or names with commas.")
    ] = None,
    traits: Annotated[
        str | None, typer.Option(help="Traits: recommended, all (the sensitive ones too), or names with commas.")
    ] = None,
    knowledge: Annotated[
        list[str] | None, typer.Option(metavar="MODULE=RELEASE", help="Knowledge release of a module; may be repeated.")
    ] = None,
    knowledge_folder: Annotated[Path | None, typer.Option(help="Folder with releases built by the programme.")] = None,
    contamination: Annotated[float | None, typer.Option(help="Estimate of the laboratory, from 0 to 1.")] = None,
    inferred_sex: Annotated[
        Sex | None, typer.Option(help="As the laboratory inferred it from the sample; must be the one at birth.")
    ] = None,
    build: Annotated[Build | None, typer.Option(help="Build that the sender declares.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a file, one a line.")] = False,
    explain: Annotated[bool, typer.Option(help="Say in words which rules led to a hereditary outcome.")] = False,
) -> None:
    """Read genotype files and interpret them. Ends with status 1 when a file could not be read."""
    if outside_calls is not None and len(files) > 1:
        raise typer.BadParameter("these calls are of one sample; give one genotype file", param_hint="--outside-calls")
    try:
        chosen = {
            _HEREDITARY: {"sf_list": sf_list, **_references(reference or ())},
            _PHARMACOGENOMICS: {"genes": genes},
            _TRAITS: {"traits": traits},
        }
        interpreters = _load(module, knowledge, knowledge_folder, chosen)
    except (KnowledgeError, ValueError) as error:
        typer.echo(f"ror interpret: {error}", err=True)
        raise typer.Exit(2) from error
    declared = Declared(
        sex_at_birth=sex_at_birth,
        inferred_sex=inferred_sex,
        assay=assay or Assay.WGS,
        build=build,
        contamination=contamination,
    )
    failed = False
    for done in interpret_files(
        files,
        interpreters,
        declared,
        callable_file,
        assayed_file=assayed_sites,
        outside_calls_file=outside_calls,
        assay_by_format=assay is None,
    ):
        failed = failed or done.error is not None
        if as_json:
            typer.echo(json.dumps(done.to_json(), ensure_ascii=False, separators=(",", ":")))
        else:
            from ror_service.cli.interpret_text import show  # noqa: PLC0415 - rich takes time to load

            show(done, explain=explain)
    raise typer.Exit(1 if failed else 0)


def interpret_files(
    files: Sequence[Path],
    interpreters: Mapping[str, Interpreter],
    declared: Declared,
    callable_file: Path | None = None,
    limits: Limits | None = None,
    *,
    assayed_file: Path | None = None,
    outside_calls_file: Path | None = None,
    assay_by_format: bool = False,
) -> Iterator[InterpretedFile]:
    """Read and interpret files one after the other; a file that cannot be read does not stop the others.

    Args:
        files: The files.
        interpreters: Module to interpreter.
        declared: What is known of the samples.
        callable_file: BED file that holds for all files.
        limits: Caps on each file.
        assayed_file: List of assayed sites that holds for all files.
        outside_calls_file: Outside calls; of the one sample, so `files` is one file.
        assay_by_format: Whether raw text is of an array, whatever is declared of the samples.
    """
    lists: dict[Build, SiteList] = {}
    # The sites of the fingerprint tell the build of raw text, also where few others are asked for.
    needs = Needs(interpreters, load_panel())
    of_array = replace(declared, assay=Assay.ARRAY)
    digests = {name: interpreter.knowledge.digest for name, interpreter in interpreters.items()}
    for file in files:
        try:
            read = read_in_child(file, needs.wanted, limits)
            if assayed_file is not None and read.build not in lists:
                lists[read.build] = read_assayed_sites(assayed_file, read.build, needs.wanted[read.build])
            assayed = lists.get(read.build)
            calls = _with_evidence(read, callable_file, assayed)
            if outside_calls_file is not None:
                calls = calls.with_outside_calls(read_outside_calls(outside_calls_file))
        except IntakeError as error:
            # An error about a file beside the genotypes names that one already.
            named = error if error.file else error.in_file(str(file))
            yield InterpretedFile(str(file), declared.assay, digests, error=named)
            continue
        known = of_array if assay_by_format and read.header.is_raw_text else declared
        quality = needs.assess(read, known)
        done: tuple[Interpretation, ...] = ()
        if quality.verdict is Verdict.PASS:
            sample = Sample(read.build, known.assay, known.sex_at_birth)
            done = tuple(interpreter.interpret(sample, calls) for interpreter in interpreters.values())
        yield InterpretedFile(str(file), known.assay, digests, read, quality, done, assayed=assayed)


def _load(
    modules: Sequence[str] | None,
    releases: Sequence[str] | None,
    folder: Path | None,
    options: Mapping[str, Mapping[str, str | None]],
) -> dict[str, Interpreter]:
    """The interpreters that were asked for.

    Raises:
        ValueError: If an option is not understood.
        KnowledgeError: If a release is missing or changed.
    """
    chosen = dict(entry.partition("=")[::2] for entry in releases or ())
    known = registry.module_names()
    strange = (set(modules or ()) | set(chosen)) - set(known)
    if strange or not all(chosen.values()):
        raise ValueError(f"modules are {', '.join(known)}; a knowledge release is given as MODULE=RELEASE")
    given = {
        name: kept
        for name, of in options.items()
        if (kept := {key: value for key, value in of.items() if value is not None})
    }
    return registry.installed(modules=tuple(modules) if modules else None, releases=chosen, extra=folder, options=given)


def _references(files: Sequence[Path]) -> dict[str, str]:
    """Options of hereditary risk for these FASTA files, each under its build, which its contigs tell.

    Raises:
        KnowledgeError: If a file is not readable, of no build that we know, or the second of its build.
    """
    if not files:
        return {}
    from interpreters.hereditary_risk.reference import build_of  # noqa: PLC0415 - pysam takes time to load

    options: dict[str, str] = {}
    for file in files:
        option = f"reference_{build_of(file, LENGTHS).value.lower()}"
        if option in options:
            raise KnowledgeError(f"{file}: the second FASTA file of its build; give one for each build")
        options[option] = str(file)
    return options


def _with_evidence(read: ReadResult, callable_file: Path | None, assayed: SiteList | None) -> GenotypeCalls:
    """The genotypes, with what speaks for reference where the file is silent."""
    if callable_file is None and assayed is None:
        return read.calls
    if assayed is not None:
        assayed.check(read)
    return GenotypeCalls(
        read.build,
        read.calls.kind,
        read.calls,
        None if callable_file is None else read_callable_bed(callable_file, read.build),
        assayed_sites=None if assayed is None else assayed.sites,
    )
