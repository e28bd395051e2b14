"""Each alert is about a metric that there is, and has a section that says what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from support.api import running_api
from support.service import running_service
from support.shared import PROJECT

from ror_service.api.tokens import Role
from ror_service.cli.main import COMMANDS
from ror_service.standing import Reason

HOWTO = PROJECT / "docs" / "howto"
PAGE = (HOWTO / "alerts.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
RULES = [rule for group in yaml.safe_load((HOWTO / "alerts.yml").read_text())["groups"] for rule in group["rules"]]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Every metric of the service, with its help text."""
    folder: Path = tmp_path_factory.mktemp("service")
    with running_service(folder, audit_checkpoints=str(folder / "place")) as service, running_api(service) as api:
        yield dict(re.findall(r"^# HELP (\w+) (.+)$", api.get(Role.OPERATOR, "/metrics").text, re.MULTILINE))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_is_about_metrics_that_there_are(rule: dict, exported: dict[str, str]) -> None:
    named = re.findall(r"\bror_\w+", rule["expr"])
    assert named
    assert set(named) <= set(exported)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_has_a_section_that_says_what_to_do(rule: dict) -> None:
    assert rule["annotations"]["runbook"] == f"alerts.md#{rule['alert'].lower()}"
    assert rule["labels"]["severity"] in {"page", "ticket"}
    section = SECTIONS[rule["alert"]]
    commands = re.findall(r"`ror (\w+)", section)
    assert commands, "what to type"
    assert set(commands) <= set(COMMANDS)


def test_no_section_is_of_an_alert_that_is_gone() -> None:
    assert list(SECTIONS) == [rule["alert"] for rule in RULES]


def test_every_code_of_readiness_is_explained() -> None:
    assert [reason for reason in Reason if f"`{reason.value}`" not in PAGE] == []


def test_a_rule_about_a_metric_that_is_not_there_would_be_seen(exported: dict[str, str]) -> None:
    assert "ror_outbox_age" not in exported
    assert all(exported.values())
