"""The reading process: same result as in this process, shut off, and every death a typed error."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import textwrap
from io import BytesIO
from pathlib import Path

import pytest
from support.genotype_files import vcf_text
from support.shared import SHARED, needs_shared

from interpreters.genotypes import Build, Interval
from ror_service.intake import child, isolation
from ror_service.intake.confinement import _program
from ror_service.intake.errors import IntakeError, Problem
from ror_service.intake.isolation import read_in_child
from ror_service.intake.reader import read_genotypes
from ror_service.intake.results import Confinement, Flag, Limits
from ror_service.intake.wanted import WantedIntervals
from ror_service.intake.wire import Request, decode_reply, decode_request, encode_request

WANTED = dict.fromkeys(Build, (Interval("1", 1, 1000),))
PLAIN = "chr1 500 . A G,<NON_REF> 50 q10 ANN=G|stop_gained GT:AD:DP:GQ:PS 0|1:1,2,0:31:60:450"


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "a.vcf.gz"
    path.write_bytes(vcf_text([PLAIN]))
    return path


def test_same_result_as_in_this_process(good: Path) -> None:
    here, there = read_genotypes(good, lambda build: WANTED[build]), read_in_child(good, WANTED)
    assert list(here.calls) == list(there.calls)
    assert here.calls.kind is there.calls.kind
    assert there.confinement is not Confinement.NONE
    assert there.cpu_seconds > 0
    assert 0 < there.peak_memory_bytes < 300e6
    assert Flag.NAME_SAYS_COMPRESSED in there.flags
    apart = {"calls": here.calls, "confinement": here.confinement, "cpu_seconds": 0.0, "peak_memory_bytes": 0}
    assert dataclasses.replace(there, **apart) == here  # type: ignore[arg-type]


def test_a_refusal_comes_back_with_the_file_name(tmp_path: Path) -> None:
    path = tmp_path / "a.vcf"
    path.write_bytes(vcf_text([PLAIN.replace("0|1", "0|7")]))
    with pytest.raises(IntakeError) as caught:
        read_in_child(path, WANTED)
    assert (caught.value.code, caught.value.line, caught.value.file) == (Problem.BAD_RECORD, 8, str(path))


def test_what_is_no_regular_file_or_too_large_is_not_opened(good: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path, limits, code in (
        (tmp_path / "missing", Limits(), Problem.UNREADABLE),
        (tmp_path, Limits(), Problem.UNREADABLE),
        (pipe, Limits(), Problem.UNREADABLE),
        (good, Limits(file_bytes=10), Problem.TOO_LARGE),
    ):
        with pytest.raises(IntakeError) as caught:
            read_in_child(path, WANTED, limits)
        assert caught.value.code is code


def test_limits_end_as_typed_errors(good: Path) -> None:
    for limits, code in (
        (Limits(memory_bytes=1 << 20), Problem.READER_KILLED),
        (Limits(cpu_seconds=0), Problem.READER_KILLED),
        (Limits(wall_seconds=0.01), Problem.READER_TIMED_OUT),
        (Limits(reply_bytes=100), Problem.TOO_LARGE),
    ):
        with pytest.raises(IntakeError) as caught:
            read_in_child(good, WANTED, limits)
        assert caught.value.code in {code, Problem.READER_FAILED}


def run_confined(code: str) -> str:
    """Output of statements run after the reading process has shut itself off."""
    setup = """
        import os, resource, socket, sys
        from ror_service.intake.confinement import confine, set_limits
        from ror_service.intake.results import Limits
        def refused(action):
            try:
                action()
            except OSError:
                return "refused"
            return "allowed"
        set_limits(Limits())
        held = confine()
    """
    lines = textwrap.dedent(setup) + textwrap.dedent(code)
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, check=True)  # noqa: S603
    return done.stdout.strip()


def test_no_network_no_files_no_programs() -> None:
    shown = run_confined("""
        print(held.value, *map(refused, (
            lambda: socket.create_connection(("127.0.0.1", 9)),
            lambda: os.open("/etc/hostname", os.O_RDONLY),
            lambda: os.open("/tmp/written", os.O_WRONLY | os.O_CREAT),
            lambda: os.fork(),
            lambda: os.execv("/bin/true", ["true"]),
        )))
    """)
    assert shown == "system_calls refused refused refused refused refused"


def test_without_confinement_the_same_actions_are_allowed() -> None:
    """Shows that the test above can fail."""
    shown = run_confined("pass").strip()
    assert not shown
    free = subprocess.run(
        [sys.executable, "-c", "import os; print(os.open('/etc/hostname', os.O_RDONLY) > 0)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert free.stdout.strip() == "True"


def test_filter_program_of_both_architectures_jumps_to_its_last_steps() -> None:
    for machine in ("x86_64", "aarch64"):
        program = _program(machine)
        steps = [program[at : at + 8] for at in range(0, len(program), 8)]
        for place, step in enumerate(steps[4:-2], start=4):
            assert place + 1 + step[2] == len(steps) - 1


def test_child_inherits_no_environment(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = {}
    original = subprocess.Popen

    def spy(*arguments: object, **options: object) -> object:
        started.update(options)
        return original(*arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setenv("ROR_MASTER_KEY", "secret")
    monkeypatch.setattr(isolation.subprocess, "Popen", spy)
    read_in_child(good, WANTED)
    memory = {"MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"}
    assert set(started["env"]) == {"OPENBLAS_NUM_THREADS", "PATH", "LC_ALL", *memory}  # type: ignore[call-overload]
    assert len(started["pass_fds"]) == 1  # type: ignore[arg-type]


@pytest.mark.parametrize("reply", [b"", b"{}", b"[]", b'{"result":{}}', b"\xff"])
def test_a_reply_that_is_none_is_a_typed_error(good: Path, reply: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "_exchange", lambda *_: reply)
    with pytest.raises(IntakeError) as caught:
        read_in_child(good, WANTED)
    assert caught.value.code is Problem.READER_FAILED


def request(limits: Limits) -> Request:
    wanted = {build: WantedIntervals.of(found) for build, found in WANTED.items()}
    made = Request(wanted, limits, None, name_says_compressed=False)
    assert encode_request(decode_request(encode_request(made))) == encode_request(made)
    return made


def test_answers_of_the_reading_process(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(limits: Limits, confinement: Confinement) -> Problem:
        with good.open("rb") as stream, pytest.raises(IntakeError) as caught:
            decode_reply(child._answer(request(limits), stream, confinement, BytesIO()))
        return caught.value.code

    assert answer(Limits(), Confinement.NONE) is Problem.NOT_CONFINED
    assert answer(Limits(header_bytes=1), Confinement.NAMESPACE) is Problem.HEADER_TOO_LARGE
    with good.open("rb") as stream:
        status = BytesIO(b"Name:\tpython\nVmHWM:\t   2048 kB\n")
        free = child._answer(request(Limits(require_confinement=False)), stream, Confinement.NONE, status)
    assert decode_reply(free).confinement is Confinement.NONE
    assert decode_reply(free).peak_memory_bytes == 2048 * 1024
    for error, code in ((MemoryError(), Problem.READER_KILLED), (KeyError("0/1"), Problem.READER_FAILED)):

        def fail(*_: object, error: Exception = error, **__: object) -> None:
            raise error

        monkeypatch.setattr(child, "read_stream", fail)
        assert answer(Limits(), Confinement.SYSTEM_CALLS) is code


@needs_shared
@pytest.mark.genomes
def test_a_real_genome_within_its_budget() -> None:
    path = SHARED / "genomes" / "1000g_GRCh38" / "NA18526.vcf.gz"
    sites = (Interval("13", 48_037_000, 48_046_000), Interval("16", 48_224_287, 48_224_287))
    result = read_in_child(path, dict.fromkeys(Build, sites))
    assert result.metrics.records == 1_284_311
    assert result.calls.at("16", 48_224_287).alleles == ("T", "T")
    assert result.peak_memory_bytes < 300e6
