"""Texts go to translators and come back whole, or not at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from importlib.resources import files
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po, write_po
from support.pseudo_locale import pseudo

from report_templates import translations
from report_templates.completeness import IncompleteLanguageError, catalogue_faults, content_faults
from report_templates.translations import exported, import_texts, main
from report_templates.wording import plural_forms

FOLDERS = ("content", "locale")
PLACEHOLDERS = "locale:contact"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of all texts, which a test may write to."""
    for folder in FOLDERS:
        shutil.copytree(Path(str(files("report_templates"))) / folder, tmp_path / folder)
    monkeypatch.setattr(translations, "ROOT", tmp_path)
    return tmp_path


def told(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text("utf-8") for path in sorted(root.rglob("*.json"))}


def translated(language: str, root: Path) -> Catalog:
    """The pseudo-locale as a translation, which went through a file."""
    catalog = exported(language, root)
    for message in catalog:
        message.string = pseudo(message.id) if message.id else message.string
    file = BytesIO()
    write_po(file, catalog)
    file.seek(0)
    return read_po(file)


def test_what_is_exported_and_imported_again_is_what_was_there(root: Path) -> None:
    before = told(root)
    file = root / "es.po"
    assert main(["export", "es", str(file)]) == 0
    assert main(["import", "es", str(file)]) == 0
    assert told(root) == before


def test_a_new_language_is_whole_once_it_is_imported(root: Path) -> None:
    catalog = translated("pl", root)
    assert import_texts("pl", catalog, root) == len(list(catalog)) - 1
    english, polish = (json.loads((root / f"locale/{name}.json").read_text("utf-8")) for name in ("en", "pl"))
    assert list(catalogue_faults(english, polish, plural_forms("pl"))) == []
    assert set(polish["medicines.headline"]) == {"one", "few", "many", "other"}
    for path in (root / "content").rglob("*.json"):
        content = json.loads(path.read_text("utf-8"))
        assert list(content_faults(content, ("en", "es", "pl"))) == [], path.name
    # Once there, it is exported with its translations.
    assert exported("pl", root).get("Your result", "locale:heading.result").string == pseudo("Your result")


def empty(message: Message) -> None:
    message.string = ""


def fuzzy(message: Message) -> None:
    message.flags.add("fuzzy")


def without_placeholder(message: Message) -> None:
    message.string = "x"


def of_another_text(message: Message) -> None:
    message.id = "Another text with {programme} and {contact}"


@pytest.mark.parametrize("change", [empty, fuzzy, without_placeholder, of_another_text], ids=lambda c: c.__name__)
def test_nothing_is_written_while_one_text_is_not_right(root: Path, change: Callable[[Message], None]) -> None:
    before = told(root)
    catalog = translated("pl", root)
    change(next(message for message in catalog if message.context == PLACEHOLDERS))
    with pytest.raises(IncompleteLanguageError, match=f"pl: 1 faults, first: {PLACEHOLDERS}"):
        import_texts("pl", catalog, root)
    assert told(root) == before


def test_a_language_that_is_not_translated_is_refused_by_the_command(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = root / "pl.po"
    assert main(["export", "pl", str(file)]) == 0
    assert main(["import", "pl", str(file)]) == 1
    assert "faults, first: locale:" in capsys.readouterr().err
    assert not (root / "locale" / "pl.json").exists()
