"""Kills of API, workers and relay while people come and leave, with a partner behind a network that fails.

    python benchmarks/stack_kills.py [--kills 50] [--broker both|rabbitmq|redis] [--seed N] [--broken NAME]

PostgreSQL, the broker and every process of the service are real; the kills are SIGKILL of a process with its children,
most of them of a worker in the middle of a job. Ends with status 1 and what was promised and not kept.
"""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import promises

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

from support.servers import postgres_server, rabbitmq_server, redis_server
from support.stack_kills import Outcome, scene


def main() -> int:
    """Run and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50, help="in all, divided among the brokers")
    parser.add_argument("--broker", choices=["both", "rabbitmq", "redis"], default="both")
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--broken", default="", help="a service of tests/support/broken_services.py")
    asked = parser.parse_args()
    brokers = ["rabbitmq", "redis"] if asked.broker == "both" else [asked.broker]
    kept = [_run(broker, asked.kills // len(brokers), asked.seed, asked.broken) for broker in brokers]
    return 0 if all(kept) else 1


def _run(broker: str, kills: int, seed: int, broken: str) -> bool:
    began = time.monotonic()
    with ExitStack() as exits:
        database = exits.enter_context(exits.enter_context(postgres_server()).database())
        if broker == "redis":
            url = exits.enter_context(redis_server()).url
        else:
            url = exits.enter_context(exits.enter_context(rabbitmq_server()).virtual_host())
        folder = Path(exits.enter_context(TemporaryDirectory()))
        came = exits.enter_context(scene(folder, database, url, seed=seed, broken=broken)).run(kills)
    _tell(broker, came, time.monotonic() - began)
    figure = (
        f"{sum(came.kills.values())} kills, {came.struck} of them of a worker at work, {came.people} people, "
        f"{came.left} left, {sum(came.faults.values())} faults of the network: {len(came.violations)} promises broken"
    )
    return promises.tell(
        f"No kill of any process breaks a promise of delivery ({broker})", figure, held=not came.violations
    )


def _tell(broker: str, came: Outcome, seconds: float) -> None:
    print(f"{broker}, {seconds:.0f} s")
    print("  kills: " + ", ".join(f"{role} {number}" for role, number in sorted(came.kills.items())))
    print("  faults: " + ", ".join(f"{fault} {number}" for fault, number in sorted(came.faults.items())))
    print(f"  accepted in flight of a killed sender, and recalled: {came.accepted_in_flight}")
    for violation in came.violations:
        print(f"  {violation}")


if __name__ == "__main__":
    raise SystemExit(main())
