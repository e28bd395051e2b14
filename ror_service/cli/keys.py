"""Commands over key-encryption keys: make a new one, wrap the living data keys by it, destroy the old one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from ror_service.cli.running import KEY_KEEPER, service
from ror_service.context import ServiceContext
from ror_service.errors import ConflictError, InvalidInputError
from ror_service.sealing import vault
from ror_service.sealing.key_sets import write_key_set
from ror_service.sealing.signing_keys import SigningKeys
from ror_service.storage import data_keys

_PORTION = 500
"""Data keys in one transaction: few, since in SQLite everybody waits for it."""

keys = typer.Typer(help="Key-encryption keys.", no_args_is_help=True)


@keys.command("publish")
def publish(
    audit: Annotated[bool, typer.Option("--audit", help="The key of the audit log's checkpoints instead.")] = False,
) -> None:
    """Print the public keys that partners check bundles by, each with its time, as a JSON Web Key Set."""
    with service() as context:
        published = (context.audit_keys if audit else context.signing_keys).published()
    typer.echo(write_key_set(published))


@keys.command("rotate")
def rotate(
    sender: Annotated[bool, typer.Option("--sender", help="The key that signs bundles and requests instead.")] = False,
    audit: Annotated[bool, typer.Option("--audit", help="The key of the audit log's checkpoints instead.")] = False,
    days: Annotated[int, typer.Option(min=0, help="With these two: in how many days the new key begins.")] = 7,
) -> None:
    """Make a new key-encryption key and wrap every living data key by it, while the service runs."""
    if sender and audit:
        raise InvalidInputError("rotate one key at a time: --sender or --audit")
    with service() as context:
        if sender or audit:
            _rotate_signing(context, context.audit_keys if audit else context.signing_keys, days)
            return
        old, new = context.keys.current_key_id(), context.keys.rotate()
        with context.transaction(KEY_KEEPER) as work:
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
    with service() as context, context.transaction(KEY_KEEPER) as work:
        if data_keys.wraps_living_keys(work.session, key_encryption_key_id):
            raise ConflictError("living data keys are still wrapped by it; run `ror keys rewrap` first")
        work.audit("keys.destroy", "key_encryption_key", key_encryption_key_id, None)
        work.write_audit()
        context.keys.destroy(key_encryption_key_id)
    typer.echo(f"{key_encryption_key_id} is destroyed.")


def _rotate_signing(context: ServiceContext, ring: SigningKeys, days: int) -> None:
    with context.transaction(KEY_KEEPER) as work:
        now = datetime.now(UTC)  # the clock by which processes choose their key
        added = ring.rotate(now + timedelta(days=days), now)
        work.audit("keys.rotate", f"{ring.purpose}_key", added.key_id, None)
    typer.echo(f"{added.key_id} signs from {added.not_before} on; until then the key before it.")
    typer.echo(f"Give out the new key set before: ror keys publish{' --audit' if ring.purpose == 'audit' else ''}")


def _rewrap(context: ServiceContext) -> None:
    total = 0
    # Many at once, leaving out what somebody else holds at that moment; then what is left, waiting for each.
    for limit in (_PORTION, 1):
        after: str | None = None
        while after != "":
            with context.transaction(KEY_KEEPER) as work:
                count, after = vault.rewrap_keys(work, context.keys, after or "", limit)
            total += count
    typer.echo(f"{total} data keys are wrapped by the current key-encryption key now.")
