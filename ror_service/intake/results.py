"""What reading a genotype file yields, and the limits it is read under."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from interpreters.genotypes import Build, GenotypeCalls

MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps on one file. The defaults leave room for a gVCF of a deep genome and stop what was made to exhaust us."""

    file_bytes: int = 16 << 30
    text_bytes: int = 128 << 30
    """Decompressed size."""
    line_bytes: int = 8 * MEBIBYTE
    header_bytes: int = 16 * MEBIBYTE
    contigs: int = 20_000
    kept_records: int = 2_000_000
    memory_bytes: int = 1 << 30
    """Address space of the reading process; what it really holds is a fraction of that."""
    cpu_seconds: int = 900
    wall_seconds: float = 1800
    reply_bytes: int = 512 * MEBIBYTE
    """What the reading process may send back."""
    require_confinement: bool = True
    """Refuse to read where the process cannot be shut off from network, files and other programs."""


class Container(StrEnum):
    """How the text is stored."""

    PLAIN = "plain"
    GZIP = "gzip"
    BGZF = "bgzf"


class Confinement(StrEnum):
    """What held the reading process while it read."""

    SYSTEM_CALLS = "system_calls"
    """A system-call filter: no network, no new files, no programs."""
    NAMESPACE = "namespace"
    """A network namespace without any interface."""
    NONE = "none"


class Flag(StrEnum):
    """Something odd that does not stop a file, but that the QC gate must name before any report."""

    CARRIAGE_RETURNS = "carriage_returns"
    NO_FINAL_NEWLINE = "no_final_newline"
    EMPTY_LAST_LINES = "empty_last_lines"
    NAME_SAYS_COMPRESSED = "name_says_compressed"
    UNSORTED = "unsorted"
    REPEATED_RECORDS = "repeated_records"
    NO_CHR_PREFIX = "no_chr_prefix"
    MITOCHONDRIAL_REFERENCE = "mitochondrial_reference"
    POSITION_ZERO = "position_zero"
    AMBIGUOUS_BASE = "ambiguous_base"
    LOWER_CASE_BASE = "lower_case_base"
    SPANNING_ALLELE_ALONE = "spanning_allele_alone"
    MANY_ALTERNATES = "many_alternates"
    UNDECLARED_INFO = "undeclared_info"
    UNDECLARED_FILTER = "undeclared_filter"
    BAD_NUMBER = "bad_number"
    ALLELE_DEPTH_COUNT = "allele_depth_count"
    GENOTYPE_NOT_FIRST = "genotype_not_first"
    HALF_CALL = "half_call"
    CONFLICTING_PROBES = "conflicting_probes"
    """Probes of an array at one position that disagree; read as no call."""
    UNSPELLED_INDEL = "unspelled_indel"
    """Insertions and deletions of an array whose alleles are D and I; left out."""
    UNEXPECTED_ALLELE = "unexpected_allele"
    """Letters of raw text that are not among the known bases of their site; read as no call."""
    STRAND_UNCHECKED = "strand_unchecked"
    """Letters of raw text at A/T and C/G sites of a file whose strand other sites do not show; read as no call."""


@dataclass(frozen=True, slots=True)
class Flagged:
    """How often a flag was raised in the records that were looked at, and where first."""

    count: int
    line: int
    """First line, 0 for the file as a whole."""


@dataclass(frozen=True, slots=True)
class ReadMetrics:
    """Counts over the whole file, from the same pass. Genotype counts are of records with an unfiltered genotype."""

    records: int = 0
    autosomal: int = 0
    chromosome_x: int = 0
    chromosome_y: int = 0
    mitochondrial: int = 0
    other_contigs: int = 0
    filtered: int = 0
    no_calls: int = 0
    explicit_reference: int = 0
    """Records that say homozygous (or haploid) reference without being a block."""
    reference_blocks: int = 0
    x_heterozygous: int = 0
    """Chromosome X outside the pseudo-autosomal regions."""
    x_homozygous_alternate: int = 0
    x_haploid: int = 0
    """Haploid genotypes, whatever the allele."""
    y_called: int = 0
    """Called alternate genotypes on chromosome Y outside the pseudo-autosomal regions; of raw text all called ones."""
    half_calls: int = 0
    heterozygous: int = 0
    """On any chromosome; as the next three, only of records that pass their filters."""
    homozygous_alternate: int = 0
    transitions: int = 0
    """Single-base substitutions A-G and C-T that the sample carries; the first alternate of several."""
    transversions: int = 0
    known_here: int = 0
    """Records of a VCF that spell the bases of a known site of the file's build."""
    known_elsewhere: int = 0
    """Records of a VCF that spell the bases of a known site of another build, and are no known site of the file's."""
    x_called: int = 0
    """Called genotypes on chromosome X outside the pseudo-autosomal regions; as the next two, of raw text alone."""
    insertions_or_deletions: int = 0
    """Lines that say D or I, whose sequence nobody spells."""
    without_reference_base: int = 0
    """Lines at wanted positions that were not read, because their reference base is not known."""

    @property
    def varied(self) -> int:
        """Records that call something else than the reference."""
        return self.records - self.reference_blocks - self.explicit_reference - self.no_calls


@dataclass(frozen=True, slots=True)
class HeaderFacts:
    """What the header says, as far as anyone later needs it."""

    file_format: str
    """`VCFv4.2` or the like, or the company whose raw text it is."""
    reference: str | None
    contigs: int
    chr_prefix: bool

    @property
    def is_raw_text(self) -> bool:
        """Whether the file is the raw text of a consumer's array: letters without reference bases, depth or quality."""
        return not self.file_format.startswith("VCF")


@dataclass(frozen=True, slots=True)
class ReadResult:
    """One genotype file, read to its end."""

    calls: GenotypeCalls
    build: Build
    sha256: str
    size: int
    """Bytes of the file as it is stored."""
    sample_name: str
    """Empty for raw text, which names none."""
    header: HeaderFacts
    metrics: ReadMetrics
    container: Container
    flags: Mapping[Flag, Flagged] = field(default_factory=dict)
    confinement: Confinement = Confinement.NONE
    cpu_seconds: float = 0.0
    """CPU time of the reading process, start-up included; 0 when read in this process."""
    peak_memory_bytes: int = 0
    """Largest resident size of the reading process; 0 when read in this process."""
