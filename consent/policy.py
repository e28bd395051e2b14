"""The programme's consent policy: versioned data, in `policies/`, one file a version."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from consent.types import DocumentType

CURRENT = "2026-11"


class PolicyError(Exception):
    """A policy file is missing or not understood; the message names the file and the key."""


@dataclass(frozen=True, slots=True)
class ModulePolicy:
    """What the programme asks before it releases results of one module."""

    offered: bool
    accepted_script_versions: tuple[str, ...]
    minimum_age_years: int
    excluded_residence_states: tuple[str, ...]
    assays: tuple[str, ...]
    specimens: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of the policy."""

    version: str
    accepted_documents: Mapping[DocumentType, tuple[str, ...]]
    """Required documents with the versions that still count."""
    modules: Mapping[str, ModulePolicy]
    signers_needed: int
    """Different people who sign a result that needs review."""
    re_offer_days: int
    """Days after which "maybe later" is offered again."""


def load_policy(version: str = CURRENT) -> Policy:
    """Read a policy by version.

    Raises:
        PolicyError: If there is no such policy or a key is missing or unknown.
    """
    name = f"policies/{version}.toml"
    try:
        data = tomllib.loads(files("consent").joinpath(name).read_text(encoding="utf-8"))
        return _policy(data)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PolicyError(f"consent/{name}: not a usable policy ({error!r}); compare with consent/policies/") from error


def _policy(data: Mapping[str, Any]) -> Policy:
    return Policy(
        version=data["version"],
        accepted_documents={DocumentType(name): tuple(versions) for name, versions in data["documents"].items()},
        modules={name: _module(row) for name, row in data["modules"].items()},
        signers_needed=data["review"]["signers_needed"],
        re_offer_days=data["informing_loop"]["re_offer_days"],
    )


def _module(row: Mapping[str, Any]) -> ModulePolicy:
    return ModulePolicy(
        offered=row["offered"],
        accepted_script_versions=tuple(row["accepted_script_versions"]),
        minimum_age_years=row["minimum_age_years"],
        excluded_residence_states=tuple(row["excluded_residence_states"]),
        assays=tuple(row["assays"]),
        specimens=tuple(row["specimens"]),
    )
