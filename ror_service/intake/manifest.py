"""What a genome center declares about its samples: one versioned schema for each assay, the same in CSV and JSON.

`docs/reference/manifest.md` and the JSON Schemas beside it are made from these classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from interpreters.genotypes import Assay, Build, Sex
from report_templates.content import SpecimenKind
from ror_service.identifiers import Identifier, Sha256

LARGEST_FILE = 16 << 30
"""Bytes of the largest file that a row may declare."""

FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
FileSize = Annotated[int, Field(ge=1, le=LARGEST_FILE)]
Share = Annotated[float, Field(ge=0, le=1)]
SexChromosomes = Annotated[str, StringConstraints(pattern=r"^(X0|X{1,5}Y{0,4})$")]
Well = Annotated[str, StringConstraints(pattern=r"^[A-P](0[1-9]|1[0-9]|2[0-4])$")]


class SexConcordance(StrEnum):
    """What the laboratory says of the sample's sex against the one that it was told."""

    CONCORDANT = "concordant"
    DISCORDANT = "discordant"
    NOT_DONE = "not_done"


@dataclass(frozen=True, slots=True, kw_only=True)
class LaboratoryFacts:
    """What the laboratory measured on a sample and how it handled it; None where it said nothing.

    Some of it is a finding (the sex chromosomes): it is kept sealed like the genotypes, and not printed.
    """

    collection_tube: str | None = None
    plate: str | None = None
    well: str | None = None
    pipeline_id: str | None = None
    call_rate: float | None = None
    mean_coverage: float | None = None
    callable_fraction: float | None = None
    array_concordance: float | None = None
    inferred_sex: Sex | None = None
    sex_concordance: SexConcordance | None = None
    sex_chromosomes: str | None = None
    other_files: Mapping[str, tuple[str, str, int]] = field(default_factory=dict)
    """Role to name, SHA-256 and bytes of files that stay with the laboratory."""

    def __repr__(self) -> str:
        return "LaboratoryFacts(...)"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON object of what was said."""
        plain = {
            name: getattr(self, name)
            for name in self.__dataclass_fields__
            if name != "other_files" and getattr(self, name) is not None
        }
        if self.other_files:
            plain["other_files"] = {role: list(file) for role, file in sorted(self.other_files.items())}
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """The facts that `to_json` wrote."""
        kinds = {"inferred_sex": Sex, "sex_concordance": SexConcordance}
        values = {name: kinds[name](value) if name in kinds else value for name, value in plain.items()}
        files = {role: tuple(file) for role, file in plain.get("other_files", {}).items()}
        return cls(**(values | {"other_files": files}))


class Row(BaseModel):
    """What the rows of every schema declare."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)
    assay: ClassVar[Assay]
    roles: ClassVar[tuple[str, ...]]
    """Roles of files that a row may declare besides the genotypes; these stay with the laboratory."""

    sample_id: Identifier
    """The center's own name of this assay run; never used twice."""
    participant_id: Identifier
    """The participant as the programme names the person."""
    collection_tube: Identifier
    """Barcode of the tube in which the specimen was collected."""
    plate: Identifier
    """Barcode of the plate on which the DNA was processed."""
    well: Well
    """Well on that plate, `A01` to `P24`."""
    specimen: SpecimenKind
    """Source of the DNA."""
    collected_on: date | None = None
    """Day of the collection, as `YYYY-MM-DD`."""
    sex_at_birth: Sex
    """As the programme told the center."""
    pipeline_id: Identifier
    """Name and version of the center's analysis pipeline."""
    build: Build | None = None
    """Reference build of the genotype file."""
    name_in_file: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")] | None = None
    """Sample name in the genotype file's header."""
    contamination: Share | None = None
    """Estimated share of DNA from another person, 0 to 1."""
    inferred_sex: Sex | None = None
    """Sex as inferred from the sample itself."""
    sex_concordance: SexConcordance | None = None
    """The center's own verdict on sex."""
    sex_chromosomes: SexChromosomes | None = None
    """Sex-chromosome ploidy as inferred from the sample, such as `XX` or `XY`; one X alone is `X` or `X0`."""
    genotypes_file: FileName
    """Name of the genotype file, without a folder."""
    genotypes_sha256: Sha256
    """SHA-256 of the genotype file, in lower-case hexadecimal."""
    genotypes_size: FileSize
    """Bytes of the genotype file."""

    def laboratory_facts(self) -> LaboratoryFacts:
        """Everything that is kept sealed."""
        given = self.model_dump()
        names = LaboratoryFacts.__dataclass_fields__.keys() - {"other_files"}
        files = {
            role: tuple(given[name] for name in file_fields(role))
            for role in self.roles
            if given[file_fields(role)[0]] is not None
        }
        return LaboratoryFacts(**{name: given.get(name) for name in names}, other_files=files)


class WholeGenomeRow(Row):
    """One whole genome."""

    assay = Assay.WGS
    roles = ("callable_regions", "alignment")

    mean_coverage: Annotated[float, Field(ge=0, le=10_000)]
    """Mean coverage of the genome, in reads."""
    callable_fraction: Share
    """Share of the genome with at least 20 reads, 0 to 1."""
    array_concordance: Share | None = None
    """Share of genotypes that agree with the array of the same participant, 0 to 1."""
    callable_regions_file: FileName | None = None
    """Name of the BED file of callable regions."""
    callable_regions_sha256: Sha256 | None = None
    """SHA-256 of that file."""
    callable_regions_size: FileSize | None = None
    """Bytes of that file."""
    alignment_file: FileName | None = None
    """Name of the CRAM or BAM file."""
    alignment_sha256: Sha256 | None = None
    """SHA-256 of that file."""
    alignment_size: Annotated[int, Field(ge=1, le=1 << 44)] | None = None
    """Bytes of that file."""


class ArrayRow(Row):
    """One genotyping array."""

    assay = Assay.ARRAY
    roles = ("intensities",)

    call_rate: Share
    """Share of the array's positions with a genotype, 0 to 1."""
    intensities_file: FileName | None = None
    """Name of the file of intensities, such as GTC."""
    intensities_sha256: Sha256 | None = None
    """SHA-256 of that file."""
    intensities_size: FileSize | None = None
    """Bytes of that file."""


SCHEMAS: Mapping[str, type[Row]] = MappingProxyType(
    {"ror.manifest.wgs/1": WholeGenomeRow, "ror.manifest.array/1": ArrayRow}
)
"""Every schema that is read. A change of meaning is a new schema; an old one stays as long as a center writes it."""


def file_fields(role: str) -> tuple[str, str, str]:
    """Fields that declare the file of a role: its name, SHA-256 and bytes."""
    return f"{role}_file", f"{role}_sha256", f"{role}_size"


def json_schema(schema: str) -> dict[str, Any]:
    """JSON Schema of a whole manifest document of one schema."""
    row = SCHEMAS[schema].model_json_schema()
    definitions = row.pop("$defs")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": schema,
        "type": "object",
        "additionalProperties": False,
        "required": ["schema", "rows"],
        "properties": {"schema": {"const": schema}, "rows": {"type": "array", "minItems": 1, "items": row}},
        "$defs": definitions,
    }


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that is wrong with a row. Never holds what the row says."""

    code: str
    field: str | None
    """The field that is wrong; None for the row as a whole."""
    problem: str
    """In words, with the remedy."""

    def to_json(self) -> dict[str, str | None]:
        """Plain JSON object."""
        return asdict(self)
