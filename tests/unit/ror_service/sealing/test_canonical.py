"""The same value gives the same bytes, and moments are told in one way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ror_service.sealing.canonical import canonical_json, sha256_hex, utc_moment, utc_text


def test_the_order_of_members_does_not_matter() -> None:
    assert canonical_json({"b": 1, "a": ["é", None, True]}) == canonical_json({"a": ["é", None, True], "b": 1})
    assert canonical_json({"b": 1, "a": "é"}) == '{"a":"é","b":1}'.encode()


def test_what_has_no_canonical_form_is_refused() -> None:
    for value in (float("nan"), 2**60, object(), {1: 2}):
        with pytest.raises(ValueError, match=r".*"):
            canonical_json({"value": value})


def test_a_digest() -> None:
    assert sha256_hex(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


ZONES = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))])
EARLIEST = datetime.fromisoformat("0001-01-02")


@given(st.datetimes(timezones=ZONES, min_value=EARLIEST))
def test_moments_come_back(moment: datetime) -> None:
    text = utc_text(moment)
    assert text.endswith("Z")
    assert utc_moment(text) == moment
    assert utc_moment(text).tzinfo is UTC


def test_a_moment_reads_as_people_expect() -> None:
    assert utc_text(datetime(2026, 11, 22, 9, 30, tzinfo=UTC)) == "2026-11-22T09:30:00Z"


@pytest.mark.parametrize(
    "text", ["", "today", "2026-11-22", "2026-11-22T09:30:00", "2026-11-22T09:30:00+01:00", 5, None]
)
def test_other_ways_to_tell_a_moment_are_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r".*"):
        utc_moment(text)


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        utc_text(datetime(2026, 11, 22))  # noqa: DTZ001 - the case under test
