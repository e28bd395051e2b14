"""The policy tables of a release: genes, rules, thresholds and coding exons, as data.

Their master copies are in the folder `policy/` beside this file. A laboratory director changes a `proposal` row there,
raises `rule_set` in `thresholds.tsv`, and builds the releases again.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

from interpreters.genotypes import Build
from interpreters.hereditary_risk.alleles import AlleleKey, trim
from interpreters.hereditary_risk.exons import CodingExon
from interpreters.knowledge import KnowledgeError, KnowledgeRelease

TABLES = ("genes.tsv", "rules.tsv", "thresholds.tsv", "coding_exons.tsv", "contigs.tsv")
"""Files of the policy; each release holds its own copy."""
GENE_LISTS = ("v2.0", "v3.2", "v3.3")
"""Versions of the ACMG secondary findings list; the last is the default."""
ANY = "."
"""Empty cell of a rule: any gene, any build, no value."""


@dataclass(frozen=True, slots=True)
class Gene:
    """One gene of the list."""

    symbol: str
    chrom: str
    transcript: str
    diseases: str
    inheritance: str
    zygosity_rule: str
    """`het_or_biallelic`, `biallelic`, `hfe_c282y_homozygous`, `xl_hemi_het_or_hom` or `xl_hemi_or_biallelic`."""
    lists: frozenset[str]
    """List versions that hold the gene."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of `rules.tsv`. `.` stands for an empty cell."""

    rule: str
    gene: str
    build: str
    chrom: str
    start: str
    end: str
    ref: str
    alt: str
    variation_id: str
    value: str
    outcome: str
    reason: str
    status: str
    note: str

    @property
    def key(self) -> AlleleKey:
        """The allele of a row that names one."""
        return AlleleKey(self.chrom, *trim(int(self.start), self.ref, self.alt))

    def covers(self, key: AlleleKey) -> bool:
        """Whether the row has no region, or one that the allele touches."""
        if self.start == ANY:
            return True
        last = max(key.end, key.pos)
        return self.chrom == key.chrom and key.pos <= int(self.end) and last >= int(self.start)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Numbers of the policy; `thresholds.tsv` gives units and status."""

    rule_set: str
    min_depth: int
    min_genotype_quality: int
    min_indel_genotype_quality: int
    min_heterozygous_balance: float
    max_heterozygous_balance: float
    min_homozygous_balance: float
    max_frequency_dominant: float
    max_frequency_recessive: float
    min_stars: int
    expert_stars: int
    exon_padding: int
    assessed_fraction: float
    partly_assessed_fraction: float


@dataclass(frozen=True, slots=True)
class Policy:
    """All tables, whatever the build."""

    genes: Mapping[str, Gene]
    rules: tuple[Rule, ...]
    thresholds: Thresholds
    exons: Mapping[Build, tuple[CodingExon, ...]]
    contigs: Mapping[str, Mapping[str, int]]
    """Build name to contig name (without prefix) to length in bases."""

    def rule_book(self, build: Build) -> RuleBook:
        """The rules that hold for one build."""
        return RuleBook(rule for rule in self.rules if rule.build in {ANY, build.value})


class RuleBook:
    """Rules of one build, by their name and gene."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules: dict[tuple[str, str], list[Rule]] = {}
        for rule in rules:
            self._rules.setdefault((rule.rule, rule.gene), []).append(rule)

    def of(self, name: str, gene: str = ANY) -> tuple[Rule, ...]:
        """Rows of one kind for one gene (`.` for those of every gene), in the order of the table."""
        return tuple(self._rules.get((name, gene), ()))

    def first(self, name: str, gene: str) -> Rule | None:
        """The only row of one kind for a gene, if there is one."""
        return next(iter(self._rules.get((name, gene), ())), None)

    def naming(self, name: str, gene: str, key: AlleleKey, variation_id: str | None) -> Rule | None:
        """The row of one kind that names this allele, by its key or its VariationID."""
        return next(
            (
                rule
                for rule in self.of(name, gene)
                if rule.key == key or (rule.variation_id != ANY and rule.variation_id == variation_id)
            ),
            None,
        )


def load_policy(release: KnowledgeRelease) -> Policy:
    """Read the policy tables of a release.

    Raises:
        KnowledgeError: If a table is missing, changed or malformed.
    """
    return parse_policy({name: release.read_bytes(name) for name in TABLES}, str(release.folder))


def parse_policy(tables: Mapping[str, bytes], where: str) -> Policy:
    """Policy of the tables' contents; `where` names their folder in messages.

    Raises:
        KnowledgeError: If a table is malformed; the message names the file and the remedy.
    """
    name = ""
    try:
        rows = {}
        for name in TABLES:
            rows[name] = _rows(tables[name])
        name = "genes.tsv"
        genes = {row["gene"]: _gene(row) for row in rows[name]}
        name = "rules.tsv"
        rules = tuple(Rule(**row) for row in rows[name])
        name = "thresholds.tsv"
        thresholds = _thresholds({row["name"]: row["value"] for row in rows[name]})
        name = "coding_exons.tsv"
        exons = {build: tuple(_exon(row) for row in rows[name] if row["build"] == build.value) for build in Build}
        name = "contigs.tsv"
        contigs: dict[str, dict[str, int]] = {}
        for row in rows[name]:
            contigs.setdefault(row["build"], {})[row["chrom"]] = int(row["length"])
    except (KeyError, TypeError, ValueError) as error:
        raise KnowledgeError(f"{where}/{name}: not a policy table ({error!r}); restore it and build again") from error
    return Policy(genes=genes, rules=rules, thresholds=thresholds, exons=exons, contigs=contigs)


def _rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(content.decode().splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))


def _gene(row: Mapping[str, str]) -> Gene:
    return Gene(
        symbol=row["gene"],
        chrom=row["chrom"],
        transcript=row["transcript"],
        diseases=row["diseases"],
        inheritance=row["inheritance"],
        zygosity_rule=row["zygosity_rule"],
        lists=frozenset(name for name in GENE_LISTS if row[name] == "yes"),
    )


def _exon(row: Mapping[str, str]) -> CodingExon:
    return CodingExon(
        gene=row["gene"],
        rank=int(row["rank"]),
        chrom=row["chrom"],
        start=int(row["start"]),
        end=int(row["end"]),
        forward=row["strand"] == "+",
    )


def _thresholds(values: Mapping[str, str]) -> Thresholds:
    kinds = {"int": int, "float": float, "str": str}
    return Thresholds(**{f.name: kinds[str(f.type)](values[f.name]) for f in fields(Thresholds)})
