"""The raw text that companies give their customers: which dialects are read, and what a header says.

A dialect is told by the line that names its columns and by the company's name in the lines above. Only companies that
report the plus strand of the reference build are here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from interpreters.genotypes import Build
from ror_service.intake.builds import CHROMOSOMES, build_in_text
from ror_service.intake.errors import IntakeError, Problem
from ror_service.intake.results import Limits

SEX_CHROMOSOMES_BY_NUMBER = {"23": "X", "24": "Y", "25": "X", "26": "MT"}
"""As PLINK counts; 25 is the pseudo-autosomal region, at its positions on X."""
NAMES = {name: name for name in CHROMOSOMES} | {"XY": "X", "M": "MT"}
UNPLACED = frozenset({"0", ""})
"""What stands for the chromosome of a probe without a place."""

DOWNLOAD_AGAIN = "download the raw data again from the company's site: it gives build 37 now"
_SEND_WHOLE = "send the file as it was downloaded, with its header"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one company writes its raw text."""

    name: str
    columns: str
    """The line that names the columns."""
    says: re.Pattern[str] | None
    """What the lines above it must say; None where there are none."""
    separator: str = "\t"
    chromosomes: tuple[tuple[str, str], ...] = tuple(NAMES.items())
    """The company's name of a chromosome, and ours."""

    @property
    def allele_columns(self) -> int:
        """2 where each allele has a column of its own, else 1."""
        return self.columns.count(self.separator) - 2


DIALECTS = (
    Dialect("23andMe", "# rsid\tchromosome\tposition\tgenotype", re.compile(r"23andMe")),
    Dialect(
        "AncestryDNA",
        "rsid\tchromosome\tposition\tallele1\tallele2",
        re.compile(r"AncestryDNA"),
        chromosomes=tuple((NAMES | SEX_CHROMOSOMES_BY_NUMBER).items()),
    ),
    Dialect("MyHeritage", "RSID,CHROMOSOME,POSITION,RESULT", re.compile(r"MyHeritage"), separator=","),
    Dialect("FamilyTreeDNA", "RSID,CHROMOSOME,POSITION,RESULT", None, separator=","),
)

_COLUMN_LINES = frozenset(dialect.columns.encode() for dialect in DIALECTS)
_BUILD = re.compile(r"\bbuild[ =]?(\d\d)\b", re.IGNORECASE)
_BUILDS = {"37": Build.GRCH37, "38": Build.GRCH38}


@dataclass(frozen=True, slots=True)
class RawTextHeader:
    """What stands above the data."""

    dialect: Dialect
    build: Build | None
    """The build that its words name; None where they name none."""
    lines: int


def begins_raw_text(text: bytes) -> bool:
    """Whether a file that begins so is a company's raw text, or claims to be."""
    if text.startswith((b"##fileformat=MyHeritage", b"#")) and not text.startswith((b"##fileformat=VCF", b"#CHROM")):
        return not text.startswith(b"##") or text.startswith(b"##fileformat=MyHeritage")
    return text.split(b"\n", 1)[0] in _COLUMN_LINES


def header_end(text: bytes) -> int:
    """Where the line that names the columns ends; 0 if it is not there yet."""
    start = 0
    while (end := text.find(b"\n", start) + 1) > 0:
        line = text[start : end - 1]
        if line in _COLUMN_LINES or not line.startswith(b"#"):
            return end
        start = end
    return 0


def read_header(text: bytes, limits: Limits) -> RawTextHeader:
    """Tell the dialect and the build that the words name.

    Args:
        text: The lines up to the one that names the columns, which is the last.
        limits: Cap on the header's size.

    Raises:
        IntakeError: `not_a_vcf` for a company or columns that are not read, `header_too_large`, `build_unsupported`
            for a build older than GRCh37, `build_mismatch` if several are named.
    """
    if len(text) > limits.header_bytes:
        raise IntakeError(Problem.HEADER_TOO_LARGE, "the header exceeds the limit")
    *above, columns = text.decode("utf-8", "replace").removesuffix("\n").split("\n")
    words = "\n".join(above)
    dialect = next(
        (
            each
            for each in DIALECTS
            if each.columns == columns and (each.says.search(words) if each.says else not above)
        ),
        None,
    )
    if dialect is None:
        problem = "the columns or the company are not those of a raw text that is read"
        raise IntakeError(Problem.NOT_A_VCF, problem, line=len(above) + 1, remedy=_SEND_WHOLE)
    return RawTextHeader(dialect, _build(words), len(above) + 1)


def _build(words: str) -> Build | None:
    numbers = set(_BUILD.findall(words))
    if numbers - _BUILDS.keys():
        problem = "the header names a reference build that is not read"
        raise IntakeError(Problem.BUILD_UNSUPPORTED, problem, remedy=DOWNLOAD_AGAIN)
    named = {_BUILDS[number] for number in numbers}
    if (spelled := build_in_text(words)) is not None:
        named.add(spelled)
    if len(named) > 1:
        raise IntakeError(Problem.BUILD_MISMATCH, "the header names more than one reference build", remedy=_SEND_WHOLE)
    return next(iter(named), None)
