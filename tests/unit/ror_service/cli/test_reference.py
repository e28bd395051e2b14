"""`ror reference build`: a reference panel from a cohort."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.genotype_files import LENGTHS, bgzf
from support.shared import SHARED, needs_shared

from interpreters.ancestry.panel import CORE, load_panels, read_table
from interpreters.ancestry.reference import Site
from interpreters.ancestry.reference_release import COUNTS, Beside
from interpreters.findings import Region
from interpreters.genotypes import Build
from interpreters.knowledge import load_release

Ror = Callable[..., Any]
Refused = Callable[..., str]
SAMPLES = tuple(f"SECRET{number}" for number in range(30))
LABELS = {
    **dict.fromkeys(SAMPLES[:12], ("here", "Europe")),
    **dict.fromkeys(SAMPLES[12:24], ("there", "Oceania")),
    **dict.fromkeys(SAMPLES[24:28], ("valley", "Oceania")),
}


def write_labels(path: Path, labels: Mapping[str, tuple[str, str]]) -> Path:
    rows = "".join(f"{sample}\t{group}\t{region}\n" for sample, (group, region) in labels.items())
    path.write_text(f"sample\tgroup\tregion\n{rows}")
    return path


def cohort_text(
    samples: Sequence[str], rows: Iterable[tuple[Site, Sequence[str]]], build: Build = Build.GRCH38
) -> bytes:
    contigs = "".join(f"##contig=<ID=chr{name},length={length}>\n" for name, length in LENGTHS[build].items())
    contigs += "".join(f"##contig=<ID=chr{number}>\n" for number in range(3, 23))
    columns = "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *samples])
    lines = (
        "\t".join(
            (
                f"chr{site.chrom}",
                str(site.pos38 if build is Build.GRCH38 else site.pos37),
                *(".", site.ref, site.alt, ".", "PASS", ".", "GT"),
                *genotypes,
            )
        )
        for site, genotypes in rows
    )
    return "\n".join([f"##fileformat=VCFv4.2\n{contigs}{columns}", *lines, ""]).encode()


@pytest.fixture(scope="module")
def sites() -> tuple[Site, ...]:
    return Beside(with_groups=True).sites()[::5]


@pytest.fixture(scope="module")
def drawn(sites: tuple[Site, ...]) -> list[tuple[Site, list[str]]]:
    """Genotypes at random frequencies."""
    random = np.random.default_rng(7)
    texts = np.array(["0/0", "0|1", "1/1"])
    return [(site, texts[random.binomial(2, random.uniform(0.1, 0.9), len(SAMPLES))].tolist()) for site in sites]


def test_a_release_that_interprets(
    ror: Ror, refused: Refused, drawn: list[tuple[Site, list[str]]], tmp_path: Path
) -> None:
    (tmp_path / "cohort.vcf.gz").write_bytes(bgzf(cohort_text(SAMPLES, drawn)))
    write_labels(tmp_path / "labels.tsv", {**LABELS, "NOBODY": ("here", "Europe")})
    command = ("reference", "build", "cohort.vcf.gz", "--labels", "labels.tsv", "--release", "own", "--output", "out")
    ran = ror(*command)
    assert ran.status == 0, ran.err
    told = [line.strip() for line in ran.out.splitlines()]
    for line in (
        "here (Europe): 12 people",
        "there (Oceania): 12 people",
        "valley: 4",
        "Samples without a label, left out: 2",
        "Labels without a sample in the cohort: 1",
        f"Records read: {len(drawn)}",
        "Sites on the list: 21569",
        f"no record in the cohort: {21569 - len(drawn)}",
        "Warning: fewer than 10000 sites are kept; results rest on little.",
        "Not checked: related people and duplicated samples. Remove them from the labels before.",
        "Use it: ror interpret FILE --knowledge ancestry=own --knowledge-folder out",
    ):
        assert line in told
    assert "SECRET" not in ran.out + ran.err
    made = load_release(tmp_path / "out" / "ancestry" / "own")
    core = read_table(made.read_bytes, CORE)
    assert f"kept: {len(core)}" in told
    kept = set(zip(core.chromosomes.tolist(), core.positions38.tolist(), strict=True))
    expected = [sum(t.count("1") for t in texts[:12]) for s, texts in drawn if (int(s.chrom), s.pos38) in kept]
    assert core.counts("here")[0].tolist() == expected
    assert "valley" not in gzip.decompress(made.read_bytes(COUNTS)).decode()
    assert Region.OCEANIA in load_panels(made)[1].regions
    assert "there is such a release" in refused(*command)
    (tmp_path / "person.vcf").write_bytes(cohort_text(SAMPLES[:1], [(site, texts[:1]) for site, texts in drawn]))
    used = ("--knowledge", "ancestry=own", "--knowledge-folder", "out")
    person = ror("interpret", "person.vcf", "--module", "ancestry", "--assay", "array", "--json", *used)
    assert person.status == 0, person.err
    assert made.digest in person.out


def test_people_who_are_left_out_change_nothing(ror: Ror, drawn: list[tuple[Site, list[str]]], tmp_path: Path) -> None:
    (tmp_path / "sites.tsv").write_text(
        "chrom\tpos38\tpos37\tref\talt\n" + "".join("\t".join(map(str, site)) + "\n" for site, _ in drawn)
    )
    contents = {}
    for name, shown in (("with", len(SAMPLES)), ("without", 24)):
        rows = [(site, texts[:shown]) for site, texts in drawn]
        (tmp_path / f"{name}.vcf").write_bytes(cohort_text(SAMPLES[:shown], rows, Build.GRCH37))
        write_labels(tmp_path / "labels.tsv", LABELS)
        build = ("reference", "build", f"{name}.vcf", "--labels", "labels.tsv", "--release", name, "--output", "out")
        assert ror(*build, "--sites", "sites.tsv").status == 0
        contents[name] = load_release(tmp_path / "out" / "ancestry" / name)
    assert {**contents["with"].files} == {**contents["without"].files}
    assert read_table(contents["with"].read_bytes, CORE).groups == ("here", "there")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "name a folder with --output, or set ROR_KNOWLEDGE_FOLDER"),
        (("--output", "out", "--minimum-people", 9), "at least 10: counts of few people identify them"),
        (("--output", "out", "--release", "a b"), "'a b' cannot name a release"),
        (("--output", "out", "--labels", "none.tsv"), "none.tsv: cannot be read; give a table"),
        (("--output", "out", "--labels", "bad.tsv"), "bad.tsv: line 2: no such region; use one of: Americas; Eastern"),
        (("--output", "out", "--labels", "few.tsv"), "no group has 10 people"),
        (("--output", "out", "--labels", "taken.tsv"), "the name YRI is taken"),
        (("--output", "out", "--sites", "bad.tsv"), "bad.tsv: line 1: a column is missing"),
        (("--output", "out"), "cohort.vcf, line 29: GT is not a genotype (bad_record). Remedy: "),
    ],
)
def test_refusals_name_file_line_and_remedy(
    refused: Refused, sites: tuple[Site, ...], tmp_path: Path, options: tuple[object, ...], told: str
) -> None:
    genotypes = ["0/0"] * len(SAMPLES)
    rows = [(sites[0], genotypes), (sites[1], ["x", *genotypes[1:]])]
    (tmp_path / "cohort.vcf").write_bytes(cohort_text(SAMPLES, rows))
    write_labels(tmp_path / "labels.tsv", LABELS)
    write_labels(tmp_path / "bad.tsv", {SAMPLES[0]: ("here", "Atlantis")})
    write_labels(tmp_path / "few.tsv", {SAMPLES[0]: ("here", "Europe")})
    write_labels(tmp_path / "taken.tsv", {SAMPLES[0]: ("YRI", "Europe")})
    line = refused("reference", "build", "cohort.vcf", "--labels", "labels.tsv", "--release", "own", *options)
    assert line.startswith("invalid_input: ")
    assert told in line
    assert "SECRET" not in line
    assert not (tmp_path / "out").exists()


@needs_shared
def test_real_people_are_counted_as_a_plain_recount_counts_them(ror: Ror, tmp_path: Path) -> None:
    regions = {
        "AFR": "Sub-Saharan Africa",
        "EUR": "Europe",
        "EAS": "Eastern and Northern Asia",
        "SAS": "Southern Asia",
    }
    folder = SHARED / "ancestry" / "samples"
    with (folder / "samples.tsv").open() as table:
        people = list(csv.DictReader(table, delimiter="\t"))
    files = [gzip.decompress((folder / person["file"]).read_bytes()).decode().splitlines() for person in people]
    start = next(number for number, line in enumerate(files[0]) if line.startswith("#CHROM"))
    samples = [person["sample"] for person in people]
    merged = [*files[0][:start], "\t".join([*files[0][start].split("\t")[:9], *samples])]
    by_place = {}
    for lines in zip(*(file[start + 1 :] for file in files), strict=True):
        fields = [line.split("\t") for line in lines]
        merged.append("\t".join([*fields[0][:9], *(row[9] for row in fields)]))
        by_place[fields[0][0].removeprefix("chr"), int(fields[0][1])] = [row[9] for row in fields]
    (tmp_path / "cohort.vcf").write_text("\n".join([*merged, ""]))
    given = {p["sample"]: (f"our_{p['superpopulation']}", regions.get(p["superpopulation"], "")) for p in people}
    write_labels(tmp_path / "labels.tsv", {name: label for name, label in given.items() if label[1]})
    ran = ror("reference", "build", "cohort.vcf", "--labels", "labels.tsv", "--release", "own", "--output", "out")
    assert "Samples without a label, left out: 12" in ran.out
    made = load_release(tmp_path / "out" / "ancestry" / "own")
    core = read_table(made.read_bytes, CORE)
    assert len(core) > 20_000
    places = list(zip(core.chromosome_names, core.positions38.tolist(), strict=True))
    for code in regions:
        inside = [number for number, person in enumerate(people) if person["superpopulation"] == code]
        recount = [sum(by_place[place][number].count("1") for number in inside) for place in places]
        assert core.counts(f"our_{code}")[0].tolist() == recount
        others = core.counts("YRI" if code == "AFR" else {"EUR": "CEU", "EAS": "CHB", "SAS": "ITU"}[code])[0]
        # The same part of the world has like frequencies: no swapped alleles, no group in the wrong column.
        assert np.corrcoef(recount, others)[0, 1] > 0.9
