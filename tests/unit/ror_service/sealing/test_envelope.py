"""A sealed object opens with its own key, in its own context, unchanged; otherwise not at all."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ror_service.errors import SealError
from ror_service.sealing.envelope import DATA_KEY_BYTES, SealContext, new_data_key, open_sealed, seal

CONTEXT = SealContext("P-0001", "report-1", 1, "report", "0" * 64, "key-1")
KEY = new_data_key()


@given(st.binary(max_size=300))
def test_what_was_sealed_opens(plaintext: bytes) -> None:
    sealed = seal(plaintext, KEY, CONTEXT)
    assert open_sealed(sealed, KEY, CONTEXT) == plaintext
    assert len(sealed) == len(plaintext) + 29


def test_sealing_twice_shows_nothing_in_common() -> None:
    first, second = seal(b"report" * 10, KEY, CONTEXT), seal(b"report" * 10, KEY, CONTEXT)
    assert first[0] == second[0] == 1
    assert first[1:13] != second[1:13]
    assert first[13:] != second[13:]
    assert b"report" not in first


def test_another_key_is_refused() -> None:
    with pytest.raises(SealError, match="report report-1: does not open"):
        open_sealed(seal(b"report", KEY, CONTEXT), new_data_key(), CONTEXT)
    with pytest.raises(SealError):
        open_sealed(seal(b"report", KEY, CONTEXT), b"short", CONTEXT)


@pytest.mark.parametrize("name", [field.name for field in fields(SealContext)])
def test_another_context_is_refused(name: str) -> None:
    sealed = seal(b"report", KEY, CONTEXT)
    other = replace(CONTEXT, **{name: 2 if name == "version" else getattr(CONTEXT, name) + "x"})
    with pytest.raises(SealError):
        open_sealed(sealed, KEY, other)


def test_contexts_do_not_run_into_each_other() -> None:
    one = replace(CONTEXT, participant_id='P","report_id":"x', report_id="y")
    other = replace(CONTEXT, participant_id="P", report_id='x","report_id":"y')
    assert one.associated_data() != other.associated_data()
    assert CONTEXT.associated_data() == replace(CONTEXT).associated_data()


def test_every_changed_byte_is_refused() -> None:
    sealed = seal(b"a report", KEY, CONTEXT)
    for place in range(len(sealed)):
        changed = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        with pytest.raises(SealError):
            open_sealed(changed, KEY, CONTEXT)


def test_every_cut_and_every_addition_is_refused() -> None:
    sealed = seal(b"a report", KEY, CONTEXT)
    for changed in (*(sealed[:length] for length in range(len(sealed))), sealed + b"\0", b"\0" + sealed):
        with pytest.raises(SealError):
            open_sealed(changed, KEY, CONTEXT)


def test_the_error_names_the_report_and_nobody() -> None:
    with pytest.raises(SealError) as caught:
        open_sealed(b"", KEY, CONTEXT)
    assert "report-1" in str(caught.value)
    assert "P-0001" not in str(caught.value)


def test_data_keys_are_long_and_differ() -> None:
    assert len({new_data_key() for _ in range(50)}) == 50
    assert len(new_data_key()) == DATA_KEY_BYTES
