"""The benchmarks of identity, on little: they run, and what they check holds."""

from __future__ import annotations

import re
import subprocess
import sys

from support.shared import PROJECT


def printed(name: str, *words: str) -> str:
    script = PROJECT / "benchmarks" / name
    done = subprocess.run([sys.executable, script, *words], capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_simulated_swaps_are_found_and_nothing_is_raised_in_vain() -> None:
    # By command over 10,000 genomes; here 400.
    found = {
        name.strip(): (int(seen), int(of))
        for name, seen, of in re.findall(
            r"^(.+?) +(\d+) of (\d+), [\d.]+%$", printed("identity_swaps.py", "--samples", "400"), re.MULTILINE
        )
    }
    for name, (seen, of) in found.items():
        if name.startswith("FALSE ALARM"):
            assert (seen, of > 0) == (0, True), name
        elif "mixed" not in name and "neither" not in name:
            assert seen == of > 0, name
    assert {"enrolled twice", "not registered: full_sibling", "not registered: parent_and_child"} <= set(found)
    assert any(name.startswith("swapped, ") for name in found)
    assert found["contaminated by 20.0%, seen as mixed"][1] == 1


def test_the_search_finds_the_sample_itself() -> None:
    lines = printed("identity_search.py", "--people", "30", "60").splitlines()
    assert lines[0] == "CPU s, 1600 sites"
    assert [line.split()[0] for line in lines[2:]] == ["30", "60"]
