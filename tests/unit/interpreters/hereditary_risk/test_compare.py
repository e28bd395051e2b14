"""Two releases compared without any person."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from interpreters.comparison import WHOLE
from interpreters.hereditary_risk import build, load
from interpreters.hereditary_risk.compare import GAINED, LOST, LOST_BY_PANEL, STARS, compare, covered
from interpreters.knowledge import KnowledgeError, KnowledgeRelease

PLP, VUS = "Pathogenic", "Uncertain_significance"
ONE, TWO = "criteria_provided,_single_submitter", "criteria_provided,_multiple_submitters,_no_conflicts"
PANEL = "reviewed_by_expert_panel"
Lines = list[tuple[str, str, str, str]]
Make = Callable[..., KnowledgeRelease]


def base(count: int = 20) -> Lines:
    """That many pathogenic variants of BRCA1: number, gene, classification, review status."""
    return [(str(number), "BRCA1", PLP, TWO) for number in range(1, count + 1)]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def _make(name: str, lines: Lines, reference: str = "GRCh38") -> KnowledgeRelease:
        body = "".join(
            f"17\t{43045000 + int(number)}\t{number}\tA\tG\t.\t.\t"
            f"CLNSIG={sig};CLNREVSTAT={status};GENEINFO={gene}:672\n"
            for number, gene, sig, status in lines
        )
        source = tmp_path / f"{name}.vcf"
        source.write_text(f"##fileformat=VCFv4.1\n##fileDate=2026-01-01\n##reference={reference}\n{body}")
        return build.import_clinvar(source, tmp_path / "releases", name)

    return _make


def test_each_kind_of_difference(make: Make) -> None:
    old = make("old", [*base(), ("30", "BRCA1", VUS, ONE), ("31", "BRCA1", "Benign", ONE)])
    new = make(
        "new",
        [
            *base()[4:],
            ("2", "BRCA1", VUS, TWO),
            ("3", "BRCA1", VUS, PANEL),
            ("4", "BRCA1", PLP, PANEL),
            ("30", "BRCA1", PLP, ONE),
            ("31", "BRCA1", "Benign", TWO),
            ("40", "BRCA1", PLP, ONE),
        ],
    )
    found = compare(old, new)
    assert [(fact.subject.kind, fact.subject.name, fact.field, fact.before, fact.after) for fact in found.facts] == [
        (LOST, "1", WHOLE, "Pathogenic, stars 2", None),
        (LOST, "2", "classification", "Pathogenic, stars 2", "Uncertain_significance, stars 2"),
        (LOST_BY_PANEL, "3", "classification", "Pathogenic, stars 2", "Uncertain_significance, stars 3"),
        (GAINED, "30", "classification", "Uncertain_significance, stars 1", "Pathogenic, stars 1"),
        (GAINED, "40", WHOLE, None, "Pathogenic, stars 1"),
        (STARS, "4", "stars", "2", "3"),
    ]
    assert found.summary == (
        "Compared: BRCA1.",
        (
            "Of 20 pathogenic variants 2 are no longer so, 1 of them by an expert panel; "
            "1 more are not in the newer release."
        ),
        "2 became pathogenic or are new, and 1 stayed so with other stars.",
    )


def test_a_gene_that_one_release_holds_in_part_is_not_compared(make: Make) -> None:
    old, new = make("old", [*base(), ("50", "BRCA2", PLP, ONE)]), make("new", base(17))
    found = compare(old, new)
    assert found.facts == ()
    assert found.summary[0] == "Compared: no gene."
    assert found.summary[1].startswith("Not compared: BRCA1, BRCA2. ")
    assert compare(new, old).summary[:2] == found.summary[:2], "whichever is the newer one"


def test_covered_genes_are_those_of_the_older_release(make: Make) -> None:
    small, large = make("small", base(17)), make("large", base())
    assert covered(small, large) == {"BRCA1"}, "more was found since; nothing is missing"
    assert covered(large, small) == frozenset()
    assert covered(large, large) == {"BRCA1"}


def test_releases_of_different_builds_are_refused(make: Make) -> None:
    with pytest.raises(KnowledgeError, match="releases old and new have no genome build in common"):
        compare(make("old", base()), make("new", base(), reference="GRCh37"))


def test_the_packaged_releases_show_real_reclassifications() -> None:
    old, new = (load(name).knowledge for name in ("2025-09-28", "2026-02-26"))
    found = compare(old, new)
    assert found.summary[0] == "Compared: APC, BRCA1, BRCA2, TP53."
    counts = [(fact.subject.kind, fact.after is None) for fact in found.facts]
    assert counts.count((LOST, False)) + counts.count((LOST_BY_PANEL, False)) == 16
    assert counts.count((LOST_BY_PANEL, False)) == 2
    assert counts.count((LOST, True)) == 4
    assert {fact.subject.name for fact in found.facts if fact.subject.kind == LOST_BY_PANEL} == {"55613", "409429"}
    assert "PALB2" not in covered(old, new)
    assert covered(old, new) == {"APC", "BRCA1", "BRCA2", "MUTYH", "TP53"}
