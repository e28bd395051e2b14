"""Commands that run the service: API, worker, relay, database schema, tokens, partners."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from ror_service import logs, restoring, traces
from ror_service.api.tokens import EmbeddedIssuer, Role
from ror_service.audit.log import Actor
from ror_service.context import ServiceContext
from ror_service.errors import InvalidInputError, UnsafeConfigurationError
from ror_service.settings import Mode, settings
from ror_service.storage import migrations

OPERATOR = Actor(name="command-line", role="operator", purpose="operation")
KEY_KEEPER = Actor(name="command-line", role="service", purpose="operation")
"""Commands that work on keys or sealed rows, which no operator sees."""
AUDITOR = Actor(name="command-line", role="auditor", purpose="operation")
KEEP_ALIVE_SECONDS = 75
"""An idle connection stays open longer than proxies and clients use it again (60 s and less), so that none of their
requests meets its end."""


@contextmanager
def unchecked_service() -> Iterator[ServiceContext]:
    """A context from the environment's settings, whatever the schema of its database; closed at the end."""
    context = ServiceContext(settings())
    try:
        yield context
    finally:
        context.close()


@contextmanager
def service(*, restored: bool = False) -> Iterator[ServiceContext]:
    """A context whose database has the right schema; the embedded database is created and kept up to date.

    One that was restored from a backup, and does not know what was erased since, is refused unless `restored`.
    """
    with unchecked_service() as context:
        if context.settings.mode is Mode.EMBEDDED:
            migrations.upgrade(context.engine)
        else:
            migrations.check(context.engine)
        if not restored:
            restoring.check_not_behind(context)
        yield context


@contextmanager
def _sending_traces() -> Iterator[None]:
    """Traces of this process are sent, if the environment asks for it, and the rest of them at the end."""
    send_the_rest = traces.configure()
    try:
        yield
    finally:
        send_the_rest()


def api(host: str = "127.0.0.1", port: int = 8080) -> None:
    """Serve the HTTP API. In embedded mode the jobs run in this process too."""
    import uvicorn  # noqa: PLC0415 - only this command needs it

    from ror_service.api.app import create_app  # noqa: PLC0415

    stop = threading.Event()
    with service() as context, _sending_traces():
        app = create_app(context)
        relaying = _start_relay(context, stop) if context.settings.mode is Mode.EMBEDDED else None
        try:
            uvicorn.run(
                app,
                host=host,
                port=port,
                log_config=None,
                server_header=False,
                access_log=False,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
            )
        finally:
            stop.set()
            if relaying is not None:
                relaying.join()


def worker(
    queues: Annotated[str, typer.Option(help="Comma-separated: fetch, extract, interpret...; all when left out.")] = "",
    concurrency: Annotated[int, typer.Option(min=1, help="Jobs that are run at once.")] = 2,
) -> None:
    """Run jobs from the broker."""
    from celery.signals import setup_logging  # noqa: PLC0415

    from ror_service.pipeline import STEPS  # noqa: PLC0415
    from ror_service.storage.jobs import queue_of  # noqa: PLC0415
    from ror_service.worker.celery_app import worker_app  # noqa: PLC0415

    # Listening to this signal keeps Celery from setting up a log of its own.
    setup_logging.connect(lambda **_: logs.configure(), weak=False)
    known = list(dict.fromkeys(map(queue_of, STEPS)))
    chosen = queues.split(",") if queues else known
    unknown = sorted(set(chosen).difference(known))
    if unknown:
        # Left alone, a misspelled queue would be waited for in vain.
        raise InvalidInputError(f"no such queue: {', '.join(unknown)}; there are {', '.join(known)}")
    app = worker_app()
    app.worker_main(["--quiet", "worker", "--loglevel=WARNING", "--without-gossip", "--without-mingle",
                     f"--concurrency={concurrency}", "-Q", ",".join(chosen)])  # fmt: skip


def relay() -> None:
    """Send messages for due jobs to the broker, and again for those that were lost. One is enough; two do no harm."""
    from ror_service.worker import relay as relaying  # noqa: PLC0415
    from ror_service.worker.celery_app import make_app  # noqa: PLC0415

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with service() as context, _sending_traces():
        relaying.run(context, make_app(context), stop)


def token(role: Role, subject: str, hours: Annotated[int, typer.Option(min=1, max=24)] = 1) -> None:
    """Print a bearer token of the embedded issuer. For a participant the subject is the participant's identifier."""
    typer.echo(EmbeddedIssuer(settings()).issue(subject, role, timedelta(hours=hours)))


database = typer.Typer(help="The database schema.", no_args_is_help=True)


@database.command()
def upgrade(revision: str = "head") -> None:
    """Bring the schema forward."""
    with unchecked_service() as context, _known_revision(revision):
        migrations.upgrade(context.engine, revision)
    typer.echo("The schema is up to date." if revision == "head" else f"The schema is at {revision}.")


@database.command()
def downgrade(revision: str) -> None:
    """Take the schema back to a revision; `base` removes every table."""
    with unchecked_service() as context, _known_revision(revision):
        migrations.downgrade(context.engine, revision)
    typer.echo(f"The schema is at {revision}.")


@database.command()
def check() -> None:
    """Compare the database with the tables in code; exit status 1 when they differ."""
    with unchecked_service() as context:
        differences = migrations.drift(context.engine)
    for difference in differences:
        typer.echo(str(difference))
    if differences:
        raise UnsafeConfigurationError("the schema differs from the tables of this program: ror db upgrade")
    typer.echo("The schema is the one that this program needs.")


@database.command("after-restore")
def after_restore() -> None:
    """Erase in a restored database what was erased since its backup, and acknowledge what it has lost."""
    with service(restored=True) as context:
        done = restoring.after_restore(context)
    if done.lost is None:
        typer.echo("No audit event is known that this database does not have.")
    else:
        typer.echo(f"Lost with the backup: the audit events {done.lost.first} to {done.lost.last}.")
    applied = done.applied
    typer.echo(f"Erased again: {applied.keys_destroyed} data keys; {applied.endings} withdrawals, refusals and deaths.")
    if applied.not_here:
        typer.echo(f"{applied.not_here} more are of people or samples that this database does not know yet.")
    if done.unreadable_keys:
        typer.echo(
            f"{done.unreadable_keys} data keys are wrapped by key-encryption keys that were destroyed: restore a newer "
            "backup of data_keys."
        )
    typer.echo("Have the portal and the centers send again what they sent since the backup, then start the service.")


@contextmanager
def _known_revision(revision: str) -> Iterator[None]:
    from alembic.util import CommandError  # noqa: PLC0415 - takes over a second to import

    try:
        yield
    except CommandError as error:
        raise InvalidInputError(f"{revision}: no such schema revision; see alembic/versions") from error


partners = typer.Typer(help="Delivery partners.", no_args_is_help=True)


@partners.command("register")
def register_partner(registration: Path) -> None:
    """Register a delivery partner from its registration document, or replace its registration."""
    from ror_service.delivery.partners import load_partner  # noqa: PLC0415
    from ror_service.storage import organizations  # noqa: PLC0415

    partner = load_partner(registration)
    with service() as context:
        with context.transaction(OPERATOR) as work:
            organizations.register_partner(work.session, partner.partner_id, partner.to_document(), work.at)
            work.audit("partner.register", "organization", partner.partner_id, None)
        key = json.dumps(sender_key(context))
    typer.echo(f"Registered {partner.partner_id}. It must know this sender key: {key}")


def sender_key(context: ServiceContext) -> dict[str, str]:
    """The public key that partners check bundles and requests by: identifier and base64url."""
    import base64  # noqa: PLC0415 - only here

    signer = context.sender.signer
    return {"key_id": signer.key_id, "ed25519": base64.urlsafe_b64encode(signer.public_key.public_bytes_raw()).decode()}


def _start_relay(context: ServiceContext, stop: threading.Event) -> threading.Thread:
    from ror_service.worker import relay as relaying  # noqa: PLC0415
    from ror_service.worker.celery_app import make_app  # noqa: PLC0415

    app = make_app(context)
    thread = threading.Thread(target=relaying.run, args=(context, app, stop), daemon=True, name="relay")
    thread.start()
    return thread
