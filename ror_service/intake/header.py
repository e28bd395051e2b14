"""The header of a VCF file: what the reader needs of it, strictly checked."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from interpreters.genotypes import Build
from ror_service.intake.builds import LENGTHS, chromosome_of, tell_build
from ror_service.intake.errors import IntakeError, Problem
from ror_service.intake.results import HeaderFacts, Limits

_VERSION = re.compile(r"##fileformat=VCFv4\.[0-5]")
_COLUMNS = ("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO")
_CONTIG_NAME = re.compile(r"[0-9A-Za-z!#$%&+./:;?@^_|~-][0-9A-Za-z!#$%&*+./:;=?@^_|~-]*")
_SAMPLE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_DEFINITION = re.compile(r"##(contig|INFO|FORMAT|FILTER)=<ID=([^,>]*)(.*)>\s*")
_ATTRIBUTE = re.compile(r"(?:^|,)(length|assembly|Type)=\"?([^,\"]*)")
_SEQUENCE_FILE = re.compile(r"\.(?:fa|fasta|fna|fas|2bit|dict|mmi)(?:\.b?gz)?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Contig:
    """One sequence that records may lie on."""

    chromosome: str | None
    """Our name; None for a sequence that nothing is read from."""
    length: int | None
    declared: bool = True
    """False for one that a record named in a file without ##contig lines."""


@dataclass(slots=True)
class Header:
    """A checked header. `contigs` is empty when the file declares none."""

    file_format: str = ""
    reference: str | None = None
    sample_name: str = ""
    build: Build = Build.GRCH38
    contigs: dict[bytes, Contig] = field(default_factory=dict)
    info_types: dict[str, str] = field(default_factory=dict)
    filters: set[str] = field(default_factory=lambda: {"PASS"})
    formats: set[str] = field(default_factory=set)
    lines: int = 0
    annotation_fields: tuple[str, ...] = ()
    """Sub-fields of INFO/CSQ in the order that the header gives them."""
    has_chr_prefix: bool = False
    from_intensities: bool = False
    """Whether a known program wrote the file from an array's intensities."""

    @property
    def of_probes(self) -> bool:
        """Whether the records are probes of an array, of which several may lie at one position and disagree."""
        return (
            self.from_intensities
            or {"ALLELE_A", "ALLELE_B"} <= self.info_types.keys()
            or {"BAF", "LRR"} <= self.formats
        )

    def contig(self, name: bytes, line: int) -> Contig:
        """The sequence that a record names.

        Raises:
            IntakeError: `unknown_contig` if the header declares contigs, but not this one.
        """
        known = self.contigs.get(name)
        if known is not None:
            return known
        declares = any(contig.chromosome and contig.declared for contig in self.contigs.values())
        text = name.decode("ascii", "replace")
        chromosome = chromosome_of(text)
        if declares or not _CONTIG_NAME.fullmatch(text) or chromosome is None:
            raise IntakeError(Problem.UNKNOWN_CONTIG, "CHROM is not declared in the header", line=line)
        self.has_chr_prefix = self.has_chr_prefix or text.startswith("chr")
        found = Contig(chromosome, LENGTHS[self.build][chromosome], declared=False)
        self.contigs[name] = found
        return found

    @property
    def facts(self) -> HeaderFacts:
        """The part that outlives the reading."""
        return HeaderFacts(self.file_format, self.reference, len(self.contigs), self.has_chr_prefix)


def parse_header(text: bytes, limits: Limits, *, with_sample: bool = True) -> Header:
    """Check and read a header.

    Args:
        text: All lines up to and with the #CHROM line, separated by newlines only.
        limits: Caps on line length and contigs.
        with_sample: False for a list of sites, which has no genotypes.

    Raises:
        IntakeError: `not_a_vcf`, `bad_header`, `no_sample`, `several_samples`, `bad_sample_name`, `too_many_contigs`,
            `line_too_long` or one of the build codes.
    """
    try:
        lines = text.decode("utf-8").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        number = text.count(b"\n", 0, error.start) + 1
        raise IntakeError(Problem.BAD_HEADER, "the header is not UTF-8 text", line=number) from error
    header = Header(lines=len(lines))
    if not lines[0].startswith("##fileformat=VCF"):
        raise IntakeError(Problem.NOT_A_VCF, "the first line is not ##fileformat=VCF...", line=1)
    if not _VERSION.fullmatch(lines[0].rstrip()):
        raise IntakeError(Problem.BAD_HEADER, "this VCF version is not known; 4.0 to 4.5 are", line=1)
    header.file_format = lines[0].rstrip().removeprefix("##fileformat=")
    declared: list[tuple[str, int | None, str | None]] = []
    for number, line in enumerate(lines[1:-1], start=2):
        if len(line) > limits.line_bytes:
            raise IntakeError(Problem.LINE_TOO_LONG, "a header line exceeds the limit", line=number)
        _read_meta_line(header, declared, line, number)
        if len(declared) > limits.contigs:
            raise IntakeError(Problem.TOO_MANY_CONTIGS, "too many ##contig lines", line=number)
    columns = _columns(lines[-1], len(lines))
    header.sample_name = _sample_name(columns, len(lines)) if with_sample else ""
    header.build = tell_build(declared, header.reference)
    for name, length, _ in declared:
        header.contigs[name.encode()] = Contig(chromosome_of(name, length), length)
    header.has_chr_prefix = any(
        name.startswith(b"chr") and contig.chromosome for name, contig in header.contigs.items()
    )
    return header


def _read_meta_line(header: Header, declared: list[tuple[str, int | None, str | None]], line: str, number: int) -> None:
    if not line.startswith("##"):
        raise IntakeError(Problem.BAD_HEADER, "a header line does not begin with ##", line=number)
    if line.startswith("##reference="):
        header.reference = _reference(line.removeprefix("##reference=").strip(), number)
        return
    header.from_intensities = header.from_intensities or line.startswith("##source=gtc_to_vcf")
    found = _DEFINITION.fullmatch(line)
    if found is None:
        if line.startswith("##contig="):
            raise IntakeError(Problem.BAD_HEADER, "a ##contig line is not understood", line=number)
        return
    kind, identifier, rest = found.groups()
    attributes = dict(_ATTRIBUTE.findall(rest))
    if kind == "contig":
        declared.append(_contig(identifier, attributes, number))
    elif kind == "INFO":
        header.info_types[identifier] = attributes.get("Type", "String")
        if identifier == "CSQ" and "Format: " in rest:
            header.annotation_fields = tuple(rest.split("Format: ", 1)[1].strip('"> ').split("|"))
    elif kind == "FILTER":
        header.filters.add(identifier)
    else:
        header.formats.add(identifier)


def _contig(name: str, attributes: dict[str, str], number: int) -> tuple[str, int | None, str | None]:
    if not _CONTIG_NAME.fullmatch(name):
        raise IntakeError(Problem.BAD_HEADER, "a contig has a name that VCF does not allow", line=number)
    length = attributes.get("length")
    if length is not None and not (length.isascii() and length.isdigit() and len(length) <= 12):  # noqa: PLR2004 - no contig is longer
        raise IntakeError(Problem.BAD_HEADER, "a contig length is not a whole number", line=number)
    return name, int(length) if length is not None else None, attributes.get("assembly")


def _reference(value: str, number: int) -> str:
    """The ##reference value; a file address must at least be one of a sequence file."""
    if value.lower().startswith("file:") and not _SEQUENCE_FILE.search(value):
        raise IntakeError(Problem.BAD_HEADER, "##reference is the address of a file that is no sequence", line=number)
    return value


def _columns(line: str, number: int) -> list[str]:
    columns = line.split("\t")
    if tuple(columns[: len(_COLUMNS)]) != _COLUMNS:
        raise IntakeError(Problem.BAD_HEADER, "the #CHROM line is missing or not separated by tabs", line=number)
    return columns


def _sample_name(columns: list[str], number: int) -> str:
    samples = columns[len(_COLUMNS) + 1 :]
    if not samples or columns[len(_COLUMNS)] != "FORMAT":
        raise IntakeError(Problem.NO_SAMPLE, "the file has no genotype columns", line=number)
    if len(samples) > 1:
        raise IntakeError(Problem.SEVERAL_SAMPLES, f"the file holds {len(samples)} samples", line=number)
    if not _SAMPLE_NAME.fullmatch(samples[0]):
        raise IntakeError(Problem.BAD_SAMPLE_NAME, "the sample name is empty or has forbidden characters", line=number)
    return samples[0]
