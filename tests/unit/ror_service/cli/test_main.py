"""The overview of commands, and how refusals look."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
import typer

from ror_service.cli import main


def test_the_overview_names_every_command(ror: Callable[..., Any]) -> None:
    shown = ror("--help")
    assert shown.status == 0
    assert [name for name in main.COMMANDS if f" {name} " not in shown.out] == []


def test_only_the_module_of_the_command_is_imported(ror: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "import_module", lambda name: sys.modules[__name__] if name == "a" else pytest.fail(name))
    monkeypatch.setattr(main, "COMMANDS", {"hello": "a:hello", "other": "b:other"})
    assert ror("hello").out == "hello\n"


def hello() -> None:
    typer.echo("hello")


@pytest.mark.parametrize("arguments", [["nothing"], ["token", "emperor", "x"], ["reviews", "show", "r", "--as", "a"]])
def test_wrong_usage_is_explained(ror: Callable[..., Any], arguments: list[str]) -> None:
    ran = ror(*arguments)
    assert ran.status == 2
    assert "Usage" in ran.err


def test_malformed_settings_are_named_and_their_values_are_not_told(
    refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROR_LEASE_SECONDS", "s3cret")
    line = refused("token", "auditor", "a")
    assert line == "unsafe_configuration: malformed: ROR_LEASE_SECONDS; see docs/reference/settings.md"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ('{"pharmacogenomics": {"reviewer": "s3cret"}}', "ROR_WORDING_REVIEWS (pharmacogenomics.approved_on)"),
        ("{s3cret", 'not JSON: error parsing value for field "wording_reviews"'),
    ],
    ids=["incomplete", "no JSON"],
)
def test_malformed_json_is_named_and_not_told_either(
    refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch, value: str, told: str
) -> None:
    monkeypatch.setenv("ROR_WORDING_REVIEWS", value)
    for command in (["token", "auditor", "a"], ["worker"]):
        line = refused(*command)
        assert line.startswith("unsafe_configuration: ")
        assert told in line
        assert "s3cret" not in line


def test_an_incomplete_production_is_refused(refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROR_MODE", "production")
    assert "ROR_DATABASE_URL" in refused("audit", "verify")
