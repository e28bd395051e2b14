"""PAdES signatures on the PDFs of reports: who made the file, for whoever holds it alone, years later.

Baseline B-B (ETSI EN 319 142-1): the signature covers the whole file and names its certificate. With a time-stamping
authority it is B-T. The field lies outside of the page, so that the tags of the document stay as they are: PDF/UA would
take a hidden one as well, PDF/A would not.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path

from asn1crypto import keys, x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509 import load_pem_x509_certificates
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import signers
from pyhanko.sign.fields import InvisSigSettings, SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.general import SigningError
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.validation import SignatureCoverageLevel, validate_pdf_signature
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from ror_service.errors import RenderError, SignatureError, UnsafeConfigurationError
from ror_service.sealing.private_files import read_private

_FIELD = "ProgrammeSignature"
_USAGE = KeyUsageConstraints(key_usage={"digital_signature", "non_repudiation"}, match_all_key_usages=False)


@dataclass(frozen=True, slots=True)
class ReportSigner:
    """Signs PDFs for the programme. Each signature names its time: sign once, and keep what was made."""

    signer: signers.SimpleSigner
    programme: str
    """Whom the signature field names."""
    timestamper: TimeStamper | None = None
    """A time-stamping authority, for B-T; None makes B-B."""

    def sign(self, pdf: bytes) -> bytes:
        """Sign a PDF, as an addition at its end.

        Raises:
            RenderError: If it cannot be signed.
        """
        field = SigFieldSpec(
            _FIELD,
            invis_sig_settings=InvisSigSettings(box_out_of_bounds=True),
            readable_field_name=f"Signature of {self.programme}",
        )
        wanted = signers.PdfSignatureMetadata(field_name=_FIELD, name=self.programme, subfilter=SigSeedSubFilter.PADES)
        made = signers.PdfSigner(wanted, self.signer, timestamper=self.timestamper, new_field_spec=field)
        try:
            return bytes(made.sign_pdf(IncrementalPdfFileWriter(BytesIO(pdf))).getvalue())
        except (PdfError, SigningError, ValueError) as error:
            raise RenderError(f"PDF: could not be signed ({type(error).__name__})") from error


def load_signer(key: Path, certificates: Path) -> signers.SimpleSigner:
    """The signer of a PEM private key (mode 0600) and its certificate, with those that vouch for it behind it.

    Raises:
        UnsafeConfigurationError: If one is not there, others may read the key, or they do not belong together.
    """
    try:
        first, *others = read_certificates(certificates)
        private = load_pem_private_key(read_private(key), password=None)
    except (OSError, ValueError, TypeError, SignatureError) as error:
        raise UnsafeConfigurationError(
            "ROR_PDF_SIGNING_KEY and ROR_PDF_SIGNING_CERTIFICATES name no private key and its certificates in PEM"
        ) from error
    public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if public != first.public_key.dump():
        raise UnsafeConfigurationError("ROR_PDF_SIGNING_KEY is not the key of the first of the certificates")
    behind = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    behind.register_multiple(others)
    content = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return signers.SimpleSigner(signing_cert=first, signing_key=keys.PrivateKeyInfo.load(content), cert_registry=behind)


def read_certificates(file: Path) -> list[x509.Certificate]:
    """The certificates of a PEM file.

    Raises:
        SignatureError: If it holds none.
    """
    try:
        found = load_pem_x509_certificates(file.read_bytes())
    except (OSError, ValueError) as error:
        raise SignatureError(f"{file}: cannot be read as certificates in PEM") from error
    return [x509.Certificate.load(one.public_bytes(Encoding.DER)) for one in found]


def check_signature(pdf: bytes, trusted: Collection[x509.Certificate], at: datetime) -> str:
    """Check every byte of a PDF outside of its signature, and that a trusted certificate vouches for the signer.

    Args:
        pdf: The file.
        trusted: Certificates of the programme, or of who vouches for it.
        at: At which moment the certificates had to be valid.

    Returns:
        Whom the certificate names.

    Raises:
        SignatureError: If there is no signature, it does not cover the whole file, a byte was changed, or nobody who is
            trusted vouches for it.
    """
    try:
        found = PdfFileReader(BytesIO(pdf)).embedded_signatures
        context = ValidationContext(trust_roots=list(trusted), allow_fetching=False, moment=at)
        status = validate_pdf_signature(found[0], context, key_usage_settings=_USAGE) if len(found) == 1 else None
    except Exception as error:  # the parser meets bytes that anybody may have changed
        raise SignatureError("its signature cannot be read: bytes were changed") from error
    if status is None:
        raise SignatureError(f"holds {len(found)} signatures, not the programme's one")
    if not (status.intact and status.valid) or status.coverage is not SignatureCoverageLevel.ENTIRE_FILE:
        raise SignatureError("its signature does not hold: bytes were changed or added")
    if not status.trusted:
        raise SignatureError("its certificate is not vouched for by one that is trusted here, at that time")
    return str(status.signing_cert.subject.human_friendly)
