"""The sites of a fingerprint, and the limits by which two fingerprints are judged: versioned data, hashed."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path

from interpreters.genotypes import Build, Interval
from interpreters.knowledge import KnowledgeRelease, choose_release

MODULE = "identity"
DATA = Path(__file__).parent / "data"
SITES = "sites.tsv"
LIMITS = "limits.json"
COLUMNS = ("chrom", "pos38", "pos37", "ref", "alt")


@dataclass(frozen=True, slots=True)
class Site:
    """A common single-base variant of an autosome whose alleles differ on the two strands."""

    chrom: str
    pos38: int
    """1-based, in GRCh38."""
    pos37: int
    """1-based, in GRCh37."""
    ref: str
    """Base of the reference genome on the plus strand; the same in both builds."""
    alt: str

    def position(self, build: Build) -> int:
        """Its position in a build, 1-based."""
        return self.pos38 if build is Build.GRCH38 else self.pos37


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What two fingerprints must show before anything is said of them."""

    fewest_sites_for_same_person: int
    """Sites read in both, below which nothing is said at all."""
    fewest_sites_for_relatives: int
    """Sites read in both, below which first-degree relatives are not told from others."""
    same_person_kinship: float
    """KING-robust kinship from which both are of one person (or of identical twins, who have 0.5)."""
    first_degree_kinship: float
    """KING-robust kinship from which both are of parent and child or of full siblings, who have 0.25."""
    same_person_concordance: float
    """Share of equal genotypes that samples of one person have at least, however little a file lists."""
    fewest_reference: float
    """Share of homozygous reference genotypes among the read ones below which a file is taken not to list them."""
    most_heterozygous: float
    """Share of heterozygous genotypes among the read ones above which a sample is taken to be of two people."""


@dataclass(frozen=True, slots=True)
class FingerprintPanel:
    """One immutable release of sites and limits."""

    release: str
    sites: tuple[Site, ...]
    limits: Limits

    def __len__(self) -> int:
        return len(self.sites)

    def intervals(self, build: Build) -> list[Interval]:
        """What a file of this build must be read at."""
        return [Interval(site.chrom, site.position(build), site.position(build)) for site in self.sites]


def load_panel(release: str | None = None) -> FingerprintPanel:
    """A release of the panel, by default the newest that is in use.

    Raises:
        interpreters.knowledge.KnowledgeError: If there is no such release, or a file is missing or changed.
    """
    return read_panel(choose_release(MODULE, release, DATA))


def read_panel(knowledge: KnowledgeRelease) -> FingerprintPanel:
    """The panel that a release holds.

    Raises:
        interpreters.knowledge.KnowledgeError: If a file is missing or changed.
    """
    rows = csv.DictReader(io.StringIO(knowledge.read_bytes(SITES).decode()), delimiter="\t")
    return FingerprintPanel(
        release=knowledge.release,
        sites=tuple(Site(row["chrom"], int(row["pos38"]), int(row["pos37"]), row["ref"], row["alt"]) for row in rows),
        limits=Limits(**json.loads(knowledge.read_bytes(LIMITS))),
    )
