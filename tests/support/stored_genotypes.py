"""A small catalogue, and call sets around it, drawn at random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace

from hypothesis import strategies as st
from sqlalchemy import select

from interpreters.genotypes import Build, CallSetKind, GenotypeCalls, Interval, OutsideCall, Record
from interpreters.interpreter import PanelSite
from ror_service.genotypes.catalogue import Catalogue
from ror_service.storage import data_keys
from ror_service.storage.tables import StoredGenotypesRow
from support.service import Service

PANEL = tuple(PanelSite(chrom, pos, "A", "G") for chrom in ("1", "2") for pos in (5, 8, 21, 22, 30))
REGION = Interval("1", 10, 20)
BASES = ("A", "C", "G", "T")


@dataclass
class WholeRecords:
    """Needs one region."""

    regions: Sequence[Interval] = (REGION,)
    digest: str = "d" * 64

    @property
    def knowledge(self) -> SimpleNamespace:
        return SimpleNamespace(digest=self.digest)

    def intervals(self, build: Build) -> Sequence[Interval]:
        del build
        return self.regions


@dataclass
class PanelOnly(WholeRecords):
    """Needs the genotype alone of some sites."""

    sites: Sequence[PanelSite] = PANEL
    regions: Sequence[Interval] = tuple(Interval(site.chrom, site.pos, site.pos) for site in PANEL)

    def panel_sites(self, build: Build) -> Sequence[PanelSite]:
        del build
        return self.sites


def forget_stored(service: Service) -> None:
    """Make every sample one that was read before anything was stored: only its file is there."""
    with service.work() as work:
        rows = work.session.scalars(select(StoredGenotypesRow)).all()
        data_keys.destroy_keys(work.session, [row.data_key_id for row in rows], work.at)
        for row in rows:
            work.session.delete(row)


def catalogue() -> Catalogue:
    return Catalogue.of({"panel": PanelOnly(), "regions": WholeRecords()})  # type: ignore[dict-item]


def comparable(record: Record) -> Record:
    """All that is kept of a record."""
    return replace(record, line=0)


@st.composite
def records(draw: st.DrawFn) -> Record:
    """A record somewhere near the sites: clean, or odd in any way that the reader lets through."""
    pos = draw(st.integers(1, 32))
    ref = draw(st.sampled_from(["A", "A", "A", "C", "N", "AC", "GGT"]))
    alts = draw(st.sampled_from([("G",), ("G",), (), ("T",), ("G", "<NON_REF>"), ("*", "G"), ("<NON_REF>",), ("ACC",)]))
    allele = st.integers(0, len(alts))
    genotype = draw(
        st.one_of(
            st.tuples(allele, allele), st.tuples(allele, allele), st.tuples(allele), st.just(()),
            st.tuples(st.one_of(st.none(), allele), st.none()), st.tuples(allele, allele, allele),
        )
    )  # fmt: skip
    number = st.one_of(st.none(), st.integers(0, 60))
    depth = draw(number)
    return Record(
        chrom=draw(st.sampled_from(["1", "2", "X"])),
        pos=pos,
        end=pos + len(ref) - 1 + draw(st.sampled_from([0, 0, 0, 3, 15])),
        ref=ref,
        alts=alts,
        genotype=genotype,
        phased=draw(st.booleans()),
        phase_set=draw(st.sampled_from([None, None, "7"])),
        filters=draw(st.sampled_from([(), (), ("LowQual",), ("LowQual", "q10")])),
        depth=depth,
        genotype_quality=draw(number),
        allele_depths=draw(st.sampled_from([(), (10, 12), (None, 3)])),
        consequences=draw(st.sampled_from([(), ("missense_variant",)])),
        line=draw(st.integers(0, 99)),
    )


intervals = st.builds(
    lambda chrom, start, length: Interval(chrom, start, start + length),
    st.sampled_from(["1", "2", "X"]),
    st.integers(1, 40),
    st.integers(0, 9),
)
call_sets = st.builds(
    lambda build, kind, found, declared, assayed, outside: GenotypeCalls(
        build, kind, found, declared, assayed_sites=assayed, outside_calls=outside
    ),
    st.sampled_from(list(Build)),
    st.sampled_from(list(CallSetKind)),
    st.lists(records(), max_size=12),
    st.one_of(st.none(), st.lists(intervals, max_size=4)),
    st.one_of(
        st.none(),
        st.dictionaries(
            st.tuples(st.sampled_from(["1", "2"]), st.integers(1, 32)),
            st.frozensets(st.sampled_from([*BASES, "A>AC"]), max_size=3),
            max_size=5,
        ),
    ),
    st.lists(st.builds(OutsideCall, st.sampled_from(["CYP2D6", "HLA-B"]), st.sampled_from(["", "*1/*4"])), max_size=2),
)
