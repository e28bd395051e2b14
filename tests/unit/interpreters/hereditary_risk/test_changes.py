"""Events between two interpretations of one sample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from interpreters.changes import FollowUp
from interpreters.findings import (
    GeneAssessment,
    GeneStatus,
    HereditaryFinding,
    HereditaryOutcome,
    HereditaryVariant,
    Interpretation,
)
from interpreters.genotypes import Assay, Build, CallSetKind, GenotypeCalls, Record, Sample, Sex
from interpreters.hereditary_risk import HereditaryRisk, load
from interpreters.hereditary_risk.changes import Change, ChangeKind, changes
from interpreters.knowledge import KnowledgeRelease

OLD, NEW = "2025-09-28", "2026-02-26"
CANDIDATE, REVIEW, NOT_REPORTABLE = (
    HereditaryOutcome.CANDIDATE_POSITIVE,
    HereditaryOutcome.REVIEW,
    HereditaryOutcome.NOT_REPORTABLE,
)
UPGRADE, DOWNGRADE = ChangeKind.UPGRADE_NEW_FINDING, ChangeKind.DOWNGRADE_REVIEW_AMEND_REPORT
STARS, LIST, NOT_COMPARED = ChangeKind.STAR_CHANGE, ChangeKind.LIST_CHANGE, ChangeKind.NOT_COMPARED
TASK = FollowUp.COUNSELOR_TASK

VUS_BY_PANEL = "17 43045748 C T"  # BRCA1, ClinVar 55613
CONFLICTING_NOW = "17 43063951 T G"  # BRCA1, ClinVar 254641
PATHOGENIC_NOW = "13 32363211 C G"  # BRCA2, ClinVar 489785
MORE_STARS = "13 32380116 G A"  # BRCA2, ClinVar 52780
NOT_HELD = "19 11089549 A C"  # LDLR, which the newer release lacks


def variant(number: str | None, classification: str | None = "Pathogenic", stars: int | None = 2) -> HereditaryVariant:
    return HereditaryVariant("17", 1, "A", "T", number, classification, stars, "heterozygous")


def finding(
    outcome: HereditaryOutcome = CANDIDATE,
    lead: HereditaryVariant | None = None,
    second: HereditaryVariant | None = None,
    reason: str = "any",
) -> HereditaryFinding:
    return HereditaryFinding("BRCA1", outcome, reason, lead or variant("1"), (reason,), second_variant=second)


def said(*findings: HereditaryFinding | GeneAssessment) -> Interpretation:
    return Interpretation("hereditary_risk", "1", "release", "digest", findings, ())


FULL = said(finding())
SECOND = variant("2")
EVENTS = {
    "nothing before": (said(), FULL, [UPGRADE]),
    "not reportable before": (said(finding(NOT_REPORTABLE, variant("1", "Uncertain_significance"))), FULL, [UPGRADE]),
    "for review before": (said(finding(REVIEW, variant("1", stars=1))), FULL, [UPGRADE]),
    "loss of function that ClinVar lacked": (
        said(finding(REVIEW, variant(None, None, None))),
        said(finding(REVIEW, variant("1", stars=1))),
        [UPGRADE],
    ),
    "nothing any more": (FULL, said(), [DOWNGRADE]),
    "not reportable any more": (FULL, said(finding(NOT_REPORTABLE)), [DOWNGRADE]),
    "for review only": (FULL, said(finding(REVIEW, variant("1", "Conflicting", 1))), [DOWNGRADE]),
    "of two for review, one that ClinVar calls pathogenic asks for more": (
        said(finding(REVIEW, variant("1", stars=1))),
        said(finding(REVIEW, variant("1", "Conflicting", 1))),
        [DOWNGRADE],
    ),
    "other stars": (FULL, said(finding(lead=variant("1", stars=3))), [STARS]),
    "other stars of the second": (
        said(finding(second=SECOND)),
        said(finding(second=replace(SECOND, stars=3))),
        [STARS],
    ),
    "another variant leads": (FULL, said(finding(lead=SECOND)), [DOWNGRADE, UPGRADE]),
    "one of two is gone": (said(finding(second=SECOND)), FULL, [DOWNGRADE]),
    "one more": (FULL, said(finding(second=SECOND)), [UPGRADE]),
    "stars of what is not shown": (
        said(finding(NOT_REPORTABLE, variant("1", "Benign"))),
        said(finding(NOT_REPORTABLE, variant("1", "Benign", 3))),
        [],
    ),
    "newly listed": (said(finding(NOT_REPORTABLE, reason="gene_not_on_active_list")), FULL, [LIST]),
    "listed no more": (FULL, said(finding(NOT_REPORTABLE, reason="gene_not_on_active_list")), [LIST]),
    "newly listed and nothing to show": (
        said(finding(NOT_REPORTABLE, reason="gene_not_on_active_list")),
        said(finding(NOT_REPORTABLE)),
        [],
    ),
    "the same": (FULL, FULL, []),
    "other phase and path": (FULL, said(replace(finding(), flags=("phase_unknown",), rule_path=("x",))), []),
    "less was read": (
        said(GeneAssessment("BRCA1", GeneStatus.ASSESSED, 1.0)),
        said(GeneAssessment("BRCA1", GeneStatus.NOT_ASSESSED, 0.0)),
        [],
    ),
}


@pytest.mark.parametrize(("before", "after", "kinds"), EVENTS.values(), ids=EVENTS.keys())
def test_every_kind_of_event(before: Interpretation, after: Interpretation, kinds: list[ChangeKind]) -> None:
    assert [change.kind for change in changes(before, after)] == kinds


def test_what_people_must_do() -> None:
    acts = {
        kind: {c.follow_up for b, a, _ in EVENTS.values() for c in changes(b, a) if c.kind is kind}
        for kind in LIST.__class__
    }
    assert acts[UPGRADE] == {FollowUp.REVIEW}
    assert acts[DOWNGRADE] == {TASK}
    assert acts[STARS] == {None}
    assert acts[LIST] == {FollowUp.REVIEW, None}
    (delisted,) = changes(*EVENTS["listed no more"][:2])
    assert delisted.follow_up is None, "what was found under the older list stays true"


@pytest.mark.parametrize("name", ["nothing any more", "one of two is gone", "another variant leads"])
def test_a_variant_that_a_partial_release_lacks_was_not_reclassified(name: str) -> None:
    before, after, _ = EVENTS[name]
    first = changes(before, after, lambda _: False)[0]
    assert (first.kind, first.follow_up) == (NOT_COMPARED, None)


def test_a_variant_that_a_partial_release_holds_was_reclassified() -> None:
    before, after, _ = EVENTS["not reportable any more"]
    assert [change.kind for change in changes(before, after, lambda _: False)] == [DOWNGRADE]


def test_events_are_told_in_words() -> None:
    (change,) = changes(said(finding(NOT_REPORTABLE, variant(None, None, None))), FULL)
    assert str(change.before) == "NOT_REPORTABLE any (not in ClinVar)"
    assert str(change.after) == "CANDIDATE_POSITIVE any (ClinVar 1: Pathogenic, stars 2)"
    (change,) = changes(said(finding(lead=variant("1", None, 0), second=SECOND)), said())
    assert str(change.before).endswith("(ClinVar 1: not classified, stars 0; ClinVar 2: Pathogenic, stars 2)")
    assert str(change.after) == "NOT_REPORTABLE no_variant_seen (no variant)"


def under(risk: HereditaryRisk, record: Record) -> Interpretation:
    calls = GenotypeCalls(Build.GRCH38, CallSetKind.VARIANTS_ONLY, (record,))
    return risk.interpret(Sample(Build.GRCH38, Assay.WGS, Sex.FEMALE), calls)


@pytest.fixture(scope="module")
def releases() -> tuple[HereditaryRisk, HereditaryRisk]:
    return load(OLD), load(NEW)


@pytest.mark.parametrize(
    ("site", "kind", "number"),
    [
        (VUS_BY_PANEL, DOWNGRADE, "55613"),
        (CONFLICTING_NOW, DOWNGRADE, "254641"),
        (PATHOGENIC_NOW, UPGRADE, "489785"),
        (MORE_STARS, STARS, "52780"),
        (NOT_HELD, NOT_COMPARED, "250966"),
    ],
)
def test_real_reclassifications(
    releases: tuple[HereditaryRisk, HereditaryRisk],
    call: Callable[..., Record],
    site: str,
    kind: ChangeKind,
    number: str,
) -> None:
    old, new = releases
    record = call(site)
    (change,) = new.changes(under(old, record), under(new, record), lambda: old.knowledge)
    assert isinstance(change, Change)
    assert change.kind is kind
    assert number in change.before.numbers | change.after.numbers


def test_the_same_release_needs_no_earlier_one(
    releases: tuple[HereditaryRisk, HereditaryRisk], call: Callable[..., Record]
) -> None:
    def earlier() -> KnowledgeRelease:
        raise AssertionError

    _, new = releases
    other_list = load(NEW, options={"sf_list": "v2.0"})
    record = call("1 45331556 C T", "1/1")
    assert new.changes(under(new, record), under(new, record), earlier) == ()
    assert other_list.changes(under(new, record), under(other_list, record), earlier) == ()
