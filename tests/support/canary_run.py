"""The whole path with canaries in it: real servers and processes, an error at every stage, and what all of it wrote."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import json
import shutil
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psycopg
from psycopg import sql
from sqlalchemy import select, update
from sqlalchemy.engine import make_url

from interpreters.genotypes import Sex
from ror_service.api.tokens import Role
from ror_service.sandbox import partner_faults
from ror_service.sandbox.genomes import SAMPLE_NAME, Genome, GenomeWriter, bgzip
from ror_service.sandbox.partner_faults import Fault
from ror_service.sandbox.partner_server import LoopbackServer
from ror_service.sandbox.people import BRCA2_FRAMESHIFT, SyntheticPerson
from ror_service.sandbox.programme import SyntheticProgramme
from ror_service.storage.tables import InterpretationRow, JobRow
from support.canaries import Canary, Hit, Kind, Place, Search
from support.canary_process import FAILS
from support.manifests import as_csv, fields
from support.shared import PROJECT
from support.stack import TESTER, Processes, Stack, production, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.types import Receive, Scope, Send

WHO = SyntheticPerson(
    "CANARY-PERSON-7Q3X",
    "whose data must stay where they belong",
    Genome(
        {"EAS_Jpn": 1.0},
        Sex.FEMALE,
        star_alleles={
            "NUDT15": ("*1", "*3"),
            "CYP2C19": ("*1", "*2"),
            "DPYD": ("Reference", "c.1905+1G>A (*2A)"),
        },
        planted=(BRCA2_FRAMESHIFT,),
    ),
    Sex.FEMALE,
    date(1961, 7, 29),
    own_medicines=("azathioprine", "Kanarek forte 7Q3X"),
)
SAMPLE = f"S-{WHO.participant_id}"
BROKEN_SAMPLE = "CANARY-SAMPLE-8R4Y"
NAME_IN_FILE = "Zofia.Kanarek-7Q3X"
FREE_TEXT = "Żofia Kanarek, bed 7Q3X"
RSID = "rs777000777"
NUDT15_SITE = "\t48045719\t"

CANARIES = (
    Canary(Kind.IDENTIFIER, WHO.participant_id),
    Canary(Kind.IDENTIFIER, BROKEN_SAMPLE),
    Canary(Kind.NAME, NAME_IN_FILE),
    Canary(Kind.NAME, FREE_TEXT),
    Canary(Kind.BIRTH_DATE, "1961-07-29"),
    Canary(Kind.LABORATORY, "TUBE-KANAREK-7Q3X"),
    Canary(Kind.RSID, RSID),
    Canary(Kind.GENOTYPE, "chr13\t48045719\t"),
    Canary(Kind.GENOTYPE, "32339699\tCAA\tC"),
    Canary(Kind.DIPLOTYPE, '"*1/*3"'),
    Canary(Kind.DIPLOTYPE, "NUDT15 *1/*3"),
    Canary(Kind.HGVS, "c.1905+1G>A (*2A)"),
    Canary(Kind.FINDING, "Intermediate Metabolizer"),
    Canary(Kind.FINDING, "Poor Metabolizer"),
    Canary(Kind.MEDICINE, "azathioprine"),
    Canary(Kind.MEDICINE, "Kanarek forte 7Q3X"),
)


@dataclass(frozen=True)
class Written:
    """Folders of the servers, beside the folder of the run."""

    database: Path
    database_log: Path
    broker: Path


def run(
    folder: Path,
    database_url: str,
    broker_url: str,
    modules: tuple[str, ...],
    *,
    broken: bool = False,
    forgets: Path | None = None,
) -> tuple[list[str], dict[str, str], list[Hit]]:
    """Take the person through the path, as far as the interpretation where the service is broken on purpose.

    Args:
        folder: Where everything is written.
        database_url: An empty database.
        broker_url: An empty broker.
        modules: What the person wants to know.
        broken: Whether the service is careless.
        forgets: The folder of a broker that removes messages which were taken: it is searched all the time.

    Returns:
        The stages that failed as told, the rows of every table, and what was found in `forgets`.
    """
    for name in ("logs", "tmp", "removed", "failed", "working", "traces", "answers"):
        (folder / name).mkdir(parents=True)
    (folder / "canaries.json").write_text(json.dumps([canary.text for canary in CANARIES]))
    more = {"lease_seconds": 120, "partner_timeout_seconds": 20.0}
    with ExitStack() as exits:
        stack = exits.enter_context(production(folder, database_url, broker_url, **more))
        collector = exits.enter_context(LoopbackServer())
        collector.start(_Collector(folder / "traces"))
        variables = {
            "PYTHONPATH": str(PROJECT / "tests"),
            "TMPDIR": str(folder / "tmp"),
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.base_url,
        }
        processes = exits.enter_context(Processes(stack.context.settings, folder / "logs", **variables))

        def start(*command: str) -> None:
            processes.run([sys.executable, "-m", "support.canary_process", str(folder), str(int(broken)), *command])

        with LoopbackServer() as free:
            address = free.base_url
        start("api", "--port", address.rpartition(":")[2])
        start("worker")
        start("relay")
        wait_until(lambda: _answers(address), "the API answers")
        stack.programme = SyntheticProgramme(address, stack.programme.issue_token)
        exits.callback(stack.programme.close)
        scene = _Scene(stack, address, folder, forgets)
        _drive(scene, modules, broken=broken)
    return sorted(path.name for path in (folder / "failed").iterdir()), _rows(database_url), scene.meanwhile.hits


def search(folder: Path, written: Written, rows: dict[str, str]) -> Search:
    """Look for the canaries in everything that a run wrote."""
    found = Search(CANARIES)
    found.folder(Place.DATABASE, written.database)
    for table, text in rows.items():
        found.data(Place.DATABASE, text.encode(), f"table {table}")
    found.data(Place.DATABASE_LOG, written.database_log.read_bytes(), str(written.database_log))
    found.folder(Place.BROKER, written.broker)
    for place, names in {
        Place.LOGS: ("logs",),
        Place.TRACES: ("traces",),
        Place.ANSWERS: ("answers",),
        Place.TEMPORARY: ("tmp", "removed"),
        Place.CORES: ("working",),
        Place.STORE: ("store", "store before"),
        Place.KEYS: ("keys",),
    }.items():
        for name in names:
            found.folder(place, folder / name)
    found.folder(Place.TEMPORARY, Path("/dev/shm"), but=lambda file: file.name.startswith("PostgreSQL."))  # noqa: S108
    return found


@dataclass
class _Scene:
    stack: Stack
    address: str
    folder: Path
    forgets: Path | None
    meanwhile: Search = field(default_factory=lambda: Search(CANARIES))

    def settle(self) -> None:
        """Wait until every job is done."""
        self.wait(lambda: not self.stack.open_jobs())

    def wait(self, enough: Callable[[], bool]) -> None:
        """Wait; a job whose worker crashed is not waited for until its lease ends."""
        freed, looks = self.folder / "freed", itertools.count()

        def done() -> bool:
            if self.forgets is not None and next(looks) % 10 == 0:
                self.meanwhile.folder(Place.BROKER, self.forgets)
            if (self.folder / "failed" / "crash").exists() and not freed.exists():
                freed.touch()
                with self.stack.context.transaction(TESTER) as work:
                    work.session.execute(
                        update(JobRow).where(JobRow.done_at.is_(None)).values(lease_until=None, issued_at=None)
                    )
            return enough()

        wait_until(done, "enough jobs done")

    def refused(self, method: str, path: str, **request: object) -> None:
        """A request that is refused, with canaries in every header; the answer is kept to be searched."""
        headers = {
            "User-Agent": NAME_IN_FILE,
            "X-Request-Id": RSID,
            "traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01",
            "tracestate": "vendor=TUBE-KANAREK-7Q3X",
            "baggage": f"person={WHO.participant_id}",
            **dict(request.pop("headers", {})),  # type: ignore[call-overload]
        }
        answer = httpx.request(method, self.address + path, headers=headers, trust_env=False, timeout=60, **request)  # type: ignore[arg-type]
        assert answer.is_error, answer.text
        kept = self.folder / "answers" / f"{len(list((self.folder / 'answers').iterdir()))}"
        kept.write_bytes(repr(answer.headers).encode() + answer.content)

    def token(self, role: Role, subject: str) -> dict[str, str]:
        """The header of a caller."""
        return {"Authorization": f"Bearer {self.stack.programme.issue_token(subject, role)}"}


def _drive(scene: _Scene, modules: tuple[str, ...], *, broken: bool) -> None:
    stack, folder = scene.stack, scene.folder
    genome = folder / "genome.g.vcf.gz"
    genome.write_bytes(_genome(folder))
    _ask_wrongly(scene)
    stack.take_in(WHO, genome, modules)
    if broken:
        scene.wait(lambda: _interpreted(stack))
        return
    _submit_what_is_malformed(scene)
    with _echoing_partner(stack):
        scene.settle()
        for _ in stack.programme.work_reviews(scene.settle):
            pass
    scene.settle()
    assert set(stack.progress(WHO).values()) <= {"delivered", "declined"}, stack.progress(WHO)
    assert stack.ledger("accepted")
    scene.refused("GET", f"{_own()}/medicines", headers=scene.token(Role.PARTICIPANT, WHO.participant_id))
    assert stack.read_all(WHO)
    operator = scene.token(Role.OPERATOR, "operator-1")
    for path in ("/metrics", "/health", "/v1/jobs"):
        told = httpx.get(scene.address + path, headers=operator, trust_env=False, timeout=60)
        (folder / "answers" / path.rpartition("/")[2]).write_bytes(told.raise_for_status().content)
    shutil.copytree(folder / "store", folder / "store before")
    with _echoing_partner(stack):
        stack.withdraw(WHO)
        scene.settle()
    assert {case.state for case in stack.cases(WHO)} == {"deleted"}
    stack.verify_audit()


def _interpreted(stack: Stack) -> bool:
    with stack.context.transaction(TESTER) as work:
        return work.session.scalars(select(InterpretationRow.interpretation_id)).first() is not None


def _own() -> str:
    return f"/v1/participants/{WHO.participant_id}"


def _genome(folder: Path) -> bytes:
    """The person's file with the name of a person in the header, and rsIDs."""
    plain = folder / "plain.g.vcf.gz"
    GenomeWriter().write(WHO.genome, plain, seed=7)
    text = gzip.decompress(plain.read_bytes()).decode()
    plain.unlink()
    assert NUDT15_SITE in text
    text = text.replace(f"\t{SAMPLE_NAME}\n", f"\t{NAME_IN_FILE}\n").replace(
        "##source", f"##patient={FREE_TEXT}\n##source", 1
    )
    return bgzip(text.replace(f"{NUDT15_SITE}.", f"{NUDT15_SITE}{RSID}").encode())


def _ask_wrongly(scene: _Scene) -> None:
    """Refusals at the edge: in the path, the query, the body, of no form at all."""
    center = scene.token(Role.GENOME_CENTER, "demo-genome-center")
    portal = scene.token(Role.PORTAL, "demo-portal")
    scene.refused("GET", f"{_own()}/results?name={NAME_IN_FILE}&born=1961-07-29")
    scene.refused("GET", f"/nowhere/{NAME_IN_FILE}/{RSID}")
    scene.refused("POST", "/v1/participants", headers=portal, json={"participant_id": FREE_TEXT, "genotype": RSID})
    scene.refused("POST", "/v1/participants", headers=portal, content=f'{{"name": "{FREE_TEXT}'.encode())
    scene.refused("POST", "/v1/manifests", headers=center, content=f"{FREE_TEXT},{RSID}\n1".encode())
    scene.refused("PUT", f"/v1/samples/{BROKEN_SAMPLE}/file", headers=center, content=FREE_TEXT.encode())


def _submit_what_is_malformed(scene: _Scene) -> None:
    """A manifest whose row the center's words are in, and a file that breaks off in the middle of a record."""
    content = bgzip(
        f"##fileformat=VCFv4.2\n##patient={FREE_TEXT}\n"
        f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{NAME_IN_FILE}\n"
        f"chr1\t{FREE_TEXT}\t{RSID}\tCAA\t{NAME_IN_FILE}\n".encode()
    )
    row = fields(
        1,
        sample_id=BROKEN_SAMPLE,
        participant_id=WHO.participant_id,
        collection_tube="TUBE-KANAREK-7Q3X",
        sex_at_birth="female",
        genotypes_sha256=hashlib.sha256(content).hexdigest(),
        genotypes_size=len(content),
    )
    headers = scene.token(Role.GENOME_CENTER, "demo-genome-center")
    for method, path, body in (
        ("POST", "/v1/manifests", as_csv([row])),
        ("PUT", f"/v1/samples/{BROKEN_SAMPLE}/file", content),
    ):
        answer = httpx.request(method, scene.address + path, content=body, headers=headers, trust_env=False, timeout=60)
        assert answer.is_success, answer.text


class _echoing_partner:  # noqa: N801 - used as a function
    """The next requests to the partner are answered 500 by a partner that repeats what it should not even know."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def __enter__(self) -> None:
        texts = json.dumps({"code": WHO.participant_id.lower(), "detail": [canary.text for canary in CANARIES]})
        headers = {"content-type": "application/problem+json", "x-echo": NAME_IN_FILE, "location": f"/{RSID}"}
        self._before = partner_faults._BEFORE[Fault.INTERNAL_ERROR]
        partner_faults._BEFORE[Fault.INTERNAL_ERROR] = (500, headers, texts.encode())
        self._stack.partner.faults.next(Fault.INTERNAL_ERROR)

    def __exit__(self, *_: object) -> None:
        partner_faults._BEFORE[Fault.INTERNAL_ERROR] = self._before


class _Collector:
    """Keeps what is exported, as it came."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._numbers = folder, itertools.count()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        (self._folder / f"{next(self._numbers)}").write_bytes(body)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health", trust_env=False).is_success
    except httpx.TransportError:
        return False


def _rows(database_url: str) -> dict[str, str]:
    """Every row of every table as SQL gives it: what is compressed in the files is seen too."""
    url = make_url(database_url)
    with psycopg.connect(
        host=url.host, port=url.port, user=url.username, password=url.password, dbname=url.database
    ) as connection:
        connection.execute("CHECKPOINT")  # what is in memory alone goes into the files
        tables = [row[0] for row in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        return {table: "".join(_copied(connection, table)) for table in tables}


def _copied(connection: psycopg.Connection, table: str) -> Iterator[str]:
    with connection.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))) as copy:
        for piece in copy:
            yield bytes(piece).decode()


ALL_STAGES = sorted(FAILS)
