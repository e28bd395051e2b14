"""Commands that run the service: API, worker, relay, database schema, tokens, partners."""

from __future__ import annotations

import json
import signal
import threading
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich import print  # noqa: A004 - colored where the terminal allows

from ror_service.audit.log import Actor
from ror_service.context import ServiceContext
from ror_service.settings import Mode, Settings
from ror_service.storage import migrations

OPERATOR = Actor(name="command-line", role="operator", purpose="operation")


def open_context() -> ServiceContext:
    """A context from the environment's settings; the embedded database is created and kept up to date."""
    context = ServiceContext(Settings())
    if context.settings.mode is Mode.EMBEDDED:
        migrations.upgrade(context.engine)
    else:
        migrations.check(context.engine)
    return context


def api(host: str = "127.0.0.1", port: int = 8080) -> None:
    """Serve the HTTP API. In embedded mode the jobs run in this process too."""
    import uvicorn  # noqa: PLC0415 - only this command needs it

    from ror_service.api.app import create_app  # noqa: PLC0415

    context = open_context()
    stop = threading.Event()
    if context.settings.mode is Mode.EMBEDDED:
        _start_relay(context, stop)
    uvicorn.run(create_app(context), host=host, port=port, log_level="warning", server_header=False, access_log=False)
    stop.set()
    context.close()


def worker(queues: Annotated[str, typer.Option(help="Comma-separated job names; all when left out.")] = "") -> None:
    """Run jobs from the broker."""
    from ror_service.pipeline import STEPS  # noqa: PLC0415
    from ror_service.worker.celery_app import worker_app  # noqa: PLC0415

    app = worker_app()
    app.worker_main(["worker", "--loglevel=WARNING", "--without-gossip", "--without-mingle", "--concurrency=2",
                     "-Q", queues or ",".join(STEPS)])  # fmt: skip


def relay() -> None:
    """Send messages for due jobs to the broker, and again for those that were lost. One is enough; two do no harm."""
    from ror_service.worker import relay as relaying  # noqa: PLC0415
    from ror_service.worker.celery_app import make_app  # noqa: PLC0415

    context = open_context()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    relaying.run(context, make_app(context), stop)
    context.close()


def token(role: str, subject: str, hours: int = 1) -> None:
    """Print a bearer token of the embedded issuer."""
    from ror_service.api.tokens import EmbeddedIssuer, Role  # noqa: PLC0415

    typer.echo(EmbeddedIssuer(Settings()).issue(subject, Role(role), timedelta(hours=hours)))


database = typer.Typer(help="The database schema.", no_args_is_help=True)


@database.command()
def upgrade(revision: str = "head") -> None:
    """Bring the schema forward."""
    migrations.upgrade(ServiceContext(Settings()).engine, revision)
    print("The schema is up to date.")


@database.command()
def downgrade(revision: str) -> None:
    """Take the schema back to a revision."""
    migrations.downgrade(ServiceContext(Settings()).engine, revision)
    print(f"The schema is at {revision}.")


@database.command()
def check() -> None:
    """Compare the database with the tables in code; exit status 1 when they differ."""
    differences = migrations.drift(ServiceContext(Settings()).engine)
    for difference in differences:
        print(difference)
    print("The schema differs." if differences else "The schema is the one that this program needs.")
    raise typer.Exit(1 if differences else 0)


partners = typer.Typer(help="Delivery partners.", no_args_is_help=True)


@partners.command("register")
def register_partner(registration: Path) -> None:
    """Register a delivery partner from its registration document, or replace its registration."""
    from ror_service.delivery.partners import load_partner  # noqa: PLC0415
    from ror_service.storage import organizations  # noqa: PLC0415

    partner = load_partner(registration)
    context = open_context()
    with context.transaction(OPERATOR) as work:
        organizations.register_partner(work.session, partner.partner_id, partner.to_document(), work.at)
        work.audit("partner.register", "organization", partner.partner_id, None)
    print(f"Registered {partner.partner_id}. It must know this sender key: {json.dumps(sender_key(context))}")


def sender_key(context: ServiceContext) -> dict[str, str]:
    """The public key that partners check bundles and requests by: identifier and base64url."""
    import base64  # noqa: PLC0415 - only here

    signer = context.sender.signer
    return {"key_id": signer.key_id, "ed25519": base64.urlsafe_b64encode(signer.public_key.public_bytes_raw()).decode()}


def _start_relay(context: ServiceContext, stop: threading.Event) -> None:
    from ror_service.worker import relay as relaying  # noqa: PLC0415
    from ror_service.worker.celery_app import make_app  # noqa: PLC0415

    app = make_app(context)
    threading.Thread(target=relaying.run, args=(context, app, stop), daemon=True, name="relay").start()
