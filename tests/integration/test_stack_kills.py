"""API, workers and relay killed in the middle of their work, with a partner behind a network that fails.

Fifty kills over both brokers; `python benchmarks/stack_kills.py --kills 1000` for more.
"""

from __future__ import annotations

import subprocess
import sys

import pytest
from support.shared import PROJECT

KILLS = 25
"""For each broker."""


def started(*more: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(PROJECT / "benchmarks/stack_kills.py"), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # noqa: S603 - ours


def test_every_promise_is_kept_on_both_brokers() -> None:
    # Side by side: most of the time is spent waiting.
    runs = [started(f"--broker={broker}", f"--kills={KILLS}") for broker in ("rabbitmq", "redis")]
    for run in runs:
        told, _ = run.communicate()
        assert run.returncode == 0, told
        assert f"{KILLS} kills" in told


@pytest.mark.parametrize("broken", ["no_recall", "keys_that_live_on"])
def test_a_broken_service_is_caught(broken: str) -> None:
    told, _ = started("--broker=redis", "--kills=3", f"--broken={broken}").communicate()
    assert "promises broken\tBROKEN" in told, told
