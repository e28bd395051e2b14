"""Which message about a medicine fits a participant's results: the combining rules of `medicines/messages.json`.

Pure: no language, no layout. Wherever the rules are not sure, the answer is a hold or a plain "no message", never the
level "no gene warning".
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
from functools import cache
from typing import Any

from interpreters.findings import DrugRecommendation, PharmacogenomicFinding
from interpreters.pharmacogenomics.interpreter import NOT_SETTLED
from report_templates.wording import content_file

_WEAK_EVIDENCE = ("Optional", "No recommendation")
_POPULATION_ORDER = ("general", "adults", "child >40kg_adult", "", "n/a")
"""Which group's wording is shown first where several reach the same level and the participant's group is not known."""
_NEVER_TOOK_IT = "naive"
_NO_CARE = frozenset({"standard_dose", "no_recommendation"})
"""Actions that ask for nothing beyond usual use."""
_ANOTHER_MEDICINE = frozenset({"avoid", "contraindicated", "alternative"})
"""Actions of the second source by which a medicine is not to be taken without talking first."""


class GeneState(StrEnum):
    """What is known of one gene of a participant."""

    RESULT = "result"
    """A result that a report may say."""
    HELD = "held_for_review"
    """A result that a person must look at first."""
    NOT_SETTLED = "not_settled"
    """A specialist looked, and the data do not settle which result it is."""
    NO_SET_MEANING = "no_set_meaning"
    """Read; a result of this gene has no meaning by itself (CYP4F2, IFNL3)."""
    NOT_KNOWN = "not_known"
    """Read, but without a known meaning."""
    COULD_NOT_BE_READ = "could_not_be_read"
    NOT_LOOKED_AT = "not_looked_at"


class Level(IntEnum):
    """How much care a message asks for, in rising order."""

    NONE = 0
    BE_AWARE = 1
    TALK_BEFORE_USE = 2

    @property
    def key(self) -> str:
        """Key of the level in messages.json."""
        return ("none", "be-aware", "talk-before-use")[self]


class AdviceKind(StrEnum):
    """What a report can say about a medicine."""

    MESSAGE = "message"
    HELD = "held"
    """A gene or a row waits for review: no recommendation is shown."""
    NOT_SETTLED = "not_settled"
    """The answer depends on a gene that a specialist looked at and that the data do not settle."""
    NOT_ASSESSED = "not_assessed"
    """No gene of the medicine was read."""
    NOT_IN_REPORT = "not_in_report"
    """Genes were read, but no guideline row fits. Never to be taken as no warning."""
    SECOND_SOURCE = "second_source"
    """A medicine that the first guideline source lacks; the second one asks for care."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What the report says about one medicine."""

    drug: str
    kind: AdviceKind
    level: Level = Level.BE_AWARE
    no_answer: bool = False
    """The guideline itself gives no advice for this result."""
    message: str = ""
    """Key of the message: an override's id, or the action tags."""
    notes: tuple[str, ...] = ()
    """Keys of general texts to add, in order."""
    genes: tuple[str, ...] = ()
    missing_genes: tuple[str, ...] = ()
    unsettled_genes: tuple[str, ...] = ()
    """Those of `missing_genes` that a specialist looked at."""
    open_genes: tuple[str, ...] = ()
    """Genes whose data fit more than one result."""


def gene_states(findings: Iterable[PharmacogenomicFinding], not_read: Iterable[str]) -> dict[str, GeneState]:
    """State of each gene that was looked at; a gene that is missing here was not looked at."""
    states = dict.fromkeys(not_read, GeneState.COULD_NOT_BE_READ)
    for finding in findings:
        states[finding.gene] = _state_of(finding)
    return states


def _state_of(finding: PharmacogenomicFinding) -> GeneState:
    if finding.requires_review:
        return GeneState.HELD
    if NOT_SETTLED in finding.reasons:
        return GeneState.NOT_SETTLED
    if finding.reported_phenotype is not None:
        named = all(result_label(finding.gene, name) is not None for name in results_of(finding))
        return GeneState.RESULT if named else _without_result(finding)
    if finding.diplotypes or finding.haplotypes:
        return GeneState.RESULT if _several(finding) else _without_result(finding)
    return GeneState.COULD_NOT_BE_READ


def _without_result(finding: PharmacogenomicFinding) -> GeneState:
    entry = gene_entry(finding.gene)
    no_set_meaning = entry is not None and GeneState.NO_SET_MEANING in entry["states"]
    return GeneState.NO_SET_MEANING if no_set_meaning else GeneState.NOT_KNOWN


def results_of(finding: PharmacogenomicFinding) -> tuple[str, ...]:
    """What a report may say of a gene; more than one where results hold side by side, as HLA allele statuses do."""
    if finding.reported_phenotype is None:
        return ()
    entry = gene_entry(finding.gene)
    side_by_side = entry is not None and entry["lookup"] == "allele status" and finding.phenotypes
    return finding.phenotypes if side_by_side else (finding.reported_phenotype,)


def _several(finding: PharmacogenomicFinding) -> bool:
    """Whether the data fit several results that all have a name."""
    phenotypes = set(finding.phenotypes)
    return len(phenotypes) > 1 and all(result_label(finding.gene, name) is not None for name in phenotypes)


def result_label(gene: str, phenotype: str) -> Mapping[str, Any] | None:
    """Entry of genes.json for a result (label, meaning, clinical term); None if it has no known meaning."""
    entry = gene_entry(gene)
    if entry is None:
        return None
    name = entry["activity_score_to_phenotype"].get(phenotype, phenotype)
    return next((result for result in entry["phenotypes"] if result["phenotype"] == name), None)


@cache
def gene_entry(gene: str) -> Mapping[str, Any] | None:
    """Entry of genes.json for a gene, None if there is none."""
    return next((entry for entry in content_file("medicines/genes.json")["genes"] if entry["gene"] == gene), None)


@cache
def message_text(key: str) -> Mapping[str, str]:
    """Participant text of a message that an `Advice` names."""
    wording = content_file("medicines/messages.json")
    found = next(
        (m for m in (*wording["overrides"], *wording["messages"]) if key in (m.get("id"), m.get("actions"))), None
    )
    if found is None:
        raise KeyError(key)
    text: Mapping[str, str] = found["participant"]
    return text


def advise(findings: Sequence[PharmacogenomicFinding], states: Mapping[str, GeneState]) -> tuple[Advice, ...]:
    """What to say about every medicine of the list, and about any other that a finding recommends on, by name."""
    settled = [finding for finding in findings if states[finding.gene] is not GeneState.NOT_SETTLED]
    rows: dict[str, list[DrugRecommendation]] = {}
    for row in dict.fromkeys(row for finding in settled for row in finding.recommendations):
        rows.setdefault(row.drug, []).append(row)
    more_care = {
        row.drug for finding in settled for row in finding.second_opinions if not _NO_CARE.issuperset(row.actions)
    }
    several = {f.gene for f in findings if states[f.gene] is GeneState.RESULT and f.reported_phenotype is None}
    listed = {drug["id"]: tuple(drug["genes"]) for drug in content_file("medicines/drugs.json")["drugs"]}
    advice = [
        _with_second_opinion(_advise_one(drug, genes, rows.get(drug, []), states, several), more_care)
        for drug, genes in listed.items()
    ]
    advice += [Advice(drug, AdviceKind.HELD, genes=rows[drug][0].genes) for drug in rows if drug not in listed]
    return tuple(sorted(advice, key=lambda item: item.drug))


def second_source_advice(
    findings: Sequence[PharmacogenomicFinding], states: Mapping[str, GeneState]
) -> dict[str, Advice]:
    """What to say of each medicine that the second guideline source alone knows, for who takes it.

    Where it asks for nothing, the report has no message: never no warning.
    """
    rows: dict[str, set[str]] = {}
    for row in (row for finding in findings for row in finding.second_opinions):
        rows.setdefault(row.drug, set()).update(row.actions)
    advice = {}
    for drug in content_file("medicines/drugs.json")["second_source"]:
        name, genes = drug["id"], tuple(drug["genes"])
        found = _advise_one(name, genes, [], states, set())
        actions = rows.get(name, set())
        if found.kind is AdviceKind.NOT_IN_REPORT and not _NO_CARE.issuperset(actions):
            level = Level.BE_AWARE if _ANOTHER_MEDICINE.isdisjoint(actions) else Level.TALK_BEFORE_USE
            found = Advice(name, AdviceKind.SECOND_SOURCE, level, genes=genes)
        advice[name] = found
    return advice


def _advise_one(
    drug: str,
    genes: tuple[str, ...],
    rows: list[DrugRecommendation],
    states: Mapping[str, GeneState],
    several: set[str],
) -> Advice:
    state = {gene: states.get(gene, GeneState.NOT_LOOKED_AT) for gene in genes}
    missing = tuple(gene for gene in genes if state[gene] not in {GeneState.RESULT, GeneState.NO_SET_MEANING})
    if GeneState.HELD in state.values():
        return Advice(drug, AdviceKind.HELD, genes=genes)
    unsettled = tuple(gene for gene in genes if state[gene] is GeneState.NOT_SETTLED)
    if not rows or len(missing) == len(genes):
        kind = AdviceKind.NOT_IN_REPORT
        if unsettled:
            kind = AdviceKind.NOT_SETTLED
        elif len(missing) == len(genes) and GeneState.NOT_KNOWN not in state.values():
            kind = AdviceKind.NOT_ASSESSED
        return Advice(drug, kind, genes=genes, missing_genes=missing, unsettled_genes=unsettled)
    messages = [(row, _message(row)) for row in _for_people_who_never_took_it(rows)]
    found = [(row, message) for row, message in messages if message is not None]
    if len(found) < len(messages):
        return Advice(drug, AdviceKind.HELD, genes=genes)
    return _combine(drug, genes, found, missing, tuple(gene for gene in genes if gene in several))


def _with_second_opinion(advice: Advice, more_care: Container[str]) -> Advice:
    """The advice, never without a warning where the second guideline source asks for more care than the first."""
    reassures = advice.level is Level.NONE or advice.no_answer
    if advice.kind is not AdviceKind.MESSAGE or not reassures or advice.drug not in more_care:
        return advice
    return replace(advice, level=Level.BE_AWARE, no_answer=False, notes=(*advice.notes, "second_opinion"))


def _for_people_who_never_took_it(rows: list[DrugRecommendation]) -> list[DrugRecommendation]:
    """Where a guideline tells earlier users apart, the rows for those who never took the medicine."""
    return [row for row in rows if row.population.endswith(_NEVER_TOOK_IT)] or rows


def _message(row: DrugRecommendation) -> Mapping[str, Any] | None:
    """The message of one row; None asks for a hold: the source changed, or no message may be made from its tags."""
    wording = content_file("medicines/messages.json")
    if row.text_sha not in _known_texts():
        return None
    for override in wording["overrides"]:
        if row.drug in override["drugs"] and row.text_sha in override["text_sha"]:
            found: Mapping[str, Any] = override
            return found
    if row.needs_review or not row.actions:
        return None
    # The order of tags is that of the source's sentence: what it names first weighs more.
    by_actions = _messages_by_actions()
    return by_actions.get(row.actions) or by_actions.get(frozenset(row.actions))


@cache
def _known_texts() -> frozenset[str]:
    return frozenset(content_file("medicines/messages.json")["known_text_sha"])


@cache
def _messages_by_actions() -> dict[tuple[str, ...] | frozenset[str], Mapping[str, Any]]:
    """Messages by their tags in order, and by the tags alone: there the most careful of those that share them."""
    wording = content_file("medicines/messages.json")
    rising = sorted(wording["messages"], key=lambda message: wording["levels"][message["level"]]["order"])
    tagged = [(tuple(message["actions"].split(",")), message) for message in rising if message["actions"]]
    return {**{frozenset(tags): message for tags, message in tagged}, **dict(tagged)}


def _combine(
    drug: str,
    genes: tuple[str, ...],
    found: list[tuple[DrugRecommendation, Mapping[str, Any]]],
    missing: tuple[str, ...],
    open_genes: tuple[str, ...],
) -> Advice:
    """The highest level of all rows that apply; one gene never cancels the warning of another."""
    levels = content_file("medicines/messages.json")["levels"]
    highest = max(levels[message["level"]]["order"] for _, message in found)
    top = [(row, message) for row, message in found if levels[message["level"]]["order"] == highest]
    row, message = min(top, key=lambda pair: (pair[1]["no_answer"], _population_rank(pair[0]), _key(pair[1])))
    same_group = {_key(other) for other_row, other in top if other_row.population == row.population}
    level = max(Level(highest), Level.BE_AWARE) if missing else Level(highest)
    notes = [
        ("conflict_note", len(same_group) > 1),
        ("several_possible", bool(open_genes)),
        ("missing_gene_note", bool(missing)),
        # A message that says that there is no advice has no advice to be less sure of.
        ("limited_evidence", row.strength in _WEAK_EVIDENCE and not message["no_answer"]),
    ]
    return Advice(
        drug=drug,
        kind=AdviceKind.MESSAGE,
        level=level,
        no_answer=message["no_answer"],
        message=_key(message),
        notes=tuple(key for key, wanted in notes if wanted),
        genes=genes,
        missing_genes=missing,
        open_genes=open_genes,
    )


def _key(message: Mapping[str, Any]) -> str:
    key: str = message.get("id") or message["actions"]
    return key


def _population_rank(row: DrugRecommendation) -> tuple[int, str]:
    known = row.population in _POPULATION_ORDER
    return (_POPULATION_ORDER.index(row.population) if known else len(_POPULATION_ORDER), row.population)
