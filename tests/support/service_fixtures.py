"""Fixtures for tests that need a real server, started when the first test asks for it.

| fixture | gives |
| --- | --- |
| `postgres_url` | the URL of a database of this test's own |
| `redis_url` | the URL of a Redis-compatible server with no keys in it |
| `rabbitmq_url` | the URL of a virtual host of this test's own |
| `database_url` | one run on SQLite, one on PostgreSQL |
| `broker_url` | one run on RabbitMQ, one on Redis |

Every test that uses one of them is marked `services`. A server belongs to one test process: with `--dist loadfile`, as
`script/test` runs them, all tests of a file share it.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import pytest

from support import servers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

T = TypeVar("T")

SERVICE_FIXTURES = frozenset({"postgres_server", "postgres_url", "redis_url", "rabbitmq_url", "broker_url"})


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need a server."""
    for item in items:
        if SERVICE_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("services")


@contextmanager
def _or_skip(server: AbstractContextManager[T]) -> Iterator[T]:
    """Run a server; where its program is missing skip the test, but fail in CI, where a skip would go unseen."""
    try:
        running = server.__enter__()
    except servers.MissingProgramError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    try:
        yield running
    finally:
        server.__exit__(None, None, None)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[servers.PostgresServer]:
    with _or_skip(servers.postgres_server()) as server:
        yield server


@pytest.fixture(scope="session")
def _redis_server() -> Iterator[servers.RedisServer]:
    with _or_skip(servers.redis_server()) as server:
        yield server


@pytest.fixture(scope="session")
def _rabbitmq_server() -> Iterator[servers.RabbitServer]:
    with _or_skip(servers.rabbitmq_server()) as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: servers.PostgresServer) -> Iterator[str]:
    with postgres_server.database() as url:
        yield url


@pytest.fixture
def redis_url(_redis_server: servers.RedisServer) -> str:
    _redis_server.clear()
    return _redis_server.url


@pytest.fixture
def rabbitmq_url(_rabbitmq_server: servers.RabbitServer) -> Iterator[str]:
    with _rabbitmq_server.virtual_host() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.services)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'test.sqlite'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture(params=["rabbitmq", "redis"])
def broker_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url
