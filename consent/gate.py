"""The consent gate: the only maker of a `Release`.

Rendering, sealing and sending accept a `Release` and nothing else, so the type checker proves that nothing ungated
is rendered, sealed or sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, NoReturn, TypeVar, final

from consent.decision import decide
from consent.policy import Policy
from consent.types import Candidate, Decision, History

T = TypeVar("T")

_GATE = object()
_GATE_ALONE = "a Release is made by consent.gate.gate alone"


@final
@dataclass(frozen=True, slots=True, init=False)
class Release(Generic[T]):
    """Something that the gate lets through, with the decision that did.

    It cannot be changed, copied, unpickled or derived from: each would pass something that the gate never saw.
    """

    payload: T
    decision: Decision

    def __init__(self, payload: T, decision: Decision, made_by: object) -> None:
        if made_by is not _GATE or not decision.released:
            raise TypeError(_GATE_ALONE)
        object.__setattr__(self, "payload", payload)
        object.__setattr__(self, "decision", decision)

    def __init_subclass__(cls) -> None:
        raise TypeError(_GATE_ALONE)

    def __reduce__(self) -> NoReturn:
        raise TypeError(_GATE_ALONE)


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
