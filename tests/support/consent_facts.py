"""Consent facts for tests: a participant who said yes to everything, results that are ready, and hypothesis strategies.

`CHANGES` names every way in which facts can differ from those that release; tests apply one, two or a random few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import TypeVar

from hypothesis import strategies as st

from consent.gate import Release, gate
from consent.policy import DesigneePolicy, ModulePolicy, Policy, load_policy
from consent.types import (
    Answer,
    Candidate,
    Capacity,
    Confirmation,
    ConsentRecord,
    DesigneeNaming,
    Disclosure,
    DocumentType,
    Handover,
    History,
    ModuleAnswer,
    ModuleDecision,
    Participation,
    Quality,
    Validation,
    VitalStatus,
)

T = TypeVar("T")

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
POLICY = load_policy()
MODULES = tuple(POLICY.modules)
OFFERS_DESIGNEE = replace(
    POLICY, designee=replace(POLICY.designee, offered=True, modules=("hereditary_risk", "traits"))
)
"""The policy of a programme in which a participant may name somebody for after a death."""
PERSON = "P-0001"
ANOTHER_PERSON = "P-0002"


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that a decision is made from."""

    history: History
    candidate: Candidate
    policy: Policy
    at: datetime


def hours(count: float) -> timedelta:
    """A span of time."""
    return timedelta(hours=count)


def consent(document: DocumentType = DocumentType.RETURN_OF_RESULTS, **changes: object) -> ConsentRecord:
    """A valid yes, a day ago, with changes."""
    record = ConsentRecord(
        event_id=f"consent-{document.value}",
        document=document,
        document_version="1.0",
        answer=Answer.YES,
        authored_at=NOW - hours(24),
        received_at=NOW - hours(23),
        validation=Validation.VALID,
    )
    return replace(record, **changes)


def module_decision(module: str, **changes: object) -> ModuleDecision:
    """A yes in the informing loop, a day ago, with changes."""
    decision = ModuleDecision(
        event_id=f"decision-{module}",
        module=module,
        answer=ModuleAnswer.YES,
        script_version="1.0",
        authored_at=NOW - hours(24),
        received_at=NOW - hours(23),
    )
    return replace(decision, **changes)


def history(**changes: object) -> History:
    """Someone alive, adult and active who said yes to everything, with changes."""
    facts = History(
        participant_id=PERSON,
        birth_date=date(1980, 5, 17),
        residence_state="CA",
        vital_status=VitalStatus.ALIVE,
        participation=Participation.ACTIVE,
        consents=(consent(DocumentType.PRIMARY), consent(DocumentType.RETURN_OF_RESULTS)),
        decisions=tuple(module_decision(module) for module in MODULES),
    )
    return replace(facts, **changes)


def naming(**changes: object) -> DesigneeNaming:
    """Somebody was named, a day ago, with changes."""
    said = DesigneeNaming("naming", somebody=True, authored_at=NOW - hours(24), received_at=NOW - hours(23))
    return replace(said, **changes)


def dead(**changes: object) -> History:
    """Someone who said yes to everything and named somebody, and whose death was verified; with changes."""
    said = (*history().consents, consent(DocumentType.FAMILY_SHARING, document_version="1.2"))
    facts = history(vital_status=VitalStatus.DECEASED, consents=said, namings=(naming(),))
    return replace(facts, **changes)


HANDOVER = Handover(recorded_by="counselor-1", approved_by="director-1", until=NOW + hours(24))
"""Two people let the one who was named know of a result, for a day from now."""


def candidate(module: str = "traits", **changes: object) -> Candidate:
    """A result that is ready and holds nothing to review, with changes."""
    facts = Candidate(
        participant_id=PERSON,
        module=module,
        assay="wgs",
        specimen="saliva",
        quality=Quality.PASSED,
        interpreted=True,
        identity_case_open=False,
        positive_hereditary=False,
        review_required=False,
        signers=(),
        confirmation=Confirmation.NOT_ORDERED,
        disclosure=Disclosure.NOT_STARTED,
    )
    return replace(facts, **changes)


def positive(**changes: object) -> Candidate:
    """A hereditary finding that went the whole way: two people, confirmation, disclosure; with changes."""
    ready: dict[str, object] = {
        "positive_hereditary": True,
        "review_required": True,
        "signers": ("counselor-1", "director-1"),
        "confirmation": Confirmation.CONCORDANT,
        "disclosure": Disclosure.COMPLETED,
    }
    return candidate("hereditary_risk", **(ready | changes))


def released(payload: T, module: str = "traits") -> Release[T]:
    """`payload`, let through by the real gate for someone who said yes."""
    outcome = gate(history(), candidate(module), POLICY, NOW, payload)
    assert isinstance(outcome, Release)
    return outcome


Change = Callable[[Facts], Facts]


def _of_history(name: str, values: Iterable[object]) -> dict[str, Change]:
    return {
        f"history.{name}={value}": lambda facts, value=value: replace(
            facts, history=replace(facts.history, **{name: value})
        )
        for value in values
    }


def _of_candidate(name: str, values: Iterable[object]) -> dict[str, Change]:
    return {
        f"candidate.{name}={value}": lambda facts, value=value: replace(
            facts, candidate=replace(facts.candidate, **{name: value})
        )
        for value in values
    }


def _of_policy(name: str, values: Iterable[object]) -> dict[str, Change]:
    def changed(facts: Facts, value: object) -> Facts:
        rows = facts.policy.modules
        module = facts.candidate.module if facts.candidate.module in rows else "traits"
        row = replace(rows[module], **{name: value})
        return replace(facts, policy=replace(facts.policy, modules={**rows, module: row}))

    return {f"policy.{name}={value}": lambda facts, value=value: changed(facts, value) for value in values}


def _one_more(kind: str, make: Callable[[Facts], ConsentRecord | ModuleDecision]) -> dict[str, Change]:
    """The same event said before or after what was said, arriving before or after it, stored before or after it."""

    def added(facts: Facts, authored: float, received: float, *, first: bool) -> Facts:
        event = make(facts)
        field = "consents" if isinstance(event, ConsentRecord) else "decisions"
        there = getattr(facts.history, field)
        event = replace(
            event, event_id=f"more-{len(there)}", authored_at=NOW - hours(authored), received_at=NOW - hours(received)
        )
        events = (event, *there) if first else (*there, event)
        return replace(facts, history=replace(facts.history, **{field: events}))

    times = {
        "earlier": (30, 20),
        "later": (2, 1),
        "later, there sooner": (2, 23.5),
        "same hour": (24, 23),
        "future": (-1, -1),
    }
    return {
        f"{kind}, {when}, stored {'first' if first else 'last'}": lambda facts, at=at, first=first: added(
            facts, *at, first=first
        )
        for when, at in times.items()
        for first in (True, False)
    }


def _of_designee(name: str, values: Iterable[object]) -> dict[str, Change]:
    def changed(facts: Facts, value: object) -> Facts:
        policy = replace(facts.policy.designee, **{name: value})
        return replace(facts, policy=replace(facts.policy, designee=policy))

    return {f"policy.designee.{name}={value}": lambda facts, value=value: changed(facts, value) for value in values}


_HANDOVERS = {
    "nobody": None,
    "two people": HANDOVER,
    "one person": replace(HANDOVER, approved_by=HANDOVER.recorded_by),
    "not approved": replace(HANDOVER, approved_by=None),
    "approved by nobody": replace(HANDOVER, approved_by=""),
    "recorded by nobody": replace(HANDOVER, recorded_by=""),
    "without an end": replace(HANDOVER, until=None),
    "over at this moment": replace(HANDOVER, until=NOW),
    "over": replace(HANDOVER, until=NOW - hours(1)),
}


def _named(facts: Facts, authored: float, received: float, *, somebody: bool) -> Facts:
    there = facts.history.namings
    more = naming(
        event_id=f"more-{len(there)}",
        somebody=somebody,
        authored_at=NOW - hours(authored),
        received_at=NOW - hours(received),
    )
    return replace(facts, history=replace(facts.history, namings=(*there, more)))


def _by_guardian(facts: Facts, name: str, document: DocumentType | None = None) -> Facts:
    events = tuple(
        replace(event, capacity=Capacity.GUARDIAN) if getattr(event, "document", None) is document else event
        for event in getattr(facts.history, name)
    )
    return replace(facts, history=replace(facts.history, **{name: events}))


_DOCUMENT_CHANGES: dict[str, dict[str, object]] = {
    "yes": {},
    "no": {"answer": Answer.NO},
    "not sure": {"answer": Answer.NOT_SURE},
    "invalid yes": {"validation": Validation.INVALID},
    "pending yes": {"validation": Validation.PENDING},
    "old yes": {"document_version": "0.9"},
}
_DECISION_CHANGES: dict[str, dict[str, object]] = {
    "yes": {},
    "no": {"answer": ModuleAnswer.NO},
    "maybe later": {"answer": ModuleAnswer.MAYBE_LATER},
    "old yes": {"script_version": "0.9"},
}

CHANGES: dict[str, Change] = {
    **_of_history("participant_id", [ANOTHER_PERSON]),
    **_of_history("birth_date", [None, date(2008, 11, 22), date(2008, 11, 23), date(2026, 11, 23), date(2004, 2, 29)]),
    **_of_history("residence_state", [None, "", "NY"]),
    **_of_history("vital_status", VitalStatus),
    **_of_history("participation", Participation),
    **_of_history("consents", [(), (consent(DocumentType.PRIMARY),), (consent(DocumentType.RETURN_OF_RESULTS),)]),
    **_of_history("decisions", [(), *((module_decision(module),) for module in MODULES)]),
    **_of_candidate("participant_id", [ANOTHER_PERSON]),
    **_of_candidate("module", [*MODULES, "unheard_of"]),
    **_of_candidate("assay", ["array", "exome", ""]),
    **_of_candidate("specimen", ["whole_blood", "buccal", ""]),
    **_of_candidate("quality", Quality),
    **_of_candidate("interpreted", [False]),
    **_of_candidate("identity_case_open", [True]),
    **_of_candidate("paused", [True]),
    **_of_candidate("positive_hereditary", [True]),
    **_of_candidate("review_required", [True]),
    **_of_candidate(
        "signers", [tuple(row) for row in ([], "a", "aa", ["a", ""], ["", ""], "ab", ["a", "", "b"], "abc")]
    ),
    **_of_candidate("confirmation", Confirmation),
    **_of_candidate("disclosure", Disclosure),
    **_of_policy("offered", [False]),
    **_of_policy("accepted_script_versions", [("0.9",), ()]),
    **_of_policy("minimum_age_years", [19, 99]),
    **_of_policy("excluded_residence_states", [("CA",), ("NY",)]),
    **_of_policy("assays", [("wgs", "array"), ()]),
    **_of_policy("specimens", [("whole_blood",)]),
    **_of_policy("signers_when_reviewed", [0, 1, 2, 3]),
    "a guardian gave the primary consent": lambda facts: _by_guardian(facts, "consents", DocumentType.PRIMARY),
    "a guardian agreed to results": lambda facts: _by_guardian(facts, "consents", DocumentType.RETURN_OF_RESULTS),
    "a guardian chose": lambda facts: _by_guardian(facts, "decisions"),
    "policy.accepted_documents={}": lambda facts: replace(facts, policy=replace(facts.policy, accepted_documents={})),
}
DESIGNEE_CHANGES: dict[str, Change] = {
    **_of_history("vital_status", VitalStatus),
    **_of_history("participation", Participation),
    **_of_history("namings", [()]),
    **_of_designee("offered", [False, True]),
    **_of_designee("modules", [(), ("pharmacogenomics",)]),
    **_of_designee("accepted_documents", [(), ("1.0",), ("0.9", "1.0", "1.2")]),
    **{
        f"handover: {name}": lambda facts, handover=handover: replace(
            facts, candidate=replace(facts.candidate, handover=handover)
        )
        for name, handover in _HANDOVERS.items()
    },
    **{
        f"{'somebody' if somebody else 'nobody'} is named, {when}": lambda facts, at=at, somebody=somebody: _named(
            facts, *at, somebody=somebody
        )
        for when, at in {
            "earlier": (30, 20),
            "later": (2, 1),
            "later, there sooner": (2, 23.5),
            "future": (-1, -1),
        }.items()
        for somebody in (True, False)
    },
    "a guardian agreed to family sharing": lambda facts: _by_guardian(facts, "consents", DocumentType.FAMILY_SHARING),
    "a year later": lambda facts: replace(facts, at=facts.at + timedelta(days=365)),
}
"""What can differ in what lets the person who was named know of a result."""
for _name, _fields in _DOCUMENT_CHANGES.items():
    DESIGNEE_CHANGES |= _one_more(
        f"family_sharing: {_name}",
        lambda _, f=_fields: consent(DocumentType.FAMILY_SHARING, **{"document_version": "1.2", **f}),
    )
CHANGES |= DESIGNEE_CHANGES
for _document in (DocumentType.PRIMARY, DocumentType.RETURN_OF_RESULTS, DocumentType.RESEARCH_USE):
    for _name, _fields in _DOCUMENT_CHANGES.items():
        CHANGES |= _one_more(f"{_document}: {_name}", lambda _, d=_document, f=_fields: consent(d, **f))
for _name, _fields in _DECISION_CHANGES.items():
    CHANGES |= _one_more(f"own module: {_name}", lambda facts, f=_fields: module_decision(facts.candidate.module, **f))
    CHANGES |= _one_more(f"any module: {_name}", lambda _, f=_fields: module_decision("ancestry", **f))
"""Every way in which facts can differ from those that release, by a telling name."""

STARTS = (
    *(Facts(history(), candidate(module), POLICY, NOW) for module in MODULES),
    Facts(history(), candidate("pharmacogenomics", review_required=True, signers=("a",)), POLICY, NOW),
    Facts(history(), positive(), POLICY, NOW),
    Facts(dead(), positive(handover=HANDOVER), OFFERS_DESIGNEE, NOW),
)
"""Facts that release."""


def changed_facts(start: Facts, names: Iterable[str]) -> Facts:
    """`start` with the changes of these names, one after the other."""
    for name in names:
        start = CHANGES[name](start)
    return start


near_release = st.builds(
    changed_facts, st.sampled_from(STARTS), st.lists(st.sampled_from(sorted(CHANGES)), min_size=1, max_size=6)
)

near_handover = st.builds(
    changed_facts,
    st.just(STARTS[-1]),
    st.lists(st.sampled_from([*sorted(DESIGNEE_CHANGES) * 3, *sorted(CHANGES)]), min_size=1, max_size=5),
)

_moments = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-5))]))
_words = st.sampled_from(["", "1.0", "0.9", "wgs", "array", "saliva", PERSON, ANOTHER_PERSON, *MODULES])
_consents = st.builds(
    ConsentRecord,
    _words,
    st.sampled_from(DocumentType),
    _words,
    st.sampled_from(Answer),
    _moments,
    _moments,
    st.sampled_from(Validation),
)
_decisions = st.builds(ModuleDecision, _words, _words, st.sampled_from(ModuleAnswer), _words, _moments, _moments)
_histories = st.builds(
    History,
    _words,
    st.one_of(st.none(), st.dates()),
    st.one_of(st.none(), _words),
    st.sampled_from(VitalStatus),
    st.sampled_from(Participation),
    st.lists(_consents, max_size=4).map(tuple),
    st.lists(_decisions, max_size=4).map(tuple),
    st.lists(st.builds(DesigneeNaming, _words, st.booleans(), _moments, _moments), max_size=3).map(tuple),
)
_handovers = st.one_of(st.none(), st.builds(Handover, _words, st.one_of(st.none(), _words), st.none() | _moments))
_candidates = st.builds(
    Candidate,
    _words,
    _words,
    _words,
    _words,
    st.sampled_from(Quality),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.lists(_words, max_size=3).map(tuple),
    st.sampled_from(Confirmation),
    st.sampled_from(Disclosure),
    st.booleans(),
    _handovers,
)
_some_words = st.lists(_words, max_size=3).map(tuple)
_rows = st.builds(
    ModulePolicy,
    st.booleans(),
    _some_words,
    st.integers(0, 120),
    _some_words,
    _some_words,
    _some_words,
    st.integers(0, 4),
)
_policies = st.builds(
    Policy,
    _words,
    st.dictionaries(st.sampled_from(DocumentType), _some_words, max_size=3),
    st.dictionaries(_words, _rows, max_size=3),
    st.integers(0, 365),
    designee=st.builds(DesigneePolicy, st.booleans(), st.integers(0, 365), _some_words, _some_words),
)
anything = st.builds(Facts, _histories, _candidates, _policies, _moments)
"""Any combination of facts at all."""
