"""Keeps call sets sealed with the participant's own key, and opens them for interpreters."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property

from interpreters.genotypes import Build, GenotypeCalls
from interpreters.interpreter import Interpreter
from ror_service.genotypes import codec
from ror_service.genotypes.carried import Numbers, carried_numbers, pack
from ror_service.genotypes.catalogue import Catalogue, panel_sites
from ror_service.sealing import vault
from ror_service.sealing.keys import KeyProvider
from ror_service.states import SampleState
from ror_service.storage import indexes, results
from ror_service.storage.tables import GenotypeCatalogueRow, SampleRow, StoredGenotypesRow
from ror_service.work import Work


@dataclass(frozen=True, slots=True)
class Genotypes:
    """What an interpretation rests on."""

    calls: GenotypeCalls = field(repr=False)
    sha256: str
    """Of the file that the calls were read from."""

    @property
    def build(self) -> Build:
        """Build of the coordinates."""
        return self.calls.build


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored call set in clear, with the catalogue that says what it holds."""

    packed: bytes = field(repr=False)
    catalogue: Catalogue = field(repr=False)
    build: Build
    sha256: str
    """Of the file that the calls were read from."""
    carried: Numbers | None = field(default=None, repr=False)
    """What it carries, where that is known already."""

    def covers(self, interpreters: Iterable[Interpreter]) -> bool:
        """Whether all of these interpreters find here what they would find in the file."""
        return all(self.catalogue.covers(interpreter, self.build) for interpreter in interpreters)

    def genotypes(self, interpreters: Iterable[Interpreter]) -> Genotypes:
        """What these interpreters read."""
        panel = any(panel_sites(interpreter, self.build) for interpreter in interpreters)
        return Genotypes(codec.decode(self.packed, self.catalogue, panel=panel), self.sha256)


class GenotypeStore:
    """The store as one process of the service uses it.

    Args:
        keys: Holder of the key-encryption keys.
        make_catalogue: Makes the catalogue of the installed interpreters; called once, when something is stored.
    """

    def __init__(self, keys: KeyProvider, make_catalogue: Callable[[], Catalogue]) -> None:
        self._keys = keys
        self._make_catalogue = make_catalogue
        self._known: dict[str, Catalogue] = {}

    @cached_property
    def catalogue(self) -> Catalogue:
        """What is kept of every sample that is read from now on."""
        made = self._make_catalogue()
        return self._known.setdefault(made.digest, made)

    def pack(self, calls: GenotypeCalls, sha256: str) -> Stored:
        """What would be stored of a reading; takes a while, so make it outside a transaction."""
        packed = codec.encode(calls, self.catalogue)
        carried = carried_numbers(packed, self.catalogue, calls.build)
        return Stored(packed, self.catalogue, calls.build, sha256, carried)

    def keep(self, work: Work, sample_id: str, stored: Stored) -> bool:
        """Seal and store what was packed of a sample that passed the quality gate; False, and nothing is kept, else.

        The caller holds the participant's consent lock, so that nothing is kept of somebody who withdraws meanwhile.
        """
        sample = results.must_get(work.session, SampleRow, sample_id)
        if SampleState(sample.state) is not SampleState.READ:
            return False
        indexes.add_catalogue(work.session, stored.catalogue.digest, stored.catalogue.packed, work.at)
        vault.keep_genotypes(
            work,
            self._keys,
            sample.participant_id,
            sample_id,
            stored.packed,
            build=stored.build,
            catalogue=stored.catalogue.digest,
            carried=None if stored.carried is None else pack(stored.carried),
        )
        work.audit("genotypes.keep", "sample", sample_id, sample.participant_id, catalogue=stored.catalogue.digest)
        return True

    def find(self, work: Work, sample_id: str) -> Stored | None:
        """What is stored of a sample, with an audit event; None where only its file can tell.

        That is a sample from before the store, one that the quality gate holds, or a format that is not known here.

        Raises:
            ErasedError: If it was erased.
            SealError: If it does not open.
        """
        sample = results.must_get(work.session, SampleRow, sample_id)
        row = work.session.get(StoredGenotypesRow, sample_id)
        if row is None or SampleState(sample.state) is not SampleState.READ:
            return None
        work.audit("genotypes.open", "sample", sample_id, sample.participant_id)
        packed = vault.open_genotypes(work, self._keys, sample.participant_id, row)
        if not codec.is_known(packed):
            return None
        return Stored(packed, self.catalogue_of(work, row.catalogue_digest), Build(row.build), sample.file_sha256)

    def catalogue_of(self, work: Work, digest: str) -> Catalogue:
        """A catalogue that something was stored by."""
        if digest not in self._known:
            row = results.must_get(work.session, GenotypeCatalogueRow, digest)
            self._known[digest] = Catalogue.unpacked(row.packed)
        return self._known[digest]
