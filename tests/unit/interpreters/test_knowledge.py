"""Releases of knowledge: hashed, chosen by name, refused when changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from interpreters.knowledge import (
    DEFAULT,
    MANIFEST,
    KnowledgeError,
    KnowledgeRelease,
    Source,
    choose_release,
    load_release,
    release_folders,
    verify,
    write_manifest,
)

SOURCE = Source("A study", "1", "2026-01-01", "CC0", "https://example.org")


def make(data: Path, release: str, module: str = "traits", content: str = "one") -> KnowledgeRelease:
    folder = data / release
    folder.mkdir(parents=True)
    (folder / "table.tsv").write_text(content)
    (folder / "deeper").mkdir()
    return write_manifest(folder, module, release, (SOURCE,))


def test_written_release_reads_back(tmp_path: Path) -> None:
    made = make(tmp_path, "r1")
    assert made == load_release(tmp_path / "r1")
    assert made.sources == (SOURCE,)
    assert made.read_bytes("table.tsv") == b"one"
    assert set(made.files) == {"table.tsv"}
    verify(made)


def test_writing_the_manifest_again_changes_nothing(tmp_path: Path) -> None:
    first = make(tmp_path, "r1")
    assert write_manifest(tmp_path / "r1", "traits", "r1", (SOURCE,)) == first


def test_digest_follows_content_name_and_sources(tmp_path: Path) -> None:
    digests = {
        make(tmp_path / "a", "r1").digest,
        make(tmp_path / "b", "r1", content="two").digest,
        make(tmp_path / "c", "r2").digest,
        make(tmp_path / "d", "r1", module="ancestry").digest,
    }
    assert len(digests) == 4
    assert make(tmp_path / "e", "r1").digest in digests


def test_changed_missing_and_unlisted_files_are_refused(tmp_path: Path) -> None:
    made = make(tmp_path, "r1")
    (tmp_path / "r1" / "new.tsv").write_text("slipped in")
    with pytest.raises(KnowledgeError, match=r"new\.tsv: not part of release r1"):
        made.read_bytes("new.tsv")
    (tmp_path / "r1" / "table.tsv").write_text("changed")
    with pytest.raises(KnowledgeError, match=r"table\.tsv: differs from its manifest"):
        verify(made)
    (tmp_path / "r1" / "table.tsv").unlink()
    with pytest.raises(KnowledgeError, match="not part of release"):
        verify(made)


@pytest.mark.parametrize(
    "manifest", [None, "no json", "[]", "{}", '{"module": "traits", "release": "r", "sources": [{}]}']
)
def test_unusable_manifest(tmp_path: Path, manifest: str | None) -> None:
    if manifest is not None:
        (tmp_path / MANIFEST).write_text(manifest)
    with pytest.raises(KnowledgeError, match="no usable manifest"):
        load_release(tmp_path)


def test_choosing_a_release(tmp_path: Path) -> None:
    package, extra = tmp_path / "package", tmp_path / "extra"
    make(package, "r1")
    (package / DEFAULT).write_text("r1\n")
    make(extra / "traits", "r2")
    make(extra / "traits", "odd", module="ancestry")
    assert choose_release("traits", None, package).release == "r1"
    assert choose_release("traits", "r2", package, extra).release == "r2"
    with pytest.raises(KnowledgeError, match="no knowledge release 'r2'; there are: r1"):
        choose_release("traits", "r2", package)
    with pytest.raises(KnowledgeError, match="there are: r1, r2"):
        choose_release("traits", "odd", package, extra)
    with pytest.raises(KnowledgeError, match="there are: none"):
        choose_release("pharmacogenomics", "r1", package, extra)


def test_a_release_of_the_package_is_not_replaced_by_one_of_the_same_name(tmp_path: Path) -> None:
    make(tmp_path / "package", "r1")
    other = make(tmp_path / "extra", "r1", content="two")
    with pytest.raises(KnowledgeError, match="r1: there are two releases of this name"):
        release_folders("traits", tmp_path / "package", tmp_path / "extra")
    assert other.release == "r1"


def test_a_broken_manifest_beside_good_ones_is_named(tmp_path: Path) -> None:
    make(tmp_path, "r1")
    (tmp_path / "r2").mkdir()
    (tmp_path / "r2" / MANIFEST).write_text("{")
    with pytest.raises(KnowledgeError, match=r"r2.*no usable manifest"):
        release_folders("traits", tmp_path)


def test_missing_default(tmp_path: Path) -> None:
    make(tmp_path, "r1")
    with pytest.raises(KnowledgeError, match="default-release"):
        choose_release("traits", None, tmp_path)


def test_no_folder_is_no_release(tmp_path: Path) -> None:
    assert release_folders("traits", tmp_path / "nowhere") == {}
