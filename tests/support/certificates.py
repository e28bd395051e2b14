"""A certificate authority and a signer's certificate, made for a test."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


def _certificate(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: str, by: ec.EllipticCurvePrivateKey, now: datetime, *, ca: bool
) -> x509.Certificate:
    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    usage = {
        **dict.fromkeys(("digital_signature", "content_commitment"), not ca),
        **dict.fromkeys(("key_cert_sign", "crl_sign"), ca),
        **dict.fromkeys(("key_encipherment", "data_encipherment", "key_agreement"), False),
        **dict.fromkeys(("encipher_only", "decipher_only"), False),
    }
    builder = x509.CertificateBuilder().subject_name(named(name)).issuer_name(named(issuer))
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - DAY).not_valid_after(now + 365 * DAY)
    builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    builder = builder.add_extension(x509.KeyUsage(**usage), critical=True)
    return builder.sign(by, hashes.SHA256())


def make_certificates(folder: Path, now: datetime, name: str = "Sample Research Programme") -> tuple[Path, Path, Path]:
    """Private key, certificates of the signer, and the certificate of the authority, as PEM files."""
    folder.mkdir(parents=True, exist_ok=True)
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = _certificate("Test authority", root_key, "Test authority", root_key, now, ca=True)
    signer = _certificate(name, key, "Test authority", root_key, now, ca=False)
    files = folder / "pdf.key", folder / "pdf.pem", folder / "authority.pem"
    files[0].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    files[0].chmod(0o600)
    files[1].write_bytes(signer.public_bytes(serialization.Encoding.PEM))
    files[2].write_bytes(root.public_bytes(serialization.Encoding.PEM))
    return files
