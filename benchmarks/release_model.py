"""People, partners, reviewers and crashes in any order on the real protocol, as many steps as you have time for.

    python benchmarks/release_model.py [--steps 2000] [--processes 2] [--seed N]

Hypothesis chooses what happens next; after each step and at the end of each example the checker of every promise of
release looks. The partner is called in this process, without sockets, and reports are rendered in no time; decision,
state tables, protocol, sealing and audit are the service's own, on SQLite. Ends with status 1 and the steps that broke
a promise.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

import promises
from support.release_model import play


def run(steps: int, seed: int) -> tuple[Counter[str], float, str]:
    """Play in this process; what was seen, seconds of processor time, and what broke."""
    logging.disable()  # a partner that fails is what the model is about
    started = time.process_time()
    with TemporaryDirectory() as folder:
        try:
            seen, broken = play(Path(folder), steps, seed), ""
        except AssertionError:
            seen, broken = Counter[str](), traceback.format_exc()
    return seen, time.process_time() - started, broken


def main() -> int:
    """Play, look, print; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    each = -(-asked.steps // asked.processes)
    with ProcessPoolExecutor(asked.processes) as pool:
        came = list(pool.map(partial(run, each), range(asked.seed, asked.seed + asked.processes)))
    seen = sum((one for one, _, _ in came), Counter[str]())
    seconds, steps = sum(one for _, one, _ in came), seen.pop("steps", 0)
    print(f"cases ended {dict(seen.most_common())}")
    broken = [one for _, _, one in came if one]
    print("\n".join(broken))
    return not promises.tell(
        "no order of consents, samples, signatures, crashes and partner's faults breaks a promise of release",
        f"{steps:,} steps in {seconds:.0f} s of processor time: {len(broken)} violations",
        held=not broken and steps >= asked.steps,
    )


if __name__ == "__main__":
    raise SystemExit(main())
