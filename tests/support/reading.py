"""What the tests of wording share: every text of a content value, and the formulas of reading ease."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from report_templates.content import Language

NOT_FOR_READERS = {"clinician", "clinician_cover", "staff", "mask_terms"}
GRADE = 8.0
"""Highest Flesch-Kincaid grade of a text for participants."""
NORMAL, FAIRLY_EASY = 55.0, 65.0
"""Lower bounds of two bands of the INFLESZ scale for Spanish."""
LONG_ENOUGH = 12
"""Words from which on a formula says something about a single text."""


def texts(value: object, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every text for participants below a content value, with its path."""
    if isinstance(value, dict):
        if "en" in value or "es" in value:
            yield path, value
            return
        for key, inner in value.items():
            if key not in NOT_FOR_READERS:
                yield from texts(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from texts(inner, f"{path}[{number}]")


def textstat(language: Language) -> Any:  # noqa: ANN401 - the library has no types
    """The formulas, set to a language."""
    # textstat 0.7.4 asks for pkg_resources, for a word list that is not used here.
    sys.modules.setdefault("pkg_resources", types.ModuleType("pkg_resources"))
    formulas = import_module("textstat").textstat
    formulas.set_lang(language.value)
    return formulas
