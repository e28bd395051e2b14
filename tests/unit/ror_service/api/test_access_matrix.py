"""Every route of the OpenAPI document, called in every role, for one's own, another's and an absent object."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.access_matrix import (
    CENTER,
    COUNSELOR_ROLE,
    DIRECTOR_ROLE,
    MATRIX,
    PARTICIPANT,
    PORTAL,
    WITHOUT_TOKEN,
    World,
    leaks,
    operations,
    world_on_sqlite,
)
from support.api import running_api
from support.service import Service

from ror_service.api.tokens import Role


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with tempfile.TemporaryDirectory() as folder, world_on_sqlite(Path(folder) / "service") as made:
        yield made


def test_the_matrix_names_every_route_and_no_other(world: World) -> None:
    assert operations(world.api.client.get("/v1/openapi.json").json()) == {*MATRIX, *WITHOUT_TOKEN}


def test_a_route_that_nobody_wrote_into_the_matrix_is_noticed(service: Service) -> None:
    with running_api(service) as api:
        api.app.get("/v1/everything")(lambda: "all secrets")
        assert operations(api.client.get("/v1/openapi.json").json()) - {*MATRIX, *WITHOUT_TOKEN} == {
            "GET /v1/everything"
        }


@pytest.mark.parametrize("route", [*MATRIX, *WITHOUT_TOKEN])
def test_every_role_gets_what_the_matrix_says(world: World, route: str) -> None:
    cells, found = leaks(world, route)
    assert (cells, found) == (30, [])


def test_outsiders_cannot_tell_another_object_from_none() -> None:
    for route, rows in MATRIX.items():
        for role in {PARTICIPANT, CENTER, Role.CLINICAL_LABORATORY}.intersection(rows):
            _, other, absent = rows[role]
            assert other == absent or route == "POST /v1/samples", route
    # One identifier names one sample in the whole programme: submitting one that is taken cannot be but refused.
    assert MATRIX["POST /v1/samples"][CENTER][1] == 409


def test_only_reviewers_see_findings_and_only_the_participant_sees_reports() -> None:
    readers = {route: set(rows) for route, rows in MATRIX.items() if route.startswith("GET")}
    assert readers["GET /v1/reviews/{review_id}"] == {COUNSELOR_ROLE, DIRECTOR_ROLE}
    assert readers["GET /v1/participants/{participant_id}/results/{module}/{file}"] == {PARTICIPANT}
    assert readers["GET /v1/participants/{participant_id}/medicines"] == {PARTICIPANT}
    assert [route for route, roles in readers.items() if PORTAL in roles] == []
