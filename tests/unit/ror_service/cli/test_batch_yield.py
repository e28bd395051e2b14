"""`ror yield`, as an operator sees it: counts, the alarm, and nothing of a person or a variant."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.service import POSITIVE, Service

from interpreters.findings import HereditaryFinding
from ror_service import batch_yield
from ror_service.storage import results

Ror = Callable[..., Any]
Refused = Callable[..., str]
(VARIANT,) = (finding.variant for finding in POSITIVE.findings if isinstance(finding, HereditaryFinding))
SECRETS = ("P-1", "P-2", str(VARIANT.pos), VARIANT.clinvar_id)


@pytest.fixture
def positives(home: Service) -> Service:
    for participant_id in ("P-1", "P-2"):
        home.interpreted(POSITIVE, participant_id)
    return home


@pytest.fixture
def strict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy by which two samples are a batch."""
    policy = tmp_path / "policy.toml"
    policy.write_text(batch_yield.POLICY_FILE.read_text().replace("minimum_samples = 1000", "minimum_samples = 2"))
    load = batch_yield.load_policy
    monkeypatch.setattr(batch_yield, "load_policy", lambda: load(policy))


@pytest.mark.usefixtures("positives")
def test_a_small_batch_is_counted_and_not_judged(ror: Ror, caplog: pytest.LogCaptureFixture) -> None:
    ran = ror("yield")
    assert ran.status == 0
    assert "2 samples; the commonest variant is in 2 of 2 candidates (100.0%)" in ran.out
    assert "No judgement: fewer than 1,000 samples; alarm below 1.0% or above 6.0%" in ran.out
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in ran.out.splitlines() if "│" in line]
    assert rows == [["candidate", "2", "100.00%"], ["review", "0", "0.00%"], ["neither", "0", "0.00%"]]
    for told in (ran.out, ran.err, caplog.text):
        assert not [secret for secret in SECRETS if secret in told]


@pytest.mark.usefixtures("positives", "strict")
def test_an_alarm_is_status_1(ror: Ror) -> None:
    ran = ror("yield")
    assert ran.status == 1
    assert "ALARM yield_too_high: too many candidates" in ran.out
    assert "ALARM one_variant_too_frequent: " in ran.out
    told = json.loads(ror("yield", "--json").out)
    assert told["alarms"] == ["yield_too_high", "one_variant_too_frequent"]
    assert (told["samples"], told["candidates"], told["commonest"]) == (2, 2, 2)


@pytest.mark.usefixtures("strict")
def test_a_batch_within_the_limits_is_no_alarm(ror: Ror, home: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    home.interpreted(POSITIVE, "P-1")
    home.interpreted(POSITIVE, "P-2")
    wide = batch_yield.YieldPolicy("test", "for a test", 2, 0, 1, 1)
    monkeypatch.setattr(batch_yield, "load_policy", lambda: wide)
    ran = ror("yield")
    assert ran.status == 0
    assert "No alarm; " in ran.out


@pytest.mark.usefixtures("positives")
def test_a_batch_is_chosen_by_day_and_genome_center(ror: Ror, home: Service) -> None:
    assert json.loads(ror("yield", "--json", "--since", "2999-01-01").out)["samples"] == 0
    assert json.loads(ror("yield", "--json", "--genome-center", "another").out)["samples"] == 0
    with home.work() as work:
        center = results.samples_of(work.session, "P-1")[0].genome_center
    assert json.loads(ror("yield", "--json", "--genome-center", center).out)["samples"] == 2
    assert ror("yield", "--since", "yesterday").status == 2
