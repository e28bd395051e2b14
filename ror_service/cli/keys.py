"""Commands over key-encryption keys: make a new one, wrap the living data keys by it, destroy the old one."""

from __future__ import annotations

from typing import Annotated

import typer

from ror_service.cli.running import OPERATOR, service
from ror_service.context import ServiceContext
from ror_service.errors import ConflictError
from ror_service.sealing import vault
from ror_service.sealing.key_sets import PublishedKey, write_key_set
from ror_service.storage import results

_PORTION = 500
"""Data keys in one transaction: few, since in SQLite everybody waits for it."""

keys = typer.Typer(help="Key-encryption keys.", no_args_is_help=True)


@keys.command("publish")
def publish(
    audit: Annotated[bool, typer.Option("--audit", help="The key of the audit log's checkpoints instead.")] = False,
) -> None:
    """Print the public key that partners check bundles by, as a JSON Web Key Set."""
    with service() as context:
        signer = context.audit_signer if audit else context.sender.signer
    typer.echo(write_key_set([PublishedKey(signer.key_id, signer.public_key)]))


@keys.command("rotate")
def rotate() -> None:
    """Make a new key-encryption key and wrap every living data key by it, while the service runs."""
    with service() as context:
        old, new = context.keys.current_key_id(), context.keys.rotate()
        with context.transaction(OPERATOR) as work:
            work.audit("keys.rotate", "key_encryption_key", new, None)
        typer.echo(f"{new} is the current key-encryption key.")
        _rewrap(context)
        typer.echo(f"Once the backups that need it are gone: ror keys destroy {old}")


@keys.command("rewrap")
def rewrap() -> None:
    """Go on with a rotation that was interrupted."""
    with service() as context:
        _rewrap(context)


@keys.command("destroy")
def destroy(key_encryption_key_id: str) -> None:
    """Destroy an old key-encryption key: old backups of data keys that it wraps become worthless."""
    with service() as context, context.transaction(OPERATOR) as work:
        if results.wraps_living_keys(work.session, key_encryption_key_id):
            raise ConflictError("living data keys are still wrapped by it; run `ror keys rewrap` first")
        work.audit("keys.destroy", "key_encryption_key", key_encryption_key_id, None)
        context.keys.destroy(key_encryption_key_id)
    typer.echo(f"{key_encryption_key_id} is destroyed.")


def _rewrap(context: ServiceContext) -> None:
    total = 0
    # Many at once, leaving out what somebody else holds at that moment; then what is left, waiting for each.
    for limit in (_PORTION, 1):
        after: str | None = None
        while after != "":
            with context.transaction(OPERATOR) as work:
                count, after = vault.rewrap_keys(work, context.keys, after or "", limit)
            total += count
    typer.echo(f"{total} data keys are wrapped by the current key-encryption key now.")
