"""Commands over identity cases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.consent_facts import PERSON
from support.service import Service

from identity.fingerprint import pack
from ror_service import identity_cases
from ror_service.audit.log import Actor
from ror_service.sealing import vault
from ror_service.states import SampleState
from ror_service.storage.tables import SampleRow

Ror = Callable[..., Any]
Refused = Callable[..., str]
BERT = ("--as", "bert")
OTHER = "P-0002"


@pytest.fixture
def duplicate(home: Service) -> str:
    """The case of two participants with the same genotypes."""
    index = home.context.fingerprints
    packed = pack(np.arange(len(index.panel), dtype=np.uint8) % 3)
    opened: list[str] = []
    for person in (PERSON, OTHER):
        home.interpreted(participant_id=person)
        with home.work(Actor("pipeline", "service", "test")) as work:
            sample_id, release = f"sample-of-{person}", index.panel.release
            vault.keep_fingerprint(work, home.context.keys, person, sample_id, packed, panel_release=release)
            opened = identity_cases.examine(work, index, sample_id)
    (case,) = opened
    return case


def test_a_case_is_listed_shown_and_resolved_by_name(ror: Ror, refused: Refused, home: Service, duplicate: str) -> None:
    assert f"{duplicate} │ same_person" in ror("identity", "list", *BERT).out
    shown = ror("identity", "show", duplicate, *BERT).out
    assert shown.startswith(f"same_person, concerns {PERSON}, {OTHER}\n")
    for cell in (f"sample-of-{PERSON}", "center-1", "same_person", "1600", "100.0%", "0.500"):
        assert f" {cell} " in shown
    assert refused("identity", "resolve", duplicate, *BERT, "--reason", " ").startswith("invalid_input: ")
    wrong = ("--wrong", f"sample-of-{OTHER}")
    done = ror("identity", "resolve", duplicate, *BERT, "--reason", "tube swapped", *wrong)
    assert done.out == f"{duplicate} is resolved by bert: samples_wrong.\n"
    assert duplicate not in ror("identity", "list", *BERT).out
    assert f"{duplicate} │ same_person" in ror("identity", "list", "--resolved", *BERT).out
    shown = ror("identity", "show", duplicate, *BERT).out
    assert "\nresolved by bert: samples_wrong, tube swapped\n" in shown
    assert " erased " in shown
    (sample,) = home.rows(SampleRow, SampleRow.participant_id == OTHER)
    assert sample.state == SampleState.ERASED
    read = home.actions("identity.list", "identity.read", "identity.resolve")
    assert {(event.actor, event.role) for event in read} == {("bert", "laboratory_director")}


def test_relatives_are_registered(ror: Ror, refused: Refused, home: Service) -> None:
    for person in (PERSON, OTHER):
        home.register(person)
    assert ror("identity", "register", PERSON, OTHER, "full_sibling", *BERT).out == "Registered by bert.\n"
    assert refused("identity", "register", OTHER, PERSON, "twin", *BERT).startswith("conflict: ")
