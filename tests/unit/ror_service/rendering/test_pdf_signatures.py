"""Signed PDFs of reports: tags stay as they are, and a changed byte, another signer or another time is found."""

from __future__ import annotations

import re
import sys
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pikepdf
import pytest
from support import reports
from support.certificates import make_certificates
from support.consent_facts import NOW

from ror_service.context import ServiceContext
from ror_service.errors import RenderError, SignatureError, UnsafeConfigurationError
from ror_service.rendering import RendererProcess, artifacts, check_accessible, check_archivable
from ror_service.sealing.pdf_signatures import ReportSigner, check_signature, load_signer, read_certificates
from ror_service.settings import Settings

NAME = "Sample Research Programme"


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    return make_certificates(tmp_path_factory.mktemp("certificates"), NOW, NAME)


@pytest.fixture(scope="session")
def signer(certificates: tuple[Path, Path, Path]) -> ReportSigner:
    return ReportSigner(load_signer(*certificates[:2]), NAME)


@pytest.fixture(scope="session")
def signed(signer: ReportSigner, pdf: bytes) -> bytes:
    return signer.sign(pdf)


def test_a_signed_pdf_keeps_its_tags_and_names_its_signer(
    signed: bytes, pdf: bytes, certificates: tuple[Path, Path, Path]
) -> None:
    assert signed.startswith(pdf), "the signature is an addition"
    check_accessible(signed)
    check_archivable(signed)
    assert NAME in check_signature(signed, read_certificates(certificates[2]), NOW)
    with pikepdf.open(BytesIO(signed)) as opened, pikepdf.open(BytesIO(pdf)) as before:
        assert opened.Root.StructTreeRoot.K.keys() == before.Root.StructTreeRoot.K.keys()
        (field,) = opened.Root.AcroForm.Fields
        assert field.V.SubFilter == "/ETSI.CAdES.detached"
        assert not field.F & 2, "not hidden: an archive takes no hidden field"
        assert max(field.Rect) < 0, "outside of the page: a screen reader does not stop there"
        assert NAME in str(field.TU)


def test_every_changed_byte_is_found(signed: bytes, certificates: tuple[Path, Path, Path]) -> None:
    trusted = read_certificates(certificates[2])
    first, length, second, rest = map(int, re.findall(rb"/ByteRange \[(\d+) (\d+) (\d+) (\d+)", signed)[0])
    assert (first, second + rest) == (0, len(signed))
    for place in (*range(0, length, length // 12), length - 2, *range(second + 1, len(signed), rest // 4)):
        changed = signed[:place] + bytes([signed[place] ^ 1]) + signed[place + 1 :]
        with pytest.raises(SignatureError):
            check_signature(changed, trusted, NOW)
    with pytest.raises(SignatureError, match="changed or added"):
        check_signature(signed + b"\n% more", trusted, NOW)


def test_who_signed_and_when_must_be_vouched_for(
    signed: bytes, pdf: bytes, certificates: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    _, _, stranger = make_certificates(tmp_path / "stranger", NOW)
    with pytest.raises(SignatureError, match="not vouched for"):
        check_signature(signed, read_certificates(stranger), NOW)
    with pytest.raises(SignatureError, match="not vouched for"):
        check_signature(signed, read_certificates(certificates[2]), NOW + timedelta(days=400))
    with pytest.raises(SignatureError, match="holds 0 signatures"):
        check_signature(pdf, read_certificates(certificates[2]), NOW)


def test_signed_reports_pass_the_same_gate(renderer: RendererProcess, signer: ReportSigner) -> None:
    made = artifacts(reports.release(reports.traits_not_read()), renderer, signer.sign)
    assert [item.name for item in made if b"/ByteRange" in item.content] == ["participant.en.pdf", "participant.es.pdf"]


def test_what_is_no_pdf_is_not_signed(signer: ReportSigner) -> None:
    with pytest.raises(RenderError, match="could not be signed"):
        signer.sign(b"nothing")


def test_nothing_is_signed_unless_a_key_is_set(tmp_path: Path, certificates: tuple[Path, Path, Path]) -> None:
    assert ServiceContext(Settings(home=tmp_path)).sign_pdf is None
    key, chain, _ = certificates
    context = ServiceContext(Settings(home=tmp_path, pdf_signing_key=key, pdf_signing_certificates=chain))
    assert context.sign_pdf is not None
    assert context.sign_pdf is context.sign_pdf


def test_a_key_that_is_none_or_of_another_certificate_is_refused(
    tmp_path: Path, certificates: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    key, chain, _ = certificates
    with pytest.raises(UnsafeConfigurationError, match="go together"):
        Settings(home=tmp_path, pdf_signing_key=key)
    other, _, _ = make_certificates(tmp_path / "other", NOW)
    with pytest.raises(UnsafeConfigurationError, match="not the key of the first"):
        load_signer(other, chain)
    for one, two in ((chain, chain), (key, key), (tmp_path / "none", chain), (key, tmp_path / "none")):
        with pytest.raises(UnsafeConfigurationError):
            load_signer(one, two)
    key_for_all = tmp_path / "open.key"
    key_for_all.write_bytes(key.read_bytes())
    key_for_all.chmod(0o644)
    with pytest.raises(UnsafeConfigurationError, match="chmod 600"):
        load_signer(key_for_all, chain)
    monkeypatch.setitem(sys.modules, "ror_service.sealing.pdf_signatures", None)
    with pytest.raises(UnsafeConfigurationError, match="extra `pades`"):
        _ = ServiceContext(Settings(home=tmp_path, pdf_signing_key=key, pdf_signing_certificates=chain)).sign_pdf
