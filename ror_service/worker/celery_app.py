"""The Celery application: one task a step, each a line; messages carry a job id and nothing else."""

from __future__ import annotations

from collections.abc import Callable

from celery import Celery
from celery.signals import worker_process_init, worker_process_shutdown

from ror_service import restoring, traces
from ror_service.context import ServiceContext
from ror_service.errors import UnsafeConfigurationError
from ror_service.pipeline import STEPS
from ror_service.settings import settings
from ror_service.storage import migrations
from ror_service.storage.jobs import queue_of
from ror_service.worker.jobs import run_job


def make_app(context: ServiceContext) -> Celery:
    """The application for one context: in-process without a broker, else for RabbitMQ or Redis."""
    broker = context.settings.broker
    app = Celery("ror", broker=broker or "memory://", set_as_current=False)
    app.conf.update(
        task_always_eager=broker is None,
        task_ignore_result=True,
        # The row in the outbox is the truth: a message that is lost with its worker is sent again by the relay.
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_max_tasks_per_child=200,
        broker_connection_retry_on_startup=True,
        broker_transport_options={"confirm_publish": True} if broker and broker.startswith("amqp") else {},
        task_routes={name: {"queue": queue_of(name)} for name in STEPS},
        task_serializer="json",
        accept_content=["json"],
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        # Nobody steers workers by messages. Without the control queue, which only one process may hold under one name,
        # several workers run on a machine, and one that was killed can be started again at once.
        worker_enable_remote_control=False,
    )
    for name in STEPS:
        app.task(name=name, shared=False, lazy=False)(_task(context))
    return app


def _task(context: ServiceContext) -> Callable[[str], None]:
    def run(job_id: str) -> None:
        run_job(context, job_id)

    return run


def worker_app() -> Celery:
    """The application of a worker process, from the environment's settings.

    Raises:
        UnsafeConfigurationError: If a setting is malformed, there is no broker to work for, or the database has another
            schema.
    """
    context = ServiceContext(settings())
    if context.settings.broker is None:
        raise UnsafeConfigurationError("set ROR_BROKER_URL; without a broker the jobs run inside `ror api`")
    migrations.check(context.engine)
    restoring.check_not_behind(context)
    if context.settings.module_options:
        _ = context.interpreters  # now, so that an option that no module knows stops the worker and not every sample

    def after_fork(**_: object) -> None:
        # Connections of the parent must not be used by its children.
        context.engine.dispose(close=False)
        send_the_rest = traces.configure()
        worker_process_shutdown.connect(lambda **_: send_the_rest(), weak=False)

    worker_process_init.connect(after_fork, weak=False)
    return make_app(context)
