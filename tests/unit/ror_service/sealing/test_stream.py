"""A sealed file opens whole and unchanged, chunk by chunk, in little memory; anything else is a broken seal."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import BinaryIO, cast

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from ror_service.errors import SealError
from ror_service.sealing import stream
from ror_service.sealing.envelope import SealContext, new_data_key, seal
from ror_service.sealing.stream import HEADER_BYTES, TAG_BYTES, SealingWriter, open_stream

CONTEXT = SealContext("P-0001", "file-1", 1, "genotypes", "", "key-1")
KEY = new_data_key()
SMALL = 16
SEALED_CHUNK = SMALL + TAG_BYTES


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "CHUNK_BYTES", SMALL)


def sealed(clear: bytes, pieces: int | None = None) -> bytes:
    file = io.BytesIO()
    writer = SealingWriter(file, KEY, CONTEXT)
    step = pieces or max(1, len(clear))
    for start in range(0, len(clear), step):
        writer.write(clear[start : start + step])
    writer.finish()
    return file.getvalue()


def opened(data: bytes, key: bytes = KEY, context: SealContext = CONTEXT) -> bytes:
    return b"".join(open_stream(io.BytesIO(data), key, context))


def chunks_of(data: bytes) -> list[bytes]:
    return [data[start : start + SEALED_CHUNK] for start in range(HEADER_BYTES, len(data), SEALED_CHUNK)]


def windows(data: bytes) -> set[bytes]:
    """Every 8 bytes in a row: so many that two of them are never the same by chance."""
    return {data[at : at + 8] for at in range(len(data) - 7)}


def refused(data: bytes) -> bool:
    try:
        opened(data)
    except SealError:
        return True
    return False


@given(st.binary(max_size=5 * SMALL), st.integers(1, 3 * SMALL))
def test_any_size_written_in_any_pieces_comes_back(clear: bytes, pieces: int) -> None:
    data = sealed(clear, pieces)
    assert opened(data) == clear
    number = max(1, -(-len(clear) // SMALL))
    assert len(data) == HEADER_BYTES + len(clear) + number * TAG_BYTES
    assert all(len(chunk) <= SMALL for chunk in open_stream(io.BytesIO(data), KEY, CONTEXT))


@pytest.mark.parametrize("size", [0, 1, SMALL - 1, SMALL, SMALL + 1, 2 * SMALL, 2 * SMALL + 7])
def test_every_flipped_byte_and_every_cut_is_refused(size: int) -> None:
    data = sealed(bytes(range(size)))
    for place in range(len(data)):
        assert refused(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]), place
        assert refused(data[:place]), place


@given(st.integers(1, 4 * SMALL), st.binary(min_size=1, max_size=2 * SEALED_CHUNK))
def test_whatever_is_appended_is_refused(size: int, more: bytes) -> None:
    assert refused(sealed(b"x" * size) + more)


@given(st.integers(2, 6), st.data())
def test_chunks_that_are_moved_doubled_left_out_or_of_another_file_are_refused(
    number: int, data: st.DataObject
) -> None:
    clear = bytes(range(number * SMALL))
    whole = sealed(clear)
    parts, others = chunks_of(whole), chunks_of(sealed(clear))
    order = data.draw(st.lists(st.sampled_from(range(number)), max_size=number + 2))
    mixed = whole[:HEADER_BYTES] + b"".join(parts[place] for place in order)
    assert refused(mixed) == (order != list(range(number)))
    place = data.draw(st.integers(0, number - 1))
    assert refused(whole[:HEADER_BYTES] + b"".join((*parts[:place], others[place], *parts[place + 1 :])))


def test_what_never_was_finished_is_refused() -> None:
    file = io.BytesIO()
    writer = SealingWriter(file, KEY, CONTEXT)
    assert refused(file.getvalue())
    writer.write(bytes(3 * SMALL))
    assert refused(file.getvalue())
    writer.finish()
    assert opened(file.getvalue()) == bytes(3 * SMALL)
    with pytest.raises(ValueError, match="ends with its last chunk"):
        writer.finish()


def test_chunks_before_the_broken_one_are_handed_on_and_none_after() -> None:
    data = bytearray(sealed(bytes(4 * SMALL)))
    data[HEADER_BYTES + 2 * SEALED_CHUNK] ^= 1
    given_out = []
    with pytest.raises(SealError, match="file file-1: does not open"):
        given_out.extend(open_stream(io.BytesIO(bytes(data)), KEY, CONTEXT))
    chunks: Iterator[bytes] = open_stream(io.BytesIO(bytes(data)), KEY, CONTEXT)
    assert [next(chunks), next(chunks)] == [bytes(SMALL)] * 2
    with pytest.raises(SealError):
        next(chunks)


def test_another_key_or_context_is_refused() -> None:
    data = sealed(b"genotypes")
    for key in (new_data_key(), b"short", KEY[:16]):
        with pytest.raises(SealError):
            opened(data, key)
    for field in fields(SealContext):
        other = replace(CONTEXT, **{field.name: 2 if field.name == "version" else getattr(CONTEXT, field.name) + "x"})
        with pytest.raises(SealError):
            opened(data, context=other)


def test_what_was_sealed_as_one_object_is_no_stream() -> None:
    with pytest.raises(SealError, match="not sealed in a known format") as caught:
        opened(seal(b"genotypes" * 10, KEY, CONTEXT))
    assert "P-0001" not in str(caught.value)


def test_sealing_twice_shows_nothing_in_common() -> None:
    first, second = sealed(b"genotypes" * 9), sealed(b"genotypes" * 9)
    assert first[:1] == second[:1] == b"\x02"
    assert first[1:HEADER_BYTES] != second[1:HEADER_BYTES]
    assert b"genotypes" not in first
    assert not windows(first) & windows(second)


def test_nonces_are_prefix_number_and_end_and_none_is_used_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[bytes] = []

    class Spy:
        def __init__(self, key: bytes) -> None:
            self._real = AESGCM(key)

        def encrypt(self, nonce: bytes, clear: bytes, associated: bytes) -> bytes:
            used.append(nonce)
            return self._real.encrypt(nonce, clear, associated)

    monkeypatch.setattr(stream, "AESGCM", Spy)
    prefix = sealed(bytes(3 * SMALL))[1:HEADER_BYTES]
    assert used == [
        prefix + b"\0\0\0\0\0",
        prefix + b"\0\0\0\1\0",
        prefix + b"\0\0\0\2\1",
    ]


def test_a_file_of_more_chunks_than_there_are_numbers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = sealed(bytes(3 * SMALL))
    monkeypatch.setattr(stream, "_MOST_CHUNKS", 2)
    assert refused(data)
    with pytest.raises(ValueError, match="at most 4 PiB"):
        sealed(bytes(3 * SMALL))


@pytest.mark.parametrize("forgotten", ["number", "end"])
def test_without_number_or_end_in_the_nonce_the_checks_above_would_fail(
    monkeypatch: pytest.MonkeyPatch, forgotten: str
) -> None:
    """Shows that these tests catch a construction that forgets one of them."""

    def take(self: stream._Nonces, *, last: bool) -> bytes:
        self._number += 1
        number = 0 if forgotten == "number" else self._number
        return self.prefix + number.to_bytes(4, "big") + bytes([last and forgotten != "end"])

    monkeypatch.setattr(stream._Nonces, "take", take)
    whole = sealed(bytes(range(3 * SMALL)))
    parts = chunks_of(whole)
    moved = whole[:HEADER_BYTES] + b"".join((parts[1], parts[0], parts[2]))
    cut = whole[: HEADER_BYTES + 2 * SEALED_CHUNK]
    assert (refused(moved), refused(cut)) == ((False, True) if forgotten == "number" else (True, False))


class _Zeros:
    """A large file that is nowhere: counts what is written."""

    def __init__(self) -> None:
        self.size = 0

    def write(self, data: bytes) -> int:
        self.size += len(data)
        return len(data)


def test_memory_does_not_grow_with_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "CHUNK_BYTES", 1 << 20)
    sink = _Zeros()
    piece = bytes(200_000)
    tracemalloc.start()
    try:
        writer = SealingWriter(cast("BinaryIO", sink), KEY, CONTEXT)
        for _ in range(160):
            writer.write(piece)
        writer.finish()
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sink.size == 32_000_000 + 31 * TAG_BYTES + HEADER_BYTES
    assert most < 6 << 20


def test_real_chunks_round_trip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "CHUNK_BYTES", 1 << 20)
    clear = bytes(range(256)) * 9000
    assert opened(sealed(clear, 65536)) == clear
