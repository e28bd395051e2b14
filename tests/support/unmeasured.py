"""Tests that run the same lines over and over: measuring the coverage of each would double their time.

Their lines are covered by the tests of the parts, and the gates of `script/test` tell when they are not.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

FOLDERS = ("browser/", "end_to_end/", "integration/", "unit/benchmarks/")
FILES = (
    "unit/consent/test_decision_agrees_with_oracle.py",
    "unit/interpreters/ancestry/test_apart.py",
    "unit/interpreters/hereditary_risk/test_properties.py",
    "unit/interpreters/pharmacogenomics/test_files.py",
    "unit/interpreters/test_contract.py",
    "unit/report_templates/test_ancestry_view.py",
    "unit/report_templates/test_render.py",
    "unit/ror_service/api/test_access_matrix.py",
    "unit/ror_service/cli/test_interpret_hereditary.py",
    "unit/ror_service/cli/test_reanalyze.py",
    "unit/ror_service/cli/test_reference.py",
    "unit/ror_service/genotypes/test_interpretations_from_the_store.py",
    "unit/ror_service/intake/test_hostile_files.py",
    "unit/ror_service/intake/test_isolation_stream.py",
    "unit/ror_service/intake/test_submission_in_batches.py",
    "unit/ror_service/interchange/test_profiles.py",
    "unit/ror_service/rendering/test_report_pages.py",
    "unit/ror_service/test_hereditary_reanalysis.py",
    "unit/ror_service/test_release_model.py",
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Let no worker of pytest-xdist begin to be measured as any other process does.

    A pause of pytest-cov ends the measuring that began last; one that began before would go on in its place.
    """
    os.environ.pop("COVERAGE_PROCESS_CONFIG", None)


def pytest_configure(config: pytest.Config) -> None:
    """In a worker pytest-cov begins twice: as if it were alone, and again for the worker when the session starts."""
    measuring = config.pluginmanager.get_plugin("_cov")
    if hasattr(config, "workerinput") and measuring is not None:
        measuring.cov_controller.pause()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark them, and every test that asks for it itself."""
    for item in items:
        name = item.nodeid.removeprefix("tests/")
        if name.startswith(FOLDERS) or name.partition("::")[0] in FILES:
            item.add_marker(pytest.mark.no_cover)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Nor are the commands measured that such a test or its fixtures start."""
    with pytest.MonkeyPatch.context() as patch:
        if item.get_closest_marker("no_cover"):
            patch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
        return (yield)
