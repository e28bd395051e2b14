"""For long runs whose lines the tests of their parts cover: measuring them would double their time."""

import pytest


@pytest.fixture(autouse=True)
def without_coverage(monkeypatch: pytest.MonkeyPatch, no_cover: None) -> None:
    """Measures neither the test nor the commands that it starts."""
    del no_cover
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
