"""The one contract that every interpreter keeps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from interpreters.changes import Change
from interpreters.findings import Interpretation
from interpreters.genotypes import Build, GenotypeCalls, Interval, Sample
from interpreters.knowledge import KnowledgeRelease


class Interpreter(Protocol):
    """Turns genotypes into findings: pure, deterministic, knowing nothing of files, people or other interpreters."""

    @property
    def name(self) -> str:
        """Module name, as in consent decisions and reports."""

    @property
    def version(self) -> str:
        """Version of the code that interprets, apart from the knowledge."""

    @property
    def knowledge(self) -> KnowledgeRelease:
        """The data that the interpretation rests on, pinned by digest."""

    def intervals(self, build: Build) -> Sequence[Interval]:
        """What this interpreter wants read from a file of this build. Every one of them is used."""

    def interpret(self, sample: Sample, calls: GenotypeCalls) -> Interpretation:
        """Interpret one sample. The same input gives the same output, whatever the order of the records.

        Never raises for genotype content: what cannot be answered is a `NotTested` with its reason.
        """


@runtime_checkable
class SettlesReviewed(Protocol):
    """An interpreter that holds findings back for people, and whose other statements depend on what they decide."""

    def settle(self, said: Interpretation, accepted: frozenset[str]) -> Interpretation:
        """`said` with nothing held back any more: the genes of `accepted` as called, every other held gene unsettled.

        Args:
            said: An interpretation by this interpreter and this very knowledge.
            accepted: Genes held back whose call people let stand.
        """


@runtime_checkable
class TellsChanges(Protocol):
    """An interpreter that can tell what it says otherwise than an earlier interpretation of the same sample."""

    def changes(
        self, before: Interpretation, after: Interpretation, earlier: Callable[[], KnowledgeRelease]
    ) -> tuple[Change, ...]:
        """What differs, by gene.

        Args:
            before: An interpretation of this module, by any knowledge.
            after: What this interpreter says of the same sample.
            earlier: Gives the release that `before` rests on; called only where it matters.
        """


class PanelSite(NamedTuple):
    """A site with two known bases, on the plus strand."""

    chrom: str
    pos: int
    ref: str
    """Base of the reference genome."""
    alt: str


@runtime_checkable
class KnowsSingleBases(Protocol):
    """An interpreter whose knowledge spells the bases of the single-base sites that it reads."""

    def single_base_sites(self, build: Build) -> Sequence[PanelSite]:
        """Reference base and one other known base a row: by these a file that spells letters alone is read."""


@runtime_checkable
class ReadsPanelSites(Protocol):
    """An interpreter that reads nothing but the unordered genotype at sites with two known bases."""

    def panel_sites(self, build: Build) -> Sequence[PanelSite]:
        """Sites at which it asks whether each copy carries `ref` or `alt`, and nothing else of a usable diploid call.

        Depth (other than none), quality and phase may be missing there, and a reference call that spells no base may
        spell `ref`. Everything else, such as a third allele, no call or a filter, it is given as the file has it.
        """
