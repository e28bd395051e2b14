"""What goes back to a genome center about its manifest: a verdict and all reasons for each row, and nothing else.

A row is named by its number, its line, and its sample where that is an identifier: no other text of the manifest comes
back, so that nothing a stranger wrote runs in the center's spreadsheet.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Self

from pydantic import BaseModel

from ror_service.intake.manifest import Row
from ror_service.intake.manifest_check import CheckedManifest, CheckedRow, ManifestError, Verdict
from ror_service.intake.qc import Declared, Outcome, declared_rules
from ror_service.states import SampleState

SCHEMA = "ror.manifest-feedback/1"


class ReasonGiven(BaseModel):
    """One thing that is wrong with a row or its file."""

    code: str
    field: str | None
    problem: str


class QualityNote(BaseModel):
    """A rule of the quality gate that what was declared does not pass, whatever the file holds."""

    rule: str
    outcome: Outcome
    reason: str


class RowFeedback(BaseModel):
    """One row of the manifest."""

    row: int
    line: int
    sample_id: str | None
    verdict: Verdict
    state: SampleState | None
    """Where the sample is; None where there is none."""
    holds: list[str]
    """Rules that hold the sample, or the code of the reader's error."""
    reasons: list[ReasonGiven]
    quality: list[QualityNote]


class Feedback(BaseModel):
    """The whole manifest."""

    format: str = SCHEMA
    manifest_sha256: str
    problem: str | None = None
    """Why no row could be read."""
    refused: int
    """Rows."""
    waiting: int
    """Rows whose file has not come."""
    rows: list[RowFeedback]
    folder_sha256: str | None = None
    """Of names and fingerprints of a watched folder's files when this was written."""

    @classmethod
    def of(cls, manifest_sha256: str, rows: Iterable[RowFeedback]) -> Self:
        """Feedback on these rows."""
        told = list(rows)
        return cls(
            manifest_sha256=manifest_sha256,
            refused=sum(row.verdict is Verdict.REFUSED for row in told),
            waiting=sum(row.state is SampleState.AWAITING_FILE for row in told),
            rows=told,
        )

    @classmethod
    def unread(cls, manifest_sha256: str, error: ManifestError) -> Self:
        """Feedback on a manifest of which no row could be read."""
        return cls(manifest_sha256=manifest_sha256, problem=str(error), refused=0, waiting=0, rows=[])

    def to_csv(self) -> str:
        """A line for each row; several reasons are parted by semicolons."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["row", "line", "sample_id", "verdict", "state", "holds", "reasons", "quality"])
        for row in self.rows:
            reasons = (f"{reason.field or 'row'}: {reason.problem} ({reason.code})" for reason in row.reasons)
            quality = (f"{note.rule} {note.outcome.value}: {note.reason}" for note in row.quality)
            writer.writerow(
                [row.row, row.line, row.sample_id or "", row.verdict.value, row.state.value if row.state else "",
                 "; ".join(row.holds), "; ".join(reasons), "; ".join(quality)]
            )  # fmt: skip
        if self.problem is not None:
            writer.writerow(["", "", "", Verdict.REFUSED.value, "", "", self.problem, ""])
        return text.getvalue()


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one accepted row where it was taken in, or checked with its file."""

    state: SampleState | None = None
    holds: tuple[str, ...] = ()
    reasons: tuple[ReasonGiven, ...] = ()
    refused: bool = False


def feedback_on(manifest: CheckedManifest, take: Callable[[Row], Taken] = lambda _: Taken()) -> Feedback:
    """Feedback on a checked manifest.

    Args:
        manifest: The manifest.
        take: Takes in an accepted row; called once for each sample, in the order of the rows.
    """
    taken: dict[Row, Taken] = {}
    rows = []
    for row in manifest.rows:
        if row.declared is not None and row.declared not in taken:
            taken[row.declared] = take(row.declared)
        rows.append(_told(row, Taken() if row.declared is None else taken[row.declared]))
    return Feedback.of(manifest.sha256, rows)


def declared_facts(row: Row) -> Declared:
    """What the quality gate knows of a sample from its manifest row alone."""
    laboratory = row.laboratory_facts()
    return Declared(
        sex_at_birth=row.sex_at_birth,
        inferred_sex=laboratory.inferred_sex,
        assay=row.assay,
        build=row.build,
        contamination=row.contamination,
        sample_name=row.name_in_file,
        sha256=row.genotypes_sha256,
        specimen=row.specimen.value,
        laboratory=laboratory,
    )


def _told(row: CheckedRow, taken: Taken) -> RowFeedback:
    rules = () if row.declared is None else declared_rules(declared_facts(row.declared))
    return RowFeedback(
        row=row.number,
        line=row.line,
        sample_id=row.sample_id,
        verdict=Verdict.REFUSED if taken.refused else row.verdict,
        state=taken.state,
        holds=list(taken.holds),
        reasons=[ReasonGiven(**reason.to_json()) for reason in row.reasons] + list(taken.reasons),
        quality=[
            QualityNote(rule=rule.name, outcome=rule.outcome, reason=rule.reason)
            for rule in rules
            if rule.outcome in {Outcome.WARN, Outcome.HOLD}
        ],
    )
