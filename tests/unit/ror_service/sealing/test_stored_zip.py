"""The file is a plain ZIP, and a function of its entries alone."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ror_service.errors import SealError
from ror_service.sealing import stored_zip
from ror_service.sealing.stored_zip import read_entries, write_entries

ENTRIES = [("manifest.json", b"{}"), ("empty", b""), ("artifact-1.hpke", bytes(range(256)))]

names = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)
entries_of_any_kind = st.lists(st.tuples(names, st.binary(max_size=200)), max_size=5)


@given(entries_of_any_kind)
def test_entries_come_back(entries: list[tuple[str, bytes]]) -> None:
    assert read_entries(write_entries(entries)) == entries
    assert write_entries(entries) == write_entries(list(entries))


def test_any_zip_reader_opens_it() -> None:
    with zipfile.ZipFile(io.BytesIO(write_entries(ENTRIES))) as archive:
        assert archive.testzip() is None
        assert [(info.filename, archive.read(info)) for info in archive.infolist()] == ENTRIES
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}


def test_the_bytes_are_fixed_for_ever() -> None:
    assert write_entries([("a", b"b")]).hex() == (
        "504b030414000000000000002100f9efbe71010000000100000001000000" + "61" + "62"
        "504b0102140314000000000000002100f9efbe710100000001000000010000000000000000000000" + "80810000000061"
        "504b050600000000010001002f000000200000000000"
    )


def test_every_changed_byte_in_a_header_is_refused_and_in_an_entry_changes_its_checksum() -> None:
    data = write_entries(ENTRIES)
    for place in range(len(data)):
        changed = data[:place] + bytes([data[place] ^ 0x01]) + data[place + 1 :]
        with pytest.raises(SealError):
            read_entries(changed)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_hidden_bytes_cuts_and_nonsense_are_refused(draw: st.DataObject) -> None:
    data = write_entries(draw.draw(entries_of_any_kind))
    place = draw.draw(st.integers(0, len(data)))
    extra = draw.draw(st.binary(min_size=1, max_size=40))
    for changed in (data[:place] + extra + data[place:], data[:place] if place < len(data) else data + b"\0", extra):
        with pytest.raises(SealError, match="not a whole bundle"):
            read_entries(changed)


def test_a_zip_written_elsewhere_is_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", "{}" * 100)
    with pytest.raises(SealError):
        read_entries(buffer.getvalue())


def test_a_name_outside_ascii_is_refused() -> None:
    data = write_entries([("aa", b"")]).replace(b"aa", b"\xc3\xa9")
    with pytest.raises(SealError):
        read_entries(data)


def test_too_large_is_said_before_it_is_written_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_zip, "_MAX_BYTES", 100)
    with pytest.raises(ValueError, match="at most 4 GiB"):
        write_entries([("a", bytes(100))])
