"""Key-encryption keys in files: who may read them, and what a damaged folder does."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from ror_service.errors import SealError, UnsafeConfigurationError
from ror_service.sealing import keys
from ror_service.sealing.envelope import new_data_key
from ror_service.sealing.keys import FileKeyProvider, KeyProvider, WrappedKey

AAD = b"context"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def provider(folder: Path) -> FileKeyProvider:
    return FileKeyProvider(folder)


def key_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.key"))


def test_first_use_makes_one_private_key(provider: FileKeyProvider, folder: Path) -> None:
    assert folder.stat().st_mode & 0o777 == 0o700
    (file,) = key_files(folder)
    assert file.stem == provider.current_key_id()
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert {path.name for path in folder.iterdir()} == {file.name, "current"}
    assert FileKeyProvider(folder).current_key_id() == provider.current_key_id()


def test_a_wrapped_key_unwraps_by_any_provider_of_the_folder(provider: FileKeyProvider, folder: Path) -> None:
    data_key = new_data_key()
    wrapped = provider.wrap(data_key, AAD)
    assert wrapped.kek_id == provider.current_key_id()
    assert data_key not in wrapped.wrapped
    other: KeyProvider = FileKeyProvider(folder)
    assert other.unwrap(wrapped, AAD) == data_key


def test_a_wrapped_key_names_its_own_key_encryption_key(provider: FileKeyProvider, folder: Path) -> None:
    wrapped = provider.wrap(new_data_key(), AAD)
    renamed = "kek-" + "0" * 16
    same_key = folder / f"{renamed}.key"
    same_key.write_bytes(key_files(folder)[0].read_bytes())
    same_key.chmod(0o600)
    with pytest.raises(SealError):
        provider.unwrap(WrappedKey(renamed, wrapped.wrapped), AAD)


def test_a_destroyed_key_takes_its_data_keys_with_it(provider: FileKeyProvider, folder: Path) -> None:
    old = provider.wrap(new_data_key(), AAD)
    provider.rotate()
    provider.destroy(old.kek_id)
    assert [file.stem for file in key_files(folder)] == [provider.current_key_id()]
    for holder in (provider, FileKeyProvider(folder)):
        with pytest.raises(SealError, match="restore its file"):
            holder.unwrap(old, AAD)
    with pytest.raises(SealError):
        provider.destroy(old.kek_id)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666, 0o610])
@pytest.mark.parametrize("which", ["key", "current"])
def test_a_key_that_others_may_read_is_refused(provider: FileKeyProvider, folder: Path, mode: int, which: str) -> None:
    file = folder / "current" if which == "current" else key_files(folder)[0]
    assert provider.current_key_id()
    file.chmod(mode)
    with pytest.raises(UnsafeConfigurationError, match=f"chmod 600 .*{file.name}"):
        FileKeyProvider(folder)


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_a_folder_that_others_may_write_in_is_refused(provider: FileKeyProvider, folder: Path, mode: int) -> None:
    assert provider.current_key_id()
    folder.chmod(mode)
    with pytest.raises(UnsafeConfigurationError, match="chmod 700"):
        FileKeyProvider(folder)


@pytest.mark.parametrize(
    "kek_id", ["", "../../etc/passwd", "kek-0", "kek-0123456789abcdef/../x", "kek-0123456789abcdef\n"]
)
def test_an_identifier_that_is_none_opens_no_file(provider: FileKeyProvider, kek_id: str) -> None:
    with pytest.raises(SealError, match="is not in"):
        provider.unwrap(WrappedKey(kek_id, b""), AAD)


def test_a_key_file_outside_the_folder_is_out_of_reach(provider: FileKeyProvider, folder: Path) -> None:
    outside = folder.parent / "outside.key"
    key_files(folder)[0].rename(outside)
    with pytest.raises(SealError, match="is not in"):
        FileKeyProvider(folder)
    (folder / "current").write_text("../outside")
    with pytest.raises(SealError, match="is not in"):
        FileKeyProvider(folder)
    with pytest.raises(SealError, match="is not in"):
        provider.unwrap(WrappedKey("../outside", b""), AAD)


def test_a_damaged_key_or_pointer_is_named(provider: FileKeyProvider, folder: Path) -> None:
    file = key_files(folder)[0]
    file.write_bytes(b"short")
    with pytest.raises(SealError, match=f"{provider.current_key_id()} is damaged"):
        FileKeyProvider(folder)
    (folder / "current").write_bytes(b"\xff nonsense")
    with pytest.raises(SealError, match="is not in"):
        FileKeyProvider(folder)


def test_two_processes_at_first_use_agree(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Both have seen that there is no current key before either writes one.
    both_looked = threading.Barrier(2)
    write = keys.write_private

    def wait_then_write(path: Path, data: bytes, *, replace: bool = False) -> None:
        if path.name == "current":
            both_looked.wait(timeout=20)
        write(path, data, replace=replace)

    monkeypatch.setattr(keys, "write_private", wait_then_write)
    made: list[FileKeyProvider] = []
    threads = [threading.Thread(target=lambda: made.append(FileKeyProvider(folder))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 2
    assert made[0].current_key_id() == made[1].current_key_id()
    assert [file.stem for file in key_files(folder)] == [made[0].current_key_id()]
