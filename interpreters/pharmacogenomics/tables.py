"""The facts of a knowledge release as immutable types: positions, named alleles, phenotype rules, policy."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from interpreters.genotypes import Build
from interpreters.knowledge import KnowledgeRelease

DEFINITIONS = "definitions.json"
POLICY = "policy.json"
REVIEW = "review.json"
DRUG_CODES = "drug_codes.json"
NOT_CALLED = "not_called.json"

IUPAC: Mapping[str, str] = {
    "R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC",
    "B": "CGT", "D": "AGT", "H": "ACT", "V": "ACG", "N": "ACGT",
}  # fmt: skip
"""Ambiguity code to the bases that it stands for (Cornish-Bowden 1985)."""

NOT_IN_SNAPSHOT = "Not in snapshot"
"""Function of an allele that is newer than the function table that the release holds."""

NOT_AVAILABLE = "n/a"
"""Phenotype, activity value or score of a result that has none in the source."""


@dataclass(frozen=True, slots=True)
class Position:
    """One defining position of a gene, in GRCh38 alleles."""

    pos: int
    ref: str
    alts: tuple[str, ...]
    rsid: str
    required: bool
    """Without it no call is made (NAT2)."""
    amp_tier1: bool
    """Listed as tier 1 (to be tested) by the Association for Molecular Pathology."""
    pos37: int
    ref37: str | None
    """GRCh37 bases at `pos37`; None where they were not checked. They differ from `ref` at six positions."""

    def start(self, build: Build) -> int:
        """First base of the position on a build."""
        return self.pos if build is Build.GRCH38 else self.pos37

    def reference(self, build: Build) -> str | None:
        """The build's own bases at this position, or None where they are not known for certain."""
        return self.ref if build is Build.GRCH38 else self.ref37

    @property
    def is_single_base(self) -> bool:
        """Whether every allele is one base long."""
        return len(self.ref) == 1 and all(len(alt) == 1 for alt in self.alts)


@dataclass(frozen=True, slots=True)
class Allele:
    """One named allele that is defined by sequence."""

    name: str
    bases: Mapping[int, str]
    """Index of a position to the base (or ambiguity code) that defines the allele; empty for the reference allele."""
    function: str
    activity: str
    reported_as: str

    @property
    def wobbles(self) -> Mapping[int, str]:
        """The part of `bases` that is given as an ambiguity code."""
        return {index: base for index, base in self.bases.items() if base in IUPAC}


class OutsideAllele(NamedTuple):
    """One named allele without a definition by sequence: it can only come from an outside call."""

    function: str
    """Empty where only the presence of the allele counts (HLA)."""
    activity: str
    """Empty where the gene has no activity values."""


class Result(NamedTuple):
    """What a pair of alleles means."""

    phenotype: str
    activity_score: str | None
    """None for a gene without one."""


@dataclass(frozen=True, slots=True)
class PhenotypeRules:
    """What a pair of functions (or activity values) means for one gene."""

    by_activity: bool
    rows: Mapping[tuple[str, ...], tuple[str, str]]
    """Sorted functions or activity values, one when haploid, to phenotype and activity score."""

    def key(self, allele: Allele | OutsideAllele) -> str:
        """What of an allele the rules look at."""
        if self.by_activity:
            return allele.activity or NOT_AVAILABLE
        # The source's own cases were made with alleles newer than its function table counted so.
        return "Uncertain function" if allele.function == NOT_IN_SNAPSHOT else allele.function

    def result(self, keys: tuple[str, ...]) -> Result:
        """Phenotype and activity score of the alleles with these keys; `n/a` where the source has none."""
        phenotype, score = self.rows.get(tuple(sorted(keys)), (NOT_AVAILABLE, NOT_AVAILABLE))
        return Result(phenotype, (score or NOT_AVAILABLE) if self.by_activity else None)


@dataclass(frozen=True)
class Gene:
    """Everything the release says about one gene."""

    name: str
    chrom: str
    lookup: str
    """How recommendations are keyed: `phenotype`, `activity score`, `allele status` or `none`."""
    undocumented_as_reference: bool
    """Whether the reference method counts an alternate allele that no definition lists as reference."""
    lowest_function: bool
    """Called by the alleles of least function on each strand (DPYD, RYR1)."""
    from_sequence: bool
    """False for genes that small variants cannot call (CYP2D6, HLA-A, HLA-B, MT-RNR1)."""
    in_programme: bool
    positions: tuple[Position, ...]
    alleles: tuple[Allele, ...]
    """The reference allele first."""
    rules: PhenotypeRules
    priorities: Mapping[frozenset[tuple[str, ...]], tuple[str, ...]] = field(default_factory=dict)
    """Unphased tie-breaks: a set of allele pairs (names sorted) to the pair that is reported for it."""
    extra_positions: tuple[Position, ...] = ()
    """Positions that define no allele and that a guideline asks for (CYP2C9 rs12777823, for warfarin)."""
    outside_alleles: Mapping[str, OutsideAllele] = field(default_factory=dict)
    """Allele name to what is known of it, for the alleles that only an outside call can name; none of `alleles`."""

    @cached_property
    def index_of(self) -> Mapping[str, int]:
        """Index of a position by its rsID."""
        return {position.rsid: index for index, position in enumerate(self.positions)}

    @property
    def presence_only(self) -> bool:
        """Whether guidelines ask only if certain alleles, its `outside_alleles`, are there (HLA-A, HLA-B)."""
        return self.lookup == "allele status" and not self.rules.rows

    @cached_property
    def normal(self) -> str:
        """Name of the allele without a variant: `*1` where there is one, since CYP2C19 is defined against `*38`."""
        names = [*(allele.name for allele in self.alleles), *self.outside_alleles]
        return "*1" if "*1" in names else names[0]

    @cached_property
    def function_keys(self) -> Mapping[str, str]:
        """Allele name to what of it the phenotype rules look at."""
        return {allele.name: self.rules.key(allele) for allele in self.alleles}

    @cached_property
    def alleles_at(self) -> Mapping[tuple[int, str], tuple[str, ...]]:
        """Index of a position and a base to the names of the alleles that it defines, alone or with others."""
        found: dict[tuple[int, str], tuple[str, ...]] = {}
        for allele in self.alleles:
            for site in allele.bases.items():
                found[site] = (*found.get(site, ()), allele.name)
        return found

    @cached_property
    def name_ranks(self) -> tuple[int, ...]:
        """For each allele the place of its reported name in the order of names."""
        ordered = sorted({allele.reported_as for allele in self.alleles}, key=name_order)
        place = {name: number for number, name in enumerate(ordered)}
        return tuple(place[allele.reported_as] for allele in self.alleles)

    @cached_property
    def accepts(self) -> tuple[Mapping[str, int], ...]:
        """For each position: base to the alleles that may hold it, as a bit mask over `alleles`."""
        everyone = (1 << len(self.alleles)) - 1
        masks = [{position.ref: everyone} for position in self.positions]
        for bit, allele in enumerate(self.alleles):
            for index, code in allele.bases.items():
                masks[index][self.positions[index].ref] &= ~(1 << bit)
                for base in IUPAC.get(code, (code,)):
                    masks[index][base] = masks[index].get(base, 0) | 1 << bit
        return tuple(masks)


@dataclass(frozen=True, slots=True)
class HaplotypeB3:
    """DPYD's HapB3: an intronic variant that acts, and an exonic one that usually goes with it."""

    intronic: int
    exonic: int
    alone: str
    together: str


@dataclass(frozen=True, slots=True)
class Policy:
    """Thresholds and special cases, versioned with the facts."""

    minimum_depth: int
    """Reads a diploid call needs; a haploid one needs half."""
    minimum_genotype_quality: int
    minimum_allele_balance: float
    """Least share of the reads for each allele of a heterozygous call."""
    never_assumed_reference: frozenset[str]
    """rsIDs that a callable-regions file alone does not prove to be reference."""
    inference_rsid: Mapping[str, str]
    """Gene to the position from which a result may be estimated when no pair of alleles fits."""
    inference_alleles: Mapping[str, Mapping[str, str]]
    """Gene to base to the allele that it stands for in such an estimate."""
    haplotype_b3: Mapping[str, str]
    """rsIDs `intronic` and `exonic`, allele names `alone` and `together`."""
    sufficient_share: float
    """Least share of a gene's positions, 0 to 1, that must be read for its coverage to count as sufficient."""
    tier1_required: bool
    """Whether every AMP tier-1 position must be read as well."""


@dataclass(frozen=True, slots=True)
class Tables:
    """The facts of one release."""

    data_version: str
    genes: Mapping[str, Gene]
    policy: Policy
    not_called: Mapping[str, tuple[str, ...]]
    """Gene to English sentences on what is not called in it."""


def load_tables(release: KnowledgeRelease) -> Tables:
    """Read and verify the definitions, the policy and the limits of a release."""
    data = json.loads(release.read_bytes(DEFINITIONS))
    policy = json.loads(release.read_bytes(POLICY))
    policy["never_assumed_reference"] = frozenset(policy["never_assumed_reference"])
    return Tables(
        data_version=data["data_version"],
        genes={row["gene"]: _gene(row) for row in data["genes"]},
        policy=Policy(**policy.pop("coverage"), **policy),
        not_called=load_not_called(release),
    )


def load_review(release: KnowledgeRelease) -> str | None:
    """Who approved the statements of a release and when, as `name, date`; None while they await review."""
    review = json.loads(release.read_bytes(REVIEW))
    return f"{review['reviewer']}, {review['approved_on']}" if review["reviewer"] else None


class DrugCodes(NamedTuple):
    """Codes of a medicine's ingredient; None where the source has none."""

    rxnorm: str | None
    atc: str | None


def load_drug_codes(release: KnowledgeRelease) -> Mapping[str, DrugCodes]:
    """Codes of each medicine that has a recommendation in the release."""
    rows = json.loads(release.read_bytes(DRUG_CODES))
    return {drug: DrugCodes(codes["rxnorm"], codes["atc"]) for drug, codes in rows.items()}


def load_not_called(release: KnowledgeRelease) -> Mapping[str, tuple[str, ...]]:
    """Gene to English sentences on what is not called in it."""
    return {gene: tuple(sentences) for gene, sentences in json.loads(release.read_bytes(NOT_CALLED)).items()}


def _positions(rows: Sequence[Sequence[Any]]) -> tuple[Position, ...]:
    return tuple(
        Position(pos, ref, tuple(alts.split(",")), rsid, bool(required), bool(tier1), pos37, ref37 or None)
        for pos, ref, alts, rsid, required, tier1, pos37, ref37 in rows
    )


def _gene(row: Mapping[str, Any]) -> Gene:
    positions = _positions(row["positions"])
    index_of_pos = {position.pos: index for index, position in enumerate(positions)}
    return Gene(
        name=row["gene"],
        chrom=row["chrom"],
        lookup=row["lookup"],
        undocumented_as_reference=row["undocumented_as_reference"],
        lowest_function=row["lowest_function"],
        from_sequence=row["from_sequence"],
        in_programme=row["in_programme"],
        positions=positions,
        extra_positions=_positions(row["extra_positions"]),
        alleles=tuple(
            Allele(name, {index_of_pos[int(pos)]: base for pos, base in bases.items()}, function, activity, reported_as)
            for name, bases, function, activity, reported_as in row["alleles"]
        ),
        rules=PhenotypeRules(
            by_activity=row["by_activity"],
            rows={tuple(keys): (phenotype, score) for keys, phenotype, score in row["rules"]},
        ),
        priorities={frozenset(tuple(pair) for pair in pairs): tuple(pick) for pick, pairs in row["priorities"]},
        outside_alleles={
            name: OutsideAllele(function, activity) for name, function, activity in row["outside_alleles"]
        },
    )


_TOKEN = re.compile(r"\d+|\D")


def components(name: str) -> tuple[str, ...]:
    """The alleles on one strand, whose name is `[a + b]` where there are several."""
    return tuple(name[1:-1].split(" + ")) if name.startswith("[") else (name,)


def name_order(name: str) -> tuple[object, ...]:
    """Sorting key of allele names in the order of the field.

    `Reference` goes first, then single alleles, then combinations `[a + b]` by number of components; otherwise
    character by character in ASCII order, with runs of digits as numbers (`*2` before `*17`).
    """
    tokens = tuple(
        tuple((ord("0"), int(token)) if token.isdigit() else (ord(token), 0) for token in _TOKEN.findall(component))
        for component in components(name)
    )
    return (name != "Reference", len(tokens), tokens)


def diplotype_name(names: tuple[str, ...]) -> str:
    """One or two allele names as they are written: ordered, with a slash between."""
    return "/".join(sorted(names, key=name_order))


def diplotype_order(names: tuple[str, ...]) -> tuple[object, ...]:
    """Sorting key of a list of diplotypes, given as allele names."""
    return tuple(name_order(name) for name in sorted(names, key=name_order))
