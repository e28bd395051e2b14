"""One person's way from a manifest to a report read on a phone, and out again, through every real part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from support import browser as real
from support.browser import Pointer
from support.main_job import LEAVER, check_left
from support.service_fixtures import _or_skip
from support.stack import Processes, Stack, production

from ror_service.api.tokens import Role

if TYPE_CHECKING:
    from pathlib import Path

    from support.browser import Tab

pytestmark = [pytest.mark.browser, pytest.mark.services]
HOME = "/portal/en"
FILE = "participant.en.pdf"


@dataclass(frozen=True, slots=True)
class StackSite:
    """The portal of a stack, as browsers reach it."""

    stack: Stack

    @property
    def base_url(self) -> str:
        return self.stack.base_url

    def token(self, subject: str, role: Role = Role.PARTICIPANT) -> str:
        return self.stack.programme.issue_token(subject, role)


def test_from_the_manifest_to_the_report_and_out_again(
    tmp_path: Path, genomes: dict[str, Path], postgres_url: str, rabbitmq_url: str
) -> None:
    genome = genomes[LEAVER.participant_id]
    with production(tmp_path, postgres_url, rabbitmq_url) as stack, Processes(stack.context.settings, tmp_path) as run:
        run.start("worker")
        run.start("relay")
        programme = stack.programme
        programme.enroll(LEAVER.participant_id, language="en", birth_date=LEAVER.birth_date, sex=LEAVER.declared_sex)
        programme.submit(LEAVER.participant_id, genome, sex=LEAVER.declared_sex)
        stack.run_jobs()
        with (
            _or_skip(real.chromium()) as browser,
            real.tab(browser, StackSite(stack), LEAVER.participant_id) as tab,
        ):
            use, page = Pointer(tab.page), tab.page

            tab.open(f"{HOME}/")
            assert not page.locator(f"main a[href^='{HOME}/results/']").count(), "nothing is there to be read yet"
            use.press(f"main a[href='{HOME}/choices/traits']")
            use.press("#yes")
            use.press("#choice button")
            stack.run_jobs()
            assert stack.progress(LEAVER)["traits"] == "delivered"
            assert len(stack.ledger("accepted")) == 1

            tab.open(f"{HOME}/")
            use.press(f"main a[href='{HOME}/results/traits']")
            with page.expect_download() as kept:
                use.press(f"main a[href$='{FILE}']")
            assert kept.value.path().read_bytes() == _read(stack)
            use.press("main a[href$='participant.en.html']")
            assert LEAVER.participant_id in page.content()
            assert not tab.is_too_wide()

            tab.open(f"{HOME}/withdraw")
            use.press(f"main a[href='{HOME}/withdraw/leave']")
            use.press("#sure")
            use.press("main form button")
            page.wait_for_url(f"{tab.base_url}{HOME}/withdraw/done")
            assert page.locator("[role=status]").inner_text()
            assert tab.faults == []
            assert _status(tab, f"{HOME}/results/traits/{FILE}") in {403, 404, 410}
            stack.run_jobs()
        check_left(stack, LEAVER)
        stack.verify_audit()
        assert not [word for word in ("Traceback", '"trace"', '"critical"') if word in run.output()]


def _read(stack: Stack) -> bytes:
    return stack.read_all(LEAVER)[f"traits/{FILE}"]


def _status(tab: Tab, path: str) -> int:
    return tab.page.request.get(tab.base_url + path).status
