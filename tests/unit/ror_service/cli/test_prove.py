"""The table of promises: what held, what broke, what crashed, and the page that is made of it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from support.shared import PROJECT
from typer import Exit

from ror_service.cli import prove as command
from ror_service.errors import NotFoundError

Prove = Callable[..., tuple[int, str, str]]

_TELLS = re.compile(r"^(import promises|from promises import tell)$", re.MULTILINE)
HOLDS = "print('noise'); print('promise\\tnothing is lost\\t' + sys.argv[1] + ' kills | 0 lost\\theld')"
BREAKS = "print('promise\\tnothing is twice\\t3 twice\\tBROKEN'); sys.exit(1)"
CRASHES = "print('promise\\tit began\\t1\\theld'); raise ValueError('no room')"
SILENT = "pass"
GARBLED = "print('promise\\tno figure')"
ENDS_BADLY = "print('promise\\tnothing is lost\\t1\\theld'); sys.exit(3)"


@pytest.fixture
def prove(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Prove:
    """Runs the command in a source tree with these programs; its status, table and progress."""

    def run(*programs: str, **options: bool) -> tuple[int, str, str]:
        (tmp_path / "benchmarks").mkdir(exist_ok=True)
        (tmp_path / command.PAGE).parent.mkdir(parents=True, exist_ok=True)
        listed = []
        for number, program in enumerate(programs):
            (tmp_path / f"benchmarks/stub_{number}.py").write_text(f"import sys\n{program}\n")
            listed.append(f'["stub_{number}.py"]\nquick = "7"\nfull = "1000"\n')
        (tmp_path / command.LIST).write_text("\n".join(listed))
        monkeypatch.setattr(command, "SOURCE", tmp_path)
        status = 0
        try:
            command.prove(**({"full": False, "write": False} | options))
        except Exit as ended:
            status = ended.exit_code
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return run


def test_what_held_is_shown_with_its_figure_and_command(prove: Prove) -> None:
    status, shown, progress = prove(HOLDS, HOLDS)
    assert status == 0
    assert shown.splitlines()[2] == "| nothing is lost | 7 kills \\| 0 lost | yes | `benchmarks/stub_0.py 7` |"
    assert "noise" not in shown
    assert re.search(r"benchmarks/stub_1.py 7: held, \d+ s", progress)


def test_in_full_the_other_arguments_are_given(prove: Prove) -> None:
    assert "1000 kills" in prove(HOLDS, full=True)[1]


@pytest.mark.parametrize(
    ("program", "row"),
    [
        (BREAKS, "| nothing is twice | 3 twice | BROKEN |"),
        (CRASHES, "| the measurement ends well | ended with status 1 and told 1 promises | BROKEN |"),
        (SILENT, "| the measurement ends well | ended with status 0 and told 0 promises | BROKEN |"),
        (GARBLED, "| every promise is told in one line | a line that cannot be read | BROKEN |"),
        (ENDS_BADLY, "| the measurement ends well | ended with status 3 and told 1 promises | BROKEN |"),
    ],
)
def test_what_broke_or_failed_is_told_and_the_others_go_on(prove: Prove, program: str, row: str) -> None:
    status, shown, progress = prove(program, HOLDS)
    assert status == 1
    assert row in shown
    assert "| nothing is lost | 7 kills \\| 0 lost | yes |" in shown
    assert "BROKEN" in progress
    assert ("no room" in progress) == (program is CRASHES)


def test_the_page_says_when_and_on_what_machine(prove: Prove, tmp_path: Path) -> None:
    _, shown, _ = prove(HOLDS, write=True)
    page = (tmp_path / command.PAGE).read_text()
    assert shown.strip() in page
    assert re.search(r"Begun: 20\d\d-\d\d-\d\d \d\d:\d\d UTC", page)
    assert re.search(r"Machine: \d+ cores, .+, \d+ GiB, Python 3\.\d+\.\d+, (PostgreSQL \d|no PostgreSQL)", page)
    assert "few cases" in page


def test_outside_of_a_source_tree_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="source tree"):
        command.commands(tmp_path, full=False)


def test_the_list_names_every_program_that_tells_of_a_promise() -> None:
    listed = tomllib.loads((PROJECT / command.LIST).read_text())
    telling = {path.name for path in PROJECT.glob("benchmarks/*.py") if _TELLS.search(path.read_text())}
    assert set(listed) == telling
    assert all(set(given) == {"quick", "full"} for given in listed.values())
