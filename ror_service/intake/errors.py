"""One typed error for everything that stops a genotype file: what, where, and what to do about it.

Messages never quote the content of a file: no genotype, no sample name, no text of an unknown writer reaches a log.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any


class Problem(StrEnum):
    """Why a file is refused."""

    NOT_A_VCF = "not_a_vcf"
    TRUNCATED = "truncated"
    DAMAGED = "damaged"
    BAD_HEADER = "bad_header"
    BAD_RECORD = "bad_record"
    HEADER_ONLY = "header_only"
    UNKNOWN_CONTIG = "unknown_contig"
    CONFLICTING_RECORDS = "conflicting_records"
    NO_SAMPLE = "no_sample"
    SEVERAL_SAMPLES = "several_samples"
    BAD_SAMPLE_NAME = "bad_sample_name"
    BUILD_UNKNOWN = "build_unknown"
    BUILD_MISMATCH = "build_mismatch"
    BUILD_UNSUPPORTED = "build_unsupported"
    TOO_LARGE = "too_large"
    LINE_TOO_LONG = "line_too_long"
    HEADER_TOO_LARGE = "header_too_large"
    TOO_MANY_CONTIGS = "too_many_contigs"
    CHECKSUM_MISMATCH = "checksum_mismatch"
    BAD_CALLABLE_FILE = "bad_callable_file"
    BAD_OUTSIDE_CALLS = "bad_outside_calls"
    BAD_ASSAYED_SITES = "bad_assayed_sites"
    UNREADABLE = "unreadable"
    READER_KILLED = "reader_killed"
    READER_TIMED_OUT = "reader_timed_out"
    READER_FAILED = "reader_failed"
    NOT_CONFINED = "not_confined"


_SEND_AGAIN = "ask the laboratory to send the file again and compare its SHA-256"
_WRITE_AGAIN = "ask the laboratory to correct the export; `bcftools view` shows whether a file is valid"

REMEDIES: dict[Problem, str] = {
    Problem.NOT_A_VCF: "send VCF or gVCF, plain or compressed by bgzip or gzip; or raw text of 23andMe, AncestryDNA,"
    " FamilyTreeDNA or MyHeritage as it was downloaded",
    Problem.TRUNCATED: _SEND_AGAIN,
    Problem.DAMAGED: _SEND_AGAIN,
    Problem.BAD_HEADER: _WRITE_AGAIN,
    Problem.BAD_RECORD: _WRITE_AGAIN,
    Problem.HEADER_ONLY: "check the laboratory's export: a file without records does not say that nothing was found",
    Problem.UNKNOWN_CONTIG: "declare every contig in the header, or leave its records out",
    Problem.CONFLICTING_RECORDS: "keep one record for each site and alternate allele",
    Problem.NO_SAMPLE: "send the file with its genotype columns (FORMAT and one sample)",
    Problem.SEVERAL_SAMPLES: "split the file by sample, for example with `bcftools +split`",
    Problem.BAD_SAMPLE_NAME: "use 1 to 128 letters, digits, dots, hyphens and underscores (`bcftools reheader -s`)",
    Problem.BUILD_UNKNOWN: "give ##contig lines with the lengths of the GRCh38 or GRCh37 chromosomes",
    Problem.BUILD_MISMATCH: "call all chromosomes against one build, GRCh38 or GRCh37, and name that one",
    Problem.BUILD_UNSUPPORTED: "call or lift the file to GRCh38",
    Problem.TOO_LARGE: "send one sample a file, or have the operator raise the limit",
    Problem.LINE_TOO_LONG: "remove over-long annotations (`bcftools annotate -x INFO`)",
    Problem.HEADER_TOO_LARGE: "remove header lines that are not needed (`bcftools annotate`, `bcftools reheader`)",
    Problem.TOO_MANY_CONTIGS: "declare only the contigs of the reference that was used",
    Problem.CHECKSUM_MISMATCH: _SEND_AGAIN,
    Problem.BAD_CALLABLE_FILE: "send a BED file (chromosome, start from 0, end) of the same build as the genotypes",
    Problem.BAD_ASSAYED_SITES: "send a sites VCF, a table (chromosome, position, REF, ALT), BED or an array's manifest",
    Problem.BAD_OUTSIDE_CALLS: "send gene, diplotype, phenotype and activity score separated by tabs, or the JSON form",
    Problem.UNREADABLE: "check that the file is there and may be read",
    Problem.READER_KILLED: "do not try again; look at the file with care: it exceeded a limit or broke the reader",
    Problem.READER_TIMED_OUT: "do not try again; look at the file with care: it exceeded the time limit",
    Problem.READER_FAILED: "report this as a fault of the reader, with the file's SHA-256",
    Problem.NOT_CONFINED: "allow seccomp or user namespaces on this machine",
}


class IntakeError(Exception):
    """A genotype file, or a file that belongs to it, cannot be used.

    Args:
        code: Kind of problem.
        problem: The problem in words, without any content of the file.
        line: Line number in the decompressed text, 1-based, where there is one.
        file: File as the caller named it; filled in by whoever knows it.
        remedy: What to do; the usual remedy of the code when not given.
    """

    def __init__(
        self, code: Problem, problem: str, *, line: int | None = None, file: str = "", remedy: str | None = None
    ) -> None:
        super().__init__(code, problem, line, file)
        self.code = code
        self.problem = problem
        self.line = line
        self.file = file
        self.remedy = REMEDIES[code] if remedy is None else remedy

    def __str__(self) -> str:
        where = ", ".join(part for part in (self.file, f"line {self.line}" if self.line else "") if part)
        return f"{where + ': ' if where else ''}{self.problem} ({self.code}). Remedy: {self.remedy}."

    def in_file(self, file: str) -> IntakeError:
        """The same error with the file's name."""
        return IntakeError(self.code, self.problem, line=self.line, file=file, remedy=self.remedy)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON object, also how the error travels from the reading process."""
        return {
            "code": self.code.value,
            "file": self.file,
            "line": self.line,
            "problem": self.problem,
            "remedy": self.remedy,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> IntakeError:
        """The error that `to_json` wrote."""
        return cls(Problem(data["code"]), data["problem"], line=data["line"], file=data["file"], remedy=data["remedy"])
