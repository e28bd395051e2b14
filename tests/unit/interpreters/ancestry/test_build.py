"""Building a release from tables."""

from __future__ import annotations

import gzip
import io
import runpy
import zipfile
from pathlib import Path

import numpy as np
import pytest
from support.shared import SHARED, needs_shared

from interpreters import ancestry
from interpreters.ancestry import build
from interpreters.ancestry.panel import load_panels
from interpreters.ancestry.placement import read_maps
from interpreters.knowledge import KnowledgeError, verify

CORE = """## counts; chromosomes per population: AAA=100 BBB=100 CCC=100
## more
#chrom\tpos38\tpos37\tref\talt\tAAA\tBBB\tCCC\tAMR_NAT_AF
2\t50\t55\tC\tT\t100\t0\t50\t0.0010
1\t10\t12\tA\tG\t10\t20\t30\t0.2500
1\t20\t22\tA\tG\t0\t1\t0\t0.0010
"""
WORLD = """## frequencies
#chrom\tpos38\tpos37\tref\talt\trsid\tkgp_source\tH_one\tH_two\tH_three\tH_unused
1\t10\t12\tA\tG\trs1\tx\t100\t200\t300\t1
1\t30\t32\tG\tC\trs2\tx\t500\t.\t700\t1
3\t40\t42\tG\tT\trs3\tx\t500\t600\t.\t1
3\t50\t52\tG\tT\trs4\tx\t.\t600\t1000\t1
"""
COMPONENTS = """panel\tlevel\tcomponent\tregion\tplace\tpooling\tshrink_alleles\tn_individuals\tcolumns
kgp23k\tregion\tAFR\tAFR\t.\tsum_counts\t1\t100\tAAA;BBB
kgp23k\tregion\tAMR\tAMR\t.\tgiven\t0\t.\tAMR_NAT_AF
kgp23k\tsubregion\tAFR_E\tAFR\t.\tmean\t200\t50\tAAA
kgp23k\tsubregion\tAFR_S\tAFR\tFar south\tmean\t200\t100\tBBB;CCC
world35k\tfine\tone\tEUR\tNorth, far\tw\t20\t40\tH_one
world35k\tfine\ttwo\tEUR\tSouth\tw\t20\t10\tH_two
world35k\tfine\tthree\tOCE\tIsland\tw\t20\t20\tH_three
"""
POPULATIONS = """column\tpanel\tregion7\tsubregion\tn_individuals\tlatitude\tlongitude\tnote
H_one\tH\tEUR\tEUR_N\t40\t1.0\t2.0\t
H_two\tH\tEUR\tEUR_S\t10\t1.0\t2.0\tfew
H_three\tH\tOCE\tOCE_P\t20\t1.0\t2.0\t
H_unused\tH\t.\t.\t5\t.\t.\tleft out
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    for name, text in (("kgp23k.counts.tsv.gz", CORE), ("world35k.af.tsv.gz", WORLD)):
        with gzip.open(folder / name, "wt", encoding="utf-8") as target:
            target.write(text)
    (folder / "components.tsv").write_text(COMPONENTS)
    (folder / "populations.tsv").write_text(POPULATIONS)
    return folder


def test_small_release(source: Path, tmp_path: Path) -> None:
    release = build.build(source, tmp_path / "out" / "r1", "r1")
    verify(release)
    world, core = load_panels(release)
    assert (core.chromosome_names, core.references, core.alternates) == (("1", "2"), ("A", "C"), ("G", "T"))
    assert core.positions37.tolist() == [12, 55]
    assert [c.name for c in core.components] == ["AFR", "AMR"]
    assert core.frequencies == pytest.approx(np.array([[30.5 / 201, 0.25], [100.5 / 201, 0.001]]))
    # The first site belongs to the core panel, the third has no reference people from one region.
    assert world.positions38.tolist() == [30, 50]
    assert world.ambiguous.tolist() == [True, False]
    one, two, three = world.components
    assert (one.people, one.groups, one.place, three.place) == (40, ("H_one",), "North, far", "Island")
    assert two.name == "two"
    assert ((world.frequencies > 0) & (world.frequencies < 1)).all()
    assert [place.place for place in core.places] == ["East Africa", "Far south"]
    assert core.place_frequencies == pytest.approx(np.array([[0.1, 0.25], [1.0, 0.25]]))
    maps = read_maps(release.read_bytes)
    assert {panel: [group.name for group in drawn.groups] for panel, drawn in maps.items()} == {
        "world35k": ["one", "two", "three"],
        "kgp23k": ["AFR_E", "AFR_S", "AMR"],
    }


def test_same_tables_same_bytes(source: Path, tmp_path: Path) -> None:
    one, two = (build.build(source, tmp_path / name, "r1") for name in ("a", "b"))
    assert one.digest == two.digest
    assert one.files == two.files


def test_command_line(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["build", str(source), "--release", "r2", "--data", str(tmp_path / "data")])
    runpy.run_path(str(Path(build.__file__)), run_name="__main__")
    assert capsys.readouterr().out.startswith("ancestry r2 ")
    assert (tmp_path / "data" / "r2" / "manifest.json").is_file()


def test_a_release_is_never_changed(source: Path, tmp_path: Path) -> None:
    build.build(source, tmp_path / "r1", "r1")
    with pytest.raises(KnowledgeError, match="never changed"):
        build.build(source, tmp_path / "r1", "r1")


def test_missing_table(source: Path, tmp_path: Path) -> None:
    (source / "populations.tsv").unlink()
    with pytest.raises(KnowledgeError, match=r"populations\.tsv: missing; give the folder"):
        build.build(source, tmp_path / "r1", "r1")


@needs_shared
def test_the_installed_release_is_what_the_tables_give(tmp_path: Path) -> None:
    installed = ancestry.load().knowledge
    made = build.build(SHARED / "ancestry", tmp_path / "r", installed.release)
    assert set(made.files) == set(installed.files)
    for name in installed.files:
        assert _content(made.read_bytes(name)) == _content(installed.read_bytes(name)), name


def _content(data: bytes) -> dict[str, bytes]:
    """What a file says, by member where it is an archive: another build of zlib compresses the same to other bytes."""
    if not data.startswith(b"PK"):
        return {"": data}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
