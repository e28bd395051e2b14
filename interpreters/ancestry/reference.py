"""Counts the alleles of a labelled cohort by reference group, at sites that are known beforehand.

Counts are all that leaves this module: no genotype of a person, no sample name. Groups of few people are left out,
and so are sites at which few of a group were read, because counts of few people tell who carries what.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from interpreters.alleles import is_ambiguous
from interpreters.ancestry.build import MINIMUM_MINOR_FREQUENCY
from interpreters.ancestry.panel import Integers
from interpreters.ancestry.reading import UNREAD
from interpreters.findings import Region
from interpreters.genotypes import Build
from interpreters.knowledge import KnowledgeError

FEWEST_PEOPLE = 10
"""Counts of fewer people are never written, whatever is asked for."""
MOST_ALLELES = 60_000
"""Alleles that stand for a group in a panel; the counts of larger groups are scaled down to it."""

_LABEL_COLUMNS = ("sample", "group", "region")
_SITE_COLUMNS = ("chrom", "pos38", "pos37", "ref", "alt")
_GROUP = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
_AUTOSOME = re.compile(r"[1-9]|1[0-9]|2[0-2]")
_POSITION = re.compile(r"[1-9][0-9]{0,8}")
_BASES = frozenset("ACGT")
_LEFT_OUT = -1


class Outcome(StrEnum):
    """What became of one site of the list."""

    KEPT = "kept"
    NO_RECORD = "no record in the cohort"
    FAILED_FILTER = "failed the caller's filter"
    MULTIALLELIC = "multiallelic"
    INDEL = "insertion, deletion or no plain bases"
    OTHER_ALLELES = "other alleles than listed"
    DUPLICATE = "duplicate position"
    LOW_CALL_RATE = "low call rate in a group"
    RARE = "rare"


class Site(NamedTuple):
    """One site with two alleles, on the plus strand of both builds."""

    chrom: str
    """1 to 22."""
    pos38: int
    pos37: int
    ref: str
    alt: str

    @property
    def is_palindromic(self) -> bool:
        """Whether the alleles read the same on both strands (A/T and C/G)."""
        return is_ambiguous(self.ref, self.alt)


class Label(NamedTuple):
    """Where a person of the cohort belongs."""

    group: str
    region: Region


class Group(NamedTuple):
    """A reference group that is counted."""

    name: str
    region: Region
    people: int


class CohortRecord(NamedTuple):
    """One line of a cohort's file."""

    chrom: str
    pos: int
    """In the cohort's build."""
    ref: str
    alts: tuple[str, ...]
    """Empty where nobody differs from the reference."""
    passed: bool
    """Whether the caller's filters let the record pass."""
    genotypes: Sequence[int]
    """Copies of the first alternate allele of each sample, 0 to 2; `UNREAD` for anything but two called alleles."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Which groups and sites are kept.

    Raises:
        ValueError: If a number lies outside of what makes sense, or would let counts of few people through.
    """

    minimum_frequency: float = MINIMUM_MINOR_FREQUENCY
    """Of the rarer allele over all groups of the panel."""
    minimum_call_rate: float = 0.95
    """In every group."""
    minimum_people: int = FEWEST_PEOPLE
    """In a group, and of a group at a site."""

    def __post_init__(self) -> None:
        if not MINIMUM_MINOR_FREQUENCY <= self.minimum_frequency < 0.5:  # noqa: PLR2004 - the rarer allele
            raise ValueError(f"the minimum frequency is at least {MINIMUM_MINOR_FREQUENCY} and below 0.5")
        if not 0 < self.minimum_call_rate <= 1:
            raise ValueError("the minimum call rate is above 0 and at most 1")
        if self.minimum_people < FEWEST_PEOPLE:
            raise ValueError(f"the minimum of people is at least {FEWEST_PEOPLE}: counts of few people identify them")


@dataclass(frozen=True, slots=True, eq=False)
class Division:
    """Which samples of a cohort belong to which counted group."""

    groups: tuple[Group, ...]
    """By region, then by name."""
    members: Integers
    """Number of the group of each sample, below 0 for a sample that is not counted."""
    too_few: Mapping[str, int]
    """Groups that are left out because they have too few people, and how many those are."""
    without_label: int
    """Samples of the cohort."""
    without_genotypes: int
    """Labels that no sample of the cohort has."""


@dataclass(frozen=True, slots=True, eq=False)
class CohortCounts:
    """What was counted, at the kept sites."""

    division: Division
    sites: tuple[Site, ...]
    alternates: Integers
    """Alternate alleles, sites x groups."""
    alleles: Integers
    """Alleles read, sites x groups."""
    outcomes: Mapping[Outcome, int]
    """Number of listed sites by what became of them; every listed site is counted once."""

    @property
    def palindromic(self) -> int:
        """Kept sites whose alleles read the same on both strands."""
        return sum(site.is_palindromic for site in self.sites)


def parse_labels(lines: Iterable[str], file: str) -> dict[str, Label]:
    """Labels by sample from a table with the columns sample, group and region.

    Raises:
        KnowledgeError: Naming file, line and remedy, but no sample.
    """
    labels: dict[str, Label] = {}
    regions: dict[str, Region] = {}
    for number, (sample, group, region) in _rows(lines, file, _LABEL_COLUMNS):
        if not _GROUP.fullmatch(group):
            raise _wrong(file, number, "the group has no name", "use letters, digits and _, beginning with a letter")
        if region not in set(Region):
            raise _wrong(file, number, "no such region", f"use one of: {'; '.join(Region)}")
        if regions.setdefault(group, Region(region)) != region:
            raise _wrong(file, number, "this group was in another region before", "give each group one region")
        if not sample or sample in labels:
            raise _wrong(file, number, "this sample is empty or was labelled before", "label each sample once")
        labels[sample] = Label(group, regions[group])
    return labels


def parse_sites(lines: Iterable[str], file: str) -> tuple[Site, ...]:
    """Sites from a table with the columns chrom, pos38, pos37, ref and alt.

    Raises:
        KnowledgeError: Naming file, line and remedy.
    """
    sites: list[Site] = []
    seen: set[tuple[Build, str, int]] = set()
    for number, (name, pos38, pos37, ref, alt) in _rows(lines, file, _SITE_COLUMNS):
        chrom = name.removeprefix("chr")
        if not _AUTOSOME.fullmatch(chrom):
            raise _wrong(file, number, "the chromosome is none of 1 to 22", "list sites of the autosomes")
        if not (_POSITION.fullmatch(pos38) and _POSITION.fullmatch(pos37)):
            raise _wrong(file, number, "a position is no whole number from 1", "give the position in both builds")
        if ref == alt or not {ref, alt} <= _BASES:
            raise _wrong(file, number, "the alleles are not two of A, C, G and T", "list single-base variants")
        site = Site(chrom, int(pos38), int(pos37), ref, alt)
        places = {(Build.GRCH38, chrom, site.pos38), (Build.GRCH37, chrom, site.pos37)}
        if places & seen:
            raise _wrong(file, number, "this position was listed before", "list each position once")
        seen |= places
        sites.append(site)
    return tuple(sites)


def divide(samples: Sequence[str], labels: Mapping[str, Label], minimum_people: int) -> Division:
    """Divide the samples of a cohort into groups.

    Raises:
        ValueError: If no group has enough people.
    """
    given = [labels.get(sample) for sample in samples]
    people = Counter(label for label in given if label is not None)
    groups = tuple(
        Group(label.group, label.region, count)
        for label, count in sorted(people.items(), key=lambda item: (item[0].region, item[0].group))
        if count >= minimum_people
    )
    if not groups:
        raise ValueError(
            f"no group has {minimum_people} people or more in the cohort; join groups, or label more people"
        )
    numbers = {group.name: number for number, group in enumerate(groups)}
    return Division(
        groups=groups,
        members=np.array([_LEFT_OUT if label is None else numbers.get(label.group, _LEFT_OUT) for label in given]),
        too_few={label.group: count for label, count in sorted(people.items()) if count < minimum_people},
        without_label=given.count(None),
        without_genotypes=len(labels.keys() - set(samples)),
    )


class CohortCounter:
    """Counts the records of a cohort; what it holds grows with the list of sites, not with the cohort's file.

    Args:
        sites: Where to count; each position once.
        build: Of the cohort.
        division: Of its samples.
        rules: Which sites are kept.
        beside: Alternate alleles and all alleles at each site in groups that stand in the panel beside the cohort's
            (sites x 2): they count when a site is judged to be rare.
    """

    def __init__(
        self,
        sites: Sequence[Site],
        build: Build,
        division: Division,
        rules: Rules,
        beside: Integers | None = None,
    ) -> None:
        self._sites = tuple(sites)
        self._division = division
        self._rules = rules
        self._beside = np.zeros((len(sites), 2), dtype=np.int64) if beside is None else beside
        self.positions = {
            (site.chrom, site.pos38 if build is Build.GRCH38 else site.pos37): number
            for number, site in enumerate(self._sites)
        }
        """Place in the cohort's build to the number of the site."""
        self._outcomes = [Outcome.NO_RECORD] * len(self._sites)
        shape = (len(self._sites), len(division.groups))
        self._alternates = np.zeros(shape, dtype=np.int64)
        self._alleles = np.zeros(shape, dtype=np.int64)

    def add(self, record: CohortRecord) -> None:
        """Count one record, which stands at one of `positions`; a second one at the same position rules it out."""
        number = self.positions[record.chrom, record.pos]
        if self._outcomes[number] is Outcome.NO_RECORD:
            self._outcomes[number] = self._judge(number, record)
        else:
            self._outcomes[number] = Outcome.DUPLICATE

    def result(self) -> CohortCounts:
        """The counts at the sites that are kept, by GRCh38 position."""
        kept = [number for number, outcome in enumerate(self._outcomes) if outcome is Outcome.KEPT]
        kept.sort(key=lambda number: (int(self._sites[number].chrom), self._sites[number].pos38))
        found = Counter(self._outcomes)
        return CohortCounts(
            division=self._division,
            sites=tuple(self._sites[number] for number in kept),
            alternates=self._alternates[kept],
            alleles=self._alleles[kept],
            outcomes={outcome: found[outcome] for outcome in Outcome},
        )

    def _judge(self, number: int, record: CohortRecord) -> Outcome:
        site = self._sites[number]
        if not record.passed:
            return Outcome.FAILED_FILTER
        if len(record.alts) > 1:
            return Outcome.MULTIALLELIC
        if not {record.ref, *record.alts} <= _BASES:
            return Outcome.INDEL
        swapped = record.ref == site.alt and not site.is_palindromic
        expected = (site.alt, site.ref) if swapped else (site.ref, site.alt)
        if (record.ref, *record.alts) not in {expected, expected[:1]}:
            return Outcome.OTHER_ALLELES
        counted, alleles = self._count(np.asarray(record.genotypes))
        alternates = alleles - counted if swapped else counted
        self._alternates[number], self._alleles[number] = alternates, alleles
        people = np.array([group.people for group in self._division.groups])
        if (alleles < 2 * np.maximum(self._rules.minimum_people, self._rules.minimum_call_rate * people)).any():
            return Outcome.LOW_CALL_RATE
        total = self._beside[number] + (scaled(alternates, alleles, people).sum(), panel_alleles(people).sum())
        frequency = total[0] / total[1]
        return Outcome.RARE if min(frequency, 1 - frequency) < self._rules.minimum_frequency else Outcome.KEPT

    def _count(self, genotypes: Integers) -> tuple[Integers, Integers]:
        """Alleles of the record's alternate base, and all alleles, in each group."""
        members = self._division.members
        read = (members != _LEFT_OUT) & (genotypes != UNREAD)
        of, copies = members[read], genotypes[read]
        size = len(self._division.groups)
        one, two = (np.bincount(of[copies == carried], minlength=size) for carried in (1, 2))
        return one + 2 * two, 2 * np.bincount(of, minlength=size)


def panel_alleles(people: Integers) -> Integers:
    """Alleles that stand for groups of so many people in a panel."""
    return np.minimum(2 * people, MOST_ALLELES)


def scaled(alternates: Integers, alleles: Integers, people: Integers) -> Integers:
    """Alternate alleles as if all people of each group had been read: a panel has one number of alleles a group."""
    return np.rint(alternates / alleles * panel_alleles(people)).astype(np.int64)


def _rows(lines: Iterable[str], file: str, columns: tuple[str, ...]) -> Iterator[tuple[int, list[str]]]:
    """Line numbers and fields of a tab-separated table with a header; further columns are not looked at."""
    header: list[str] = []
    for number, line in enumerate(lines, 1):
        if line.startswith("##") or not line.strip():
            continue
        fields = line.rstrip("\r\n").split("\t")
        if not header:
            header = [fields[0].removeprefix("#"), *fields[1:]]
            if not set(columns) <= set(header):
                raise _wrong(file, number, "a column is missing", f"begin with the columns {', '.join(columns)}")
            continue
        if len(fields) != len(header):
            raise _wrong(file, number, f"the line has not {len(header)} columns", "separate columns by tabs")
        values = dict(zip(header, fields, strict=True))
        yield number, [values[column].strip() for column in columns]
    if not header:
        raise _wrong(file, 1, "the table is empty", f"give the columns {', '.join(columns)}")


def _wrong(file: str, line: int, problem: str, remedy: str) -> KnowledgeError:
    return KnowledgeError(f"{file}: line {line}: {problem}; {remedy}")
