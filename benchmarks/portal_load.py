"""Many participants at once: each opens the home page, the page of a result, and the report itself, over HTTP.

    python benchmarks/portal_load.py [--people 40] [--visitors 8] [--seconds 15] [--postgresql]

The service serves from a process of its own, on SQLite or on a PostgreSQL server that is started for it. Visitors come
without a pause, each with a connection and a session of its own; every page asks the gate and writes to the audit log.
Prints pages a second, the median and the 95th percentile of each kind of page, and ends with status 1 when a
page failed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import threading
import time
from collections import defaultdict
from contextlib import ExitStack
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

from support.servers import postgres_server
from support.service import Service, service_on_database

from ror_service.api.app import create_app
from ror_service.api.tokens import EmbeddedIssuer, Role
from ror_service.context import ServiceContext, database_clock
from ror_service.sandbox.partner_server import LoopbackServer
from ror_service.settings import Settings
from ror_service.web.sign_in import SESSION

PAGES = ("en/", "en/results/traits", "en/results/traits/participant.en.html")


def serve(settings: Settings, line: Connection) -> None:
    """Serve until the other end says so."""
    context, server = ServiceContext(settings), LoopbackServer()
    server.start(create_app(context))
    line.send(server.base_url)
    line.recv()
    server.close()
    context.close()


def visit(base_url: str, tokens: list[str], until: float, took: dict[str, list[float]], failed: list[str]) -> None:
    """Open pages, one person after the other, until the time is over."""
    with httpx.Client(base_url=base_url, timeout=30) as client:
        while time.monotonic() < until:
            for token in tokens:
                for page in PAGES:
                    started = time.perf_counter()
                    answer = client.get(f"/portal/{page}", headers={"Cookie": f"{SESSION}={token}"})
                    took[page].append(time.perf_counter() - started)
                    if not answer.is_success:
                        failed.append(f"{page}: {answer.status_code}")
                if time.monotonic() >= until:
                    return


def measure(service: Service, people: int, visitors: int, seconds: float) -> bool:
    """Seed, serve, visit, print; returns whether every page was there."""
    names = [f"P-{number:04}" for number in range(people)]
    for name in names:
        service.available("traits", name)
    settings = service.context.settings
    issuer = EmbeddedIssuer(settings)
    tokens = [issuer.issue(name, Role.PARTICIPANT) for name in names]
    took: dict[str, list[float]] = defaultdict(list)
    failed: list[str] = []
    here, there = get_context("spawn").Pipe()
    process = get_context("spawn").Process(target=serve, args=(settings, there))
    process.start()
    try:
        base_url, until = here.recv(), time.monotonic() + seconds
        shares = [tokens[number::visitors] for number in range(visitors)]
        work = [threading.Thread(target=visit, args=(base_url, share, until, took, failed)) for share in shares]
        for each in work:
            each.start()
        for each in work:
            each.join()
    finally:
        here.send(None)
        process.join()
    print(f"{visitors} visitors, {people} people, {sum(map(len, took.values())) / seconds:.0f} pages a second")
    for page, times in took.items():
        p95 = statistics.quantiles(times, n=20)[-1]
        print(
            f"{page:45} p50 {1000 * statistics.median(times):6.0f} ms  p95 {1000 * p95:6.0f} ms  {len(times):6} times"
        )
    print(f"{len(failed)} pages failed {sorted(set(failed))}")
    return not failed and bool(took)


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--visitors", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--postgresql", action="store_true")
    asked = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory())) / "service"
        url = "sqlite"
        if asked.postgresql:
            url = stack.enter_context(stack.enter_context(postgres_server()).database())
        service = stack.enter_context(service_on_database(folder, url))
        with service.work() as work:
            service.clock.now = database_clock(work.session)
        return 0 if measure(service, asked.people, asked.visitors, asked.seconds) else 1


if __name__ == "__main__":
    raise SystemExit(main())
