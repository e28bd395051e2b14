"""Identity cases over HTTP; who may call what is in the access matrix."""

from __future__ import annotations

import numpy as np
from support.api import Api, problem_of
from support.consent_facts import PERSON
from support.service import PIPELINE

from identity.fingerprint import pack
from ror_service import identity_cases
from ror_service.api.tokens import Role
from ror_service.sealing import vault

DIRECTOR = Role.LABORATORY_DIRECTOR
OTHER = "P-0002"


def test_a_director_sees_compares_and_resolves(api: Api) -> None:
    service = api.service
    index = service.context.fingerprints
    packed = pack(np.arange(len(index.panel), dtype=np.uint8) % 3)
    for person in (PERSON, OTHER):
        service.interpreted(participant_id=person)
        with service.work(PIPELINE) as work:
            sample_id, release = f"sample-of-{person}", index.panel.release
            vault.keep_fingerprint(work, service.context.keys, person, sample_id, packed, panel_release=release)
            identity_cases.examine(work, index, sample_id)
    (case,) = api.get(DIRECTOR, "/v1/identity-cases").json()
    assert (case["suspicion"], case["resolved_at"]) == ("same_person", None)
    path = f"/v1/identity-cases/{case['identity_case_id']}"
    shown = api.get(DIRECTOR, path).json()
    assert shown["members"] == [PERSON, OTHER]
    assert [sample["sample_id"] for sample in shown["samples"]] == [f"sample-of-{PERSON}", f"sample-of-{OTHER}"]
    assert shown["pairs"] == [
        {
            "one": f"sample-of-{PERSON}", "other": f"sample-of-{OTHER}", "relation": "same_person",
            "shared_sites": 1600, "concordance": 1.0, "kinship": 0.5,
        }
    ]  # fmt: skip
    assert problem_of(api.post(DIRECTOR, f"{path}/resolution", {"reason": " "})) == (422, "invalid_input")
    answer = api.post(DIRECTOR, f"{path}/resolution", {"reason": "swapped", "wrong_samples": [f"sample-of-{OTHER}"]})
    assert (answer.status_code, answer.json()) == (201, {"resolution": "samples_wrong"})
    (resolved,) = api.get(DIRECTOR, "/v1/identity-cases?resolved=true").json()
    assert (resolved["resolved_by"], resolved["resolution_reason"]) == ("reviewer-1", "swapped")
    (pair,) = api.get(DIRECTOR, path).json()["pairs"]
    assert (pair["relation"], pair["kinship"]) == (None, None)
