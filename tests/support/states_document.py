"""Makes `docs/reference/states.md` from the state tables.

In the folder `tests`: `../.venv/bin/python -m support.states_document > ../docs/reference/states.md`.
"""

from __future__ import annotations

import sys

from ror_service import states

TABLES = {
    "Result case": (states.CaseState, states.CASE),
    "Report version": (states.VersionState, states.VERSION),
    "Review": (states.ReviewState, states.REVIEW),
    "Delivery": (states.DeliveryState, states.DELIVERY),
    "Recall": (states.RecallState, states.RECALL),
}


def document() -> str:
    """The whole page."""
    lines = [
        "# States",
        "",
        "Made from `ror_service/states.py`; a transition that is not listed is refused. A result case begins as",
        "`awaiting_data`; [consent and release](../explanation/consent-and-release.md) says what the participant sees.",
        "An open [identity case](../howto/operate.md#samples-that-may-be-another-persons) withholds in every state.",
        "",
    ]
    for title, (kind, table) in TABLES.items():
        lines += [f"## {title}", "", f"{(kind.__doc__ or '').strip()}", "", "| state | leads to |", "| --- | --- |"]
        for state in kind:
            targets = ", ".join(f"`{target.value}`" for target in kind if target in table[state])
            lines.append(f"| `{state.value}` | {targets or 'nothing: it is an end'} |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(document())
