"""Wanted intervals against a plain loop."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpreters.genotypes import Interval
from ror_service.intake.wanted import WantedIntervals

stretches = st.lists(
    st.tuples(st.integers(1, 300), st.integers(0, 30)).map(lambda pair: (pair[0], sum(pair))), max_size=20
)


@given(wanted=stretches, records=stretches)
def test_agrees_with_a_loop(wanted: list[tuple[int, int]], records: list[tuple[int, int]]) -> None:
    intervals = [Interval("1", start, end) for start, end in wanted]
    found = WantedIntervals.from_json(WantedIntervals.of(intervals).to_json())
    expected = [any(low <= end and high >= start for low, high in wanted) for start, end in records]
    assert [found.overlaps("1", start, end) for start, end in records] == expected
    assert not any(found.overlaps("2", start, end) for start, end in records)


@pytest.mark.parametrize("interval", [Interval("chr1", 1, 2), Interval("1", 5, 4)])
def test_refuses_what_is_no_interval(interval: Interval) -> None:
    with pytest.raises(ValueError, match="not an interval"):
        WantedIntervals.of([interval])
