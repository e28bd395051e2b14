"""The morning on which results are released: participants come to read, counselors are at work, one process serves.

    python benchmarks/portal_load.py [--an-hour 20000] [--counselors 10] [--people 200] [--seconds 120] [--sqlite]

Participants arrive at an even rate, whether the ones before have been served or not; each opens the home page, the page
of a result, and the report itself. Counselors open the work list and a review in turn, five seconds apart. Every page
asks the gate and writes to the audit log, on a PostgreSQL server with row-level security that is started for it, or on
SQLite. The first page of a visit counts from the moment at which it was due. The first page of each kind after the
start of the process does not count.

Then the processor time of the serving process for one page is compared with that of a bare FastAPI page of the same
size in the same process. Where `wrk` is installed (Debian's package of that name), eight connections of it ask for each
page without a pause besides: what the process can serve at most, again compared with the bare page. Ends with status 1
when a page failed, or when 5 % of pages take longer than 200 ms.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import promises
from fastapi import FastAPI
from starlette.responses import HTMLResponse

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

from support.servers import postgres_server
from support.service import COUNSELOR, POSITIVE, Service, limited_service, running_service

from ror_service.api.app import create_app
from ror_service.api.tokens import EmbeddedIssuer, Role
from ror_service.context import ServiceContext, database_clock
from ror_service.sandbox.partner_server import LoopbackServer
from ror_service.settings import Settings
from ror_service.web.sign_in import SESSION

PAGES = ("en/", "en/results/traits", "en/results/traits/participant.en.html")
BOUND_SECONDS = 0.2
"""For 95 of 100 pages."""
THINKING_SECONDS = 5.0
"""Between two pages of a counselor."""
REVIEWS = 20
COMPARED = 200
"""Pages of each kind whose processor time is compared."""
AT_ONCE, AT_MOST_SECONDS = 8, 10
"""Connections of `wrk`, and for how long it asks for each page."""


def serve(settings: Settings, line: Connection) -> None:
    """Serve, and tell the processor time used so far whenever asked, until told to end."""
    context, server = ServiceContext(settings), LoopbackServer()
    app = create_app(context)
    bare = FastAPI()
    text = "x" * 8000

    @bare.get("/page")
    def page() -> HTMLResponse:
        return HTMLResponse(text)

    app.mount("/bare", bare)
    server.start(app)
    line.send(server.base_url)
    while line.recv() == "processor time":
        line.send(time.process_time())
    server.close()
    context.close()


@dataclass
class Load:
    """What visitors saw."""

    base_url: str
    took: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Seconds, by page."""
    failed: list[str] = field(default_factory=list)

    def open(self, client: httpx.Client, page: str, token: str, kind: str, due: float) -> None:
        """Open a page that was due at a moment of the monotonic clock."""
        try:
            code = client.get(f"{self.base_url}{page}", headers={"Cookie": f"{SESSION}={token}"}).status_code
        except httpx.HTTPError as error:
            code = type(error).__name__
        self.took[kind].append(time.monotonic() - due)
        if code != httpx.codes.OK:
            self.failed.append(f"{kind}: {code}")

    def visit(self, client: httpx.Client, token: str, due: float) -> None:
        """One participant comes and reads."""
        for page in PAGES:
            self.open(client, f"/portal/{page}", token, page, due)
            due = time.monotonic()

    def work(self, token: str, reviews: list[str], late: float, over: threading.Event) -> None:
        """One counselor works, from so many seconds after the others, until the morning is over."""
        with httpx.Client(timeout=30) as client:
            over.wait(late)
            while True:
                for review_id in reviews:
                    for kind, page in (("the work list", "queue"), ("a review", f"queue/{review_id}")):
                        if over.wait(THINKING_SECONDS):
                            return
                        self.open(client, f"/portal/{page}", token, kind, time.monotonic())


@contextmanager
def serving(settings: Settings) -> Iterator[tuple[Load, Connection]]:
    """A process that serves, and the line to it."""
    here, there = get_context("spawn").Pipe()
    process = get_context("spawn").Process(target=serve, args=(settings, there))
    process.start()
    try:
        yield Load(here.recv()), here
    finally:
        here.send("end")
        process.join()


def morning(
    load: Load, tokens: list[str], counselors: list[tuple[str, list[str]]], rate: float, seconds: float
) -> None:
    """Let participants arrive at a rate (a second) for so long, while counselors work on their reviews."""
    over, pause = threading.Event(), threading.Event()
    between = THINKING_SECONDS / max(1, len(counselors))
    at_work = [
        threading.Thread(target=load.work, args=(token, theirs, number * between, over))
        for number, (token, theirs) in enumerate(counselors)
    ]
    for each in at_work:
        each.start()
    began = time.monotonic()
    limits = httpx.Limits(max_connections=200)
    with httpx.Client(timeout=30, limits=limits) as client, ThreadPoolExecutor(100) as pool:
        for number in range(int(rate * seconds)):
            due = began + number / rate
            pause.wait(max(0.0, due - time.monotonic()))
            pool.submit(load.visit, client, tokens[number % len(tokens)], due)
    over.set()
    for each in at_work:
        each.join()


def warm_up(load: Load, participant: str, counselor: str, reviews: list[str]) -> None:
    """Open each kind of page once before the morning: the first of each reads templates and knowledge."""
    with httpx.Client(timeout=30) as client:
        load.visit(client, participant, time.monotonic())
        for page in ("queue", f"queue/{reviews[0]}"):
            load.open(client, f"/portal/{page}", counselor, page, time.monotonic())
    load.took.clear()


def compare(load: Load, line: Connection, token: str) -> dict[str, float]:
    """Seconds of processor time of the serving process for one page, by page."""
    spent = {}
    with httpx.Client(timeout=30) as client:
        for page in ("/bare/page", *(f"/portal/{page}" for page in PAGES)):
            line.send("processor time")
            before = line.recv()
            for _ in range(COMPARED):
                load.open(client, page, token, f"one by one {page}", time.monotonic())
            line.send("processor time")
            spent[page] = (line.recv() - before) / COMPARED
    return spent


def at_most(load: Load, token: str) -> dict[str, tuple[float, str]]:
    """Pages a second that `wrk` is served, and the time in which it has 99 of 100 of them, by page; {} without it."""
    program, served = shutil.which("wrk"), {}
    if program is None:
        return {}
    for page in ("/bare/page", *(f"/portal/{page}" for page in PAGES)):
        command = [program, "--latency", "-t1", f"-c{AT_ONCE}", f"-d{AT_MOST_SECONDS}s"]
        command += ["-H", f"Cookie: {SESSION}={token}", f"{load.base_url}{page}"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - no shell
        if "Non-2xx" in said or "Socket errors" in said:
            load.failed.append(f"wrk {page}")
        rate, late = re.search(r"Requests/sec:\s+([0-9.]+)", said), re.search(r"99%\s+(\S+)", said)
        if rate is None or late is None:
            raise ValueError(f"wrk did not say what was measured: {said}")
        served[page] = float(rate[1]), late[1]
    return served


def measure(service: Service, asked: argparse.Namespace) -> bool:
    """Seed, serve, look, print; returns whether it holds."""
    names = [f"P-{number:04}" for number in range(asked.people)]
    for name in names:
        service.available("traits", name)
    for number in range(REVIEWS):
        service.interpreted(POSITIVE, f"R-{number:04}")
    reviews = [service.review("hereditary_risk", f"R-{number:04}").review_id for number in range(REVIEWS)]
    settings = service.context.settings
    issuer = EmbeddedIssuer(settings)
    tokens = [issuer.issue(name, Role.PARTICIPANT) for name in names]
    counselors = [
        (issuer.issue(f"{COUNSELOR.name}-{number}", Role.GENETIC_COUNSELOR), reviews[number:] + reviews[:number])
        for number in range(asked.counselors)
    ]
    with serving(settings) as (load, line):
        warm_up(load, tokens[0], *counselors[0])
        morning(load, tokens, counselors, asked.an_hour / 3600, asked.seconds)
        seen = {kind: list(times) for kind, times in load.took.items()}
        spent = compare(load, line, tokens[0])
        served = at_most(load, tokens[0])
    for kind, times in seen.items():
        print(
            f"{kind:45} p50 {_ms(times, 50)} ms  p95 {_ms(times, 95)} ms  p99 {_ms(times, 99)} ms  {len(times)} times"
        )
    for page, seconds in spent.items():
        ratio = seconds / spent["/bare/page"]
        print(f"{page:45} {1000 * seconds:6.2f} ms of processor time, {ratio:.1f} times a bare page")
    for page, (rate, late) in served.items():
        ratio = served["/bare/page"][0] / rate
        print(f"{page:45} {rate:6.1f} a second at most (wrk), 99 of 100 in {late}; {ratio:.1f} times as many bare ones")
    if not served:
        print("wrk is not installed: what the process can serve at most was not measured")
    every = [each for times in seen.values() for each in times]
    print(*sorted(set(load.failed)), sep="\n")
    return promises.tell(
        f"On the morning of a release pages come in {1000 * BOUND_SECONDS:.0f} ms (95 of 100), and none fails",
        f"{asked.an_hour:,} participants an hour and {asked.counselors} counselors for {asked.seconds:.0f} s: "
        f"{len(every):,} pages, p50 {_ms(every, 50)} ms, p95 {_ms(every, 95)} ms, {len(load.failed)} failed",
        held=not load.failed and _ms(every, 95) <= 1000 * BOUND_SECONDS,
    )


def _ms(times: list[float], percent: int) -> int:
    """A percentile, in milliseconds."""
    return round(1000 * statistics.quantiles(times, n=100)[percent - 1]) if len(times) > 1 else round(1000 * times[0])


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--an-hour", type=int, default=20_000)
    parser.add_argument("--counselors", type=int, default=10)
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--sqlite", action="store_true")
    asked = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory())) / "service"
        if asked.sqlite:
            service = stack.enter_context(running_service(folder))
        else:
            url = stack.enter_context(stack.enter_context(postgres_server()).database())
            service = stack.enter_context(limited_service(folder, url))
        with service.work() as work:
            service.clock.now = database_clock(work.session)
        return not measure(service, asked)


if __name__ == "__main__":
    raise SystemExit(main())
