"""A language that nobody speaks: English with accents, some 35 % longer. It shows what a translation will break."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from report_templates.wording import Words

NAME = "en-XA"
_LONGER = 1.35
_ACCENTS = str.maketrans("aeiouyncAEIOUYNC", "áéíóúýñçÁÉÍÓÚÝÑÇ")
_PARTS = re.compile(r"(\{\w+\})|([^\W\d_]+)")
_LETTERS_LEFT = 3


class PseudoWords(Words):
    """The words of a report in the pseudo-locale; placeholders and what fills them stay as they are."""

    def _string(self, key: str) -> object:
        return pseudo(super()._string(key))

    def in_language(self, local: Mapping[Any, Any]) -> Any:  # noqa: ANN401 - as in the original
        return pseudo(super().in_language(local))


def pseudo(value: Any) -> Any:  # noqa: ANN401 - a text, or texts in lists and objects
    """A text, and every text below a value, in the pseudo-locale."""
    if isinstance(value, str):
        return _PARTS.sub(lambda part: part[1] or _word(part[2]), value)
    if isinstance(value, dict):
        return {key: pseudo(inner) for key, inner in value.items()}
    return [pseudo(inner) for inner in value] if isinstance(value, list) else value


def _word(word: str) -> str:
    if len(word) < _LETTERS_LEFT:
        return word.translate(_ACCENTS)
    middle = 1 + len(word) // 2
    filler = round(len(word) * (_LONGER - 1) + 0.5)
    return (word[:middle] + "aeiou"[:filler].ljust(filler, "u") + word[middle:]).translate(_ACCENTS)
