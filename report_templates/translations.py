"""Every text for participants as one gettext file of a language, for translators and their tools, and back again.

    python -m report_templates.translations export es es.po
    python -m report_templates.translations import es es.po

A language that is not there yet is exported without translations. Each text has an entry whose context is the file and
the place in it, so that equal English words may be told apart. What is imported must be whole: nothing is written while
one text is missing, is marked as fuzzy, lacks a placeholder, or translates an English text that has changed since.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from report_templates.completeness import IncompleteLanguageError, text_faults, texts
from report_templates.content import Language
from report_templates.wording import content_files, plural_forms

ROOT = Path(__file__).parent
_INDENT = 1
_STRINGS = "locale/en.json"


@dataclass(frozen=True, slots=True)
class Text:
    """One text, or one paragraph of it, in its place."""

    place: str
    """File and path within it; the context of the entry."""
    english: str
    holder: dict[str, Any] | list[Any]
    """What holds the translation."""
    key: str | int
    now: str
    """The translation as it is; empty if there is none."""


def exported(language: str, root: Path = ROOT) -> Catalog:
    """Every text with its translation, if there is one.

    Args:
        language: Code of the language, for example `es`.
        root: Folder of the texts.
    """
    catalog = Catalog(
        locale=language, project="reports", header_comment="# Texts of reports, for participants.", fuzzy=False
    )
    for file, content in _read(language, root).items():
        for text in _texts(file, content, language):
            catalog.add(text.english, text.now, context=text.place)
    return catalog


def import_texts(language: str, catalog: Catalog, root: Path = ROOT) -> int:
    """Write the translations of a language into the files of texts.

    Returns:
        How many there are.

    Raises:
        IncompleteLanguageError: If one is missing or cannot take the place of its English text; nothing is written.
    """
    given = {message.context: message for message in catalog if message.id}
    files = _read(language, root)
    wanted = [text for file, content in files.items() for text in _texts(file, content, language)]
    faults = []
    for text in wanted:
        message = given.get(text.place)
        if message is None or message.fuzzy or message.id != text.english:
            faults.append(f"{text.place}: no text, or one that is fuzzy or of another English text")
            continue
        faults += [f"{text.place}: {fault}" for fault in text_faults(text.english, message.string)]
        _put(text, str(message.string))
    if faults:
        raise IncompleteLanguageError(f"{language}: {len(faults)} faults, first: {faults[0]}")
    for file, content in files.items():
        of_language = file == _STRINGS
        path = root / f"locale/{language}.json" if of_language else root / file
        whole = content["texts"] if of_language else content
        path.write_text(json.dumps(whole, indent=_INDENT, ensure_ascii=False) + "\n", "utf-8")
    return len(wanted)


def _read(language: str, root: Path) -> dict[str, dict[str, Any]]:
    """Every file of texts by its path; of catalogues the English strings and those of the language."""
    english = json.loads((root / _STRINGS).read_text("utf-8"))
    other = root / f"locale/{language}.json"
    texts_now = json.loads(other.read_text("utf-8")) if other.exists() else {}
    files: dict[str, dict[str, Any]] = {
        _STRINGS: {"english": english, "texts": {key: texts_now.get(key) for key in english}}
    }
    for name in content_files():
        files[f"content/{name}"] = json.loads((root / "content" / name).read_text("utf-8"))
    return files


def _texts(file: str, content: dict[str, Any], language: str) -> Iterator[Text]:
    if file == _STRINGS:
        yield from _strings(content["english"], content["texts"], language)
        return
    for path, local in texts(content):
        english = local[Language.EN]
        if isinstance(english, str):
            yield Text(f"{file}:{path}", english, local, language, local.get(language, ""))
            continue
        now = local.get(language)
        local[language] = list(now) if isinstance(now, list) and len(now) == len(english) else [""] * len(english)
        for number, paragraph in enumerate(english):
            place = f"{file}:{path}[{number}]"
            yield Text(place, paragraph, local[language], number, local[language][number])


def _strings(english: Mapping[str, Any], strings: dict[str, Any], language: str) -> Iterator[Text]:
    for key, text in english.items():
        if isinstance(text, str):
            yield Text(f"locale:{key}", text, strings, key, strings[key] or "")
            continue
        strings[key] = dict(strings[key] or {})
        for form in sorted(plural_forms(language)):
            yield Text(
                f"locale:{key}.{form}", text.get(form, text["other"]), strings[key], form, strings[key].get(form, "")
            )


def _put(text: Text, translation: str) -> None:
    text.holder[text.key] = translation  # type: ignore[index]  # a key of an object, or a number of a list


def main(arguments: list[str] | None = None) -> int:
    """Export or import a language; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m report_templates.translations")
    parser.add_argument("action", choices=("export", "import"))
    parser.add_argument("language")
    parser.add_argument("file", type=Path)
    words = parser.parse_args(arguments)
    if words.action == "export":
        catalog = exported(words.language)
        with words.file.open("wb") as sink:
            write_po(sink, catalog, width=120)
        print(f"{len(catalog)} texts written to {words.file}")  # noqa: T201 - a command prints
        return 0
    with words.file.open("rb") as source:
        catalog = read_po(source)
    try:
        count = import_texts(words.language, catalog)
    except IncompleteLanguageError as error:
        print(error, file=sys.stderr)  # noqa: T201 - as above
        return 1
    print(f"{count} texts imported")  # noqa: T201 - as above
    return 0


if __name__ == "__main__":
    sys.exit(main())
