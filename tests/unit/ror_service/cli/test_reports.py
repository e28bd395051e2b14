"""Commands over reports that were returned."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.consent_facts import PERSON
from support.medicine_genomes import MODULE, PEOPLE, genome, medicines_service, take_in
from support.service import COUNSELOR, Service

from ror_service import reports
from ror_service.storage.tables import ReviewCaseRow

Ror = Callable[..., Any]
Refused = Callable[..., str]
ANA = ("--as", "ana")
COUNSELOR_ROLE = ("--role", "genetic_counselor")
WRONG = ("--fault", "wrong_rule", "--reason", "the table held a mistake")


def test_a_note_is_added_and_the_versions_are_listed(ror: Ror, refused: Refused, home: Service) -> None:
    home.available()
    notes = ("--en", "We looked again.", "--es", "Volvimos a mirar.")
    add = ("reports", "add", PERSON, "traits", "note", *ANA, *COUNSELOR_ROLE, "--reason", "asked")
    assert refused(*add).startswith("invalid_input: a note needs its text in English and in Spanish")
    assert ror(*add, *notes).out == "The addendum will be made and sent.\n"
    home.clock.advance(days=3650)  # the command goes by the time of this machine
    home.run_jobs()
    listed = ror("reports", "versions", PERSON, "traits", *ANA, *COUNSELOR_ROLE).out
    assert "superseded" in listed
    assert "addendum" in listed
    assert {event.actor for event in home.actions("report.list")} == {"ana"}


def test_a_report_is_withdrawn_by_name(ror: Ror, refused: Refused, home: Service) -> None:
    home.available()
    assert ror("reports", "withdraw", PERSON, "traits", *ANA, *WRONG).out == "The report is withdrawn and recalled.\n"
    assert "withdrawn (wrong_rule)" in ror("reports", "versions", PERSON, "traits", *ANA, *COUNSELOR_ROLE).out
    said = refused("reports", "versions", PERSON, "no_such_module", *ANA, *COUNSELOR_ROLE)
    assert said.startswith("not_found: ")


def test_a_wrong_report_is_corrected_and_what_changed_is_shown_on_demand(
    ror: Ror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with medicines_service(tmp_path / "service") as running:
        take_in(running, "P-other", genome(**PEOPLE["P-other"]))
        monkeypatch.setenv("ROR_HOME", str(running.context.settings.home))
        assert "waits for a review" in ror("reports", "correct", "P-other", MODULE, *ANA, *WRONG).out
        (review,) = running.rows(ReviewCaseRow)
        running.sign_evidence(review.review_id, COUNSELOR)
        running.run_jobs()
        with running.work(COUNSELOR) as work:
            found = reports.versions(work, running.context.keys, "P-other", MODULE)
        assert [(version.kind, version.state, version.differences) for version in found] == [
            ("original", "withdrawn", ()), ("corrected", "released", ()),
        ]  # fmt: skip
        shown = ("reports", "versions", "P-other", MODULE, *ANA, *COUNSELOR_ROLE, "--show-results")
        assert "corrected" in ror(*shown).out
