"""The servers that other tests build on: they run, keep tests apart, and leave nothing behind."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
import redis
from kombu.connection import Connection
from sqlalchemy import create_engine, text
from support import servers

if TYPE_CHECKING:
    from support.servers import PostgresServer

SUPPORT = Path(servers.__file__).parent.parent


def _count_tables(url: str) -> int:
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE sample (number integer)"))
            tables = connection.execute(text("SELECT count(*) FROM pg_tables WHERE tablename = 'sample'"))
            return int(tables.scalar_one())
    finally:
        engine.dispose()


@pytest.mark.parametrize("run", [1, 2])
def test_each_test_has_a_postgres_database_of_its_own(postgres_url: str, run: int) -> None:
    assert _count_tables(postgres_url) == 1, run


def test_a_postgres_database_can_be_a_copy_of_another(postgres_server: PostgresServer) -> None:
    with postgres_server.database() as original:
        assert _count_tables(original) == 1
        with postgres_server.database(template=original.rpartition("/")[2]) as copy:
            engine = create_engine(copy)
            with engine.connect() as connection:
                assert connection.execute(text("SELECT count(*) FROM sample")).scalar_one() == 0
            engine.dispose()


def test_postgres_refuses_a_wrong_password(postgres_server: PostgresServer) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(
            host="127.0.0.1", port=postgres_server.port, user="postgres", password="another", dbname="postgres"
        )


@pytest.mark.parametrize("run", [1, 2])
def test_each_test_has_an_empty_redis(redis_url: str, run: int) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.keys() == [], run
        assert client.set("key", "value")


@pytest.mark.parametrize("run", [1, 2])
def test_a_message_passes_through_the_broker_and_no_other_test_sees_it(broker_url: str, run: int) -> None:
    with Connection(broker_url) as connection, connection.SimpleQueue("orders") as queue:
        queue.put(f"of run {run}")
        queue.put("left behind")
        message = queue.get(timeout=10)
        assert message.payload == f"of run {run}"
        message.ack()


def test_the_database_url_is_of_the_kind_asked_for(database_url: str) -> None:
    engine = create_engine(database_url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    engine.dispose()


def test_a_server_is_gone_when_its_context_is_left() -> None:
    with servers.redis_server() as server:
        assert server.answers()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port))


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waits for a process by its descriptor, which Linux has")
def test_a_server_dies_with_a_test_process_that_is_killed() -> None:
    program = (
        "import os, signal, sys; from support import servers\n"
        "with servers.redis_server() as server, servers.redis.Redis.from_url(server.url) as client:\n"
        "    print(client.info()['process_id'], flush=True); sys.stdin.read()\n"
    )
    tests = subprocess.Popen(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-c", program], cwd=SUPPORT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with tests:
        assert tests.stdout is not None
        server = os.pidfd_open(int(tests.stdout.readline()))
        try:
            tests.send_signal(signal.SIGKILL)
            ended, _, _ = select.select([server], [], [], 30)
        finally:
            os.close(server)
    assert ended


def test_a_server_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setattr(servers, "_free_ports", lambda _: [taken.getsockname()[1]])
        with pytest.raises(servers.ServerError, match="in use"), servers.redis_server():
            pass


def test_a_missing_program_is_named() -> None:
    with pytest.raises(servers.MissingProgramError, match="no-such-server is not installed: run script/bootstrap test"):
        servers._newest("/usr/lib/absent-*/bin/no-such-server")
