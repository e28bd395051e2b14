"""Which medicines of the list a participant means by what they typed. The one place that resolves names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

from report_templates.wording import content_file

_RELEASE = frozenset({"er", "xl", "xr"})
"""How a brand is released into the body; a brand is known without it, too."""
_WORD = re.compile(r"[^\W_]+")


def resolve(typed: str, also: Iterable[str] = ()) -> tuple[str, ...]:
    """The medicines that an entry of a participant's own list names, in the order of the list.

    A medicine is found by its name in any language or by a brand, also a brand that combines it with others. The whole
    name must be there, word by word; capitals, accents and what stands around it ("Plavix 75 mg") do not matter.

    Args:
        typed: The entry as it was typed.
        also: Names of medicines that are not in the list of medicines but count as known.

    Returns:
        Their ids in `medicines/drugs.json`, or names out of `also`; empty if the entry names none of them.
    """
    words = _words(typed)
    names = {**_names(), **{_words(name): name for name in also}}
    longest = max(len(name) for name in names)
    found = {
        names[part]
        for start in range(len(words))
        for end in range(start + 1, min(start + longest, len(words)) + 1)
        if (part := words[start:end]) in names
    }
    return tuple(sorted(found))


def _words(text: str) -> tuple[str, ...]:
    plain = unicodedata.normalize("NFKD", text).casefold()
    return tuple(_WORD.findall("".join(char for char in plain if not unicodedata.combining(char))))


@cache
def _names() -> dict[tuple[str, ...], str]:
    """Every name and brand of the list, word by word, to the medicine's id."""
    names: dict[tuple[str, ...], str] = {}
    known = content_file("medicines/drugs.json")
    for drug in (*known["drugs"], *known["second_source"]):
        given = (drug["brands_us"], drug["brands_us_combination"], drug["other_names"], drug["name"].values())
        # A second name stands in parentheses, as in "suxametonio (succinilcolina)".
        for name in (part for texts in given for text in texts for part in re.split(r"[()]", text)):
            words = _words(name)
            names[words] = drug["id"]
            names[tuple(word for word in words if word not in _RELEASE)] = drug["id"]
    del names[()]
    return names
