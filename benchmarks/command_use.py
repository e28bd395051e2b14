"""What a run of the command `ror` uses: CPU time and memory, apart for its own process and for those that it starts."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_ROR = """
import atexit, json, resource, sys
from pathlib import Path

def tell():
    own, readers = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    words = Path("/proc/self/status").read_text().split()
    peak = max(int(words[words.index("VmHWM:") + 1]), readers.ru_maxrss)
    usage = {"own": own.ru_utime + own.ru_stime, "reading": readers.ru_utime + readers.ru_stime, "peak": peak * 1024}
    print(json.dumps(usage), file=sys.stderr)

atexit.register(tell)
from ror_service.cli.main import main
main()
"""
"""The command `ror`, which says at its end what it and the processes that it waited for have used.

The largest size of a child counts the parent's at its start too, so only the larger of the two figures means anything.
"""


@dataclass(frozen=True, slots=True)
class CommandUse:
    """What one run of `ror` used."""

    own: float
    """CPU seconds of the command's own process."""
    reading: float
    """CPU seconds of the processes that read genotype files; 0 for commands that read none."""
    peak: float
    """Largest resident size of any of these processes, in bytes."""
    wall: float
    """Seconds from start to end."""
    printed: int
    """Bytes that it wrote to `output`."""

    @property
    def cpu(self) -> float:
        """All CPU seconds."""
        return self.own + self.reading


def run_ror(arguments: Sequence[str | Path], output: Path) -> CommandUse:
    """Run `ror` with its standard output in a file.

    Raises:
        CalledProcessError: If it ends with another status than 0; its messages are printed before.
    """
    started = time.perf_counter()
    with output.open("wb") as stdout:
        done = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-P", "-c", _ROR, *map(str, arguments)], stdout=stdout, stderr=subprocess.PIPE, check=False
        )
    wall = time.perf_counter() - started
    if done.returncode:
        sys.stderr.write(done.stderr.decode())
        done.check_returncode()
    usage = json.loads(done.stderr.splitlines()[-1])
    return CommandUse(**usage, wall=wall, printed=output.stat().st_size)
