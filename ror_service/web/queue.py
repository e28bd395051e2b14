"""The review queue of genetic counselors and laboratory directors: work list, evidence, signatures, disclosure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Depends, Form, Query
from pydantic import BaseModel, Field, StringConstraints, ValidationError, ValidationInfo, field_validator
from starlette.requests import Request
from starlette.responses import Response

from consent.outreach import Tried
from consent.types import Disclosure
from interpreters.genotypes import Build
from interpreters.hereditary_risk import HereditaryRisk
from ror_service import affected, evidence, identity_cases
from ror_service.api.fields import Identifier, PlainText, ShownLine
from ror_service.api.tokens import Role
from ror_service.errors import ErasedError, InvalidInputError, ServiceError
from ror_service.evidence import HereditaryPacket
from ror_service.review import notes, outreach, queue, saved_filters
from ror_service.review.appointments import Way
from ror_service.review.conditions import Urgency
from ror_service.review.queue import Disposition
from ror_service.review.triage import Tier
from ror_service.states import ReviewState
from ror_service.storage import results
from ror_service.storage.tables import ReviewCaseRow
from ror_service.web.staff import Member, back_to, member
from ror_service.work import Work

router = APIRouter()
Reviewer = Annotated[Member, Depends(member("review", Role.GENETIC_COUNSELOR, Role.LABORATORY_DIRECTOR))]
Counselor = Annotated[Member, Depends(member("disclosure", Role.GENETIC_COUNSELOR))]
Director = Annotated[Member, Depends(member("identity", Role.LABORATORY_DIRECTOR))]
_NOT_SHOWN = 20
"""Counts of people from 1 up to this are not told: they could name somebody."""
A_PAGE = 100
"""Reviews that the work list shows at once."""
_OWNERS = {"": "Anybody", "me": "Me", "nobody": "Nobody"}


@dataclass(frozen=True, slots=True)
class Item:
    """One row of the work list: nothing that was found, only why people must look."""

    review_id: str
    tier: str
    state: str
    reasons: tuple[str, ...]
    urgency: str
    assignee: str | None
    is_mine: bool
    is_free: bool
    created_at: datetime
    due_at: datetime
    is_overdue: bool
    age_days: int
    signatures: int
    again: str
    """Why a result that was returned is decided on again; empty for the first decision."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A part of the evidence: its name, then its value or its own parts."""

    name: str
    value: str = ""
    parts: tuple[Branch, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """A signature that was not taken: why, and what was filled in."""

    said: str = ""
    reason: str = ""
    dispositions: tuple[Disposition, ...] = ()
    criteria: tuple[str, ...] = ()


class Filters(BaseModel):
    """Which reviews are listed; what is empty asks for nothing."""

    state: ReviewState | None = None
    tier: Tier | None = None
    urgency: Urgency | None = None
    owner: Literal["me", "nobody"] | None = None
    overdue: bool = False
    why: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,64}$")] | None = None
    """One of the reasons why people must look."""
    kind: Literal["first", "again"] | None = None
    """`again`: another decision on a result that was returned, as after a reclassification."""
    page: int = Field(default=1, ge=1)
    """Of those that match, `A_PAGE` at a time."""

    @field_validator("*", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object, field: ValidationInfo) -> object:
        return cls.model_fields[str(field.field_name)].default if value == "" else value

    def wants(self, item: Item) -> bool:
        """Whether a review is listed."""
        return (
            self.tier in {None, item.tier}
            and self.urgency in {None, item.urgency}
            and (item.is_overdue or not self.overdue)
            and self.why in {None, *item.reasons}
            and self.kind in {None, "again" if item.again else "first"}
            and {None: True, "me": item.is_mine, "nobody": item.is_free}[self.owner]
        )


@router.get("/queue")
def work_list(request: Request, who: Reviewer, filters: Annotated[Filters, Query()]) -> Response:
    """Reviews by urgency and date. The filters are the address, so that a filter can be kept as a bookmark."""
    states = queue.OPEN_STATES if filters.state is None else (filters.state,)
    with who.begin() as work:
        rows = results.reviews(work.session, [state.value for state in states])
        items = _items(work, who.name, rows)
        kept = saved_filters.of_caller(work)
    matching = [item for item in items if filters.wants(item)]
    before = (filters.page - 1) * A_PAGE
    return who.page(
        "queue", "queue", items=matching[before : before + A_PAGE], before=before, matching=len(matching),
        total=len(items), chosen=filters, states=list(ReviewState), tiers=list(Tier), urgencies=list(Urgency),
        owners=_OWNERS, query=request.url.query, saved=kept, address=partial(_address, filters),
        whys=sorted({reason for item in items for reason in item.reasons}),
    )  # fmt: skip


@router.post("/queue/filters")
def save_filters(who: Reviewer, name: Annotated[ShownLine, Form()], query: Annotated[str, Form()] = "") -> Response:
    """Keep the filters of the list under a name of one's own."""
    try:
        asked = Filters.model_validate(dict(parse_qsl(query)))
    except ValidationError:
        raise InvalidInputError("these filters are not those of the work list") from None
    chosen = _address(asked, 1)
    with who.begin() as work:
        saved_filters.keep(work, name, chosen)
    return back_to(f"queue?{chosen}")


@router.post("/queue/filters/delete")
def delete_filters(who: Reviewer, name: Annotated[ShownLine, Form()]) -> Response:
    """Delete filters that were kept."""
    with who.begin() as work:
        saved_filters.drop(work, name)
    return back_to("queue")


@router.get("/queue/{review_id}")
def review_page(who: Reviewer, review_id: Identifier) -> Response:
    """All the evidence on one review, and what can be done with it. Reading it is audited."""
    return _review(who, review_id)


@router.post("/queue/{review_id}/claim")
def claim(who: Reviewer, review_id: Identifier) -> Response:
    """Take the review for some time, or prolong one's own."""
    with who.begin() as work:
        queue.claim(work, review_id, timedelta(minutes=who.context.settings.review_lease_minutes))
    return back_to(f"queue/{review_id}")


@router.post("/queue/{review_id}/release")
def release(who: Reviewer, review_id: Identifier) -> Response:
    """Give one's claim up: the one thing here that can be undone without a trace of a decision."""
    with who.begin() as work:
        queue.release(work, review_id)
    return back_to("queue")


@router.post("/queue/{review_id}/notes")
def add_note(who: Reviewer, review_id: Identifier, text: Annotated[PlainText, Form()]) -> Response:
    """Write a note for the others who work on the review."""
    with who.begin() as work:
        notes.add(work, review_id, text)
    return back_to(f"queue/{review_id}#notes")


@router.post("/queue/{review_id}/sign")
def sign(
    who: Reviewer,
    review_id: Identifier,
    disposition: Annotated[list[Disposition], Form()],
    reason: Annotated[PlainText, Form()],
    criterion: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """Sign with one decision for each finding; what does not go is told on the same page, and nothing is lost.

    The criteria that were ticked are kept in front of the reason, with their points.
    """
    ticked = criterion or []
    try:
        with who.begin() as work:
            checklist = _checklist(evidence.packet(work, who.context, review_id), ticked)
            evidence.sign(work, who.context, review_id, disposition, f"{checklist}{reason}")
    except ErasedError:
        raise
    except ServiceError as error:
        return _review(who, review_id, Refused(str(error), reason, tuple(disposition), tuple(ticked)))
    return back_to(f"queue/{review_id}")


@router.get("/queue/{review_id}/affected")
def affected_page(who: Reviewer, review_id: Identifier) -> Response:
    """How many people a decision about the variants of a review concerns; audited, and small numbers are not told."""
    with who.begin() as work:
        packet = evidence.packet(work, who.context, review_id)
        (item,) = _items(work, who.name, [packet.review])
    hereditary = who.context.interpreters.get(affected.HEREDITARY_RISK)
    known = hereditary if isinstance(hereditary, HereditaryRisk) else None
    places = {(Build(p.identity.build), a.variant) for p in packet.hereditary for a in p.finding.alleles}
    asked = [affected.at_places({build: (v.chrom, v.pos, v.ref, v.alt)}, known) for build, v in places if v.ref]
    found = affected.affected(who.context, asked, packet.interpretation.module) if asked else None
    counts = {} if found is None else {
        "samples that were searched": f"{found.samples:,}",
        "samples that carry one of these variants": shown_count(found.carriers),
        "open results that rest on these": shown_count(len(found.cases)),
        "samples that could not be searched": f"{found.not_stored + found.unreadable + found.not_all_variants:,}",
    }  # fmt: skip
    return who.page("affected", "queue", item=item, counts=counts)


@router.post("/queue/{review_id}/return")
def return_review(who: Reviewer, review_id: Identifier, reason: Annotated[PlainText, Form()]) -> Response:
    """Send the review back with a reason; signatures given so far are removed."""
    with who.begin() as work:
        queue.return_review(work, review_id, reason)
    return back_to("queue")


@router.get("/disclosures")
def disclosures(who: Counselor) -> Response:
    """Confirmed findings that a counselor tells first, with the next step to reach each person."""
    with who.begin() as work:
        now = work.at
        waiting = [(case, outreach.read(work, case.case_id)) for case in results.cases_to_disclose(work.session)]
    waiting.sort(key=lambda each: now if each[1].appointment is None else each[1].appointment.starts_at)
    return who.page(
        "disclosures", "disclosures", waiting=waiting, outcomes=[each for each in Tried if each is not Tried.ASKED],
        ways=list(Way), now=now,
    )  # fmt: skip


@router.post("/disclosures/{case_id}/outreach")
def reached_out(who: Counselor, case_id: Identifier, tried: Annotated[Tried, Form()]) -> Response:
    """Record how the next step ended."""
    with who.begin() as work:
        outreach.record(work, case_id, tried)
    return back_to("disclosures")


@router.post("/disclosures/{case_id}/appointment")
def appointment(
    who: Counselor,
    case_id: Identifier,
    starts_at: Annotated[datetime, Form()],
    way: Annotated[Way, Form()],
) -> Response:
    """Record the participant's appointment, or its new date. The form's times are UTC, as the page says."""
    with who.begin() as work:
        queue.schedule_disclosure(work, case_id, starts_at.replace(tzinfo=UTC), way)
    return back_to("disclosures")


@router.post("/disclosures/{case_id}/outcome")
def disclosed(who: Counselor, case_id: Identifier, outcome: Annotated[Disclosure, Form()]) -> Response:
    """Record that the participant was told, or could not be reached."""
    with who.begin() as work:
        queue.complete_disclosure(work, case_id, outcome)
    return back_to("disclosures")


@router.get("/identity")
def identity_list(who: Director, *, resolved: bool = False) -> Response:
    """Identity cases: while one is open, every result of its members is suspended."""
    with who.begin() as work:
        listed = identity_cases.listed(work, resolved=resolved)
    return who.page("identity", "identity", cases=listed, resolved=resolved)


@router.get("/identity/{identity_case_id}")
def identity_page(who: Director, identity_case_id: Identifier) -> Response:
    """Members, samples, and the samples compared anew. Reading it is audited."""
    with who.begin() as work:
        found = identity_cases.show(work, who.context.fingerprints, identity_case_id)
    return who.page("identity_case", "identity", found=found)


@router.post("/identity/{identity_case_id}/resolve")
def resolve(
    who: Director,
    identity_case_id: Identifier,
    reason: Annotated[PlainText, Form()],
    wrong_sample: Annotated[list[Identifier] | None, Form()] = None,
) -> Response:
    """Resolve a case with a reason. What rests on a wrong sample is ended, erased and recalled."""
    with who.begin() as work:
        identity_cases.resolve(work, identity_case_id, reason, wrong_sample or ())
    return back_to("identity")


def _checklist(packet: evidence.Packet, ticked: Collection[str]) -> str:
    """The criteria that a signer ticked, by gene, with the sum of their points; what is not offered counts nothing."""
    told = ""
    for number, each in enumerate(packet.hereditary, 1):
        held = [one for one in each.finding.criteria if f"{number}:{one.code}" in ticked]
        if held:
            points = sum(one.points for one in held)
            told += f"{each.finding.gene}: {', '.join(one.code for one in held)} ({points:+d} points). "
    return told


def _review(who: Member, review_id: str, refused: Refused | None = None) -> Response:
    filled = refused or Refused()
    with who.begin() as work:
        packet = evidence.packet(work, who.context, review_id)
        (item,) = _items(work, who.name, [packet.review])
        signed = results.sign_offs(work.session, review_id)
        order = results.confirmation_of(work.session, review_id)
        written = notes.of_review(work, review_id)
    return who.page(
        "review", "queue", item=item, notes=written, packet=packet, signed=signed, order=order, said=filled.said,
        reason=filled.reason, chosen=list(filled.dispositions), criteria=filled.criteria,
        dispositions=list(Disposition), is_open=ReviewState(item.state) in queue.OPEN_STATES,
        packets=[(each, _parts(each)) for each in packet.hereditary],
    )  # fmt: skip


def _parts(packet: HereditaryPacket) -> tuple[Branch, ...]:
    """The whole packet by the names of its fields; the page shows the main facts above."""
    sections = ("identity", "finding", "history", "decision", "counseling")
    return tuple(_branch(name, getattr(packet, name)) for name in sections)


def _branch(name: str, value: object) -> Branch:
    name = name.replace("_", " ")
    if is_dataclass(value) and not isinstance(value, type):
        return Branch(name, parts=tuple(_branch(f.name, getattr(value, f.name)) for f in fields(value)))
    if isinstance(value, tuple) and any(is_dataclass(each) or isinstance(each, tuple) for each in value):
        return Branch(name, parts=tuple(_branch(str(number), each) for number, each in enumerate(value, 1)))
    if isinstance(value, tuple):
        return Branch(name, ", ".join(map(str, value)) or "none")
    return Branch(name, _plain(value))


def _plain(value: object) -> str:
    match value:
        case None:
            return "not available"
        case bool():
            return "yes" if value else "no"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M} UTC"
        case _:
            return str(value) or "none"


def _address(filters: Filters, page: int) -> str:
    """The filters as the query of an address, without those that ask for nothing."""
    asked = filters.model_copy(update={"page": page}).model_dump(exclude_defaults=True, mode="json")
    return urlencode({key: "true" if value is True else value for key, value in asked.items()})


def _items(work: Work, name: str, rows: Sequence[ReviewCaseRow]) -> list[Item]:
    signatures = results.signatures(work.session, [row.review_id for row in rows])
    amendments = results.amendments_of_cases(work.session, {row.case_id for row in rows})
    again = {amendment.interpretation_id: amendment.reason for amendment in amendments}
    return [
        _item(work, name, row, signatures.get(row.review_id, 0), again.get(row.interpretation_id, "")) for row in rows
    ]


def _item(work: Work, name: str, row: ReviewCaseRow, signatures: int, again: str) -> Item:
    held = row.assignee is not None and row.lease_until is not None and row.lease_until > work.at
    is_open = ReviewState(row.state) in queue.OPEN_STATES
    return Item(
        review_id=row.review_id,
        tier=row.tier,
        state=row.state,
        reasons=tuple(row.reasons),
        urgency=row.urgency,
        assignee=row.assignee if held else None,
        is_mine=held and row.assignee == name,
        is_free=is_open and not held,
        created_at=row.created_at,
        due_at=row.due_at,
        is_overdue=is_open and row.due_at < work.at,
        age_days=(work.at - row.created_at).days,
        signatures=signatures,
        again=again,
    )


def shown_count(people: int) -> str:
    """A number of people as staff may read it: from 1 to 20 it is not told."""
    return "1 to 20 (not told exactly)" if 0 < people <= _NOT_SHOWN else f"{people:,}"
