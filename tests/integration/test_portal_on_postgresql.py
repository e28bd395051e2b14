"""A participant's way through the portal on PostgreSQL, where people see only the rows that they may."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.portal import browser
from support.service import limited_service

from ror_service.states import CaseState

if TYPE_CHECKING:
    from pathlib import Path

    from support.servers import PostgresServer

OTHER = "P-other"


def test_from_the_first_page_to_the_receipt(tmp_path: Path, postgres_server: PostgresServer) -> None:
    with postgres_server.database() as url, limited_service(tmp_path / "service", url) as service:
        service.available("pharmacogenomics")
        service.available("traits", OTHER)
        with browser(service) as visitor:
            visitor.enter()
            assert "/results/pharmacogenomics" in visitor.get("en/").text
            assert "/results/traits" not in visitor.get("en/").text
            assert visitor.get("en/results/traits").status_code == 404
            assert "Version 1 of" in visitor.shows("en/results/pharmacogenomics")
            opened = visitor.get("en/results/pharmacogenomics/participant.en.html")
            assert b"for the participant" in opened.content
            assert "You Medicines and your DNA, version 1" in visitor.shows("en/access")
            question = {"question": "do_not_stop", "option": "c"}
            assert "That is right." in visitor.send("en/choices/pharmacogenomics/answer", **question).text
            assert visitor.send("en/medicines", add="codeine").status_code == 303
            assert "Remove codeine" in visitor.shows("en/medicines")
            assert "Saved: no" in visitor.send("en/choices/ancestry", answer="no").text
            assert visitor.send("en/withdraw/all_results", sure="yes").status_code == 303
            assert "your reports, with all their versions" in visitor.shows("en/withdraw/done")
            assert visitor.get("en/results/pharmacogenomics/participant.en.html").status_code in {403, 404, 410}
        assert service.state("traits", OTHER) is CaseState.AVAILABLE
