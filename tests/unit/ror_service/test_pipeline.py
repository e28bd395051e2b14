"""The steps of the main job with their real parts: a file is read, interpreted, released, sent and called back."""

from __future__ import annotations

import hashlib
import re
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import update
from support.consent_facts import PERSON
from support.genotype_files import vcf_text
from support.service import CENTER, FILES, OPERATOR, Service, artifact, dead_jobs, running_service

from consent.gate import Release
from consent.types import Answer, ModuleAnswer, Participation
from interpreters import traits
from interpreters.genotypes import Assay, Build, Sex
from interpreters.pharmacogenomics import PharmacogenomicsInterpreter
from report_templates.content import ReportContent, WordingReview
from ror_service import pipeline
from ror_service.context import ServiceContext
from ror_service.errors import NotExtractedError
from ror_service.intake import samples
from ror_service.intake.incoming import Incoming
from ror_service.intake.samples import ManifestRow, Reading
from ror_service.rendering.artifacts import Artifact
from ror_service.states import CaseState, SampleState
from ror_service.storage.tables import (
    ArtifactRow,
    FingerprintRow,
    InterpretationRow,
    JobRow,
    QcAssessmentRow,
    SampleRow,
)

SITES = (
    ("chr2", 135851073, "G"), ("chr2", 135851076, "G"), ("chr2", 135851081, "A"), ("chr2", 135851176, "G"),
    ("chr7", 141972804, "T"), ("chr7", 141972905, "G"), ("chr7", 141973545, "C"),
    ("chr11", 6868417, "C"), ("chr16", 48224287, "C"),
)  # fmt: skip


def _contigs() -> str:
    return "".join(
        f"##contig=<ID={name},length={length}>\n"
        for name, length in (("chr7", 159345973), ("chr11", 135086622), ("chr16", 90338345))
    )


def _file() -> bytes:
    records = [f"{chrom} {pos} . {ref} . 50 PASS . GT:DP:GQ 0/0:30:99" for chrom, pos, ref in SITES]
    return vcf_text(records, extra=_contigs() + '##FILTER=<ID=PASS,Description="">\n')


def _send(
    service: Service,
    content: bytes,
    *,
    contamination: float = 0.001,
    backfill: bool = False,
    build: Build | None = Build.GRCH38,
) -> None:
    """What a genome center sends: a row, then the file that it declares."""
    row = ManifestRow(
        sample_id="sample-1",
        participant_id=PERSON,
        specimen="saliva",
        assay=Assay.WGS,
        build=build,
        sex_at_birth=Sex.FEMALE,
        contamination=contamination,
        name_in_file=None,
        collected_on=date(2026, 8, 3),
        file_sha256=hashlib.sha256(content).hexdigest(),
        file_size=len(content),
    )
    with service.work(CENTER) as work:
        samples.submit(work, service.context.keys, row)
        samples.mark_backfill(work, ["sample-1"] * backfill)
    with Incoming(service.context.store, PERSON, len(content)) as incoming:
        incoming.write(content)
        incoming.finish()
        with service.work(CENTER) as work:
            samples.file_received(work, service.context.keys, "sample-1", incoming)
        incoming.keep()


@pytest.fixture
def with_traits(delivering: Service) -> Service:
    """A service whose one installed interpreter is the smallest."""
    delivering.context.interpreters = {"traits": traits.load()}
    delivering.enroll(modules=("traits",))
    return delivering


def _sample_state(service: Service) -> SampleState:
    (sample,) = service.rows(SampleRow)
    return SampleState(sample.state)


def test_the_main_job_from_the_file_to_the_recall(with_traits: Service) -> None:
    service = with_traits
    _send(service, _file())
    service.run_jobs()
    (assessed,) = service.rows(QcAssessmentRow)
    assert (assessed.verdict, assessed.reasons) == ("pass", []), "a file is read once"
    assert _sample_state(service) is SampleState.READ
    assert service.state() is CaseState.DELIVERED
    assert service.state("ancestry") is CaseState.OFFERED
    assert len(service.rows(InterpretationRow)) == 1, "nothing is interpreted that nobody asked for"
    assert service.read()
    service.withdraw()
    service.run_jobs()
    assert service.state() is CaseState.DELETED
    assert service.violations() == []
    assert not list(service.context.store.iterdir())
    assert not dead_jobs(service)


def test_each_step_may_run_again(with_traits: Service) -> None:
    service = with_traits
    _send(service, _file())
    service.run_jobs()
    delivery_id = service.delivery().delivery_id
    pipeline.fetch_file(service.context, "sample-1")
    pipeline.extract_sample(service.context, "sample-1")
    pipeline.interpret_sample(service.context, "sample-1")
    pipeline.release_report(service.context, service.case().case_id)
    pipeline.deliver_report(service.context, delivery_id)
    assert len(service.rows(InterpretationRow)) == len(service.rows(QcAssessmentRow)) == 1
    assert service.state() is CaseState.DELIVERED
    assert service.violations() == []


def test_of_two_workers_that_read_a_sample_the_first_ones_verdict_stands(
    with_traits: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, original = with_traits, ServiceContext.extract

    def slow(context: ServiceContext, reading: Reading) -> object:
        monkeypatch.undo()
        pipeline.extract_sample(context, reading.sample_id)
        return original(context, reading)

    _send(service, _file())
    monkeypatch.setattr(ServiceContext, "extract", slow)
    pipeline.extract_sample(service.context, "sample-1")
    assert len(service.rows(QcAssessmentRow)) == 1
    assert len(service.actions("genotypes.keep")) == 1


def test_jobs_of_a_backfill_say_so_to_the_report_but_a_later_yes_does_not_wait(with_traits: Service) -> None:
    service = with_traits
    _send(service, _file(), backfill=True)
    service.run_jobs()
    kinds = {row.task: row.backfill for row in service.rows(JobRow)}
    assert kinds == {
        "extract_sample": True, "interpret_sample": True, "release_report": True, "deliver_report": False,
    }  # fmt: skip
    service.choose(ModuleAnswer.NO, authored_at=service.clock.advance(hours=1))
    service.choose(authored_at=service.clock.advance(hours=1))
    assert service.job("interpret_sample", "sample-1").backfill is False


def test_a_file_that_cannot_be_read_gives_a_reason_and_no_result(with_traits: Service) -> None:
    _send(with_traits, b"not a genotype file\n")
    with_traits.run_jobs()
    assert _sample_state(with_traits) is SampleState.UNREADABLE
    (assessed,) = with_traits.rows(QcAssessmentRow)
    assert assessed.verdict == "fail"
    assert re.fullmatch(r"[a-z_]+", assessed.reasons[0])
    assert with_traits.state() is CaseState.QC_HOLD
    assert not dead_jobs(with_traits)


def test_a_file_of_poor_quality_is_held_and_not_interpreted(with_traits: Service) -> None:
    _send(with_traits, _file(), contamination=0.5)
    with_traits.run_jobs()
    assert _sample_state(with_traits) is SampleState.QC_HOLD
    assert with_traits.state() is CaseState.QC_HOLD
    assert not with_traits.rows(InterpretationRow)
    assert with_traits.rows(FingerprintRow), "whose sample it is can be told, and is looked at"
    assert len(with_traits.actions("sample.identity")) == 1


def test_a_file_whose_positions_are_in_doubt_tells_nobody(with_traits: Service) -> None:
    _send(with_traits, _file(), build=Build.GRCH37)
    with_traits.run_jobs()
    assert _sample_state(with_traits) is SampleState.QC_HOLD
    assert not with_traits.rows(FingerprintRow)
    assert not with_traits.actions("sample.identity")


def test_what_is_stored_is_not_used_before_it_is_known_whose_it_is(with_traits: Service) -> None:
    """A fingerprint of another panel cannot be compared: the file is read again, and its sample examined."""
    service = with_traits
    _send(service, _file())
    service.run_jobs()
    panel = service.context.fingerprints.panel.release
    searched = len(service.actions("sample.identity"))
    with service.work(OPERATOR) as work:
        work.session.execute(update(FingerprintRow).values(panel_release="older"))
    with pytest.raises(NotExtractedError):
        pipeline.interpret_sample(service.context, "sample-1")
    service.run_jobs()
    assert [row.panel_release for row in service.rows(FingerprintRow)] == [panel]
    assert len(service.actions("sample.identity")) == searched + 1


def test_a_yes_that_comes_after_the_reading_reads_again(with_traits: Service) -> None:
    service = with_traits
    service.choose(ModuleAnswer.MAYBE_LATER, authored_at=service.clock.advance(hours=1))
    _send(service, _file())
    service.run_jobs()
    assert service.state() is CaseState.DEFERRED
    service.choose(authored_at=service.clock.advance(hours=1))
    service.run_jobs()
    assert service.state() is CaseState.DELIVERED


def test_nothing_is_read_of_those_who_left(with_traits: Service) -> None:
    _send(with_traits, _file())
    with_traits.standing(participation=Participation.UNKNOWN)
    with_traits.run_jobs()
    assert not with_traits.rows(QcAssessmentRow)


def test_a_withheld_draft_is_not_rendered(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    case_id = service.interpreted()
    service.consent(Answer.NO)

    def never(*_: object) -> None:
        pytest.fail("rendered without release")

    monkeypatch.setattr(service.context, "render", never)
    pipeline.release_report(service.context, case_id)


def test_every_language_and_format_is_rendered(service: Service) -> None:
    """Once with the real renderer: the files that are kept are those that a reader asks for."""
    case_id = service.interpreted()
    service.context.render = ServiceContext.render.__get__(service.context)
    pipeline.release_report(service.context, case_id)
    assert service.read(name=FILES[0]).lower().startswith(b"<!doctype html>")
    assert service.read(name=FILES[3]).startswith(b"%PDF-")


def test_the_files_for_a_clinician_are_kept_and_say_so(service: Service) -> None:
    case_id = service.interpreted("pharmacogenomics")
    pipeline.release_report(service.context, case_id)
    kept = {row.name: row.audience for row in service.rows(ArtifactRow)}
    clinicians = {"clinician.en.html": "clinician", "clinician.en.pdf": "clinician"}
    assert kept == dict.fromkeys(FILES, "participant") | clinicians


def test_a_report_says_who_approved_the_wording_of_its_module(tmp_path: Path) -> None:
    approved = {"reviewer": "C. Ito, PharmD", "approved_on": date(2026, 10, 1)}
    with running_service(tmp_path / "service", wording_reviews={"pharmacogenomics": approved}) as service:
        reports: dict[str, ReportContent] = {}

        def render(release: Release[ReportContent]) -> tuple[Artifact, ...]:
            reports[release.payload.module] = release.payload
            return (artifact(),)

        service.context.render = render
        service.interpreted("pharmacogenomics")
        service.found("hereditary_risk")
        service.run_jobs()
    assert reports["pharmacogenomics"].wording_review == WordingReview(**approved)
    assert reports["hereditary_risk"].wording_review is None


def test_the_programme_chooses_the_genes(tmp_path: Path) -> None:
    options = {"pharmacogenomics": {"genes": "CYP2C19,TPMT"}}
    with running_service(tmp_path / "service", module_options=options) as service:
        medicines = service.context.interpreters["pharmacogenomics"]
    assert isinstance(medicines, PharmacogenomicsInterpreter)
    assert medicines.genes == ("CYP2C19", "TPMT")


def test_every_job_that_is_ordered_has_a_step(with_traits: Service) -> None:
    service = with_traits
    _send(service, _file())
    service.run_jobs()
    service.withdraw()
    ordered_by_others = {"fetch_file", "reconcile_partner", "offer_again", "erase_kept"}
    assert {row.task for row in service.rows(JobRow)} == set(pipeline.STEPS) - ordered_by_others
