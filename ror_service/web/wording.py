"""The words of the portal in each language, from its content files; a missing text is an error, never a blank."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Any, cast

from consent.reasons import reason_text
from report_templates.content import Language
from report_templates.wording import WordingError, Words
from ror_service.errors import NotFoundError
from ror_service.settings import Settings

LANGUAGE_NAMES = {Language.EN: "English", Language.ES: "Español"}


@cache
def content(name: str) -> dict[str, Any]:
    """A content file by its name, `portal` or `choices`."""
    text = (files("ror_service.web") / "content" / f"{name}.json").read_text("utf-8")
    return cast("dict[str, Any]", json.loads(text))


@cache
def modules() -> Mapping[str, Mapping[str, Any]]:
    """Every kind of result by its module, in the order in which pages show them."""
    return {entry["id"]: entry for entry in content("choices")["modules"]}


@cache
def _by_id(group: str) -> Mapping[str, Mapping[str, Any]]:
    return {entry["id"]: entry for entry in content("portal")[group]}


@dataclass(frozen=True, slots=True)
class Texts:
    """Everything that depends on the language of a page."""

    language: Language
    programme: str
    support: str

    @classmethod
    def of_settings(cls, language: Language, settings: Settings) -> Texts:
        """The words of the programme that is set up."""
        return cls(language, settings.programme_name, settings.support_contact)

    @property
    def words(self) -> Words:
        """How dates, numbers and lists read."""
        return Words(self.language)

    def __call__(self, path: str, **values: object) -> str:
        """The text at a path of the portal's content, for example `ui.home.greeting`, its placeholders filled.

        Raises:
            WordingError: If there is no such text, or a placeholder has no value.
        """
        here: Any = content("portal")
        for name in path.split("."):
            if not isinstance(here, dict) or name not in here:
                raise WordingError(f"portal.json: no text {path!r}")
            here = here[name]
        return self.of(here, **values)

    def of(self, local: Mapping[str, Any], **values: object) -> str:
        """A text given in every language, its placeholders filled."""
        return self.words.text(local, **(self._always() | values))

    def common(self, name: str, **values: object) -> str:
        """A text that all pages of choices share."""
        return self.of(content("choices")["common"][name], **values)

    def button(self, name: str) -> str:
        """The label of an answer or a step of the pages of choices."""
        return self.of(content("choices")["common"]["buttons"][name])

    def state(self, code: str) -> Mapping[str, Any]:
        """Label, reason of waiting and next step of a state of a result."""
        return _by_id("states")[code if code != "being_checked" else "interpreting"]

    def reason(self, code: str) -> str:
        """What a participant reads of a reason of the consent gate."""
        return reason_text(code, self.language.value)

    def error(self, code: str) -> Mapping[str, Any]:
        """Title and text of an error page."""
        return _by_id("errors")[code]

    def module(self, module: str) -> Mapping[str, Any]:
        """Name, screens and questions of one kind of result.

        Raises:
            NotFoundError: If there is no such kind.
        """
        if module not in modules():
            raise NotFoundError("no such kind of result")
        return modules()[module]

    def items(self, names: Iterable[str]) -> str:
        """What a receipt lists, in words."""
        return self.words.listed([self.of(content("portal")["receipt_items"][name]) for name in names])

    def day(self, at: datetime | date) -> str:
        """A date in words."""
        return self.words.day(at.date() if isinstance(at, datetime) else at)

    def _always(self) -> dict[str, object]:
        return {"programme_name": self.programme, "support_phone": self.support, "portal_name": self.programme}
