"""How a measurement tells that a promise was kept: by one line, which `ror prove` gathers into its table."""

from __future__ import annotations


def tell(promise: str, figure: str, *, held: bool) -> bool:
    """Print a promise with what was measured, and give back whether it held (for the exit status).

    Args:
        promise: What the service promises, a sentence without a tab.
        figure: What was measured of it, with units.
        held: Whether the figure keeps the promise.
    """
    print("\t".join(("promise", promise, figure, "held" if held else "BROKEN")))
    return held
