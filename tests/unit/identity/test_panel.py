"""The sites of the fingerprint: common everywhere, far apart, readable in both builds; and how a release is built."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from support.shared import PROJECT

from identity import build
from identity.fingerprint import UNREAD, read_fingerprint
from identity.panel import DATA, LIMITS, SITES, load_panel, read_panel
from interpreters import ancestry
from interpreters.alleles import is_ambiguous
from interpreters.ancestry.panel import load_panels
from interpreters.genotypes import Build, CallSetKind, GenotypeCalls, Record
from interpreters.knowledge import KnowledgeError, load_release

PANEL = load_panel()


def test_the_release_is_what_its_command_builds(tmp_path: Path) -> None:
    folder = tmp_path / "new" / PANEL.release
    words = [sys.executable, "-m", "identity.build", str(folder)]
    done = subprocess.run(words, cwd=PROJECT, capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout == f"{PANEL.release}: {len(PANEL)} sites\n"
    for name in (SITES, LIMITS, "manifest.json"):
        assert (folder / name).read_bytes() == (DATA / PANEL.release / name).read_bytes(), name


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    for file in (DATA / PANEL.release).iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes() + (b"\n" if file.name == SITES else b""))
    with pytest.raises(KnowledgeError, match="differs from its manifest"):
        read_panel(load_release(tmp_path))


def test_sites_are_common_everywhere_far_apart_and_told_on_either_strand() -> None:
    world, _ = load_panels(ancestry.load().knowledge)
    row = {
        place: number
        for number, place in enumerate(zip(world.chromosome_names, world.positions38.tolist(), strict=True))
    }
    regions = world.frequencies @ (world.region_matrix() / world.region_matrix().sum(axis=0))
    assert len(PANEL) == 1600
    for site in PANEL.sites:
        frequencies = regions[row[site.chrom, site.pos38]]
        assert np.minimum(frequencies, 1 - frequencies).min() >= build.LEAST_FREQUENCY
        assert not is_ambiguous(site.ref, site.alt)
    for one, other in pairwise(PANEL.sites):
        if one.chrom == other.chrom:
            assert min(abs(other.pos38 - one.pos38), abs(other.pos37 - one.pos37)) >= build.APART
    on_chromosome = Counter(site.chrom for site in PANEL.sites)
    assert set(on_chromosome) == set(map(str, range(1, 23)))
    assert min(on_chromosome.values()) >= 15


@pytest.mark.parametrize("of", Build)
def test_a_fingerprint_counts_alternate_alleles_and_fills_nothing_in(of: Build) -> None:
    genotypes = [(0, 0), (0, 1), (1, 1), (None, 1), None]
    records = []
    for site, genotype in zip(PANEL.sites, genotypes, strict=False):
        if genotype is not None:
            position = site.position(of)
            records.append(Record(site.chrom, position, position, site.ref, (site.alt,), genotype))
    calls = GenotypeCalls(of, CallSetKind.ALL_SITES, records)
    codes = read_fingerprint(PANEL, calls)
    assert codes[:5].tolist() == [0, 1, 2, UNREAD, UNREAD]
    assert set(codes[5:].tolist()) == {UNREAD}
    assert len(PANEL.intervals(of)) == len(PANEL)
    assert PANEL.intervals(of)[0].start == PANEL.sites[0].position(of)
