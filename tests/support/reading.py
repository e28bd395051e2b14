"""What the tests of wording share: the bounds and the formulas of reading ease."""

from __future__ import annotations

import sys
import types
from importlib import import_module
from typing import Any

from report_templates.content import Language

GRADE = 8.0
"""Highest Flesch-Kincaid grade of a text for participants."""
NORMAL, FAIRLY_EASY = 55.0, 65.0
"""Lower bounds of two bands of the INFLESZ scale for Spanish."""
LONG_ENOUGH = 12
"""Words from which on a formula says something about a single text."""


def textstat(language: Language) -> Any:  # noqa: ANN401 - the library has no types
    """The formulas, set to a language."""
    # textstat 0.7.4 asks for pkg_resources, for a word list that is not used here.
    sys.modules.setdefault("pkg_resources", types.ModuleType("pkg_resources"))
    formulas = import_module("textstat").textstat
    formulas.set_lang(language.value)
    return formulas
