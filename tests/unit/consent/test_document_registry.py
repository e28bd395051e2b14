"""The registered documents are the texts that lie there, in both languages, and the policy names no other."""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from support.consent_facts import NOW, POLICY

from consent import document_registry
from consent.document_registry import ConsentDocument, DocumentError, could_be_answered, load_registry
from consent.types import DocumentType

DOCUMENTS = load_registry()
FOLDER = importlib.resources.files("consent").joinpath("documents")
PRIMARY = DOCUMENTS[DocumentType.PRIMARY, "1.0", "en"]


@pytest.mark.parametrize(
    "document", DOCUMENTS.values(), ids=lambda known: f"{known.type}-{known.version}-{known.language}"
)
def test_each_text_has_the_registered_digest(document: ConsentDocument) -> None:
    assert document.text().startswith("# ")
    with pytest.raises(DocumentError, match="not the registered text"):
        replace(document, sha256="0" * 64).text()


def test_every_type_has_each_version_in_both_languages_and_every_text_is_registered() -> None:
    assert {kind for kind, _, _ in DOCUMENTS} == set(DocumentType)
    versions = {(kind, version) for kind, version, _ in DOCUMENTS}
    assert set(DOCUMENTS) == {(*known, language) for known in versions for language in ("en", "es")}
    registered = {f"{kind.value}-{version}.{language}.md" for kind, version, language in DOCUMENTS}
    assert {file.name for file in FOLDER.iterdir()} == {*registered, "registry.toml"}


def test_what_a_document_supersedes_is_registered() -> None:
    for (kind, _, language), document in DOCUMENTS.items():
        assert not document.supersedes or (kind, document.supersedes, language) in DOCUMENTS


def test_the_policy_accepts_registered_documents_alone() -> None:
    for kind, versions in POLICY.accepted_documents.items():
        for version in versions:
            assert {(kind, version, language) for language in ("en", "es")} <= set(DOCUMENTS)


def test_the_policy_names_registered_forms_for_naming_somebody() -> None:
    for version in POLICY.designee.accepted_documents:
        assert {(DocumentType.FAMILY_SHARING, version, language) for language in ("en", "es")} <= set(DOCUMENTS)


@pytest.mark.parametrize(
    ("kind", "version", "language", "at", "expected"),
    [
        (DocumentType.PRIMARY, "1.0", "en", NOW, True),
        (DocumentType.PRIMARY, "1.0", "fr", NOW, False),
        (DocumentType.PRIMARY, "1.1", "en", NOW, False),
        (DocumentType.PRIMARY, "1.0", "en", datetime(2025, 12, 31, 23, 59, tzinfo=UTC), False),
    ],
)
def test_an_answer_needs_a_document_that_was_in_effect(
    kind: DocumentType, version: str, language: str, at: datetime, expected: bool
) -> None:
    assert could_be_answered(kind, version, language, at) is expected


def test_a_document_that_ended_can_be_answered_until_its_last_day() -> None:
    ended = replace(PRIMARY, effective_until=date(2026, 6, 30))
    assert ended.could_be_answered(datetime(2026, 6, 30, 23, 59, tzinfo=UTC))
    assert not ended.could_be_answered(datetime(2026, 7, 1, tzinfo=UTC))


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of documents to write into."""
    (tmp_path / "documents").mkdir()
    monkeypatch.setattr(document_registry, "files", lambda _: tmp_path)
    load_registry.cache_clear()
    yield tmp_path / "documents"
    load_registry.cache_clear()


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("[[document]]", "[[documents]]"),
        lambda text: text.replace('type = "primary"', 'type = "secondary"'),
        lambda text: text.replace("sha256", "sha512"),
        lambda text: text.replace('language = "es"', 'language = "en"'),
        lambda text: text.replace('version = "1.0"', "version ="),
    ],
)
def test_a_slip_of_the_pen_is_refused(elsewhere: Path, change: object) -> None:
    text = FOLDER.joinpath("registry.toml").read_text(encoding="utf-8")
    assert change(text) != text
    (elsewhere / "registry.toml").write_text(change(text), encoding="utf-8")
    with pytest.raises(DocumentError, match=r"consent/documents/registry\.toml"):
        load_registry()


def test_a_text_that_is_not_there_is_named(elsewhere: Path) -> None:
    assert list(elsewhere.iterdir()) == []
    with pytest.raises(DocumentError, match=r"primary-1\.0\.en\.md is missing"):
        PRIMARY.text()
