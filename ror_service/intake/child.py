"""The reading process: takes a request on its standard input and an open file, answers on its standard output.

Started by `isolation` as a fresh interpreter with an empty environment, so it inherits neither secrets nor memory.
"""

from __future__ import annotations

import gc
import os
import resource
import sys
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from ror_service import memory
from ror_service.intake.confinement import confine, set_limits
from ror_service.intake.errors import IntakeError, Problem
from ror_service.intake.reader import read_stream
from ror_service.intake.results import Confinement
from ror_service.intake.wire import Request, decode_request, encode_error, encode_result

_STATUS = Path("/proc/self/status")


def main() -> None:
    """Read one file and reply; the file descriptor is the only argument."""
    # Hundreds of thousands of records that live to the end would be searched for cycles again and again.
    gc.disable()
    memory.keep()
    request = decode_request(sys.stdin.buffer.read())
    # Buffered: the file may be a pipe, and a read that is short at its start would hide what kind of file it is.
    # Opened now, because the confined process opens nothing any more.
    with os.fdopen(int(sys.argv[1]), "rb") as stream, _STATUS.open("rb") as status:
        set_limits(request.limits)
        sys.stdout.buffer.write(_answer(request, stream, confine(), status))
        sys.stdout.buffer.flush()


def _answer(request: Request, stream: BinaryIO, confinement: Confinement, status: BinaryIO) -> bytes:
    if request.limits.require_confinement and confinement is Confinement.NONE:
        return encode_error(IntakeError(Problem.NOT_CONFINED, "the process cannot be confined on this machine"))
    try:
        result = read_stream(
            stream,
            request.wanted.__getitem__,
            request.limits,
            request.expected_sha256,
            known={build: wanted.known for build, wanted in request.wanted.items()},
            name_says_compressed=request.name_says_compressed,
        )
    except IntakeError as error:
        return encode_error(error)
    except MemoryError:
        return encode_error(IntakeError(Problem.READER_KILLED, "the file needs more memory than allowed"))
    except Exception as error:  # noqa: BLE001 - the content of a foreign error may hold genotypes: only its kind leaves
        return encode_error(IntakeError(Problem.READER_FAILED, f"the reader failed with {type(error).__name__}"))
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return encode_result(
        replace(
            result,
            confinement=confinement,
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            peak_memory_bytes=_peak_memory(status),
        )
    )


def _peak_memory(status: BinaryIO) -> int:
    """Largest resident size of this program in bytes; getrusage would count the parent's memory at the fork too."""
    status.seek(0)
    peaks = (line.split() for line in status if line.startswith(b"VmHWM:"))
    return next((int(size) * 1024 for _, size, *_ in peaks), 0)


if __name__ == "__main__":
    main()
