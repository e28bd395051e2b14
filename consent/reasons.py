"""What a participant reads for each reason of the consent gate, in each language."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files


@cache
def reason_texts() -> Mapping[str, Mapping[str, str]]:
    """Text by reason and language."""
    texts: Mapping[str, Mapping[str, str]] = tomllib.loads(
        files("consent").joinpath("reasons.toml").read_text(encoding="utf-8")
    )
    return texts


def reason_text(reason: str, language: str) -> str:
    """The text of one reason.

    Raises:
        KeyError: If there is no such reason or language; tests hold that every reason of every rule is there.
    """
    return reason_texts()[reason][language]
