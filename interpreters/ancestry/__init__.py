"""Genetic ancestry: how similar a genome is to reference groups of seven regions. Places, never peoples or races."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from interpreters.ancestry.draw import DrawnSite, component_names, draw_person
from interpreters.ancestry.interpreter import NAME, AncestryInterpreter
from interpreters.ancestry.panel import Panel, load_panels
from interpreters.ancestry.placement import read_maps
from interpreters.knowledge import choose_release

__all__ = [
    "AncestryInterpreter",
    "DrawnSite",
    "component_names",
    "draw_person",
    "load",
    "reference_panels",
]

_DATA = Path(__file__).parent / "data"


def load(
    release: str | None = None, extra: Path | None = None, options: Mapping[str, str] | None = None
) -> AncestryInterpreter:
    """The interpreter with a knowledge release; see `registry.Factory`.

    Raises:
        ValueError: If there are options; this interpreter has none.
        interpreters.knowledge.KnowledgeError: If the release is missing or changed.
    """
    if options:
        raise ValueError(f"ancestry has no options, but was given {sorted(options)}")
    knowledge = choose_release(NAME, release, _DATA, extra)
    return AncestryInterpreter(knowledge, load_panels(knowledge), read_maps(knowledge.read_bytes))


def reference_panels(release: str | None = None) -> tuple[Panel, Panel]:
    """World and core panel of a release of this package, for `draw_person`."""
    return load_panels(choose_release(NAME, release, _DATA))
