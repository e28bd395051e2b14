"""Finds the installed interpreters, ours and a third party's alike, by the entry-point group `ror.interpreters`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoints, entry_points
from pathlib import Path
from typing import Protocol, cast

from interpreters.interpreter import Interpreter
from interpreters.knowledge import release_folders

GROUP = "ror.interpreters"


class Factory(Protocol):
    """What an entry point names: makes the interpreter from a knowledge release."""

    def __call__(
        self, release: str | None = None, extra: Path | None = None, options: Mapping[str, str] | None = None
    ) -> Interpreter:
        """Build the interpreter; see `knowledge.choose_release` for `release` and `extra`.

        `options` are choices of the programme that are no knowledge, such as the gene list; unknown keys are refused.
        """


@cache
def _found() -> EntryPoints:
    """What is installed; looking through every package for it takes 10 ms."""
    return entry_points(group=GROUP)


def module_names() -> tuple[str, ...]:
    """Names of all installed interpreters, in alphabetical order."""
    return tuple(sorted(_found().names))


def releases(module: str, extra: Path | None = None) -> dict[str, Path]:
    """Every knowledge release of a module by name: those in the folder `data` beside its code, and the programme's.

    Raises:
        KeyError: If the module is not installed.
        interpreters.knowledge.KnowledgeError: As `release_folders`.
    """
    package = import_module(_found()[module].module)
    return release_folders(module, Path(str(package.__file__)).parent / "data", *((extra / module,) if extra else ()))


def installed(
    *,
    modules: tuple[str, ...] | None = None,
    releases: Mapping[str, str] | None = None,
    extra: Path | None = None,
    options: Mapping[str, Mapping[str, str]] | None = None,
) -> dict[str, Interpreter]:
    """Load interpreters by name, in alphabetical order.

    Args:
        modules: Which ones; None for all.
        releases: Module to knowledge release, where not the default.
        extra: Folder with knowledge releases built by the programme.
        options: Module to its options.

    Raises:
        KeyError: If a named module is not installed.
        interpreters.knowledge.KnowledgeError: If a release is missing or changed.
    """
    wanted = module_names() if modules is None else tuple(sorted(set(modules)))
    return {
        name: cast("Factory", _found()[name].load())(
            release=(releases or {}).get(name), extra=extra, options=(options or {}).get(name)
        )
        for name in wanted
    }
