"""New ClinVar knowledge opens each review once, on both databases."""

from __future__ import annotations

from pathlib import Path

from support.hereditary_genomes import MODULE, NEW, hereditary_service, take_everybody_in

from ror_service import reanalysis
from ror_service.storage import migrations
from ror_service.storage.database import make_engine
from ror_service.storage.tables import ReviewCaseRow


def test_each_review_is_opened_once(tmp_path: Path, database_url: str) -> None:
    engine = make_engine(database_url)
    migrations.upgrade(engine)
    engine.dispose()
    with hereditary_service(tmp_path / "service", database_url=database_url) as service:
        take_everybody_in(service)
        interpreter = service.context.interpreter(MODULE, NEW)
        opened = []
        for _ in range(2):
            service.clock.advance(minutes=1)
            found = reanalysis.reanalyze(service.context, interpreter, dry_run=False)
            opened.append({done.sample_id for done in found if done.opened})
        assert opened == [{"sample-of-P-lost", "sample-of-P-gained"}, set()]
        reviews = service.rows(ReviewCaseRow, ReviewCaseRow.state == "new")
        assert sorted(row.reasons[0] for row in reviews) == [
            "hereditary_candidate_positive",
            "hereditary_candidate_positive",
            "reanalysis_finding_not_supported",
            "reanalysis_new_finding",
        ]
