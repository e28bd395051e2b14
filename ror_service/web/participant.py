"""The pages of a participant: where the results are, reports and their versions, medicines, and who has seen what.

A page is a function of a few lines: one transaction in the participant's name, the facts, a template.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form
from starlette.responses import RedirectResponse, Response

from consent.types import History
from report_templates.content import Difference, DifferenceKind, Statement
from report_templates.views.differences import in_words
from report_templates.wording import change_reason
from ror_service import cases, own_medicines, reports
from ror_service.api.fields import ModuleName, ShownLine
from ror_service.api.people import REPORT_HEADERS, check_file
from ror_service.errors import NotFoundError, WithheldError
from ror_service.participants import RECALL_DUE
from ror_service.reports import VersionSummary
from ror_service.review import outreach
from ror_service.states import CaseState
from ror_service.storage import audit_events, results
from ror_service.storage import participants as stored
from ror_service.storage.tables import ResultCaseRow
from ror_service.web.visitor import Visitor, Who
from ror_service.web.wording import Texts, modules
from ror_service.work import Work, new_id

router = APIRouter(prefix="/{language}")
_STEPS = ("sample", "read", "choice", "checked", "ready")
_STEP_OF = {
    CaseState.AWAITING_DATA.value: 1,
    CaseState.QC_HOLD.value: 1,
    CaseState.ELIGIBLE.value: 2,
    CaseState.OFFERED.value: 2,
    CaseState.DECLINED.value: 2,
    CaseState.DEFERRED.value: 2,
    "being_checked": 3,
    CaseState.DISCLOSURE_SCHEDULED.value: 3,
    CaseState.DISCLOSED.value: 3,
}
_ENDED = {state.value for state in (*results.CLOSED_CASES, CaseState.SUSPENDED)}
_TURN = {CaseState.OFFERED.value, CaseState.DEFERRED.value}
_NOT_READ = "qc_failed"
_TO_TALK = {"disclosure_pending", "disclosure_missed"}
_OVER = {"withdrawn", "deceased", "death_reported"}
"""Reasons after which there is nothing to choose."""
_TO_CHOOSE = "informing_loop_"
_READ = {"report.read", "break_glass.read"}


@dataclass(frozen=True, slots=True)
class Result:
    """What the home page says of one result."""

    module: str
    name: str
    label: str
    why: tuple[str, ...]
    next: str
    action: str
    """What the participant can do: `open`, `choose`, `talk`, `change` or `none`."""
    is_turn: bool
    """Whether the participant is asked for something."""
    picture: str
    step: int | None
    """How many steps are behind it; None where it goes no further."""
    files: tuple[str, ...]
    letter: str
    """Which text tells of the letter for the family: where it is, or how to get it; empty without a finding."""
    since: datetime


@router.get("/")
def home(who: Who) -> Response:
    """Where each result is, and why it waits."""
    found = sorted(_results(who), key=lambda result: (not result.is_turn, not result.files))
    return who.page("home", "", results=found, steps=_STEPS)


@router.get("/results")
def results_page(who: Who) -> Response:
    """The results that can be opened."""
    return who.page("results", "results", results=[result for result in _results(who) if result.files])


@router.get("/results/{module}")
def result_page(who: Who, module: ModuleName) -> Response:
    """One result before it is opened: what there is of it, what to know first, and its versions."""
    result = next(iter(_results(who, module)), None)
    if result is None or not result.files:
        raise NotFoundError("no such result")
    with who.begin() as work:
        versions = reports.versions(work, who.context.keys, who.participant_id, module, with_differences=True)
    told = [_version(who.t, version) for version in reversed(versions)]
    return who.page("result", f"results/{module}", result=result, versions=told)


@router.get("/results/{module}/{file}")
def report_file(who: Who, module: ModuleName, file: str) -> Response:
    """A file of the report; the consent gate is asked at this moment."""
    check_file(file)
    with reports.reading(who.begin) as work:
        opened = reports.read(work, who.context.keys, who.participant_id, module, file)
        reports.viewed(work, opened.version_id, new_id("view"), "portal")
    headers = dict(REPORT_HEADERS)
    if file.endswith(".pdf"):
        headers["Content-Disposition"] = f'attachment; filename="{module}.{file}"'
    return Response(opened.content, media_type=opened.media_type, headers=headers)


@router.get("/medicines")
def medicines(who: Who) -> Response:
    """The participant's own list of medicines; without a yes to the report that it is for, why there is none."""
    why: dict[str, None] = {}
    names: tuple[str, ...] = ()
    try:
        with who.begin() as work:
            names = own_medicines.read(work, who.context.keys, who.participant_id)
    except WithheldError as error:
        why = dict.fromkeys(map(who.t.reason, error.reasons))
    return who.page("medicines", "medicines", medicines=names, why=list(why))


@router.post("/medicines")
def change_medicines(
    who: Who, add: Annotated[ShownLine | None, Form()] = None, remove: Annotated[ShownLine | None, Form()] = None
) -> Response:
    """Add a medicine to the list, or take one off."""
    with who.begin() as work:
        names = [name for name in own_medicines.read(work, who.context.keys, who.participant_id) if name != remove]
        own_medicines.enter(work, who.context.keys, who.participant_id, [*names, *([add] if add else [])])
    return RedirectResponse(f"/portal/{who.t.language}/medicines", status_code=303)


@router.get("/access")
def access_log(who: Who) -> Response:
    """Who has opened the participant's results."""
    with who.begin() as work:
        opened = {
            version.version_id: (case.module, version.number)
            for case in results.cases_of(work.session, who.participant_id)
            for version in results.report_versions_of_case(work.session, case.case_id)
        }
        seen = [
            (row.at, row.role, *opened.get(row.object_id, (None, None)))
            for row in audit_events.of_participant(work.session, who.participant_id)
            if row.action in _READ
        ]
    return who.page("access", "access", seen=seen)


@router.get("/talk")
def talk(who: Who) -> Response:
    """A call with a genetic counselor: ask for one where something waits to be told, or how to reach them."""
    with who.begin() as work:
        waits = outreach.waits_for_call(work, who.participant_id)
    told = ""
    if waits is not None and waits.starts_at is not None:
        told = who.t("ui.calls.set", date=who.t.day(waits.starts_at))
    elif waits is not None and waits.asked_at is not None:
        told = who.t("ui.calls.asked", date=who.t.day(waits.asked_at))
    return who.page("talk", "talk", can_ask=waits is not None and not told, told=told)


@router.post("/talk")
def ask_for_call(who: Who) -> Response:
    """Ask for a call; the counselor's list shows it."""
    with who.begin() as work:
        outreach.ask_for_call(work, who.participant_id)
    return RedirectResponse(f"/portal/{who.t.language}/talk", status_code=303)


@router.get("/help")
def help_page(who: Who) -> Response:
    """Whom to ask."""
    return who.page("help", "help")


def _results(who: Visitor, *wanted: str) -> list[Result]:
    """The participant's results of the wanted modules, or of all."""
    with who.begin() as work:
        newest = {case.module: case for case in results.cases_of(work.session, who.participant_id)}
        known = stored.history(work.session, who.participant_id)
        return [_result(work, who.t, newest[module], known) for module in wanted or modules() if module in newest]


def _result(work: Work, t: Texts, case: ResultCaseRow, known: History) -> Result:
    state, waiting_for = cases.progress(work, case, known)
    offered_again = [each.re_offer_at for each in known.decisions if each.module == case.module]
    files = reports.readable_files(work, case, waiting_for) or ()
    said = t.state(_NOT_READ if waiting_for == _NOT_READ else state)
    values = {
        "date": t.day(case.updated_at),
        "reoffer_date": "".join(t.day(at) for at in sorted(filter(None, offered_again))[-1:]),
        "partner_deadline": t.day(case.updated_at + RECALL_DUE),
    }
    # A participant who only has to wait reads the same of both: it is told once.
    why = dict.fromkeys([t.of(said["why_waiting"], **values), *([t.reason(waiting_for)] if waiting_for else [])])
    action = (
        "open" if files
        else "none" if waiting_for in _OVER
        else "talk" if waiting_for in _TO_TALK
        else "choose" if state in _TURN or (waiting_for or "").startswith(_TO_CHOOSE)
        else "change"
    )  # fmt: skip
    return Result(
        module=case.module,
        name=t.of(t.module(case.module)["name"]),
        label=t.of(said["label"]),
        why=tuple(why),
        next="" if waiting_for in _OVER else t.of(said["next"], **values),
        action=action,
        is_turn=state in _TURN or action == "talk",
        picture=said["pictogram"],
        step=None if state in _ENDED else _STEP_OF.get(state, len(_STEPS)),
        files=files,
        letter=""
        if not (files and case.requires_confirmation)
        else "family_note"
        if reports.has_letter(work, case, known)
        else "family_ask",
        since=case.updated_at,
    )


def _version(t: Texts, version: VersionSummary) -> dict[str, Any]:
    """A version as the page tells it: when, why, and what it says otherwise than the one before."""
    changed = [_difference(each) for each in version.differences]
    return {
        "number": version.number,
        "at": version.released_at,
        "is_withdrawn": version.withdrawn_cause is not None,
        "reason": change_reason(version.reason)[t.language] if version.reason else "",
        "changed": in_words(changed, t.words),
    }


def _difference(said: Mapping[str, Any]) -> Difference:
    before, after = (None if said[side] is None else Statement(**said[side]) for side in ("before", "after"))
    return Difference(DifferenceKind(said["kind"]), said["topic"], said["subject"], before, after)
