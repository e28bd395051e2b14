"""CPU time of the search for one new sample among many.

    .venv/bin/python benchmarks/identity_search.py [--people N] [--sealed N]

The fingerprints are random; the time does not depend on what they hold. `--sealed` takes so many of them through a
database in a temporary folder: what opening the sealed rows costs a process once, and what each search costs that asks
the database who can still be found.
"""

from __future__ import annotations

import argparse
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from sqlalchemy.orm import Session

from identity.comparison import Index
from identity.fingerprint import Codes, pack_all, unpack
from identity.panel import FingerprintPanel, load_panel
from ror_service.audit.log import Actor
from ror_service.context import ServiceContext
from ror_service.sealing import vault
from ror_service.settings import Settings
from ror_service.storage import migrations, results
from ror_service.storage.tables import ParticipantRow, SampleRow

SEARCHES = 10
ACTOR = Actor("benchmark", "service", "benchmark")


def in_memory(panel: FingerprintPanel, packed: Codes, wanted: Codes) -> None:
    """Search plain fingerprints, as a process holds them."""
    index = Index(panel)
    began = time.process_time()
    index.add((f"sample-{number}" for number in range(len(packed))), packed)
    index.search(wanted[0])
    first = time.process_time() - began
    began = time.process_time()
    found = [[hit.key for hit in index.search(one)] for one in wanted]
    each = (time.process_time() - began) / SEARCHES
    right = all(f"sample-{number}" in keys for number, keys in enumerate(found))
    print(f"{len(packed):,} samples, {len(panel)} sites, {packed.nbytes / 1e6:.1f} MB packed")
    print(f"first search, with filling the index: {first:.2f} s of CPU; each further one: {each:.3f} s")
    print(f"the sample itself was found each time: {'yes' if right else 'NO'}")


def sealed(packed: Codes, wanted: Codes) -> None:
    """Search sealed fingerprints through the service."""
    with TemporaryDirectory() as folder:
        context = ServiceContext(Settings(home=Path(folder)))
        migrations.upgrade(context.engine)
        index = context.fingerprints
        with context.transaction(ACTOR) as work:
            for number in range(len(packed)):
                _add_sample(work.session, number)
        with context.transaction(ACTOR) as work:
            for number, one in enumerate(packed):
                vault.keep_fingerprint(
                    work,
                    context.keys,
                    f"P-{number}",
                    f"sample-{number}",
                    one.tobytes(),
                    panel_release=index.panel.release,
                )
        times = []
        for one in wanted[:3]:
            began = time.process_time()
            with context.transaction(ACTOR) as work:
                index.search(work, one, results.living_fingerprints(work.session, index.panel.release))
            times.append(time.process_time() - began)
        print(
            f"{len(packed):,} sealed samples: first search {times[0]:.2f} s of CPU, each further one {times[-1]:.3f} s"
        )
        context.close()


def _add_sample(session: Session, number: int) -> None:
    at = datetime.now(UTC)
    person = f"P-{number}"
    session.add(
        ParticipantRow(
            participant_id=person, language="en", birth_date=None, sex_at_birth="unknown", residence_state=None,
            vital_status="alive", participation="active", created_at=at,
        )
    )  # fmt: skip
    session.flush()
    session.add(
        SampleRow(
            sample_id=f"sample-{number}", participant_id=person, genome_center="center", specimen="saliva", assay="wgs",
            build=None, sex_at_birth="unknown", contamination=None, name_in_file=None, collected_on=None,
            file_sha256="f" * 64, file_size=1, manifest_sha256="f" * 64, state="read", created_at=at,
        )
    )  # fmt: skip


def main() -> None:
    """Draw, search, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=100_000, help="samples searched (default: 100,000)")
    parser.add_argument("--sealed", type=int, default=0, help="samples searched through a database (default: none)")
    arguments = parser.parse_args()
    panel, random = load_panel(), np.random.default_rng(1)
    packed = random.integers(0, 256, (max(arguments.people, arguments.sealed), 2 * len(panel) // 8), dtype=np.uint8)
    alleles = random.random((2, SEARCHES, len(panel))) < 0.4  # noqa: PLR2004 - a usual frequency
    packed[:SEARCHES] = pack_all(alleles.sum(axis=0).astype(np.uint8))[: len(packed)]
    wanted = np.stack([unpack(one.tobytes(), len(panel)) for one in packed[:SEARCHES]])
    in_memory(panel, packed[: arguments.people], wanted)
    if arguments.sealed:
        sealed(packed[: arguments.sealed], wanted)


if __name__ == "__main__":
    main()
