"""The actors of a programme, each speaking to the service over HTTP with a token of its own role."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from consent.types import Answer, Confirmation, Disclosure, DocumentType, ModuleAnswer
from interpreters.genotypes import Assay, Sex
from report_templates.content import SpecimenKind
from ror_service.api.tokens import Role
from ror_service.review.queue import Disposition
from ror_service.review.triage import Tier

Json = dict[str, Any]
IssueToken = Callable[[str, Role], str]
COUNSELOR, DIRECTOR = "demo-counselor", "demo-director"


class RefusedError(Exception):
    """The service said no; holds the status and the problem's code."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code


class Actor:
    """One caller of the API.

    Args:
        client: Connection to the API.
        token: Bearer token of the caller.
    """

    def __init__(self, client: httpx.Client, token: str) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str) -> Any:  # noqa: ANN401 - the API's JSON
        """GET, as JSON."""
        return _checked(self._client.get(path, headers=self._headers)).json()

    def read(self, path: str) -> bytes:
        """GET, as bytes."""
        return _checked(self._client.get(path, headers=self._headers)).content

    def post(self, path: str, body: Json | None = None) -> Any:  # noqa: ANN401 - the API's JSON
        """POST; the answer as JSON, None when empty."""
        answer = _checked(self._client.post(path, json=body, headers=self._headers))
        return answer.json() if answer.content else None

    def put(self, path: str, body: Json) -> None:
        """PUT."""
        _checked(self._client.put(path, json=body, headers=self._headers))

    def put_file(self, path: str, file: Path) -> Any:  # noqa: ANN401 - the API's JSON
        """PUT a file's content."""
        return _checked(self._client.put(path, content=file.read_bytes(), headers=self._headers)).json()


def _checked(answer: httpx.Response) -> httpx.Response:
    if answer.is_error:
        problem = answer.json() if answer.headers.get("content-type", "").startswith("application/problem") else {}
        raise RefusedError(answer.status_code, str(problem.get("type", "")).rpartition(":")[2])
    return answer


class SyntheticProgramme:
    """The people and organisations around the service.

    Args:
        base_url: Where the API answers.
        issue_token: Makes a token for a subject and a role.
    """

    def __init__(self, base_url: str, issue_token: IssueToken) -> None:
        self._client = httpx.Client(base_url=base_url, timeout=60, trust_env=False)
        self.issue_token = issue_token
        self.portal = self.actor("demo-portal", Role.PORTAL)
        self.lab = self.actor("demo-genome-center", Role.GENOME_CENTER)
        self.counselor = self.actor(COUNSELOR, Role.GENETIC_COUNSELOR)
        self.director = self.actor(DIRECTOR, Role.LABORATORY_DIRECTOR)
        self.clinical_lab = self.actor("demo-clinical-laboratory", Role.CLINICAL_LABORATORY)
        self.auditor = self.actor("demo-auditor", Role.AUDITOR)
        self.operator = self.actor("demo-operator", Role.OPERATOR)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def actor(self, subject: str, role: Role) -> Actor:
        """A caller of a role."""
        return Actor(self._client, self.issue_token(subject, role))

    def participant(self, participant_id: str) -> Actor:
        """A participant's own caller."""
        return self.actor(participant_id, Role.PARTICIPANT)

    def enroll(self, participant_id: str, *, language: str, birth_date: date, sex: Sex) -> None:
        """Register a participant, who answers yes to both consent documents."""
        self.portal.post(
            "/v1/participants",
            {
                "participant_id": participant_id,
                "language": language,
                "birth_date": birth_date.isoformat(),
                "sex_at_birth": sex.value,
                "residence_state": "MA",
            },
        )
        for document in (DocumentType.PRIMARY, DocumentType.RETURN_OF_RESULTS):
            self.answer(participant_id, document, Answer.YES, language=language)

    def answer(self, participant_id: str, document: DocumentType, answer: Answer, *, language: str = "en") -> None:
        """The participant answers a consent document."""
        self.participant(participant_id).post(
            f"/v1/participants/{participant_id}/consents",
            {
                "event_id": _event_id(),
                "document": document.value,
                "document_version": "1.0",
                "language": language,
                "answer": answer.value,
                "authored_at": _now(),
                "evidence_sha256": hashlib.sha256(f"{document}{answer}".encode()).hexdigest(),
            },
        )

    def choose(self, participant_id: str, module: str, answer: ModuleAnswer) -> None:
        """The participant answers the informing loop of a module."""
        self.participant(participant_id).post(
            f"/v1/participants/{participant_id}/choices",
            {
                "event_id": _event_id(),
                "module": module,
                "answer": answer.value,
                "script_version": "1.0",
                "authored_at": _now(),
            },
        )

    def enter_medicines(self, participant_id: str, medicines: Sequence[str]) -> None:
        """The participant names the medicines that he or she takes."""
        path = f"/v1/participants/{participant_id}/medicines"
        self.participant(participant_id).put(path, {"medicines": list(medicines)})

    def submit(self, participant_id: str, file: Path, *, sex: Sex, assay: Assay = Assay.WGS) -> str:
        """The genome center submits a manifest row and sends the file. Returns the sample's identifier."""
        sample_id = f"S-{participant_id}"
        content = file.read_bytes()
        self.lab.post(
            "/v1/samples",
            {
                "sample_id": sample_id,
                "participant_id": participant_id,
                "specimen": SpecimenKind.BLOOD.value,
                "assay": assay.value,
                "sex_at_birth": sex.value,
                "contamination": 0.002,
                "collected_on": "2026-09-01",
                "file_sha256": hashlib.sha256(content).hexdigest(),
                "file_size": len(content),
            },
        )
        self.lab.put_file(f"/v1/samples/{sample_id}/file", file)
        return sample_id

    def work_reviews(self, run_jobs: Callable[[], None]) -> Iterable[str]:
        """Two people work the whole queue; hereditary findings are confirmed and disclosed. Yields what they do."""
        for review in self.counselor.get("/v1/reviews"):
            review_id = review["review_id"]
            evidence = self._sign(self.counselor, review_id)
            yield f"{COUNSELOR} signed a {evidence['module']} review ({', '.join(review['reasons'])})"
            if review["tier"] != Tier.LABORATORY_DIRECTOR:
                continue
            self._sign(self.director, review_id)
            yield f"{DIRECTOR} signed it too; a second specimen is ordered"
            self.clinical_lab.post(f"/v1/reviews/{review_id}/confirmation", {"outcome": Confirmation.CONCORDANT.value})
            yield "the clinical laboratory confirms it in the second specimen"
            case = f"/v1/cases/{evidence['case_id']}/disclosure"
            tomorrow = datetime.now(UTC) + timedelta(days=1)
            self.counselor.post(f"{case}/appointment", {"starts_at": tomorrow.isoformat(), "way": "phone"})
            self.counselor.post(case, {"outcome": Disclosure.COMPLETED.value})
            yield f"{COUNSELOR} told the participant in a call"
        run_jobs()

    def _sign(self, who: Actor, review_id: str) -> Json:
        who.post(f"/v1/reviews/{review_id}/claim")
        evidence: Json = who.get(f"/v1/reviews/{review_id}")
        # A planted variant is known to be there. Nobody here can vouch for a medicine gene that the data leave open.
        hereditary = evidence["module"] == "hereditary_risk"
        decision = Disposition.REPORT if hereditary else Disposition.DO_NOT_REPORT
        reason = "the planted result is as intended" if hereditary else "the data leave the result open"
        who.post(
            f"/v1/reviews/{review_id}/signatures",
            {
                "dispositions": [decision.value] * len(evidence["to_decide"]),
                "reason": f"synthetic programme: {reason}",
            },
        )
        return evidence


def _event_id() -> str:
    return f"event-{uuid.uuid4().hex}"


def _now() -> str:
    return datetime.now(UTC).isoformat()
