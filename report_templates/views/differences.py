"""What a version says otherwise than the one before, in words."""

from __future__ import annotations

from collections.abc import Sequence

from report_templates.content import Audience, Difference, Statement
from report_templates.differences import Topic
from report_templates.views import medicines, traits
from report_templates.wording import Words


def in_words(found: Sequence[Difference], words: Words) -> tuple[str, ...]:
    """A line for each gene whose result differs; medicines, traits, regions and how much was read in a line each."""
    lines = [_line(difference, words) for difference in found if difference.topic in {Topic.FINDING, Topic.GENE}]
    changed = [medicines.medicine_name(name, words) for name in _subjects(found, Topic.MEDICINE)]
    if changed:
        lines.append(words("difference.medicines", subjects=words.listed(sorted(changed, key=str.lower))))
    changed = [traits.trait_name(name, words) for name in _subjects(found, Topic.TRAIT)]
    if changed:
        lines.append(words("difference.traits", subjects=words.listed(changed)))
    if _subjects(found, Topic.REGION):
        lines.append(words("difference.regions"))
    read = _subjects(found, Topic.COVERAGE)
    if read:
        lines.append(words("difference.coverage", n=len(read), subjects=", ".join(read)))
    return tuple(lines)


def _subjects(found: Sequence[Difference], topic: Topic) -> list[str]:
    return [difference.subject for difference in found if difference.topic == topic]


def _line(difference: Difference, words: Words) -> str:
    before, after = (_said(statement, words) for statement in (difference.before, difference.after))
    values = {"subject": difference.subject, "before": before, "after": after}
    if difference.topic == Topic.GENE and before and after:
        return words("difference.gene.from_to", **values)
    return words(f"difference.{difference.topic}.{difference.kind}", **values)


def _said(statement: Statement | None, words: Words) -> str:
    """A statement as its reader knows it: for a participant only where it needs no words of another language."""
    if statement is None:
        return ""
    if words.audience is Audience.PARTICIPANT:
        return statement.label
    rule = words("difference.rule", rule=statement.rule) if statement.rule else ""
    return statement.text + rule
