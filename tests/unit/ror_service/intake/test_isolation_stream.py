"""A file that is fed to the reading process: same result as from disk, and every end of either side is clean."""

from __future__ import annotations

import dataclasses
import gc
import io
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from support.genotype_files import bgzf, vcf_text

from interpreters.genotypes import Build, Interval
from ror_service.errors import SealError
from ror_service.intake import isolation
from ror_service.intake.errors import IntakeError, Problem
from ror_service.intake.feeding import Feeder
from ror_service.intake.isolation import read_in_child
from ror_service.intake.results import Container, Limits, ReadResult
from ror_service.sealing.envelope import SealContext, new_data_key
from ror_service.sealing.stream import SealingWriter, open_stream

WANTED = dict.fromkeys(Build, (Interval("1", 39_000, 1_000_000),))
RECORDS = [f"chr1 {position} . A G 50 PASS . GT 0/1" for position in range(1, 40_000)]
TEXT = vcf_text(RECORDS)


def descriptors() -> set[tuple[str, str]]:
    """Open descriptors of this process and what they are."""
    found = set()
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the descriptor of this listing itself
            found.add((link.name, str(link.readlink())))
    return found


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[subprocess.Popen[bytes]]]:
    """The reading processes; no descriptor, thread or process outlives a reading."""
    started: list[subprocess.Popen[bytes]] = []
    original = subprocess.Popen

    def start(*arguments: object, **options: object) -> subprocess.Popen[bytes]:
        started.append(original(*arguments, **options))  # type: ignore[call-overload]
        return started[-1]

    monkeypatch.setattr(isolation.subprocess, "Popen", start)
    gc.collect()
    before, threads = descriptors(), threading.active_count()
    yield started
    assert descriptors() == before
    assert threading.active_count() <= threads
    assert all(process.returncode is not None for process in started)


def pieces(content: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


def same(one: ReadResult, other: ReadResult) -> bool:
    apart = {"calls": (), "cpu_seconds": 0.0, "peak_memory_bytes": 0}
    plain = dataclasses.replace(one, **apart) == dataclasses.replace(other, **apart)  # type: ignore[arg-type]
    return plain and list(one.calls) == list(other.calls)


def problem(source: Iterator[bytes], limits: Limits | None = None) -> Problem:
    with pytest.raises(IntakeError) as caught:
        read_in_child(source, WANTED, limits)
    assert not caught.value.file
    return caught.value.code


@pytest.mark.parametrize("pack", [bytes, bgzf], ids=["plain", "bgzf"])
def test_same_result_as_from_disk(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    content = pack(TEXT)
    path = tmp_path / "a.vcf"
    path.write_bytes(content)
    from_disk = read_in_child(path, WANTED)
    assert (from_disk.metrics.records, len(list(from_disk.calls))) == (39_999, 1_000)
    for size in (len(content), 100_000):
        assert same(read_in_child(pieces(content, size), WANTED), from_disk)


def test_short_first_pieces_do_not_hide_the_container() -> None:
    text = vcf_text(RECORDS[:5])
    for content, container in ((bgzf(text), Container.BGZF), (text, Container.PLAIN)):
        assert read_in_child(pieces(content, 3), WANTED).container is container
    assert problem(pieces(bgzf(text, end=False), 3)) is Problem.TRUNCATED
    assert problem(pieces(b"PK\x03\x04" + bytes(500), 1)) is Problem.NOT_A_VCF
    assert read_in_child(iter([b"", text, b""]), WANTED).size == len(text)


def test_problems_of_the_file_are_the_same_typed_errors() -> None:
    assert problem(iter(())) in {Problem.NOT_A_VCF, Problem.BAD_HEADER, Problem.TRUNCATED}
    assert problem(pieces(bgzf(TEXT)[:-400], 50_000)) is Problem.TRUNCATED
    assert problem(pieces(vcf_text(["chr1 500 . A G 50 PASS . GT 0/7"]), 1000)) is Problem.BAD_RECORD


def test_limits_end_as_typed_errors() -> None:
    for limits, code in (
        (Limits(file_bytes=10), Problem.TOO_LARGE),
        (Limits(text_bytes=len(TEXT) // 2), Problem.TOO_LARGE),
        (Limits(reply_bytes=100), Problem.TOO_LARGE),
        (Limits(memory_bytes=1 << 20), Problem.READER_KILLED),
        (Limits(cpu_seconds=0), Problem.READER_KILLED),
        (Limits(wall_seconds=0.01), Problem.READER_TIMED_OUT),
    ):
        assert problem(pieces(TEXT, 100_000), limits) in {code, Problem.READER_FAILED}


def test_a_process_that_refuses_at_once_ends_an_endless_source() -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield b"<html>" + bytes(100_000)

    assert problem(endless()) is Problem.NOT_A_VCF
    assert taken < 100


def test_a_source_that_stands_still_ends_with_the_time_limit(started: list[subprocess.Popen[bytes]]) -> None:
    def slow() -> Iterator[bytes]:
        yield TEXT[:1000]
        started[-1].wait()
        yield TEXT[1000:]

    assert problem(slow(), Limits(wall_seconds=0.5)) is Problem.READER_TIMED_OUT


class _Sealed:
    """A sealed file in memory."""

    CONTEXT = SealContext("P-0001", "file-1", 1, "genotypes", "", "key-1")

    def __init__(self, clear: bytes) -> None:
        self._key = new_data_key()
        file = io.BytesIO()
        writer = SealingWriter(file, self._key, self.CONTEXT)
        writer.write(clear)
        writer.finish()
        self.data = bytearray(file.getvalue())

    def chunks(self) -> Iterator[bytes]:
        return open_stream(io.BytesIO(bytes(self.data)), self._key, self.CONTEXT)


def test_a_sealed_file_reads_like_the_clear_one() -> None:
    assert same(read_in_child(_Sealed(TEXT).chunks(), WANTED), read_in_child(pieces(TEXT, 1 << 16), WANTED))


LARGE = vcf_text([f"chr1 {position} . A G 50 PASS . GT 0/1" for position in range(1, 81_000)])
"""Three chunks of a sealed file. In plain text nothing but the seal shows that lines are missing at the end."""


@pytest.mark.parametrize("place", [8, 1 << 20, -1])
def test_a_broken_seal_surfaces_wherever_it_breaks(place: int) -> None:
    sealed = _Sealed(LARGE)
    sealed.data[place] ^= 1
    with pytest.raises(SealError):
        read_in_child(sealed.chunks(), WANTED)


def test_a_sealed_file_that_lost_its_last_chunk_is_not_taken_for_a_shorter_one() -> None:
    sealed = _Sealed(LARGE)
    del sealed.data[8 + 2 * ((1 << 20) + 16) :]
    with pytest.raises(SealError):
        read_in_child(sealed.chunks(), WANTED)


def test_the_process_is_killed_before_its_pipe_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """A source that fails between two whole lines must not read as a whole file, whatever the failure is."""
    text = vcf_text(RECORDS[:5])

    class Lost(BaseException):
        pass

    def fails(error: BaseException) -> Iterator[bytes]:
        yield text
        raise error

    original = isolation._talk
    replies: list[bytes] = []

    def talk(*arguments: object) -> bytes:
        replies.append(original(*arguments))  # type: ignore[arg-type]
        return replies[-1]

    monkeypatch.setattr(isolation, "_talk", talk)
    for error in (ValueError("0/1"), KeyError("0/1"), BrokenPipeError(), OSError("disk"), Lost()):
        with pytest.raises(type(error)) as caught:
            read_in_child(fails(error), WANTED)
        assert caught.value is error
    assert replies == [b""] * 5


def test_a_process_that_cannot_be_started_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation.sys, "executable", "/does/not/exist")
    with pytest.raises(FileNotFoundError):
        read_in_child(iter([TEXT]), WANTED)


def test_a_thread_that_cannot_be_started_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Feeder, "start", refuse)
    with pytest.raises(RuntimeError):
        read_in_child(iter([TEXT]), WANTED)


def test_an_interrupted_exchange_kills_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(isolation, "_talk", interrupted)
    with pytest.raises(KeyboardInterrupt):
        read_in_child(pieces(TEXT, 1000), WANTED)
