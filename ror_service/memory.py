"""What is in the memory of a process stays there: neither a crash nor a debugger writes it to a file."""

from __future__ import annotations

import ctypes
import resource

_PR_SET_DUMPABLE = 4


def keep() -> None:
    """Forbid core dumps of this process and of those that it forks; for a program that it starts, ask again there.

    The limit alone does not bind a kernel that pipes dumps to a program (`core_pattern` with `|`), as many systems do.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
