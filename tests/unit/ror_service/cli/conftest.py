"""The command `ror` as a person at a terminal meets it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.service import Service

from ror_service.cli import main as command
from ror_service.cli.main import main


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    status: int
    out: str
    err: str


Ror = Callable[..., Ran]


@pytest.fixture
def home(service: Service, monkeypatch: pytest.MonkeyPatch) -> Service:
    """A service that the commands find by the environment, as an operator sets it."""
    monkeypatch.setenv("ROR_HOME", str(service.context.settings.home))
    return service


@pytest.fixture
def ror(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Ror:
    """Runs `ror` with these arguments, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "prepare", lambda: None)  # it would change the process of the tests for good

    def run(*arguments: object) -> Ran:
        monkeypatch.setattr("sys.argv", ["ror", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        shown = capsys.readouterr()
        assert "Traceback" not in shown.out + shown.err
        status = ended.value.code
        return Ran(0 if status is None else int(str(status)), shown.out, shown.err)

    return run


@pytest.fixture
def refused(ror: Ror) -> Callable[..., str]:
    """Runs `ror` and expects status 1 and one plain line, which it returns."""

    def run(*arguments: object) -> str:
        ran = ror(*arguments)
        assert (ran.status, ran.out) == (1, ""), ran
        (line,) = ran.err.splitlines()
        return line

    return run
