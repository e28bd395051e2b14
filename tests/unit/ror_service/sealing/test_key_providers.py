"""What every holder of key-encryption keys promises, shown on each: files, and a hardware module (SoftHSM2)."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pkcs11
import pytest
from support.servers import MissingProgramError
from support.tokens import MODULE, add_token, make_token

from ror_service.context import ServiceContext
from ror_service.errors import KeysUnavailableError, SealError, UnsafeConfigurationError
from ror_service.sealing.envelope import new_data_key
from ror_service.sealing.keys import FileKeyProvider, KeyProvider, WrappedKey
from ror_service.sealing.pkcs11_keys import Pkcs11KeyProvider, Token
from ror_service.settings import Settings

AAD = b"context"
Open = Callable[[], KeyProvider]


@pytest.fixture
def uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    try:
        made = make_token(tmp_path / "module", monkeypatch.setenv)
    except MissingProgramError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    yield made
    with suppress(pkcs11.PKCS11Error):
        pkcs11.lib(str(MODULE)).finalize()  # the next test has a module of its own


@pytest.fixture(params=["file", "pkcs11"])
def provider_name(request: pytest.FixtureRequest) -> str:
    """As `ROR_KEY_PROVIDER` has it."""
    return str(request.getfixturevalue("uri") if request.param == "pkcs11" else request.param)


@pytest.fixture
def another(provider_name: str, tmp_path: Path) -> Open:
    """Opens the same keys once more."""
    return lambda: ServiceContext(Settings(home=tmp_path, key_provider=provider_name)).keys


@pytest.fixture
def provider(another: Open) -> KeyProvider:
    return another()


def in_a_fork(check: Callable[[], bool]) -> bool:
    """Whether a check holds in a child of this process."""
    child = os.fork()
    if not child:
        held = False
        with suppress(BaseException):
            held = check()
        os._exit(0 if held else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_wrapped_key_unwraps_by_whoever_opens_the_same_keys(provider: KeyProvider, another: Open) -> None:
    data_key = new_data_key()
    wrapped = provider.wrap(data_key, AAD)
    assert wrapped.kek_id == provider.current_key_id() == another().current_key_id()
    assert data_key not in wrapped.wrapped
    assert provider.wrap(data_key, AAD).wrapped != wrapped.wrapped
    assert another().unwrap(wrapped, AAD) == data_key


def test_another_context_or_a_changed_byte_is_refused(provider: KeyProvider) -> None:
    wrapped = provider.wrap(new_data_key(), AAD)
    with pytest.raises(SealError, match=wrapped.kek_id):
        provider.unwrap(wrapped, b"another context")
    for place in range(len(wrapped.wrapped)):
        changed = bytearray(wrapped.wrapped)
        changed[place] ^= 0x80
        with pytest.raises(SealError):
            provider.unwrap(WrappedKey(wrapped.kek_id, bytes(changed)), AAD)
    for short in (b"", wrapped.wrapped[:1], wrapped.wrapped[:12], wrapped.wrapped[:20], wrapped.wrapped[:-1]):
        with pytest.raises(SealError):
            provider.unwrap(WrappedKey(wrapped.kek_id, short), AAD)


def test_a_wrapped_key_that_is_moved_to_another_key_encryption_key_does_not_open(provider: KeyProvider) -> None:
    wrapped = provider.wrap(new_data_key(), AAD)
    with pytest.raises(SealError):
        provider.unwrap(WrappedKey(provider.rotate(), wrapped.wrapped), AAD)
    with pytest.raises(SealError, match="is not in"):
        provider.unwrap(WrappedKey("kek-" + "0" * 16, wrapped.wrapped), AAD)
    assert provider.unwrap(wrapped, AAD), "and the keys are at hand all the same"


def test_a_rotation_is_seen_by_everybody_at_once_and_old_keys_still_open(provider: KeyProvider, another: Open) -> None:
    data_key = new_data_key()
    old = provider.wrap(data_key, AAD)
    assert in_a_fork(lambda: another().rotate() != old.kek_id)
    new = provider.current_key_id()
    assert new != old.kek_id
    assert provider.unwrap(old, AAD) == data_key
    moved = provider.wrap(provider.unwrap(old, AAD), AAD)
    assert moved.kek_id == new
    assert provider.unwrap(moved, AAD) == data_key
    newest = provider.rotate()
    assert newest != new
    assert in_a_fork(lambda: another().current_key_id() == newest)


def test_a_destroyed_key_takes_its_data_keys_with_it(provider: KeyProvider, another: Open) -> None:
    old = provider.wrap(new_data_key(), AAD)
    provider.rotate()
    provider.destroy(old.kek_id)
    for holder in (provider, another()):
        with pytest.raises(SealError, match="is not in"):
            holder.unwrap(old, AAD)
        with pytest.raises(SealError):
            holder.destroy(old.kek_id)


def test_the_current_key_is_not_destroyed(provider: KeyProvider) -> None:
    with pytest.raises(SealError, match="rotate and rewrap first"):
        provider.destroy(provider.current_key_id())


def test_many_threads_wrap_and_unwrap_at_once(provider: KeyProvider) -> None:
    wrong: list[object] = []

    def work() -> None:
        try:
            for _ in range(10):
                data_key = new_data_key()
                if provider.unwrap(provider.wrap(data_key, AAD), AAD) != data_key:
                    wrong.append("another key")
        except BaseException as error:  # noqa: BLE001 - told by the assertion
            wrong.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_forked_process_works_on_by_itself(provider: KeyProvider) -> None:
    data_key = new_data_key()
    wrapped = provider.wrap(data_key, AAD)
    assert in_a_fork(lambda: provider.unwrap(wrapped, AAD) == data_key)
    assert in_a_fork(lambda: bool(provider.rotate()))
    assert provider.current_key_id() != wrapped.kek_id
    assert provider.unwrap(wrapped, AAD) == data_key


# --- The hardware module alone


def test_keys_are_made_in_the_token_and_cannot_leave_it(uri: str) -> None:
    provider = Pkcs11KeyProvider(Token.from_uri(uri))
    provider.rotate()
    session = pkcs11.lib(str(MODULE)).get_token(token_label="ror").open()  # the process is logged in
    keys = list(session.get_objects({pkcs11.Attribute.CLASS: pkcs11.ObjectClass.SECRET_KEY}))
    assert len(keys) == 2
    for key in keys:
        for attribute in ("SENSITIVE", "ALWAYS_SENSITIVE", "NEVER_EXTRACTABLE", "LOCAL", "PRIVATE"):
            assert key[pkcs11.Attribute[attribute]], attribute
        assert not key[pkcs11.Attribute.EXTRACTABLE]
        with pytest.raises(pkcs11.PKCS11Error):
            _ = key[pkcs11.Attribute.VALUE]
        with pytest.raises(pkcs11.PKCS11Error):
            key[pkcs11.Attribute.EXTRACTABLE] = True


def test_a_child_does_not_wait_for_a_lock_that_a_thread_of_its_parent_held(uri: str) -> None:
    provider = Pkcs11KeyProvider(Token.from_uri(uri))
    wrapped = provider.wrap(b"k" * 32, AAD)
    held, done = threading.Event(), threading.Event()

    def hold(_: object) -> None:
        held.set()
        done.wait(timeout=20)

    thread = threading.Thread(target=provider._with_token, args=(hold,))
    thread.start()
    held.wait(timeout=20)
    try:
        assert in_a_fork(lambda: provider.unwrap(wrapped, AAD) == b"k" * 32)
    finally:
        done.set()
        thread.join()


def test_a_session_that_the_module_lost_is_opened_again(uri: str) -> None:
    provider, other = (Pkcs11KeyProvider(Token.from_uri(uri)) for _ in range(2))
    wrapped = provider.wrap(b"k" * 32, AAD)
    provider._session.close()  # type: ignore[union-attr]
    assert provider.unwrap(wrapped, AAD) == b"k" * 32
    library = pkcs11.lib(str(MODULE))
    library.finalize()
    library.initialize()
    assert other.unwrap(wrapped, AAD) == b"k" * 32
    assert provider.wrap(b"k" * 32, AAD).kek_id == wrapped.kek_id


def test_a_token_that_is_away_is_told_as_such_and_comes_back(uri: str, tmp_path: Path) -> None:
    provider = Pkcs11KeyProvider(Token.from_uri(uri))
    wrapped = provider.wrap(b"k" * 32, AAD)
    tokens = tmp_path / "module" / "tokens"
    tokens.rename(tmp_path / "away")
    provider.forget_session()
    with pytest.raises(KeysUnavailableError, match="'ror' cannot be used now"):
        provider.unwrap(wrapped, AAD)
    (tmp_path / "away").rename(tokens)
    assert provider.unwrap(wrapped, AAD) == b"k" * 32


def test_a_token_that_was_exchanged_or_emptied_gets_no_new_key(uri: str) -> None:
    provider = Pkcs11KeyProvider(Token.from_uri(uri))
    (key,) = provider._found.values() or provider._keys(provider._session)  # type: ignore[arg-type]
    key.destroy()
    with pytest.raises(SealError, match="holds no key-encryption key any more"):
        provider.wrap(b"k" * 32, AAD)


def test_two_first_keys_made_at_one_moment_are_decided_between_alike(uri: str) -> None:
    provider = Pkcs11KeyProvider(Token.from_uri(uri))
    first = provider.wrap(b"k" * 32, AAD)
    from ror_service.sealing.pkcs11_keys import _generate  # noqa: PLC0415 - the other process's part

    second = provider._with_token(lambda session: _generate(session, 1))
    assert provider.current_key_id() == max(first.kek_id, second)
    assert provider.unwrap(first, AAD) == b"k" * 32


def test_a_wrong_pin_is_tried_once_and_never_shown(uri: str, tmp_path: Path) -> None:
    token = Token.from_uri(uri)
    wrong = tmp_path / "wrong"
    wrong.write_text("another-pin")
    wrong.chmod(0o600)
    tries: list[str] = []

    class Counting(Token):
        def pin(self) -> str:
            tries.append("")
            return super().pin()

    with pytest.raises(UnsafeConfigurationError, match="refuses the PIN") as refused:
        Pkcs11KeyProvider(Counting(token.label, token.module, wrong))
    assert len(tries) == 1
    assert "another-pin" not in str(refused.value)
    wrong.chmod(0o640)
    with pytest.raises(UnsafeConfigurationError, match="chmod 600"):
        Pkcs11KeyProvider(replace(token, pin_file=wrong))
    with pytest.raises(UnsafeConfigurationError, match="is not there"):
        Pkcs11KeyProvider(replace(token, pin_file=tmp_path / "absent"))


def test_tokens_are_told_apart_by_their_labels(uri: str, tmp_path: Path) -> None:
    wrapped = Pkcs11KeyProvider(Token.from_uri(uri)).wrap(b"k" * 32, AAD)
    pkcs11.lib(str(MODULE)).finalize()
    other = Pkcs11KeyProvider(Token.from_uri(add_token(tmp_path / "module", "other")))
    with pytest.raises(SealError, match="is not in token 'other'"):
        other.unwrap(wrapped, AAD)


@pytest.mark.parametrize(
    "name",
    [
        "files",
        "pkcs11:",
        "pkcs11:token=ror",
        "pkcs11:token=ror?module-path=/m&pin-value=1234&pin-source=/p",
        "pkcs11:token=?module-path=/m&pin-source=/p",
        "pkcs11:token=ror;object=key?module-path=/m&pin-source=/p",
    ],
)
def test_a_provider_that_is_none_is_refused_without_its_text(name: str, tmp_path: Path) -> None:
    with pytest.raises(UnsafeConfigurationError, match="ROR_KEY_PROVIDER") as refused:
        _ = ServiceContext(Settings(home=tmp_path, key_provider=name)).keys
    assert "1234" not in str(refused.value)


def test_a_uri_is_read_as_its_standard_says() -> None:
    assert Token.from_uri("pkcs11:token=My%20token?pin-source=file:/etc/pin&module-path=/m.so") == Token(
        "My token", "/m.so", Path("/etc/pin")
    )


def test_a_module_that_is_not_there_or_without_its_library(
    uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(KeysUnavailableError):
        Pkcs11KeyProvider(replace(Token.from_uri(uri), module=str(tmp_path / "none.so")))
    with pytest.raises(KeysUnavailableError):
        Pkcs11KeyProvider(replace(Token.from_uri(uri), label="none"))
    monkeypatch.setitem(sys.modules, "ror_service.sealing.pkcs11_keys", None)
    with pytest.raises(UnsafeConfigurationError, match="extra `pkcs11`"):
        _ = ServiceContext(Settings(home=tmp_path, key_provider=uri)).keys


def test_files_are_the_default(tmp_path: Path) -> None:
    assert isinstance(ServiceContext(Settings(home=tmp_path)).keys, FileKeyProvider)
