"""Names that come from outside: letters, digits and a few marks, so that none is a path, a formula or markup."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""Name of a person, sample, review, case or event."""
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
SHOWN = r"^[ -~\u00a0-\u00ac\u00ae-\u017f\u0391-\u03a1\u03a3-\u03c9\u2013\u2014\u2018-\u201d\u2022\u2026\u2122]*$"
"""Latin and Greek letters, digits and marks: characters that the fonts of the reports hold. With any other, a report
could not be made; and none hides what is around it or turns its direction."""
