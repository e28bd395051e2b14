"""Shuts the calling process off before it looks at a foreign file: limits, and no network, files or programs.

A system-call filter (seccomp) is used where the kernel allows it, to root and ordinary users alike: it leaves reading
and writing what is open already, memory, time and the end. Where it is refused, a network namespace keeps the network
away.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import struct

from ror_service.intake.results import Confinement, Limits

_ALLOWED: dict[str, dict[str, tuple[int, ...]]] = {
    "x86_64": {
        "read, write, close, fstat, newfstatat, lseek, pread64, ioctl, fcntl": (0, 1, 3, 5, 262, 8, 17, 16, 72),
        "mmap, mprotect, munmap, brk, mremap, madvise": (9, 10, 11, 12, 25, 28),
        "rt_sigaction, rt_sigprocmask, rt_sigreturn, sigaltstack": (13, 14, 15, 131),
        "getpid, gettid, tgkill, getrusage, sched_yield, futex": (39, 186, 234, 98, 24, 202),
        "clock_gettime, gettimeofday, getrandom, exit, exit_group": (228, 96, 318, 60, 231),
    },
    "aarch64": {
        "read, write, close, fstat, newfstatat, lseek, pread64, ioctl, fcntl": (63, 64, 57, 80, 79, 62, 67, 29, 25),
        "mmap, mprotect, munmap, brk, mremap, madvise": (222, 226, 215, 214, 216, 233),
        "rt_sigaction, rt_sigprocmask, rt_sigreturn, sigaltstack": (134, 135, 139, 132),
        "getpid, gettid, tgkill, getrusage, sched_yield, futex": (172, 178, 131, 165, 124, 98),
        "clock_gettime, gettimeofday, getrandom, exit, exit_group": (113, 169, 278, 93, 94),
    },
}
_AUDIT_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_LOAD_WORD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_NUMBER_AT, _ARCHITECTURE_AT = 0, 4
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000 | 1, 0x80000000  # refuse with EPERM
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_OPEN_FILES = 16


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def set_limits(limits: Limits) -> None:
    """Cap memory, CPU time, open files and written files of this process."""
    for kind, value in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
    ):
        _, hardest = resource.getrlimit(kind)
        own = value if hardest == resource.RLIM_INFINITY else min(value, hardest)
        resource.setrlimit(kind, (own, own))


def confine() -> Confinement:
    """Shut this process off for good; returns what held. Everything needed later must be imported and open already."""
    libc = ctypes.CDLL(None, use_errno=True)
    if _filter_system_calls(libc):
        return Confinement.SYSTEM_CALLS
    if libc.unshare(_CLONE_NEWNET) == 0 or libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0:
        return Confinement.NAMESPACE
    return Confinement.NONE


def _filter_system_calls(libc: ctypes.CDLL) -> bool:
    machine = platform.machine()
    if os.name != "posix" or machine not in _ALLOWED:
        return False
    program = _program(machine)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    loaded = _Program(len(program) // 8, program)
    return bool(libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(loaded), 0, 0) == 0)


def _program(machine: str) -> bytes:
    """The filter: another architecture is killed, an allowed call passes, any other fails with EPERM."""

    def step(code: int, if_true: int, if_false: int, value: int) -> bytes:
        return struct.pack("<HBBI", code, if_true, if_false, value)

    numbers = [number for group in _ALLOWED[machine].values() for number in group]
    return b"".join(
        (
            step(_LOAD_WORD, 0, 0, _ARCHITECTURE_AT),
            step(_JUMP_IF_EQUAL, 1, 0, _AUDIT_ARCHITECTURE[machine]),
            step(_RETURN, 0, 0, _KILL),
            step(_LOAD_WORD, 0, 0, _NUMBER_AT),
            *(step(_JUMP_IF_EQUAL, len(numbers) - place, 0, number) for place, number in enumerate(numbers)),
            step(_RETURN, 0, 0, _REFUSE),
            step(_RETURN, 0, 0, _ALLOW),
        )
    )
