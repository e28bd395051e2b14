"""A partner verifies a bundle by itself: with keys in files, without settings, database or network."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from support.certificates import make_certificates
from support.consent_facts import NOW, PERSON
from support.partners import REPORT, SENDER, STRANGER, sealed_bundle
from support.service import Service
from support.shared import PROJECT

from ror_service.cli import verify as command
from ror_service.sealing import bundle
from ror_service.sealing.key_sets import PublishedKey, write_key_set
from ror_service.sealing.pdf_signatures import ReportSigner, load_signer
from ror_service.sealing.private_files import write_private
from ror_service.sealing.recipients import Profile, RecipientKeyPair
from ror_service.sealing.signing import Signer

Ror = Callable[..., Any]
Refused = Callable[..., str]

NEEDED = {"cryptography", "joserfc", "rfc8785", "typer", "rich", "pydantic"}  # the last two are typer's
DEPENDENCIES = {
    re.split(r"[^\w-]", line)[0].replace("-", "_")
    for line in tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["dependencies"]
}
WITHOUT_THE_SERVICE = f"""
import sys

ABSENT = {sorted(DEPENDENCIES - NEEDED)}


class Fence:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(name + " is not installed at the partner", name=name)


sys.meta_path.insert(0, Fence())
from ror_service.cli.main import main

main()
"""


@dataclass(frozen=True)
class Partner:
    """The files that a partner has."""

    folder: Path
    pair: RecipientKeyPair

    def file(self, name: str, content: bytes | str) -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def key_file(self, pair: RecipientKeyPair) -> Path:
        path = self.folder / f"{pair.key_id}.key"
        write_private(path, pair.private_text().encode())
        return path

    def arguments(self, data: bytes | None = None, *, senders: str | None = None) -> tuple[object, ...]:
        """Of a good bundle, unless told otherwise."""
        return (
            "verify",
            self.file("delivered.zip", sealed_bundle(self.pair.public) if data is None else data),
            *("--key", self.folder / f"{self.pair.key_id}.key"),
            *("--senders", self.file("senders.json", published() if senders is None else senders)),
        )


def published(*, signer: Signer = SENDER, **limits: datetime | None) -> str:
    return write_key_set([PublishedKey(signer.key_id, signer.public_key, **limits)])


@pytest.fixture
def partner(tmp_path: Path) -> Partner:
    pair = RecipientKeyPair.generate(Profile.X25519)
    made = Partner(tmp_path, pair)
    made.key_file(pair)
    return made


@pytest.mark.parametrize("profile", Profile)
def test_a_good_bundle_is_good(ror: Ror, tmp_path: Path, profile: Profile) -> None:
    partner = Partner(tmp_path, RecipientKeyPair.generate(profile))
    partner.key_file(partner.pair)
    ran = ror(*partner.arguments())
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.endswith("The bundle is good.\n")
    for shown in ("delivery-1", SENDER.key_id, partner.pair.key_id, profile.value, "1 files: participant en html"):
        assert shown in ran.out
    for private in (PERSON, "traits", REPORT.decode(), partner.pair.private_text()):
        assert private not in ran.out


def test_both_keys_are_tried_while_a_partner_changes_them(ror: Ror, partner: Partner) -> None:
    later = RecipientKeyPair.generate()
    file = partner.key_file(later)
    for pair in (partner.pair, later):
        assert ror(*partner.arguments(sealed_bundle(pair.public)), "--key", file).status == 0


def test_what_is_wrong_is_said_in_one_line(refused: Refused, partner: Partner) -> None:
    other = RecipientKeyPair.generate()
    good = sealed_bundle(partner.pair.public)
    assert f"sealed to key {other.key_id}, not to {partner.pair.key_id}" in refused(
        *partner.arguments(sealed_bundle(other.public))
    )
    assert "not trusted" in refused(*partner.arguments(sealed_bundle(partner.pair.public, signer=STRANGER)))
    assert "not trusted" in refused(*partner.arguments(senders=published(signer=STRANGER)))
    impostor = Signer.from_secret(bytes(32), SENDER.key_id)
    assert "does not match" in refused(*partner.arguments(sealed_bundle(partner.pair.public, signer=impostor)))
    for cut in (good[:-1], good[: len(good) // 2], b"", good + b"\0"):
        assert "not a whole bundle" in refused(*partner.arguments(cut)) or cut == b""
    assert "does not begin with manifest.json" in refused(*partner.arguments(b"PK\x05\x06" + bytes(18)))


def test_changed_bytes_are_found(refused: Refused, partner: Partner) -> None:
    good = sealed_bundle(partner.pair.public)
    for place in range(0, len(good), 31):
        changed = good[:place] + bytes([good[place] ^ (1 << place % 8)]) + good[place + 1 :]
        assert refused(*partner.arguments(changed)).startswith(("seal_broken: ", "bad_signature: "))


def test_a_check_that_looks_away_would_be_caught(ror: Ror, partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    good = sealed_bundle(partner.pair.public)
    place = good.index(b'"created_at"') + 16
    changed = good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :]
    arguments = partner.arguments(changed)
    assert ror(*arguments).status == 1
    monkeypatch.setattr(bundle, "read_entries", lambda _: bundle_entries(good))
    assert ror(*arguments).status == 0


bundle_entries = bundle.read_entries


def test_the_senders_key_must_be_for_that_time(ror: Ror, refused: Refused, partner: Partner) -> None:
    moment = timedelta(seconds=1)
    for limits in ({"not_before": NOW, "not_after": NOW + moment}, {"not_before": NOW}, {"not_after": NOW + moment}):
        assert ror(*partner.arguments(senders=published(**limits))).status == 0
    for limits in ({"not_before": NOW + moment}, {"not_after": NOW}):
        line = refused(*partner.arguments(senders=published(**limits)))
        assert line.startswith(f"bad_signature: signed by key {SENDER.key_id} at a time that the key was not for")


def test_a_bundle_from_the_future_is_refused(
    refused: Refused, partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Earlier(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:
            del tz
            return NOW.astimezone(UTC) - timedelta(minutes=6)

    monkeypatch.setattr(command, "datetime", Earlier)
    assert "look at the clock" in refused(*partner.arguments())


def test_files_that_are_none_are_named(refused: Refused, partner: Partner) -> None:
    word, bundle_file, option, key, _, senders = partner.arguments()
    key_set = ("--senders", senders)
    assert refused(word, partner.folder, option, key, *key_set).startswith(f"seal_broken: {partner.folder}: cannot be")
    missing = partner.folder / "missing"
    assert refused(word, bundle_file, option, missing, *key_set).startswith(f"seal_broken: {missing}: cannot be read")
    assert refused(word, bundle_file, option, key, "--senders", missing).startswith(f"bad_signature: {missing}: cannot")
    empty = partner.file("empty.key", "")
    empty.chmod(0o600)
    assert refused(word, bundle_file, option, empty, *key_set).startswith(f"seal_broken: {empty}: not a private key")
    for wrong in ("", "[]", "{}", '{"keys": []}', '{"keys": [{"kty": "OKP", "crv": "Ed25519"}]}', '{"keys": 5}'):
        file = partner.file("wrong.json", wrong)
        assert refused(word, bundle_file, option, key, "--senders", file).startswith(f"bad_signature: {file}: ")
    Path(str(key)).chmod(0o644)
    assert "chmod 600" in refused(*partner.arguments())


def test_the_published_keys_of_a_service_are_read(ror: Ror, refused: Refused, partner: Partner, home: Service) -> None:
    signer = home.context.sender.signer
    made = sealed_bundle(partner.pair.public, signer=signer)
    assert ror(*partner.arguments(made, senders=ror("keys", "publish").out)).status == 0
    assert "not trusted" in refused(*partner.arguments(made))
    by_the_audit_key = sealed_bundle(partner.pair.public, signer=home.context.audit_signer)
    assert "not trusted" in refused(*partner.arguments(by_the_audit_key, senders=ror("keys", "publish").out))


def test_what_is_found_of_signatures_on_pdfs_is_said(
    ror: Ror, refused: Refused, partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, chain, authority = make_certificates(partner.folder / "certificates", NOW)
    with pikepdf.new() as document:
        document.add_blank_page()
        written = BytesIO()
        document.save(written)
    plain = written.getvalue()
    signed = ReportSigner(load_signer(key, chain), "Sample Research Programme").sign(plain)

    def arguments(pdf: bytes, *more: object) -> tuple[object, ...]:
        return (*partner.arguments(sealed_bundle(partner.pair.public, report=pdf, media_type="application/pdf")), *more)

    assert "PDFs: 0 of 1 carry a signature of their own." in ror(*arguments(plain)).out
    assert "PDFs: 1 of 1 carry a signature of their own; not checked" in ror(*arguments(signed)).out
    shown = ror(*arguments(signed, "--certificates", authority))
    assert "PDFs: 1 signed by Common Name: Sample Research Programme; not a byte was changed" in shown.out
    place = plain.index(b"/MediaBox")
    changed = signed[:place] + signed[place:].replace(b"612", b"613", 1)
    assert changed != signed
    assert ror(*arguments(changed)).status == 0, "without the certificates nobody looks"
    for pdf in (changed, plain):
        line = refused(*arguments(pdf, "--certificates", authority))
        assert line.startswith("bad_signature: PDF for the participant in en: ")
    assert "cannot be read" in refused(*arguments(signed, "--certificates", key))
    assert "cannot be read" in refused(*arguments(signed, "--certificates", partner.folder))
    assert "PDFs: 0 signed by nobody" in ror(*partner.arguments(), "--certificates", authority).out
    monkeypatch.setitem(sys.modules, "ror_service.sealing.pdf_signatures", None)
    assert "extra `pades`" in refused(*arguments(signed, "--certificates", authority))


def test_it_needs_nothing_of_the_service(partner: Partner) -> None:
    good, broken = partner.arguments(), partner.file("broken.zip", b"nothing")
    environment = {"PYTHONPATH": str(PROJECT), "ROR_MODE": "nonsense", "ROR_DATABASE_URL": "nonsense"}
    ran = [
        subprocess.run(  # noqa: S603 - this very interpreter
            [sys.executable, "-c", WITHOUT_THE_SERVICE, *map(str, arguments)],
            capture_output=True, text=True, check=False, cwd=partner.folder, env=environment,
        )
        for arguments in (good, ("verify", broken, *good[2:]), ("audit", "verify"))
    ]  # fmt: skip
    assert [one.returncode for one in ran] == [0, 1, 1], "\n".join(one.stderr for one in ran)
    assert ran[0].stdout.endswith("The bundle is good.\n")
    assert ran[1].stderr.startswith("seal_broken: bundle: ")
    assert {"sqlalchemy", "fsspec", "celery"} < DEPENDENCIES
    assert (told := json.loads(ran[2].stderr))["error"] == "ModuleNotFoundError", "the fence stands"
    assert told["trace"][-1].startswith("__main__.find_spec:")
    assert not list(partner.folder.glob("*.sqlite3"))


def test_a_key_set_holds_public_keys_alone() -> None:
    written = json.loads(published(not_before=NOW, not_after=NOW + timedelta(days=400)))
    (member,) = written["keys"]
    assert set(member) == {"kty", "crv", "x", "kid", "alg", "use", "nbf", "exp"}
    assert (member["alg"], member["use"], member["nbf"]) == ("Ed25519", "sig", int(NOW.timestamp()))
