"""For a delivery partner, on its own machine: is this bundle whole, ours to open, and from whom it says?

Needs a bundle, keys in files and nothing else: no settings, no database, no network.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from ror_service.errors import SealError, SignatureError
from ror_service.sealing.bundle import Artifact, open_bundle
from ror_service.sealing.key_sets import read_key_file
from ror_service.sealing.private_files import read_private
from ror_service.sealing.recipients import RecipientKeyPair

_CLOCKS_DIFFER = timedelta(minutes=5)


def verify(
    bundle: Annotated[Path, typer.Argument(help="The bundle, as it was delivered.")],
    key: Annotated[list[Path], typer.Option(help="Your private key; while you change keys, give both.")],
    senders: Annotated[Path, typer.Option(help="Key set of the programme, as `ror keys publish` wrote it.")],
    certificates: Annotated[
        Path | None, typer.Option(help="Certificates, in PEM, that vouch for the programme's signatures on PDFs.")
    ] = None,
) -> None:
    """Check every byte of a bundle and open it; exit status 1 and one line that says what is wrong.

    What is inside is neither shown nor kept.
    """
    published = read_key_file(senders)
    pairs = [_key_pair(file) for file in key]
    opened = open_bundle(
        _content(bundle),
        recipient_pairs=pairs,
        trusted_senders={name: sender.public_key for name, sender in published.items()},
    )
    manifest = opened.manifest
    if not published[manifest.sender_key_id].signs_at(manifest.created_at):
        raise SignatureError(
            f"signed by key {manifest.sender_key_id} at a time that the key was not for; ask the programme"
        )
    if manifest.created_at > datetime.now(UTC) + _CLOCKS_DIFFER:
        raise SealError("the bundle says that it was made in the future; look at the clock of this machine")
    signatures = _pdf_signatures(opened.artifacts, certificates, manifest.created_at)
    kinds = Counter(f"{file.audience} {file.language} {file.format}" for file in opened.artifacts)
    typer.echo(f"Layout: a whole bundle of {len(manifest.entries)} sealed entries; nothing missing, added or moved.")
    typer.echo(f"Delivery: {manifest.delivery_id}, made {manifest.created_at.isoformat()}.")
    typer.echo(f"Sender: signed by {manifest.sender_key_id}, which the programme published for that time.")
    typer.echo(f"Manifest: SHA-256 {manifest.sha256}, which your receipt repeats; every entry is as it says.")
    typer.echo(f"Recipient: sealed by {manifest.profile} to {manifest.recipient_key_id}, your key.")
    typer.echo(
        f"Content: opened; the sealed index describes {len(opened.artifacts)} files: {', '.join(sorted(kinds))}."
    )
    typer.echo(f"PDFs: {signatures}")
    typer.echo("The bundle is good.")


def _pdf_signatures(files: Collection[Artifact], certificates: Path | None, at: datetime) -> str:
    """What is to be said of the signatures on PDFs.

    Raises:
        SignatureError: If certificates are given and one PDF is not signed by who they vouch for, or was changed.
    """
    pdfs = [file for file in files if file.media_type == "application/pdf"]
    if certificates is None:
        signed = sum(b"/ByteRange" in file.data for file in pdfs)
        asked = "; not checked, since no --certificates are given" if signed else ""
        return f"{signed} of {len(pdfs)} carry a signature of their own{asked}."
    try:
        from ror_service.sealing.pdf_signatures import check_signature, read_certificates  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise SignatureError("signatures on PDFs are checked by the extra `pades`; install it") from error
    trusted = read_certificates(certificates)
    names = set()
    for file in pdfs:
        try:
            names.add(check_signature(file.data, trusted, at))
        except SignatureError as error:
            raise SignatureError(f"PDF for the {file.audience} in {file.language}: {error}") from error
    return f"{len(pdfs)} signed by {', '.join(sorted(names)) or 'nobody'}; not a byte was changed since."


def _key_pair(file: Path) -> RecipientKeyPair:
    try:
        return RecipientKeyPair.from_text(read_private(file).decode(errors="replace"))
    except OSError as error:
        raise SealError(f"{file}: cannot be read ({type(error).__name__})") from error
    except SealError as error:
        raise SealError(f"{file}: {error}") from error


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SealError(f"{file}: cannot be read ({type(error).__name__})") from error
