"""A review through the pages of staff on PostgreSQL, where each role sees only the rows that it may."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.consent_facts import PERSON
from support.portal import browser, text_of
from support.service import CENTER, COUNSELOR, DIRECTOR, limited_service

from consent.types import DocumentType
from ror_service import pipeline
from ror_service.api.tokens import Role
from ror_service.states import CaseState

if TYPE_CHECKING:
    from pathlib import Path

    from support.servers import PostgresServer

OTHER = "P-other"


def test_from_the_list_to_the_report(tmp_path: Path, postgres_server: PostgresServer) -> None:
    with postgres_server.database() as url, limited_service(tmp_path / "service", url) as service:
        case_id, review_id = service.positive()
        service.consent(document=DocumentType.RE_CONTACT)
        service.available("traits", OTHER)
        with browser(service) as visitor:
            for name, role in ((COUNSELOR.name, Role.GENETIC_COUNSELOR), (DIRECTOR.name, Role.LABORATORY_DIRECTOR)):
                service.clock.advance(minutes=1)
                visitor.enter(name, role)
                assert review_id[7:15] in visitor.shows("queue")
                for step in ("claim", "release", "claim"):
                    assert visitor.send(f"queue/{review_id}/{step}").status_code == 303
                assert visitor.send(f"queue/{review_id}/notes", text=f"looked at by {name}").status_code == 303
                assert f"looked at by {COUNSELOR.name}" in visitor.shows(f"queue/{review_id}")
                assert visitor.send("queue/filters", name=f"of {role}", query="owner=me").status_code == 303
                assert f"of {role}" in visitor.shows("queue")
                assert "BRCA2" in visitor.shows(f"queue/{review_id}")
                answer = visitor.send(f"queue/{review_id}/sign", disposition="report", reason="as seen")
                assert answer.status_code == 303, text_of(answer)
            assert "samples that were searched" in visitor.shows(f"queue/{review_id}/affected")
            service.confirm(review_id)
            visitor.enter(COUNSELOR.name, Role.GENETIC_COUNSELOR)
            assert "1 waiting" in visitor.shows("disclosures")
            assert visitor.send(f"disclosures/{case_id}/outreach", tried="reached").status_code == 303
            appointment = f"disclosures/{case_id}/appointment"
            assert visitor.send(appointment, starts_at="2099-01-01T10:30", way="video").status_code == 303
            assert "Appointment 2099-01-01 10:30 UTC" in visitor.shows("disclosures")
            visitor.enter(PERSON)
            assert "Your call with a genetic counselor is on" in visitor.shows("en/talk")
            visitor.enter(COUNSELOR.name, Role.GENETIC_COUNSELOR)
            assert visitor.send("queue/filters/delete", name=f"of {Role.GENETIC_COUNSELOR}").status_code == 303
            assert "Delete" not in visitor.shows("queue")
            assert visitor.send(f"disclosures/{case_id}/outcome", outcome="completed").status_code == 303
            pipeline.release_report(service.context, case_id)
            assert service.state("hereditary_risk") is CaseState.AVAILABLE

            identity_case_id = service.identity_case(PERSON, OTHER)
            visitor.enter(DIRECTOR.name, Role.LABORATORY_DIRECTOR)
            assert PERSON in visitor.shows(f"identity/{identity_case_id}")
            assert visitor.send(f"identity/{identity_case_id}/resolve", reason="the tubes are right").status_code == 303

            visitor.enter("operator-1", Role.OPERATOR)
            assert "hereditary risk" in visitor.shows("operations")
            assert "No judgement" in visitor.shows("operations/yield")
            visitor.enter(CENTER.name, Role.GENOME_CENTER)
            assert f"sample-of-{OTHER}" in visitor.shows("laboratory")
