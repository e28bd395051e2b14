"""The pages of a participant: where the results are, choices, reports, medicines, who has seen them, and leaving.

A page is a function of a few lines: one transaction in the participant's name, the facts, a template.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form
from starlette.responses import RedirectResponse, Response

from consent.types import ModuleAnswer, ModuleDecision, Participation, latest
from report_templates.content import Audience, Language
from report_templates.wording import content_file
from ror_service import cases, own_medicines, participants, reports
from ror_service.api.fields import ModuleName, ShownLine
from ror_service.context import ServiceContext
from ror_service.errors import NotFoundError, WithheldError
from ror_service.participants import ModuleChoice
from ror_service.states import CaseState
from ror_service.storage import audit_events, results
from ror_service.storage import participants as stored
from ror_service.storage.tables import ResultCaseRow
from ror_service.web.pages import HEADERS, page
from ror_service.web.wording import Texts, content
from ror_service.work import Work, new_id

router = APIRouter()
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
_LOOP_MINUTES = 5


@dataclass(frozen=True, slots=True)
class Visitor:
    """A participant who is signed in."""

    participant_id: str
    t: Texts
    begin: Callable[[], AbstractContextManager[Work]]
    context: ServiceContext

    def page(self, template: str, path: str, status: int = 200, **facts: Any) -> Response:  # noqa: ANN401
        """A page for this participant; `path` is its address below the language."""
        return page(template, self.t, status, path=path, signed_in=True, **facts)


def visitor() -> Visitor:
    """Who is signed in; the site that these pages belong to says how that is told."""
    raise NotImplementedError


Who = Annotated[Visitor, Depends(visitor)]


@dataclass(frozen=True, slots=True)
class Result:
    """What the home page says of one result."""

    module: str
    name: str
    state: str
    label: str
    why: str
    next: str
    reason: str | None
    action: str | None
    picture: str
    step: int | None
    """How many steps are behind it; None where it goes no further."""
    files: tuple[str, ...]
    since: datetime

    @property
    def is_turn(self) -> bool:
        """Whether the participant is asked for something."""
        return self.state in _TURN


@router.get("/{language}/")
def home(who: Who) -> Response:
    """Where each result is, and why it waits."""
    with who.begin() as work:
        found = _results(work, who)
        reoffer = _reoffer(work, who)
    found.sort(key=lambda result: (not result.is_turn, not result.files))
    return who.page("home", "", results=found, steps=_STEPS, reoffer=reoffer)


@router.get("/{language}/results")
def results_page(who: Who) -> Response:
    """The results that can be opened."""
    with who.begin() as work:
        found = _results(work, who)
    return who.page("results", "results", results=[result for result in found if result.files])


@router.get("/{language}/results/{module}")
def result_page(who: Who, module: ModuleName) -> Response:
    """One result before it is opened: what there is of it, and what to know first."""
    with who.begin() as work:
        result = next((each for each in _results(work, who) if each.module == module and each.files), None)
    if result is None:
        raise NotFoundError("no such result")
    return who.page("result", f"results/{module}", result=result)


@router.get("/{language}/results/{module}/{file}")
def report_file(who: Who, module: ModuleName, file: str) -> Response:
    """A file of the report; the consent gate is asked at this moment."""
    try:
        with who.begin() as work:
            opened = reports.read(work, who.context.keys, who.participant_id, module, file)
            reports.viewed(work, opened.version_id, new_id("view"), "portal")
    except WithheldError as error:
        with who.begin() as work:
            reports.read_refused(work, who.participant_id, module, error.reasons)
        raise
    inline = {"style-src": "'unsafe-inline'"}
    policy = HEADERS["Content-Security-Policy"].replace("style-src 'self'", f"style-src {inline['style-src']}")
    headers = {**HEADERS, "Content-Security-Policy": policy.replace("font-src 'self'", "font-src data:")}
    if file.endswith(".pdf"):
        headers["Content-Disposition"] = f'attachment; filename="{module}.{file}"'
    return Response(opened.content, media_type=opened.media_type, headers=headers)


@router.get("/{language}/choices")
def choices(who: Who) -> Response:
    """What was chosen for each kind of result."""
    with who.begin() as work:
        said = stored.history(work.session, who.participant_id).decisions
    modules = [
        (module, who.t.of(who.t.module(module)["name"]), who.t.of(who.t.module(module)["one_line"]), _last(said, module))
        for module in _modules()
    ]
    return who.page("choices", "choices", modules=modules)


@router.get("/{language}/choices/{module}")
def loop(who: Who, module: ModuleName) -> Response:
    """What to know before choosing, the questions, and the choice."""
    known = _known(module)
    with who.begin() as work:
        said = stored.history(work.session, who.participant_id).decisions
        again = (work.at + timedelta(days=work.policy.re_offer_days)).date()
    return who.page(
        "loop", f"choices/{module}", module=known, chosen=_last(said, module), reoffer=who.t.day(again),
        minutes=_LOOP_MINUTES,
    )  # fmt: skip


@router.post("/{language}/choices/{module}")
def choose(who: Who, module: ModuleName, answer: Annotated[ModuleAnswer, Form()]) -> Response:
    """Keep a choice; it takes effect before the answer is sent."""
    known = _known(module)
    with who.begin() as work:
        version = work.policy.modules[module].accepted_script_versions[-1]
        choice = ModuleChoice(
            event_id=new_id("choice"), module=module, answer=answer, script_version=version, authored_at=work.at
        )
        participants.choose(work, who.participant_id, choice)
        again = (work.at + timedelta(days=work.policy.re_offer_days)).date()
    saved = who.t.common(f"saved_{answer}", reoffer_date=who.t.day(again))
    return who.page("chosen", f"choices/{module}", module=known, saved=saved)


@router.get("/{language}/medicines")
def medicines(who: Who) -> Response:
    """The participant's own list of medicines."""
    with who.begin() as work:
        names = own_medicines.read(work, who.context.keys, who.participant_id)
    return who.page("medicines", "medicines", medicines=names)


@router.post("/{language}/medicines")
def change_medicines(
    who: Who, add: Annotated[ShownLine | None, Form()] = None, remove: Annotated[ShownLine | None, Form()] = None
) -> Response:
    """Add a medicine to the list, or take one off."""
    with who.begin() as work:
        names = [name for name in own_medicines.read(work, who.context.keys, who.participant_id) if name != remove]
        own_medicines.enter(work, who.context.keys, who.participant_id, [*names, *([add] if add else [])])
    return RedirectResponse(f"/portal/{who.t.language}/medicines", status_code=303)


@router.get("/{language}/access")
def access_log(who: Who) -> Response:
    """Who has opened the participant's results."""
    with who.begin() as work:
        rows = [
            row
            for row in audit_events.of_participant(work.session, who.participant_id)
            if row.action in {"report.read", "report.viewed"}
        ]
        seen = [(row.at, row.role) for row in rows]
    return who.page("access", "access", seen=seen)


@router.get("/{language}/withdraw")
def withdraw(who: Who) -> Response:
    """What can be stopped, and what happens then."""
    return who.page("withdraw", "withdraw", options=content("portal")["withdraw"]["options"])


@router.get("/{language}/withdraw/{option}")
def confirm_withdrawal(who: Who, option: str, module: ModuleName | None = None) -> Response:
    """Ask once more, with the consequences."""
    if option not in content("portal")["withdraw"]["options"]:
        raise NotFoundError("no such choice")
    with who.begin() as work:
        said = stored.history(work.session, who.participant_id).decisions
    asked = [name for name in _modules() if (last := _last(said, name)) and last.answer is ModuleAnswer.YES]
    return who.page("withdraw_confirm", f"withdraw/{option}", option=option, modules=asked, module=module)


@router.post("/{language}/withdraw/{option}")
def do_withdraw(
    who: Who, option: str, sure: Annotated[str, Form()], module: Annotated[ModuleName | None, Form()] = None
) -> Response:
    """Do it: it is in force before the answer is sent."""
    del sure
    with who.begin() as work:
        match option:
            case "one_result" | "all_results":
                said = stored.history(work.session, who.participant_id).decisions
                stopped = [module] if option == "one_result" and module else []
                stopped = stopped or ([name for name in _modules() if _last(said, name)] if option == "all_results" else [])
                if not stopped:
                    raise NotFoundError("name the result")
                for name in stopped:
                    version = work.policy.modules[name].accepted_script_versions[-1]
                    choice = ModuleChoice(
                        event_id=new_id("choice"), module=name, answer=ModuleAnswer.NO, script_version=version,
                        authored_at=work.at,
                    )  # fmt: skip
                    participants.choose(work, who.participant_id, choice)
            case "no_contact":
                participants.set_standing(work, who.participant_id, participation=Participation.DEACTIVATED)
            case "leave":
                participants.set_standing(work, who.participant_id, participation=Participation.WITHDRAWN)
            case _:
                raise NotFoundError("no such choice")
        at = work.at
    return who.page("withdrawn", "withdraw", at=at)


@router.get("/{language}/help")
def help_page(who: Who) -> Response:
    """Whom to ask."""
    return who.page("help", "help")


def _modules() -> list[str]:
    return [entry["id"] for entry in content("choices")["modules"]]


def _known(module: str) -> dict[str, Any]:
    if module not in _modules():
        raise NotFoundError("no such kind of result")
    return next(dict(entry) for entry in content("choices")["modules"] if entry["id"] == module)


def _last(said: tuple[ModuleDecision, ...], module: str) -> ModuleDecision | None:
    return latest([each for each in said if each.module == module])


def _reoffer(work: Work, who: Visitor) -> str:
    dates = [each.re_offer_at for each in stored.history(work.session, who.participant_id).decisions if each.re_offer_at]
    return who.t.day(max(dates)) if dates else ""


def _results(work: Work, who: Visitor) -> list[Result]:
    newest = {case.module: case for case in results.cases_of(work.session, who.participant_id)}
    return [_result(work, who, newest[module]) for module in _modules() if module in newest]


def _result(work: Work, who: Visitor, case: ResultCaseRow) -> Result:
    t = who.t
    state, waiting_for = cases.progress(work, case)
    version = results.released_version(work.session, case.case_id, Audience.PARTICIPANT)
    readable = version is not None and waiting_for is None
    files = results.artifacts_of(work.session, version.version_id) if version is not None and readable else ()
    said = t.state(state)
    told = None if waiting_for is None else t.reason(waiting_for)
    values = {"date": t.day(case.updated_at), "reoffer_date": _reoffer(work, who), "time": "", "years": 18, "n": 1}
    return Result(
        module=case.module,
        name=t.of(t.module(case.module)["name"]),
        state=state,
        label=t.of(said["label"]),
        why=t.of(said["why_waiting"], **values),
        next=t.of(said["next"], **values),
        reason=None if told is None or not told.get("participant") else t.of(told["participant"], **values),
        action=None if told is None or not told.get("participant_action") else t.of(told["participant_action"]),
        picture=said["pictogram"],
        step=None if state in _ENDED else _STEP_OF.get(state, len(_STEPS)),
        files=tuple(file.name for file in files),
        since=case.updated_at,
    )


def picture_title(t: Texts, name: str) -> str:
    """The text alternative of a pictogram."""
    return t.of(content_file("pictograms.json")["pictograms"][name]["title"])


def language_of(value: str) -> Language:
    """A language by its code."""
    return Language(value)
