"""The programme's consent policy: versioned data, in `policies/`, one file a version."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib.resources import files
from typing import Any, TypeVar

from consent.types import DocumentType

CURRENT = "2026-11"

ValueT = TypeVar("ValueT")


class PolicyError(Exception):
    """A policy file is missing or not understood; the message names the file and the key."""


@dataclass(frozen=True, slots=True)
class ModulePolicy:
    """What the programme asks before it releases results of one module."""

    offered: bool
    accepted_script_versions: tuple[str, ...]
    minimum_age_years: int
    excluded_residence_states: tuple[str, ...]
    assays: tuple[str, ...]
    specimens: tuple[str, ...]
    signers_when_reviewed: int
    """Different people who sign a result of this module that needs review."""


@dataclass(frozen=True, slots=True)
class OutreachStep:
    """One step to reach somebody whose result a counselor tells first."""

    channel: str
    """`portal`, `email`, `sms`, `call` or `letter`."""
    day: int
    """Days after the first step, from which on this one may be taken."""


@dataclass(frozen=True, slots=True)
class DesigneePolicy:
    """Whether somebody whom a participant named may ask for results after a death, for which, and how long."""

    offered: bool
    days_to_ask: int
    """Days after the death was verified; then what was kept is erased."""
    modules: tuple[str, ...]
    """Whose last released report may be handed over."""
    accepted_documents: tuple[str, ...]
    """Versions of the form on family sharing that say so. They can be answered only while it is offered."""


CHANNELS = frozenset({"portal", "email", "sms", "call", "letter"})


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of the policy."""

    version: str
    accepted_documents: Mapping[DocumentType, tuple[str, ...]]
    """Required documents with the versions that still count."""
    modules: Mapping[str, ModulePolicy]
    re_offer_days: int
    """Days after which "maybe later" is offered again."""
    most_re_offers: int
    """How often in a row; after that the person is left alone until coming back."""
    re_offer_needs_re_contact_consent: bool
    """Whether only those are offered again who agreed to be contacted."""
    guardian_answers_count: bool
    """Whether a guardian may say yes for somebody who is not of age; never for an adult."""
    age_of_majority_years: int
    outreach_steps: tuple[OutreachStep, ...]
    """In order."""
    give_up_days: int
    """Days after the first step, from which on somebody whom no step reached counts as not to be reached."""
    designee: DesigneePolicy

    def may_be_answered(self, document: DocumentType, version: str) -> bool:
        """Whether what a version of a consent document says is true of this programme."""
        speaks_of_it = document is DocumentType.FAMILY_SHARING and version in self.designee.accepted_documents
        return self.designee.offered or not speaks_of_it


def load_policy(version: str = CURRENT) -> Policy:
    """Read a policy by version.

    Raises:
        PolicyError: If there is no such policy, or a key is missing, unknown or of the wrong type.
    """
    name = f"policies/{version}.toml"
    try:
        data = tomllib.loads(files("consent").joinpath(name).read_text(encoding="utf-8"))
        return _policy(data)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise PolicyError(f"consent/{name}: not a usable policy ({error!r}); compare with consent/policies/") from error


def _policy(data: Mapping[str, Any]) -> Policy:
    _expect_keys(data, {"version", "documents", "informing_loop", "guardians", "outreach", "designee", "modules"})
    loop, guardians = data["informing_loop"], data["guardians"]
    _expect_keys(loop, {"re_offer_days", "most_re_offers", "re_offer_needs_re_contact_consent"})
    _expect_keys(guardians, {"answers_count", "age_of_majority_years"})
    outreach = data["outreach"]
    _expect_keys(outreach, {"steps", "give_up_days"})
    return Policy(
        version=_a(str, data["version"]),
        accepted_documents={DocumentType(name): _texts(versions) for name, versions in data["documents"].items()},
        modules={name: _module(row) for name, row in data["modules"].items()},
        re_offer_days=_a(int, loop["re_offer_days"]),
        most_re_offers=_a(int, loop["most_re_offers"]),
        re_offer_needs_re_contact_consent=_a(bool, loop["re_offer_needs_re_contact_consent"]),
        guardian_answers_count=_a(bool, guardians["answers_count"]),
        age_of_majority_years=_a(int, guardians["age_of_majority_years"]),
        outreach_steps=_steps(outreach["steps"]),
        give_up_days=_a(int, outreach["give_up_days"]),
        designee=_designee(data["designee"]),
    )


def _designee(row: Mapping[str, Any]) -> DesigneePolicy:
    _expect_keys(row, {field.name for field in fields(DesigneePolicy)})
    return DesigneePolicy(
        offered=_a(bool, row["offered"]),
        days_to_ask=_a(int, row["days_to_ask"]),
        modules=_texts(row["modules"]),
        accepted_documents=_texts(row["accepted_documents"]),
    )


def _module(row: Mapping[str, Any]) -> ModulePolicy:
    _expect_keys(row, {field.name for field in fields(ModulePolicy)})
    return ModulePolicy(
        offered=_a(bool, row["offered"]),
        accepted_script_versions=_texts(row["accepted_script_versions"]),
        minimum_age_years=_a(int, row["minimum_age_years"]),
        excluded_residence_states=_texts(row["excluded_residence_states"]),
        assays=_texts(row["assays"]),
        specimens=_texts(row["specimens"]),
        signers_when_reviewed=_a(int, row["signers_when_reviewed"]),
    )


def _steps(rows: object) -> tuple[OutreachStep, ...]:
    steps = []
    for row in _a(list, rows):
        _expect_keys(row, {"channel", "day"})
        steps.append(OutreachStep(channel=_a(str, row["channel"]), day=_a(int, row["day"])))
    days = [step.day for step in steps]
    if not steps or days[0] != 0 or days != sorted(days) or not {step.channel for step in steps} <= CHANNELS:
        raise ValueError(f"outreach.steps need a known channel each ({', '.join(sorted(CHANNELS))}) and days from 0 on")
    return tuple(steps)


def _expect_keys(table: Mapping[str, Any], expected: set[str]) -> None:
    if wrong := table.keys() ^ expected:
        raise KeyError(", ".join(sorted(wrong)))


def _a(kind: type[ValueT], value: object) -> ValueT:
    # Exactly the type: true is no number, and one text is no list of texts ("wgs" would hold "").
    if type(value) is not kind:
        raise TypeError(f"{value!r} is not a {kind.__name__}")
    return value


def _texts(value: object) -> tuple[str, ...]:
    return tuple(_a(str, text) for text in _a(list, value))
