"""Facts of the reference builds: chromosome lengths, pseudo-autosomal regions, names; and how a header tells its build.

Lengths: Genome Reference Consortium, GRCh38 and GRCh37 primary assemblies; NCBI36 chromosome 1 to name that build when
it comes. Pseudo-autosomal regions: Genome Reference Consortium, as given with each assembly.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from types import MappingProxyType

from interpreters.genotypes import Build, Interval
from ror_service.intake.errors import IntakeError, Problem

CHROMOSOMES = (*(str(number) for number in range(1, 23)), "X", "Y", "MT")

_LENGTHS_38 = (
    *(248956422, 242193529, 198295559, 190214555, 181538259, 170805979, 159345973, 145138636, 138394717, 133797422),
    *(135086622, 133275309, 114364328, 107043718, 101991189, 90338345, 83257441, 80373285, 58617616, 64444167),
    *(46709983, 50818468, 156040895, 57227415, 16569),
)
_LENGTHS_37 = (
    *(249250621, 243199373, 198022430, 191154276, 180915260, 171115067, 159138663, 146364022, 141213431, 135534747),
    *(135006516, 133851895, 115169878, 107349540, 102531392, 90354753, 81195210, 78077248, 59128983, 63025520),
    *(48129895, 51304566, 155270560, 59373566, 16569),
)
LENGTHS = MappingProxyType(
    {
        Build.GRCH38: MappingProxyType(dict(zip(CHROMOSOMES, _LENGTHS_38, strict=True))),
        Build.GRCH37: MappingProxyType(dict(zip(CHROMOSOMES, _LENGTHS_37, strict=True))),
    }
)
NCBI36_CHROMOSOME_1 = 247249719
OLD_MITOCHONDRION = 16571
"""Length of the mitochondrial sequence of UCSC hg19 (NC_001807), whose coordinates differ from the standard one."""

PSEUDO_AUTOSOMAL = MappingProxyType(
    {
        Build.GRCH38: (
            *(Interval("X", 10001, 2781479), Interval("X", 155701383, 156030895)),
            *(Interval("Y", 10001, 2781479), Interval("Y", 56887903, 57217415)),
        ),
        Build.GRCH37: (
            *(Interval("X", 60001, 2699520), Interval("X", 154931044, 155260560)),
            *(Interval("Y", 10001, 2649520), Interval("Y", 59034050, 59363566)),
        ),
    }
)

_NAMES_IN_TEXT = (
    (
        Build.GRCH38,
        re.compile(r"grch38|hg38|(?<![a-z0-9])b38|hs38|gca_000001405\.(?:1[5-9]|2\d)|grc_?h?38", re.IGNORECASE),
    ),
    (
        Build.GRCH37,
        re.compile(
            r"grch37|hg19|(?<![a-z0-9])b37|hs37|g1k_v37|human_v37|gca_000001405\.(?:[1-9]|1[0-4])(?!\d)", re.IGNORECASE
        ),
    ),
    (None, re.compile(r"ncbi_?36|grch36|hg18|(?<![a-z0-9])b36|hg17|ncbi_?35", re.IGNORECASE)),
)


def chromosome_of(name: str, length: int | None = None) -> str | None:
    """Our name of a chromosome ("1" to "22", "X", "Y", "MT"), or None for any other sequence.

    Args:
        name: Name as a file spells it, with or without "chr".
        length: Declared length, which tells the old mitochondrial sequence apart (that one is None).
    """
    bare = name[3:] if name[:3].lower() == "chr" else name
    bare = "MT" if bare == "M" else bare
    if bare == "MT" and length == OLD_MITOCHONDRION:
        return None
    return bare if bare in LENGTHS[Build.GRCH38] else None


def build_in_text(text: str) -> Build | None:
    """The build that a free text such as ##reference names, or None when it names none or several.

    Raises:
        IntakeError: `build_unsupported` when it names an older one.
    """
    named = [build for build, pattern in _NAMES_IN_TEXT if pattern.search(text)]
    if len(named) != 1:
        return None
    if named[0] is None:
        raise IntakeError(Problem.BUILD_UNSUPPORTED, "the header names a build older than GRCh37")
    return named[0]


def tell_build(contigs: Iterable[tuple[str, int | None, str | None]], reference: str | None) -> Build:
    """The one build that the header of a file speaks of.

    Lengths of chromosomes decide. Only without any length do the words of `##contig assembly=` and `##reference` count;
    where both are there they must not disagree.

    Args:
        contigs: Name, length and assembly of each ##contig line.
        reference: Value of ##reference.

    Raises:
        IntakeError: `build_unknown`, `build_mismatch` or `build_unsupported`.
    """
    by_length: set[Build] = set()
    by_word: set[Build] = set()
    strange = False
    for name, length, assembly in contigs:
        chromosome = chromosome_of(name, length)
        if chromosome is None or chromosome == "MT":
            continue
        if length is None:
            named = build_in_text(assembly) if assembly else None
            by_word |= {named} if named else set()
            continue
        if chromosome == "1" and length == NCBI36_CHROMOSOME_1:
            raise IntakeError(Problem.BUILD_UNSUPPORTED, "the chromosome lengths are those of NCBI36 (hg18)")
        known = {build for build, lengths in LENGTHS.items() if lengths[chromosome] == length}
        by_length |= known
        strange = strange or not known
    if reference and (named := build_in_text(reference)):
        by_word.add(named)
    if len(by_length | by_word) > 1 or (strange and by_length):
        raise IntakeError(Problem.BUILD_MISMATCH, "the header speaks of more than one reference build")
    if strange:
        raise IntakeError(Problem.BUILD_UNKNOWN, "the chromosome lengths are of no build that we know")
    for build in by_length | by_word:
        return build
    raise IntakeError(Problem.BUILD_UNKNOWN, "the header does not tell the reference build")
