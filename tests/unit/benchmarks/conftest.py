"""Long runs: their lines are covered by the tests of their parts."""

from support.unmeasured import without_coverage

__all__ = ["without_coverage"]
