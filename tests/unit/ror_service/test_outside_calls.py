"""Outside calls that come with a manifest row: sealed, compared, used by the interpreter, gone with the sample."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from support.api import Api, problem_of, running_api
from support.consent_facts import PERSON
from support.genotype_files import vcf_text
from support.service import CENTER, PIPELINE, Service

from interpreters import pharmacogenomics
from interpreters.findings import PharmacogenomicFinding
from interpreters.genotypes import Assay, OutsideCall, Sex
from ror_service import pipeline
from ror_service.api.tokens import Role
from ror_service.errors import ConflictError, ErasedError, SealError
from ror_service.intake import outside_calls, samples
from ror_service.intake.samples import ManifestRow
from ror_service.sealing import vault
from ror_service.states import SampleState
from ror_service.storage.tables import DataKeyRow, InterpretationRow, OutsideCallsRow, SampleRow

CONTENT = vcf_text(["chr1 500 . A G 50 PASS . GT:DP:GQ 0/1:30:99"])
CALLS = (OutsideCall("CYP2D6", "*36x2+*10/*68+*4"), OutsideCall("HLA-B", phenotype="*57:01 positive"))
ROW = ManifestRow(
    sample_id="S-1",
    participant_id=PERSON,
    specimen="saliva",
    assay=Assay.WGS,
    build=None,
    sex_at_birth=Sex.FEMALE,
    contamination=None,
    name_in_file=None,
    collected_on=None,
    file_sha256=hashlib.sha256(CONTENT).hexdigest(),
    file_size=len(CONTENT),
    outside_calls=CALLS,
)
Body = dict[str, Any]


def body(*calls: Body, **changes: object) -> Body:
    return {
        "sample_id": "S-1", "participant_id": PERSON, "specimen": "saliva", "assay": "wgs", "sex_at_birth": "female",
        "file_sha256": ROW.file_sha256, "file_size": ROW.file_size, "outside_calls": list(calls),
    } | changes  # fmt: skip


SENT = (
    {"gene": "CYP2D6", "diplotype": " *36x2+*10/*68+*4"},
    {"gene": "HLA-B", "phenotype": "*57:01 positive", "activity_score": ""},
)


@pytest.fixture
def api(service: Service) -> Iterator[Api]:
    service.enroll(modules=("pharmacogenomics",))
    with running_api(service) as running:
        yield running


def submit(service: Service, row: ManifestRow = ROW) -> None:
    with service.work(CENTER) as work:
        samples.submit(work, service.context.keys, row)


def stored(service: Service) -> OutsideCallsRow:
    (row,) = service.rows(OutsideCallsRow)
    return row


def opened(service: Service, participant_id: str = PERSON) -> tuple[OutsideCall, ...]:
    with service.work(PIPELINE) as work:
        return tuple(vault.open_outside_calls(work, service.context.keys, participant_id, stored(service)).calls)


def in_clear(service: Service) -> list[str]:
    """Files below the service's home, the database among them, that show a part of the calls."""
    home = service.context.settings.home
    signs = [b"36x2", b"57:01", b"CYP2D6"]
    files = [path for path in home.rglob("*") if path.is_file()]
    return [path.name for path in files if any(sign in path.read_bytes() for sign in signs)]


# Taking them in


def test_calls_of_a_row_are_kept_sealed_and_shown_nowhere(api: Api) -> None:
    service = api.service
    answer = api.post(Role.GENOME_CENTER, "/v1/samples", body(*SENT))
    assert (answer.status_code, answer.json()["state"]) == (201, "awaiting_file")
    assert opened(service) == CALLS
    assert in_clear(service) == []
    (event,) = service.actions("sample.submit")
    assert event.details["outside_calls"] == len(CALLS)


def test_that_calls_lie_in_clear_would_be_noticed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault, "seal", lambda content, *_: content)
    api.post(Role.GENOME_CENTER, "/v1/samples", body(*SENT))
    assert in_clear(api.service)


def test_neither_the_digest_in_clear_nor_a_printed_row_tells_the_calls(service: Service) -> None:
    """A diplotype could be guessed from a digest of it, also when its key is long destroyed."""
    service.register()
    submit(service)
    (sample,) = service.rows(SampleRow)
    assert sample.manifest_sha256 == replace(ROW, outside_calls=()).digest()
    assert CALLS[0].diplotype not in repr(ROW)


def test_the_same_row_again_changes_nothing_and_other_calls_conflict(api: Api) -> None:
    def send(*calls: Body) -> tuple[int, str] | int:
        answer = api.post(Role.GENOME_CENTER, "/v1/samples", body(*calls))
        return 201 if answer.status_code == 201 else problem_of(answer)

    assert send(*SENT) == 201
    before = (stored(api.service).sealed, stored(api.service).data_key_id)
    assert send(*SENT) == 201
    assert (stored(api.service).sealed, stored(api.service).data_key_id) == before
    assert len(api.service.actions("sample.outside_calls")) == 1, "each opening is audited"
    for other in [(), SENT[:1], SENT[::-1], (SENT[0], {"gene": "HLA-B", "phenotype": "*57:01 negative"})]:
        assert send(*other) == (409, "conflict")
    assert opened(api.service) == CALLS


def test_calls_cannot_be_added_to_a_row_that_had_none(service: Service) -> None:
    service.register()
    submit(service, replace(ROW, outside_calls=()))
    with pytest.raises(ConflictError):
        submit(service)
    assert not service.rows(OutsideCallsRow)


@pytest.mark.parametrize(
    "call",
    [
        {"gene": "CYP2D6"},
        {"gene": "CYP2D6", "diplotype": " "},
        {"diplotype": "*1/*4"},
        {"gene": "CYP 2D6", "diplotype": "*1/*4"},
        {"gene": "CYP2D6", "diplotype": "*1/*4\0"},
        {"gene": "CYP2D6", "diplotype": "*" * (outside_calls.LONGEST_FIELD + 1)},
        {"gene": "CYP2D6", "diplotype": "*1/*4", "method": "x"},
        {"gene": "CYP2D6", "activity_score": 1.0},
        "CYP2D6",
    ],
)
def test_malformed_calls_are_refused_and_not_quoted(api: Api, call: object) -> None:
    answer = api.post(Role.GENOME_CENTER, "/v1/samples", body(call))
    assert problem_of(answer) == (422, "invalid_input")
    assert "outside_calls" in answer.text
    assert "*1" not in answer.text
    assert not api.service.rows(SampleRow)


def test_there_is_a_limit(api: Api) -> None:
    answer = api.post(Role.GENOME_CENTER, "/v1/samples", body(*SENT[:1] * (outside_calls.MOST_CALLS + 1)))
    assert problem_of(answer) == (422, "invalid_input")


# Use


def send_file(api: Api) -> None:
    answer = api.call(Role.GENOME_CENTER, "PUT", "/v1/samples/S-1/file", content=CONTENT)
    assert answer.status_code == 201


def findings(service: Service) -> dict[str, PharmacogenomicFinding]:
    (row,) = service.rows(InterpretationRow)
    with service.work(PIPELINE) as work:
        interpretation = vault.open_interpretation(work, service.context.keys, row).interpretation
    return {found.gene: found for found in interpretation.findings if isinstance(found, PharmacogenomicFinding)}


@pytest.mark.parametrize("given", [True, False])
def test_the_interpreter_gets_what_the_row_brought(api: Api, given: bool) -> None:
    service = api.service
    service.context.interpreters = {"pharmacogenomics": pharmacogenomics.load(options={"genes": "CYP2D6,HLA-B"})}
    api.post(Role.GENOME_CENTER, "/v1/samples", body(*SENT if given else ()))
    send_file(api)
    pipeline.extract_sample(service.context, "S-1")
    pipeline.interpret_sample(service.context, "S-1")
    found = findings(service)
    assert [(gene, finding.called_from) for gene, finding in found.items()] == (
        [("CYP2D6", "outside_call"), ("HLA-B", "outside_call")] if given else []
    )
    assert len(service.actions("sample.outside_calls")) == 2 * given, "the quality gate and the interpreter"
    if given:
        assert found["CYP2D6"].diplotypes == ("*36x2+*10/*68+*4",)
        assert found["HLA-B"].reported_phenotype == "*57:01 positive"
        assert in_clear(service) == []


# Erasure


def _living(service: Service) -> list[str]:
    return [row.key_id for row in service.rows(DataKeyRow, DataKeyRow.wrapped.is_not(None))]


@pytest.mark.parametrize("with_file", [True, False])
def test_withdrawal_erases_them_with_or_without_a_file(api: Api, with_file: bool) -> None:
    service = api.service
    api.post(Role.GENOME_CENTER, "/v1/samples", body(*SENT))
    if with_file:
        send_file(api)
    assert len(_living(service)) == 1 + with_file
    service.withdraw()
    assert _living(service) == []
    with pytest.raises(ErasedError):
        opened(service)
    (sample,) = service.rows(SampleRow)
    assert sample.state == SampleState.ERASED
    service.run_jobs()
    again = api.post(Role.GENOME_CENTER, "/v1/samples", body(*SENT))
    assert problem_of(again) == (410, "erased")
    file = api.call(Role.GENOME_CENTER, "PUT", "/v1/samples/S-1/file", content=CONTENT)
    assert problem_of(file) == (409, "conflict")
    with service.work(PIPELINE) as work:
        assert samples.begin_reading(work, service.context.keys, "S-1", service.context.store) is None


def test_that_a_withdrawal_forgets_them_would_be_noticed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    from ror_service.storage import data_keys  # noqa: PLC0415 - to break it

    api.post(Role.GENOME_CENTER, "/v1/samples", body(*SENT))
    monkeypatch.setattr(data_keys, "keys_of_participant", lambda *_: set())
    api.service.withdraw()
    assert opened(api.service) == CALLS


def test_after_a_withdrawal_no_calls_are_taken_in(service: Service) -> None:
    service.register()
    service.withdraw()
    with pytest.raises(ConflictError, match="must not be kept"):
        submit(service)
    assert not service.rows(OutsideCallsRow)
    submit(service, replace(ROW, outside_calls=()))


# Sealing


def test_calls_open_for_their_person_and_sample_alone(service: Service) -> None:
    for person, sample in (("P-1", "S-1"), ("P-2", "S-2")):
        service.register(person)
        submit(service, replace(ROW, participant_id=person, sample_id=sample))
    keys = service.context.keys
    with service.work(PIPELINE) as work, work.session.no_autoflush:
        first, second = (work.session.get_one(OutsideCallsRow, sample) for sample in ("S-1", "S-2"))
        assert vault.open_outside_calls(work, keys, "P-1", first).calls == CALLS
        with pytest.raises(SealError):
            vault.open_outside_calls(work, keys, "P-2", first)
        first.sealed = second.sealed
        with pytest.raises(SealError):
            vault.open_outside_calls(work, keys, "P-1", first)
        work.session.rollback()


def test_a_new_key_encryption_key_opens_them_still(service: Service) -> None:
    service.register()
    submit(service)
    keys = service.context.keys
    old = keys.current_key_id()
    keys.rotate()
    with service.work(PIPELINE) as work:
        assert vault.rewrap_keys(work, keys)[0] == 1
    keys.destroy(old)
    assert opened(service) == CALLS


def test_the_database_refuses_to_change_or_remove_them(service: Service) -> None:
    service.register()
    submit(service)
    for change in ("change", "remove"):
        with pytest.raises(Exception, match="append-only"), service.work(PIPELINE) as work:
            row = work.session.get_one(OutsideCallsRow, "S-1")
            if change == "change":
                row.sealed = b""
            else:
                work.session.delete(row)
            work.session.flush()
