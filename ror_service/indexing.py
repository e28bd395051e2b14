"""What is made ahead of need: fingerprints of samples that have none, and the pieces that searches open.

Without it the same is done by whoever needs it first, who then waits for it; but for the fingerprints of samples that
were read before there were any.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from ror_service import affected, identity_cases
from ror_service.audit.log import Actor
from ror_service.context import ServiceContext
from ror_service.errors import SealError
from ror_service.genotypes import codec
from ror_service.genotypes.store import Stored
from ror_service.intake.qc import places_known
from ror_service.storage import indexes, results

ACTOR = Actor(name="command-line", role="service", purpose="upkeep of indexes")
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Done:
    """What was made."""

    fingerprints: int
    """Samples that got a fingerprint, and were examined, from what is stored of them."""
    readings: int
    """Samples whose file is ordered to be read again for it."""
    gathered: int
    """Fingerprints that went into pieces."""
    unreadable: int
    """Samples whose stored genotypes do not open."""


def index_ahead(context: ServiceContext) -> Done:
    """Give every sample that was read a fingerprint, and put what is in no piece of the two indexes into one."""
    made, ordered = _fingerprint_missing(context)
    gathered = context.fingerprints.gather(partial(context.transaction, ACTOR), 0)
    return Done(made, ordered, gathered, affected.refresh(context))


def _fingerprint_missing(context: ServiceContext) -> tuple[int, int]:
    panel, after, made, ordered = context.fingerprints.panel, "", 0, 0
    while True:
        with context.transaction(ACTOR) as work:
            missing = indexes.without_fingerprint(work.session, panel.release, after, _AT_ONCE)
            assessed = results.last_assessments(work.session, missing)
        if not missing:
            return made, ordered
        after = missing[-1]
        for sample_id in missing:
            if sample_id in assessed and not places_known(assessed[sample_id].reasons):
                continue
            stored = _stored(context, sample_id)
            if stored is None:
                with context.transaction(ACTOR) as work:
                    work.enqueue("extract_sample", sample_id, backfill=True)
                ordered += 1
                continue
            calls = codec.decode(stored.packed, stored.catalogue)
            with context.transaction(ACTOR) as work:
                context.fingerprints.keep(work, sample_id, calls)
            with context.transaction(ACTOR) as work:
                identity_cases.examine(work, context.fingerprints, sample_id)
            made += 1


def _stored(context: ServiceContext, sample_id: str) -> Stored | None:
    """What is stored of a sample, if that tells all its genotypes at the sites of the fingerprint."""
    try:
        with context.transaction(ACTOR) as work:
            stored = context.genotypes.find(work, sample_id)
    except SealError:
        return None
    if stored is None:
        return None
    held = stored.catalogue.builds[stored.build].everything
    sites = context.fingerprints.panel.intervals(stored.build)
    return stored if all(held.overlap(*site) for site in sites) else None
