"""What was erased, kept in a second place, so that no older backup brings it back.

Which data keys were destroyed, and the withdrawals, refusals and deaths behind that, as they stand in the audit log. A
restored database has forgotten the newest of them; `apply` lets them take effect again. Each file is sealed by a secret
of the key folder: it shows nothing, and nobody else can write one.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy.orm import Session

from consent.types import Answer, ModuleAnswer, Participation, VitalStatus
from ror_service import namings, participants
from ror_service.participants import ConsentAnswer, ModuleChoice
from ror_service.sealing.canonical import canonical_json
from ror_service.sealing.envelope import decrypt, encrypt
from ror_service.second_place import SecondPlace
from ror_service.storage import audit_events, data_keys, results
from ror_service.storage.participants import Lock, get
from ror_service.storage.tables import (
    AuditEventRow,
    ConsentRecordRow,
    DesigneeNamingRow,
    ModuleDecisionRow,
    ParticipantRow,
    SampleRow,
)
from ror_service.work import Work

_NAME = re.compile(r"erasures-(\d{15})-[0-9a-f]{8}")
_ENDING_ACTIONS = ("participant.standing", "consent.answer", "consent.choice", "sample.erase", "designee.take_back")
_MOST_KEYS, _MOST_EVENTS = 10_000, 2_000
"""Destroyed keys, and events looked at, for one file; more wait for the next."""
_AT_ONCE = 1_000
_Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ending:
    """Something that ended a use of a person's data, by which event of the audit log, with all that repeats it."""

    sequence: int
    event_hash: str
    action: str
    participant_id: str
    facts: _Facts


@dataclass(frozen=True, slots=True)
class Applied:
    """What took effect again in a restored database."""

    keys_destroyed: int
    endings: int
    not_here: int
    """Endings of people or samples that the restored database does not know yet."""


class ErasureJournal:
    """The journal, beside the checkpoints of the audit log.

    Args:
        url: As `SecondPlace` takes it.
        secret: 32 secret bytes that seal it.
    """

    def __init__(self, url: str, secret: bytes) -> None:
        self._place, self._secret = SecondPlace(url), secret
        self._looked: int | None = None

    def newest(self) -> int:
        """Number of the newest audit event that the journal has looked at; 0 if it holds nothing.

        Raises:
            UnsafeConfigurationError: If the place cannot be read.
        """
        return max((int(name.split("-")[1]) for name in self._place.names(_NAME)), default=0)

    def keep(self, work: Work) -> int:
        """Write down what was erased since the last time, if anything; returns how many keys and endings.

        The file is written before the transaction commits: after a crash between the two it is written again.
        """
        since = self.newest() if self._looked is None else self._looked
        last, ended = _endings_since(work.session, since)
        keys = data_keys.unjournaled_keys(work.session, _MOST_KEYS)
        if keys or ended:
            name = f"erasures-{max(last, since):015d}-{secrets.token_hex(4)}"
            content = canonical_json(
                {
                    "keys": list(keys),
                    "endings": [{field.name: getattr(one, field.name) for field in fields(one)} for one in ended],
                }
            )
            self._place.create(name, encrypt(content, self._secret, name.encode()))
            data_keys.mark_journaled(work.session, keys, work.at)
        self._looked = max(last, since)
        return len(keys) + len(ended)

    def read(self) -> tuple[set[str], list[Ending]]:
        """Every destroyed data key, and every ending in its order.

        Raises:
            SealError: If a file was changed, or written by somebody else.
            UnsafeConfigurationError: If the place cannot be read.
        """
        keys: set[str] = set()
        endings: dict[int, Ending] = {}
        for name in self._place.names(_NAME):
            opened = decrypt(self._place.read(name), self._secret, name.encode(), what=name)
            members: dict[str, Any] = json.loads(opened)
            keys.update(members["keys"])
            endings.update({one["sequence"]: Ending(**one) for one in members["endings"]})
        return keys, [endings[sequence] for sequence in sorted(endings)]


def missing(session: Session, endings: Iterable[Ending], *, last: int) -> list[Ending]:
    """The endings that the audit log of this database does not have, or has something else in place of.

    What is behind a gap in the log was made up for when the gap was acknowledged; `last` is the log's last event.
    """
    found = ((ending, session.get(AuditEventRow, ending.sequence)) for ending in endings)
    return [
        ending
        for ending, event in found
        if (ending.sequence > last if event is None else event.event_hash != ending.event_hash)
    ]


def apply(work: Work, keys: set[str], missed: Sequence[Ending]) -> Applied:
    """Let what was erased be erased in a restored database too.

    Args:
        work: The transaction.
        keys: Data keys that were destroyed.
        missed: What ended the use of a person's data and is not known here; recalls are ordered again.
    """
    named = sorted(keys)
    portions = (named[first : first + _AT_ONCE] for first in range(0, len(named), _AT_ONCE))
    destroyed = sum(data_keys.destroy_keys(work.session, portion, work.at) for portion in portions)
    not_here = sum(not _repeat(work, ending) for ending in missed)
    return Applied(destroyed, len(missed) - not_here, not_here)


def _endings_since(session: Session, since: int) -> tuple[int, list[Ending]]:
    """Number of the last audit event that was looked at, and the endings behind an event."""
    newest = audit_events.last(session)
    rows = audit_events.of_actions(session, _ENDING_ACTIONS, since, _MOST_EVENTS)
    looked = rows[-1].sequence if len(rows) == _MOST_EVENTS else 0 if newest is None else newest.sequence
    found = [(row, _facts(session, row)) for row in rows]
    return looked, [
        Ending(row.sequence, row.event_hash, row.action, str(row.participant_id), facts)
        for row, facts in found
        if facts is not None
    ]


def _facts(session: Session, event: AuditEventRow) -> _Facts | None:
    """What repeats an ending; None where the event ended nothing."""
    if event.action == "consent.answer":
        consent = results.must_get(session, ConsentRecordRow, event.object_id)
        return None if consent.answer == Answer.YES else _said(ConsentAnswer, consent)
    if event.action == "consent.choice":
        choice = results.must_get(session, ModuleDecisionRow, event.object_id)
        return None if choice.answer == ModuleAnswer.YES else _said(ModuleChoice, choice)
    if event.action == "participant.standing":
        # A standing is repeated whatever it is: the last one counts.
        return {name: event.details[name] for name in ("participation", "vital_status")}
    if event.action == "designee.take_back":
        naming = results.must_get(session, DesigneeNamingRow, event.object_id)
        return {"event_id": naming.event_id, "authored_at": naming.authored_at.isoformat()}
    return {"sample_id": event.object_id, "cause": event.details["cause"]}


def _said(kind: type[ConsentAnswer | ModuleChoice], row: ConsentRecordRow | ModuleDecisionRow) -> _Facts:
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    said = adapter.validate_python({field.name: getattr(row, field.name) for field in fields(kind)})
    facts: _Facts = adapter.dump_python(said, mode="json")
    return facts


def _repeat(work: Work, ending: Ending) -> bool:
    """Let an ending take effect; False where the restored database does not know whom or what it is about."""
    if work.session.get(ParticipantRow, ending.participant_id) is None:
        return False
    facts: Mapping[str, Any] = ending.facts
    if ending.action == "consent.answer":
        answer = TypeAdapter(ConsentAnswer).validate_python(facts)
        participants.answer_consent(work, ending.participant_id, answer)
    elif ending.action == "consent.choice":
        participants.choose(work, ending.participant_id, TypeAdapter(ModuleChoice).validate_python(facts))
    elif ending.action == "participant.standing":
        participants.set_standing(
            work,
            ending.participant_id,
            participation=Participation(facts["participation"]),
            vital_status=VitalStatus(facts["vital_status"]),
        )
    elif ending.action == "designee.take_back":
        said_at = datetime.fromisoformat(facts["authored_at"])
        namings.take_back(work, ending.participant_id, event_id=facts["event_id"], authored_at=said_at)
    else:
        if work.session.get(SampleRow, facts["sample_id"]) is None:
            return False
        get(work.session, ending.participant_id, Lock.EXCLUSIVE)
        participants.erase_sample(work, facts["sample_id"], facts["cause"])
    return True
