"""The evidence packet: opened for a review, with an audit event, and not at all once it is erased."""

from __future__ import annotations

import json
from dataclasses import asdict, fields, is_dataclass, replace
from datetime import date
from pathlib import Path

import pytest
from support import reports as contents
from support.consent_facts import ANOTHER_PERSON, PERSON
from support.service import (
    COUNSELOR,
    DIRECTOR,
    FOUR_MEDICINE_GENES,
    LEASE,
    PIPELINE,
    POSITIVE,
    TWO_POSITIVE,
    UNCERTAIN_MEDICINES,
    Service,
)

from consent.types import Confirmation
from interpreters import hereditary_risk
from interpreters.findings import HereditaryFinding, Interpretation
from interpreters.genotypes import Build
from interpreters.hereditary_risk.packet import NO_SOURCE
from interpreters.knowledge import choose_release
from interpreters.serial import to_json
from ror_service import evidence
from ror_service.audit import log
from ror_service.audit.log import Actor
from ror_service.errors import AuditError, ConflictError, ErasedError, NotFoundError
from ror_service.evidence import NOT_RECORDED, HereditaryPacket, QualityCheck
from ror_service.intake.qc import Outcome, RuleResult
from ror_service.review import curations, queue
from ror_service.review.conditions import Urgency
from ror_service.review.curations import VariantDecisions
from ror_service.review.queue import Disposition
from ror_service.sealing import vault
from ror_service.sealing.vault import Interpreted
from ror_service.storage import data_keys, participants, results
from ror_service.storage.tables import QcAssessmentRow, ResultCaseRow, SampleRow, VariantDecisionRow

_RELEASE = choose_release("hereditary_risk", None, Path(hereditary_risk.__file__).parent / "data")
KNOWN = replace(POSITIVE, knowledge_release=_RELEASE.release, knowledge_digest=_RELEASE.digest)
"""A finding in BRCA2 by a real knowledge release."""
REPORT, DO_NOT = Disposition.REPORT, Disposition.DO_NOT_REPORT
POLICY_FIELDS = (
    *("identity.participant_id", "identity.sample_id", "identity.specimen", "identity.collected_on"),
    *(
        "identity.sex_at_birth",
        "identity.sex_checks",
        "identity.consents.document",
    ),
    *("identity.consents.version", "identity.hereditary_yes", "identity.age_years", "identity.is_minor"),
    *("identity.language", "identity.hereditary_refusals", "identity.participation", "identity.vital_status"),
    *("identity.contamination", "history.decisions.disposition", "history.decisions.reviews", "decision.state"),
    *("history.earlier_results.classification", "decision.signatures.role", "decision.signatures.disposition"),
    *("decision.signatures.reason", "decision.signatures.signed_at", "decision.confirmation", "decision.disclosure"),
    *("decision.confirmation_order.laboratory", "decision.due_at", "decision.urgency", "counseling.summary"),
    *("counseling.figures", "counseling.pointers", "counseling.for_family", "counseling.limitations"),
    *("counseling.psychosocial", "counseling.plain_language"),
)
"""The fields of the policy that the service gives; `test_packet` has those of call and knowledge."""


def _packet(service: Service, review_id: str) -> evidence.Packet:
    with service.work(COUNSELOR) as work:
        return evidence.packet(work, service.context, review_id)


@pytest.mark.parametrize(
    ("found", "genes"),
    [
        (POSITIVE, ["BRCA2"]),
        (TWO_POSITIVE, ["BRCA2", "HFE"]),
        (FOUR_MEDICINE_GENES, ["CYP2C19", "NUDT15", "SLCO1B1"]),
    ],
)
def test_a_packet_holds_what_a_person_needs_and_is_audited(
    service: Service, found: Interpretation, genes: list[str]
) -> None:
    service.interpreted(found)
    review_id = service.review(found.module).review_id
    packet = _packet(service, review_id)
    assert (packet.review.review_id, packet.interpretation) == (review_id, found)
    assert [item.gene for item in packet.to_decide] == genes == [finding.gene for finding in packet.findings]
    (read,) = service.actions("review.read")
    assert (read.actor, read.object_id, read.details) == (COUNSELOR.name, review_id, {})


def test_what_is_to_decide_is_told_in_short(service: Service) -> None:
    service.interpreted(FOUR_MEDICINE_GENES)
    first, second, _ = _packet(service, service.review("pharmacogenomics").review_id).to_decide
    assert (first.can_be_reported, first.diplotypes, first.phenotypes) == (
        True,
        ("*2/*17",),
        ("Intermediate Metabolizer",),
    )
    assert first.reasons == ("unread_alleles_change_phenotype",)
    assert (first.positions_read, first.positions_total) == (35, 36)
    assert not second.can_be_reported
    assert (len(second.consistent), second.consistent_total) == (evidence.CONSISTENT_SHOWN, 37)
    assert second.consistent_phenotypes == ("Indeterminate", "Poor Metabolizer")


def test_alleles_stand_for_a_gene_that_is_called_without_a_diplotype(service: Service) -> None:
    (call,) = UNCERTAIN_MEDICINES.findings
    service.interpreted(replace(UNCERTAIN_MEDICINES, findings=(replace(call, diplotypes=(), haplotypes=("c.1A>G",)),)))
    (item,) = _packet(service, service.review("pharmacogenomics").review_id).to_decide
    assert item.diplotypes == ("c.1A>G",)


def test_nothing_is_shown_when_the_audit_event_cannot_be_written(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, review_id = service.positive()

    def fail(*_: object, **__: object) -> None:
        raise AuditError("the log is full")

    monkeypatch.setattr(log, "append", fail)
    with pytest.raises(AuditError):
        _packet(service, review_id)


def test_there_is_no_packet_of_nothing_or_of_what_is_erased(service: Service) -> None:
    with pytest.raises(NotFoundError):
        _packet(service, "review-of-nobody")
    case_id, review_id = service.positive()
    with service.work() as work:
        results.must_get(work.session, ResultCaseRow, case_id).interpretation_id = None
    with pytest.raises(ErasedError):
        _packet(service, review_id)


def test_a_packet_is_dead_after_the_withdrawal(service: Service) -> None:
    _, review_id = service.positive()
    service.withdraw()
    with pytest.raises(ErasedError):
        _packet(service, review_id)


# --- The packet of a hereditary finding


def _sign(service: Service, review_id: str, *choices: Disposition, signers: tuple[Actor, ...]) -> None:
    for signer in signers:
        service.clock.advance(minutes=1)
        with service.work(signer) as work:
            queue.claim(work, review_id, LEASE)
            evidence.sign(work, service.context, review_id, choices, "as the evidence shows")


def _only(service: Service, found: Interpretation = KNOWN, participant_id: str = PERSON) -> HereditaryPacket:
    """The packet of somebody with one hereditary finding, put into review where there is none yet."""
    if not service.rows(SampleRow, SampleRow.participant_id == participant_id):
        service.interpreted(found, participant_id)
    (packet,) = _packet(service, service.review(participant_id=participant_id).review_id).hereditary
    return packet


def _found_before(service: Service, found: Interpretation) -> str:
    """Keep another interpretation of the same person and module. Returns the id of its data key."""
    with service.work(PIPELINE) as work:
        row = vault.keep_interpretation(
            work,
            service.context.keys,
            Interpreted(found, Build.GRCH38, contents.SOURCES[found.module]),
            participant_id=PERSON,
            sample_id=f"sample-of-{PERSON}",
            input_sha256="a" * 64,
        )
        return row.data_key_id


def _paths(value: object, name: str) -> set[str]:
    """Dotted paths of the fields that a packet holds, as far as it holds examples."""
    found = {name}
    for item in value if isinstance(value, tuple) else (value,):
        if isinstance(item, tuple):
            found |= _paths(item, name)
        elif is_dataclass(item):
            for field in fields(item):
                found |= _paths(getattr(item, field.name), f"{name}.{field.name}")
    return found


def test_a_packet_tells_who_what_and_how_far(service: Service) -> None:
    packet = _only(service)
    identity = packet.identity
    assert (identity.participant_id, identity.sample_id) == (PERSON, f"sample-of-{PERSON}")
    assert (identity.specimen, identity.collected_on, identity.assay) == ("saliva", date(2026, 8, 3), "wgs")
    assert (identity.sex_at_birth, identity.sex_in_manifest, identity.sex_checks) == ("female", "female", None)
    assert (identity.contamination, identity.quality, identity.language) == (0.001, "pass", "en")
    assert (identity.age_years, identity.is_minor) == (46, False)
    assert (identity.hereditary_yes, identity.hereditary_refusals) == (True, ())
    assert [(answer.document, answer.version, answer.answer) for answer in identity.consents] == [
        ("primary", "1.0", "yes"),
        ("return_of_results", "1.0", "yes"),
    ]
    assert (packet.finding.gene, packet.finding.inheritance) == ("BRCA2", "AD")
    assert packet.history.decisions == ((),)
    assert packet.history.earlier_results == ()
    decision = packet.decision
    assert (decision.state, decision.urgency, decision.is_overdue) == ("new", Urgency.SOON, False)
    assert (decision.signatures_needed, decision.signatures, decision.confirmation_order) == (2, (), None)
    assert [aid.condition for aid in packet.counseling] == ["Hereditary breast and ovarian cancer"]
    assert {"identity.sex_checks", "decision.confirmation_order", *NO_SOURCE} <= set(packet.unavailable)
    assert packet.unavailable[-len(NOT_RECORDED) :] == NOT_RECORDED


def test_every_field_of_the_policy_is_there(service: Service) -> None:
    service.interpreted(KNOWN)
    _found_before(service, KNOWN)
    _sign(service, service.review().review_id, REPORT, signers=(COUNSELOR, DIRECTOR))
    packet = _only(service)
    held = {path for f in fields(packet) for path in _paths(getattr(packet, f.name), f.name)}
    assert set(POLICY_FIELDS) - held == set()


def test_what_the_quality_gate_measured_is_told(service: Service) -> None:
    service.interpreted(KNOWN)
    with service.work() as work:
        (row,) = work.session.query(QcAssessmentRow)
        rule = RuleResult("sex_concordance", Outcome.WARN, 0.31, 0.4, "not clear")
        row.rules = [*row.rules, asdict(rule)]
    assert _only(service).identity.sex_checks == (
        QualityCheck(rule="sex_concordance", outcome="warn", measured=0.31, reason="not clear"),
    )


def test_the_packet_says_what_the_participant_wants_at_this_moment(service: Service) -> None:
    assert _only(service).identity.hereditary_yes
    service.identity_case(PERSON)
    for born, age, is_minor, refusal in (
        (date(2015, 5, 17), 11, True, "under_age"),
        (None, None, None, "age_unknown"),
    ):
        with service.work() as work:
            participants.get(work.session, PERSON).birth_date = born
        identity = _only(service).identity
        assert (identity.age_years, identity.is_minor) == (age, is_minor)
        assert (identity.hereditary_yes, identity.hereditary_refusals) == (False, (refusal,))
        assert identity.identity_case_open


def test_people_decide_also_where_the_knowledge_is_not_at_hand_and_are_told(service: Service) -> None:
    packet = _only(service, POSITIVE)
    assert packet.finding.alleles[0].variant == contents.BRCA2
    assert packet.finding.inheritance is None
    assert {"finding.inheritance", "finding.alleles.clinvar", "finding.alleles.rules"} <= set(packet.unavailable)
    changed = replace(KNOWN, knowledge_digest="0" * 64)
    assert _only(service, changed, ANOTHER_PERSON).finding.inheritance is None


def test_a_medicine_review_opens_nothing_of_the_person(service: Service) -> None:
    service.interpreted(UNCERTAIN_MEDICINES)
    assert _packet(service, service.review("pharmacogenomics").review_id).hereditary == ()


def test_there_is_a_packet_for_each_finding_with_its_own_decision(service: Service) -> None:
    service.interpreted(TWO_POSITIVE)
    review_id = service.review().review_id
    _sign(service, review_id, REPORT, DO_NOT, signers=(COUNSELOR,))
    first, second = _packet(service, review_id).hereditary
    assert [packet.finding.gene for packet in (first, second)] == ["BRCA2", "HFE"]
    assert [packet.decision.urgency for packet in (first, second)] == [Urgency.SOON, Urgency.ROUTINE]
    told = [[(one.role, one.disposition) for one in packet.decision.signatures] for packet in (first, second)]
    assert told == [[("genetic_counselor", REPORT)], [("genetic_counselor", DO_NOT)]]


def test_what_follows_the_decision_is_told(service: Service) -> None:
    review_id = service.positive(KNOWN)[1]
    _sign(service, review_id, REPORT, signers=(COUNSELOR, DIRECTOR))
    service.confirm(review_id, Confirmation.FAILED)
    service.clock.advance(days=30)
    decision = _only(service).decision
    assert (decision.state, decision.is_overdue, decision.signatures) == ("returned", True, ())
    assert decision.confirmation_order is not None
    assert (decision.confirmation_order.result, decision.confirmation) == ("failed", "failed")


# --- One curation serves all carriers


def _everything(packet: evidence.Packet) -> str:
    return json.dumps(to_json(packet.hereditary), default=str)


def test_what_others_decided_on_the_variant_is_seen_and_nobody_else(service: Service) -> None:
    service.interpreted(KNOWN, ANOTHER_PERSON)
    earlier = service.review(participant_id=ANOTHER_PERSON)
    _sign(service, earlier.review_id, DO_NOT, signers=(replace(COUNSELOR, name="anne"), replace(DIRECTOR, name="bert")))
    packet = _only(service)
    assert packet.history.decisions == (
        (
            VariantDecisions(
                disposition=DO_NOT,
                genotype="heterozygous",
                knowledge_release=_RELEASE.release,
                reviews=1,
                last_in=date(2026, 11, 1),
            ),
        ),
    )
    shown = _everything(_packet(service, service.review().review_id))
    assert PERSON in shown
    for other in (ANOTHER_PERSON, earlier.review_id, earlier.case_id, "anne", "bert"):
        assert other not in shown
    assert {event.participant_id for event in service.actions("review.read") if event.actor == COUNSELOR.name} == {
        PERSON
    }


def test_decisions_are_counted_apart_by_what_was_decided(service: Service) -> None:
    homozygous = contents.finding("BRCA2", replace(contents.BRCA2, zygosity="homozygous"))
    for person, found, choice in (
        ("P-11", POSITIVE, REPORT),
        ("P-12", POSITIVE, REPORT),
        ("P-13", POSITIVE, DO_NOT),
        ("P-14", replace(POSITIVE, findings=(homozygous,)), REPORT),
        ("P-15", replace(POSITIVE, findings=(contents.finding("HFE", contents.HFE),)), REPORT),
    ):
        service.interpreted(found, person)
        _sign(service, service.review(participant_id=person).review_id, choice, signers=(COUNSELOR, DIRECTOR))
    (found,) = _only(service).history.decisions
    assert [(one.disposition, one.genotype, one.reviews) for one in found or ()] == [
        (DO_NOT, "heterozygous", 1),
        (REPORT, "heterozygous", 2),
        (REPORT, "homozygous", 1),
    ]


def test_both_variants_of_a_pair_are_kept_and_a_structural_call_is_not(service: Service) -> None:
    (found,) = (item for item in POSITIVE.findings if isinstance(item, HereditaryFinding))
    deletion = replace(contents.BRCA2, pos=32340400, ref="A", alt="<DEL>")
    service.interpreted(replace(POSITIVE, findings=(replace(found, second_variant=deletion),)))
    _sign(service, service.review().review_id, REPORT, signers=(COUNSELOR, DIRECTOR))
    assert [row.genotype for row in service.rows(VariantDecisionRow)] == ["two_variants"]
    packet = _only(service)
    assert packet.history.decisions[1] is None
    assert "history.decisions" in packet.unavailable


def test_two_people_still_decide_and_only_what_they_finished_is_kept(service: Service) -> None:
    review_id = service.positive(KNOWN)[1]
    _sign(service, review_id, REPORT, signers=(COUNSELOR,))
    assert service.rows(VariantDecisionRow) == []
    with pytest.raises(ConflictError):
        _sign(service, review_id, REPORT, signers=(COUNSELOR,))
    with service.work(DIRECTOR) as work:
        queue.claim(work, review_id, LEASE)
        queue.return_review(work, review_id, "look again")
    _sign(service, review_id, DO_NOT, signers=(COUNSELOR, DIRECTOR))
    assert [row.disposition for row in service.rows(VariantDecisionRow)] == ["do_not_report"]


def test_a_decision_on_medicines_keeps_nothing_of_a_variant(service: Service) -> None:
    service.interpreted(UNCERTAIN_MEDICINES)
    _sign(service, service.review("pharmacogenomics").review_id, REPORT, signers=(COUNSELOR,))
    assert service.rows(VariantDecisionRow) == []


def test_a_kept_decision_leads_to_nobody_and_tells_no_variant(service: Service) -> None:
    _, review_id = service.positive(KNOWN)
    _sign(service, review_id, REPORT, signers=(COUNSELOR, DIRECTOR))
    (row,) = service.rows(VariantDecisionRow)
    told = {name: str(getattr(row, name)) for name in (c.name for c in VariantDecisionRow.__table__.columns)}
    assert set(told) == {
        "decision_id", "variant_hash", "disposition", "genotype", "knowledge_release", "decided_in",
    }  # fmt: skip
    words = " ".join(told.values())
    for secret in (PERSON, review_id, service.case(module="hereditary_risk").case_id, "BRCA2", "32340300"):
        assert secret not in words
    assert len(row.variant_hash) == 64
    assert row.decided_in == date(2026, 11, 1)
    with service.work() as work:
        assert curations.earlier(work, b"another secret", "BRCA2", contents.BRCA2, Build.GRCH38) == ()
        assert curations.earlier(work, service.context.variant_secret, "BRCA1", contents.BRCA2, Build.GRCH38) == ()


# --- Earlier results of the same person


def test_what_was_said_before_of_the_gene_is_told(service: Service) -> None:
    service.interpreted(KNOWN)
    other = replace(contents.BRCA2, pos=32340400, classification="Uncertain_significance", stars=1)
    before = replace(POSITIVE, findings=(*POSITIVE.findings, contents.finding("BRCA2", other)))
    _found_before(service, before)
    told = _only(service).history.earlier_results
    assert [(one.is_same_variant, one.classification, one.stars) for one in told] == [
        (True, "Pathogenic", 3),
        (False, "Uncertain_significance", 1),
    ]
    assert {one.knowledge_release for one in told} == {POSITIVE.knowledge_release}


def test_what_was_erased_is_left_out(service: Service) -> None:
    service.interpreted(KNOWN)
    key = _found_before(service, POSITIVE)
    with service.work() as work:
        data_keys.destroy_keys(work.session, [key], work.at)
    assert _only(service).history.earlier_results == ()
