"""The reference pages name what there is, and nothing else."""

from __future__ import annotations

import re

import typer
from support.api import Api
from support.shared import PROJECT

from ror_service.cli.main import COMMANDS, make_app
from ror_service.settings import Settings

REFERENCE = PROJECT / "docs" / "reference"


def test_every_setting_is_told_with_its_default() -> None:
    rows = dict(
        re.findall(r"^\| `ROR_([A-Z_]+)`(?: \*)? \| (.+?) \|", (REFERENCE / "settings.md").read_text(), re.MULTILINE)
    )
    assert set(rows) == {name.upper() for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        told = rows[name.upper()]
        if not told.startswith("`"):
            assert field.default is None, name
        elif " below " not in told:
            assert told == f"`{str(field.default).rstrip('/')}`", name


def test_every_route_is_told(api: Api) -> None:
    told = set(
        re.findall(r"^\| `((?:GET|POST|PUT|DELETE) [^`]+)` \|", (REFERENCE / "api.md").read_text(), re.MULTILINE)
    )
    document = api.client.get("/v1/openapi.json").json()
    assert told == {f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item}


def test_every_command_is_told() -> None:
    told = (REFERENCE / "cli.md").read_text()
    for name in COMMANDS:
        command = typer.main.get_command(make_app(name)).commands[name]
        for words in _commands(f"ror {name}", command):
            assert f"`{words}" in told, words


def _commands(words: str, command: object) -> list[str]:
    below = getattr(command, "commands", None)
    if below is None:
        return [words]
    return [found for name, inner in below.items() for found in _commands(f"{words} {name}", inner)]
