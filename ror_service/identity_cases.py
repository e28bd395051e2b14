"""Identity cases: opened when a fingerprint says that a sample may be another person's, resolved by a named person.

While a case is open the consent gate withholds every result of every member, those that were read included. Nothing is
recalled for a suspicion; what rests on a sample that turns out to be wrong is ended, erased and recalled.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

from sqlalchemy import or_, select

from identity.alarms import Alarm, Relationship, Suspicion, alarms
from identity.comparison import Comparison, compare
from ror_service import participants
from ror_service.errors import ConflictError, InvalidInputError
from ror_service.fingerprints import FingerprintIndex
from ror_service.storage import indexes, results
from ror_service.storage import participants as people
from ror_service.storage.participants import Lock
from ror_service.storage.tables import (
    IdentityCaseMemberRow,
    IdentityCaseRow,
    IdentityCaseSampleRow,
    RelationshipRow,
    SampleRow,
)
from ror_service.work import Work, new_id


class Resolution(StrEnum):
    """How an identity case ended."""

    SAMPLES_RIGHT = "samples_right"
    """Every sample is its participant's: results are back."""
    SAMPLES_WRONG = "samples_wrong"
    """A sample was not its participant's: what rests on it is ended and recalled."""


@dataclass(frozen=True, slots=True)
class MemberSample:
    """A sample of an identity case."""

    sample_id: str
    participant_id: str
    genome_center: str
    specimen: str
    assay: str
    state: str


@dataclass(frozen=True, slots=True)
class SamplePair:
    """Two samples of an identity case beside each other."""

    one: str
    other: str
    comparison: Comparison | None
    """None where one of the fingerprints was erased, or is of another panel."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a laboratory director sees of an identity case."""

    case: IdentityCaseRow
    members: tuple[str, ...]
    samples: tuple[MemberSample, ...]
    pairs: tuple[SamplePair, ...]


def examine(work: Work, index: FingerprintIndex, sample_id: str) -> list[str]:
    """Compare a sample with the participant's others and with everybody's, and open a case for each alarm.

    The same alarm again changes nothing, whether its case is open or was resolved.

    Returns:
        The cases that were opened.
    """
    if not index.has(work, sample_id):
        return []
    living = indexes.living_fingerprints(work.session, index.panel.release)
    owner = living.get(sample_id)
    if owner is None:
        return []
    own = index.open(work, {name: of for name, of in living.items() if of == owner})
    codes = own.pop(sample_id)
    related = _relatives(work, owner)
    hits, opened = index.search(work, codes, living)
    found = [(hit, related.get(living[hit.key])) for hit in hits if living[hit.key] != owner]
    raised = alarms(codes, index.panel.limits, own=own, found=found)
    # Whoever sends or reads holds the participant: after this, nothing of any member leaves. In one order, as always.
    for member in sorted({living[alarm.other or sample_id] for alarm in raised} | {owner} if raised else ()):
        people.get(work.session, member, Lock.EXCLUSIVE)
    # Not before: whoever withdraws holds a participant, and then waits for the log.
    if opened:
        work.audit("fingerprints.open", "fingerprint_panel", index.panel.release, None, samples=opened)
    work.audit("sample.identity", "sample", sample_id, owner, searched=len(living), alarms=len(raised))
    return [case for alarm in raised if (case := _open(work, alarm, sample_id)) is not None]


def listed(work: Work, *, resolved: bool = False) -> Sequence[IdentityCaseRow]:
    """Identity cases, oldest first: the open ones, or with `resolved` those that are done."""
    ended = IdentityCaseRow.resolved_at
    rows = work.session.scalars(
        select(IdentityCaseRow)
        .where(ended.is_not(None) if resolved else ended.is_(None))
        .order_by(IdentityCaseRow.opened_at, IdentityCaseRow.identity_case_id)
    ).all()
    work.audit("identity.list", "identity_cases", "resolved" if resolved else "open", None, cases=len(rows))
    return rows


def show(work: Work, index: FingerprintIndex, identity_case_id: str) -> Evidence:
    """The evidence of an identity case, compared anew. Reading it is audited for each member.

    Raises:
        NotFoundError: If there is no such case.
    """
    case = results.must_get(work.session, IdentityCaseRow, identity_case_id)
    members, samples = _members(work, identity_case_id), _samples(work, identity_case_id)
    for member in members:
        work.audit("identity.read", "identity_case", identity_case_id, member)
    told = tuple(
        MemberSample(row.sample_id, row.participant_id, row.genome_center, row.specimen, row.assay, row.state)
        for row in samples
    )
    with work.as_service():
        living = indexes.living_fingerprints(work.session, index.panel.release)
        codes = index.open(work, {row.sample_id: living[row.sample_id] for row in samples if row.sample_id in living})
    pairs = tuple(
        SamplePair(
            one.sample_id,
            other.sample_id,
            compare(codes[one.sample_id], codes[other.sample_id], index.panel.limits)
            if {one.sample_id, other.sample_id} <= codes.keys()
            else None,
        )
        for one, other in combinations(told, 2)
    )
    return Evidence(case, members, told, pairs)


def resolve(work: Work, identity_case_id: str, reason: str, wrong_samples: Iterable[str] = ()) -> Resolution:
    """Resolve a case in the name of whoever acts. Results of members who are in no other open case are back.

    Args:
        work: The transaction.
        identity_case_id: Which case.
        reason: Why, in a person's words; kept with the case.
        wrong_samples: Samples of the case that are not their participant's. What rests on them is ended, erased and
            recalled.

    Raises:
        NotFoundError: If there is no such case.
        InvalidInputError: If there is no reason, or a sample is not of the case.
        ConflictError: If the case was resolved before.
    """
    wrong = sorted(set(wrong_samples))
    if not reason.strip():
        raise InvalidInputError("give the reason for which the case is resolved")
    results.must_get(work.session, IdentityCaseRow, identity_case_id)
    with work.as_service():  # members may have no case under review, and their results lie everywhere
        return _resolve(work, identity_case_id, reason.strip(), wrong)


def _resolve(work: Work, identity_case_id: str, reason: str, wrong: list[str]) -> Resolution:
    members = _members(work, identity_case_id)
    for member in members:
        people.get(work.session, member, Lock.EXCLUSIVE)
    case = results.must_get(work.session, IdentityCaseRow, identity_case_id, lock=True)
    if case.resolved_at is not None:
        raise ConflictError("the identity case was resolved before")
    if not {row.sample_id for row in _samples(work, identity_case_id)}.issuperset(wrong):
        raise InvalidInputError("only samples of the identity case can be told wrong by it")
    resolution = Resolution.SAMPLES_WRONG if wrong else Resolution.SAMPLES_RIGHT
    case.resolved_at, case.resolved_by = work.at, work.actor.name
    case.resolution, case.resolution_reason = resolution.value, reason
    work.session.flush()
    for sample_id in wrong:
        participants.erase_sample(work, sample_id, cause="identity")
    for member in members:
        work.audit(
            "identity.resolve", "identity_case", identity_case_id, member,
            resolution=resolution.value, wrong_samples=wrong,
        )  # fmt: skip
        participants.ask_again(work, member)
    return resolution


def register_relationship(work: Work, one: str, other: str, kind: Relationship) -> None:
    """Register two participants as relatives by birth; the same again changes nothing. Open cases stay open.

    Raises:
        NotFoundError: If one of them is not registered.
        InvalidInputError: If both are the same participant.
        ConflictError: If they are registered as related otherwise.
    """
    if one == other:
        raise InvalidInputError("a participant is no relative of themselves; name two participants")
    with work.as_service():  # relatives need not be under review
        _register(work, tuple(sorted((one, other))), kind)


def _register(work: Work, pair: tuple[str, ...], kind: Relationship) -> None:
    for participant_id in pair:
        people.get(work.session, participant_id, Lock.EXCLUSIVE)
    known = work.session.get(RelationshipRow, pair)
    if known is not None:
        if known.kind != kind.value:
            raise ConflictError("the two are registered as related otherwise")
        return
    work.session.add(
        RelationshipRow(
            participant_id=pair[0],
            relative_id=pair[1],
            kind=kind.value,
            registered_by=work.actor.name,
            registered_at=work.at,
        )
    )
    work.session.flush()
    for participant_id in pair:
        work.audit("relationship.register", "participant", participant_id, participant_id, kind=kind.value)


def _open(work: Work, alarm: Alarm, sample_id: str) -> str | None:
    samples = {sample_id} if alarm.other is None else {sample_id, alarm.other}
    if _known(work, alarm.suspicion, samples):
        return None
    identity_case_id = new_id("identity")
    work.session.add(
        IdentityCaseRow(identity_case_id=identity_case_id, opened_at=work.at, reason=alarm.suspicion.value)
    )
    work.session.flush()
    rows = [results.must_get(work.session, SampleRow, name) for name in sorted(samples)]
    members = sorted({row.participant_id for row in rows})
    work.session.add_all(
        [
            *(IdentityCaseSampleRow(identity_case_id=identity_case_id, sample_id=row.sample_id) for row in rows),
            *(IdentityCaseMemberRow(identity_case_id=identity_case_id, participant_id=member) for member in members),
        ]
    )
    work.session.flush()
    for member in members:
        work.audit("identity.open", "identity_case", identity_case_id, member, suspicion=alarm.suspicion.value)
    return identity_case_id


def _known(work: Work, suspicion: Suspicion, samples: set[str]) -> bool:
    """Whether these very samples have a case for this suspicion, open or resolved."""
    rows = work.session.execute(
        select(IdentityCaseSampleRow.identity_case_id, IdentityCaseSampleRow.sample_id)
        .join(IdentityCaseRow, IdentityCaseRow.identity_case_id == IdentityCaseSampleRow.identity_case_id)
        .where(IdentityCaseRow.reason == suspicion.value, IdentityCaseSampleRow.sample_id.in_(samples))
    )
    by_case: dict[str, set[str]] = {}
    for identity_case_id, sample_id in rows:
        by_case.setdefault(identity_case_id, set()).add(sample_id)
    return samples in by_case.values()


def _members(work: Work, identity_case_id: str) -> tuple[str, ...]:
    members = work.session.scalars(
        select(IdentityCaseMemberRow.participant_id).where(IdentityCaseMemberRow.identity_case_id == identity_case_id)
    )
    return tuple(sorted(members))


def _samples(work: Work, identity_case_id: str) -> Sequence[SampleRow]:
    return work.session.scalars(
        select(SampleRow)
        .join(IdentityCaseSampleRow, IdentityCaseSampleRow.sample_id == SampleRow.sample_id)
        .where(IdentityCaseSampleRow.identity_case_id == identity_case_id)
        .order_by(SampleRow.sample_id)
    ).all()


def _relatives(work: Work, participant_id: str) -> dict[str, Relationship]:
    rows = work.session.scalars(
        select(RelationshipRow).where(
            or_(RelationshipRow.participant_id == participant_id, RelationshipRow.relative_id == participant_id)
        )
    )
    return {
        row.relative_id if row.participant_id == participant_id else row.participant_id: Relationship(row.kind)
        for row in rows
    }
