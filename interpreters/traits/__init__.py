"""Traits: what a few well-studied variants say about taste, looks and milk sugar. No health, no fate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from interpreters.knowledge import choose_release
from interpreters.traits.interpreter import NAME, Trait, TraitsInterpreter, load_traits

__all__ = ["TraitsInterpreter", "load"]

RECOMMENDED = "recommended"
ALL = "all"
_DATA = Path(__file__).parent / "data"


def load(
    release: str | None = None, extra: Path | None = None, options: Mapping[str, str] | None = None
) -> TraitsInterpreter:
    """The interpreter with one knowledge release.

    Args:
        release: Release name, or None for the default one.
        extra: Folder of the programme with further releases.
        options: `traits`: `recommended` (default) for those that the release marks as returned, `all` for the sensitive
            ones too, or names separated by commas.

    Raises:
        interpreters.knowledge.KnowledgeError: If the release is missing, changed or malformed.
        ValueError: For an unknown option or trait.
    """
    chosen = dict(options or {})
    wanted = chosen.pop("traits", RECOMMENDED)
    if chosen:
        raise ValueError(f"{NAME}: unknown option {', '.join(sorted(chosen))}; there is only `traits`")
    knowledge = choose_release(NAME, release, _DATA, extra)
    return TraitsInterpreter(knowledge, _chosen(wanted, load_traits(knowledge)))


def _chosen(wanted: str, traits: Sequence[Trait]) -> list[Trait]:
    if wanted == ALL:
        return list(traits)
    if wanted == RECOMMENDED:
        return [trait for trait in traits if trait.returned]
    names = wanted.split(",")
    unknown = sorted(set(names) - {trait.id for trait in traits})
    if unknown:
        known = ", ".join(trait.id for trait in traits)
        raise ValueError(f"{NAME}: no trait {', '.join(unknown)} in the release; there are {known}")
    return [trait for trait in traits if trait.id in names]
