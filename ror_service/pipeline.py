"""The main job, top to bottom: fetch, read and interpret a sample; release its reports, deliver them, call them back.

Each step is a job that may run again after any crash: it finds in the database what is done already. Nothing is read,
rendered or fetched inside an open transaction, but for the send itself, which holds the participant's consent lock.
"""

from __future__ import annotations

from consent.gate import Release
from interpreters.interpreter import Interpreter
from ror_service import extraction, identity_cases, interpretations, reports, upkeep
from ror_service.audit.log import Actor
from ror_service.context import ServiceContext
from ror_service.delivery import dispatch
from ror_service.errors import NotExtractedError
from ror_service.intake import fetching, samples
from ror_service.work import Work

PIPELINE = Actor(name="pipeline", role="service", purpose="return of results")


def fetch_file(context: ServiceContext, sample_id: str) -> None:
    """Bring a file from its center's folder into the store, hashed and sealed while it comes."""
    with context.transaction(PIPELINE) as work:
        file = fetching.to_fetch(work, sample_id)
    if file is not None:
        context.check_room(file.sample.file_size)
        fetching.fetch(context.transaction, context.keys, file, context.store)


def extract_sample(context: ServiceContext, sample_id: str) -> None:
    """Read the genotype file once, check its quality, and store what the installed interpreters need of it."""
    with context.transaction(PIPELINE) as work:
        reading = samples.begin_reading(work, context.keys, sample_id, context.store)
        if reading is None or context.stored(work, sample_id, list(context.interpreters.values())):
            return
    extracted = context.extract(reading)
    with context.transaction(PIPELINE) as work:
        extraction.keep(work, context.genotypes, context.fingerprints, reading, extracted)


def interpret_sample(context: ServiceContext, sample_id: str) -> None:
    """Look whose sample it is, and interpret what was said yes to, from what is stored of the sample alone."""
    with context.transaction(PIPELINE) as work:
        reading = samples.begin_reading(work, context.keys, sample_id, context.store)
        if reading is None:
            return
        stored = context.stored(work, sample_id, _accepted(context, work, sample_id))
        if stored is None and not reading.held:
            work.enqueue("extract_sample", sample_id, backfill=reading.backfill)
    # Of two samples that are read at once, the one whose fingerprint is kept last sees the other. One that is held is
    # looked at too: that is where a swapped one is found.
    context.fingerprints.gather(lambda: context.transaction(PIPELINE))
    with context.transaction(PIPELINE) as work:
        identity_cases.examine(work, context.fingerprints, sample_id)
        accepted = [] if reading.held else _accepted(context, work, sample_id)
    if reading.held:
        return
    if stored is None:
        raise NotExtractedError
    # Who said yes meanwhile to what is not stored has ordered another run.
    wanted = [each for each in accepted if stored.covers([each])]
    genotypes = stored.genotypes(wanted)
    found = [interpretations.interpret(interpreter, reading, genotypes) for interpreter in wanted]
    due = context.settings.review_due
    for interpreted in found:
        with context.transaction(PIPELINE) as work:
            interpretations.keep(work, context.keys, reading, genotypes, interpreted, review_due=due)


def _accepted(context: ServiceContext, work: Work, sample_id: str) -> list[Interpreter]:
    return [context.interpreters[module] for module in samples.accepted_modules(work, sample_id)]


def release_report(context: ServiceContext, case_id: str) -> None:
    """Ask the consent gate, render what it lets through for every reader, seal it, queue its delivery."""
    with context.transaction(PIPELINE) as work:
        approved = context.settings.wording_reviews
        release = reports.draft(
            work, context.keys, context.programme, case_id, settle=context.settle, wording_reviews=approved
        )
    if not isinstance(release, Release):
        return
    rendered, draft = context.render(release), release.payload.made_from
    with context.transaction(PIPELINE) as work:
        sender, partners = context.sender_at(work.at), context.partners(work)
        reports.keep(work, context.keys, case_id, rendered, draft, sender=sender, partners=partners)


def deliver_report(context: ServiceContext, delivery_id: str) -> None:
    """Commit the intent, then send under the consent lock and keep the signed receipt."""
    with context.transaction(PIPELINE) as work:
        if not dispatch.intend(work, delivery_id, context.trial):
            return
    with context.transaction(PIPELINE) as work:
        release = dispatch.shipment(work, delivery_id)
        if release is None:
            return
        ready = release.payload
        client = context.partner_client(work, ready.partner_id)
        receipt = client.deliver(ready.delivery_id, ready.idempotency_key, ready.bundle)
        dispatch.received(work, delivery_id, receipt)


def recall_delivery(context: ServiceContext, recall_id: str) -> None:
    """Tell a partner to delete what it has or may yet receive, and keep its signed acknowledgement."""
    with context.transaction(PIPELINE) as work:
        order = dispatch.recall_order(work, recall_id)
        if order is None:
            return
        client = context.partner_client(work, order.partner_id)
    receipt = client.recall(order.delivery_id, order.idempotency_key, order.manifest_sha256, order.cause)
    with context.transaction(PIPELINE) as work:
        dispatch.recall_acknowledged(work, recall_id, receipt)


STEPS = {
    "fetch_file": fetch_file,
    "extract_sample": extract_sample,
    "interpret_sample": interpret_sample,
    "release_report": release_report,
    "deliver_report": deliver_report,
    "recall_delivery": recall_delivery,
    **upkeep.STEPS,
}
"""Every job by the name that its row carries."""

GIVING_UP = {"deliver_report": dispatch.give_up}
"""What to write down when a job is set aside for an operator: after a refusal, or 72 hours without success."""
