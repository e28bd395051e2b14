"""The consent gate: the only maker of a `Release`.

Rendering, sealing and sending accept a `Release` and nothing else, so the type checker proves that nothing ungated
is rendered, sealed or sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar, final

from consent.decision import decide
from consent.policy import Policy
from consent.types import Candidate, Decision, History

T = TypeVar("T")

_GATE = object()


@final
class Release(Generic[T]):
    """Something that the gate lets through, with the decision that did."""

    __slots__ = ("decision", "payload")

    def __init__(self, payload: T, decision: Decision, made_by: object) -> None:
        if made_by is not _GATE or not decision.released:
            raise TypeError("a Release is made by consent.gate.gate alone")
        self.payload = payload
        self.decision = decision


@dataclass(frozen=True, slots=True)
class Withheld:
    """The gate's refusal, with every reason."""

    decision: Decision


def gate(history: History, candidate: Candidate, policy: Policy, at: datetime, payload: T) -> Release[T] | Withheld:
    """Let `payload` through, or say why not.

    Args:
        history: The participant's consents and standing, from current rows.
        candidate: The result that `payload` was made from.
        policy: The programme's policy.
        at: Now, UTC.
        payload: What is to be rendered, sealed, sent or read.
    """
    decision = decide(history, candidate, policy, at)
    return Release(payload, decision, _GATE) if decision.released else Withheld(decision)
