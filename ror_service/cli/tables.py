"""Tables on the terminal."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table

_WIDTH = 200
"""Columns where there is no terminal, so that a script reads identifiers whole."""


def show(table: Table) -> None:
    """Print a table as wide as the terminal, or as it needs to be for a file or another program."""
    Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH).print(table)
