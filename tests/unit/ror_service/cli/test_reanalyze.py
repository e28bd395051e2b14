"""`ror reanalyze`: whose result another release would change, as an operator sees it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import hereditary_genomes
from support.medicine_genomes import MODULE, NEW, OLD, OPTIONS, PEOPLE, genome, medicines_service, take_in
from support.service import COUNSELOR, Service
from support.stored_genotypes import forget_stored

from consent.types import Participation
from ror_service import reports
from ror_service.cli import reanalyze as command
from ror_service.storage import results
from ror_service.storage.tables import ReviewCaseRow

Ror = Callable[..., Any]
Refused = Callable[..., str]
WITH_NEW = ("reanalyze", "--module", MODULE, "--release", NEW)
RESULTS = ("*1/*2", "*1/*3", "Intermediate", "azathioprine")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """A service with three people in it, which the command finds by the environment."""
    with medicines_service(tmp_path / "service") as running:
        for participant_id, alleles in PEOPLE.items():
            take_in(running, participant_id, genome(**alleles))
        monkeypatch.setenv("ROR_HOME", str(running.context.settings.home))
        monkeypatch.setenv("ROR_KNOWLEDGE_RELEASES", json.dumps({MODULE: OLD}))
        monkeypatch.setenv("ROR_MODULE_OPTIONS", json.dumps(OPTIONS))
        yield running


def _case(home: Service, participant_id: str) -> str:
    return home.case(participant_id, MODULE).case_id


def test_counts_and_cases_are_told_but_no_result(ror: Ror, home: Service, caplog: pytest.LogCaptureFixture) -> None:
    ran = ror(*WITH_NEW, "--dry-run")
    assert ran.status == 0
    changed = {line.removeprefix("would change: ") for line in ran.out.splitlines() if line.startswith("would")}
    assert changed == {f"{_case(home, name)} (review, report to amend)" for name in ("P-renamed", "P-alike")}
    assert f"With release {NEW}, of 3 cases\n  2 would change\n  1 would not\n  0 passed over" in ran.out
    assert "  0 could not be read\n" in ran.out
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in ran.out.splitlines() if "│" in line]
    assert rows == [
        ["NUDT15", "diplotype", "1"],
        ["NUDT15", "recommendations", "2"],
        ["TPMT", "recommendations", "1"],
    ]
    assert ran.err.startswith("3 of 3 cases, ")
    for told in (ran.out, ran.err, caplog.text):
        assert not [word for word in (*RESULTS, *PEOPLE) if word in told]


@pytest.mark.usefixtures("home")
def test_the_newest_release_is_taken_when_none_is_named(ror: Ror) -> None:
    named, newest = ror(*WITH_NEW, "--dry-run"), ror("reanalyze", "--module", MODULE, "--dry-run")
    assert newest.out == named.out


def test_results_are_shown_when_they_are_asked_for(ror: Ror, home: Service) -> None:
    ran = ror(*WITH_NEW, "--dry-run", "--show-results")
    assert f"would change: {_case(home, 'P-renamed')} NUDT15 diplotype: *1/*2 -> *1/*3" in ran.out
    assert not [line for line in ran.out.splitlines() if _case(home, "P-alike") in line and "diplotype" in line]
    assert _case(home, "P-other") not in ran.out
    assert not [word for word in RESULTS if word in ran.err]


def test_json_is_one_object_a_line_and_a_summary(ror: Ror, home: Service) -> None:
    *cases, last = map(json.loads, ror(*WITH_NEW, "--dry-run", "--json").out.splitlines())
    assert sorted(case["case_id"] for case in cases) == sorted([_case(home, "P-renamed"), _case(home, "P-alike")])
    assert {key for case in cases for key in case} == {"case_id", "follow_ups", "to_amend", "opened"}
    assert {tuple(case["follow_ups"]) for case in cases} == {("review",)}
    summary = last["summary"]
    assert summary["cases"] == {"changed": 2, "unchanged": 1, "passed_over": 0, "not_read": 0}
    assert {"gene": "NUDT15", "kind": "diplotype", "cases": 1} in summary["changes"]
    assert summary["knowledge_digest"] == home.context.interpreter(MODULE, NEW).knowledge.digest
    *cases, _ = map(json.loads, ror(*WITH_NEW, "--dry-run", "--json", "--show-results").out.splitlines())
    (renamed,) = (case for case in cases if case["case_id"] == _case(home, "P-renamed"))
    assert {"gene": "NUDT15", "kind": "diplotype", "before": "*1/*2", "after": "*1/*3"} in renamed["changes"]


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_file_that_cannot_be_read_is_named_by_its_sample(ror: Ror, home: Service, form: tuple[str, ...]) -> None:
    forget_stored(home)
    with home.work() as work:
        file = results.file_of(work.session, "sample-of-P-alike")
    (home.context.store / file.file_id).unlink()
    ran = ror(*WITH_NEW, "--dry-run", *form)
    assert ran.status == 1
    if form:
        assert {"sample_id": "sample-of-P-alike", "problem": "not_found"} in map(json.loads, ran.out.splitlines())
    else:
        assert "not read: sample sample-of-P-alike (not_found)" in ran.out
        assert "  1 could not be read" in ran.out


def test_who_may_not_be_used_is_counted(ror: Ror, home: Service) -> None:
    home.standing("P-renamed", participation=Participation.UNKNOWN)
    ran = ror(*WITH_NEW, "--dry-run")
    assert ran.status == 0
    assert "  1 passed over: the participant's standing forbids any use" in ran.out
    assert _case(home, "P-renamed") not in ran.out


def test_a_changed_medicines_report_is_amended_once_one_person_signed(ror: Ror, home: Service) -> None:
    case_id = _case(home, "P-renamed")
    assert f"would change: {case_id} (review, report to amend; review opened)" in ror(*WITH_NEW).out
    (review,) = home.rows(ReviewCaseRow, ReviewCaseRow.case_id == case_id)
    home.sign_evidence(review.review_id, COUNSELOR)
    home.run_jobs()
    with home.work(COUNSELOR) as work:
        first, second = reports.versions(work, home.context.keys, "P-renamed", MODULE, with_differences=True)
    assert (first.state, second.kind, second.state) == ("superseded", "amended", "released")
    told = {(said["subject"], said["before"]["label"], said["after"]["label"]) for said in second.differences}
    assert ("NUDT15", "*1/*2", "*1/*3") in told
    by_name = ("--as", "ana", "--role", "genetic_counselor")
    shown = ror("reports", "versions", "P-renamed", MODULE, *by_name, "--show-results").out
    assert "version 2: gene NUDT15: *1/*2, " in shown
    assert "NUDT15" not in ror("reports", "versions", "P-renamed", MODULE, *by_name).out


def test_an_unknown_release_is_told(refused: Refused, home: Service) -> None:
    del home
    said = refused("reanalyze", "--module", MODULE, "--release", "2001-01-01", "--dry-run")
    assert said.startswith("knowledge_unavailable: pharmacogenomics: no knowledge release '2001-01-01'")


def test_progress_is_told_on_the_way_and_a_limit_holds(
    ror: Ror, home: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    del home
    monkeypatch.setattr(command, "_PROGRESS_EVERY", 1)
    ran = ror(*WITH_NEW, "--dry-run", "--limit", "2")
    assert [line.partition(",")[0] for line in ran.err.splitlines()] == ["1 of 2 cases", "2 of 2 cases"]
    assert ror(*WITH_NEW, "--dry-run", "--limit", "9").err.startswith("1 of 3 cases")


def test_reviews_are_opened_and_the_report_stays_until_then(
    ror: Ror, refused: Refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = hereditary_genomes.MODULE
    with hereditary_genomes.hereditary_service(tmp_path / "service") as running:
        hereditary_genomes.take_everybody_in(running)
        monkeypatch.setenv("ROR_HOME", str(running.context.settings.home))
        new = ("reanalyze", "--module", module, "--release", hereditary_genomes.NEW)
        told, opened, again = ror(*new, "--dry-run").out, ror(*new).out, ror(*new, "--json", "--show-results").out
        old = ("reanalyze", "--module", module, "--release", hereditary_genomes.OLD)
        back = ror(*old, "--list", "v2.0", "--dry-run", "--json").out
        lost, gained, stars = (running.case(name, module).case_id for name in ("P-lost", "P-gained", "P-stars"))
    assert f"would change: {gained} (review, report to amend)\n" in told
    assert f"would change: {stars}\n" in told
    assert "  1 of these had a report returned, which stays as it is until an amended one is released\n" in told
    assert "  0 reviews were opened\n" in told
    assert f"would change: {lost} (counselor_task; review opened)\n" in opened
    assert "  2 reviews were opened\n" in opened
    *cases, last = map(json.loads, again.splitlines())
    assert set(last["summary"]["follow_ups"].values()) == {0}
    assert {change["kind"] for case in cases for change in case["changes"]} == {"STAR_CHANGE", "NOT_COMPARED"}
    asked = [json.loads(line) for line in back.splitlines()]
    assert {"case_id": gained, "follow_ups": ["counselor_task"], "to_amend": True, "opened": False} in asked
    assert "--list chooses genes of hereditary_risk" in refused(*WITH_NEW, "--dry-run", "--list", "v3.3")


def test_nobody_at_all_is_no_failure(ror: Ror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROR_HOME", str(tmp_path / "empty"))
    ran = ror(*WITH_NEW, "--dry-run")
    assert (ran.status, ran.err) == (0, "")
    assert "of 0 cases" in ran.out
