"""A browser as the portal sees one: cookies, forms of its own origin, and every page in both languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from ror_service.api.tokens import EmbeddedIssuer, Role
from ror_service.web import sign_in
from support.api import running_api
from support.consent_facts import PERSON
from support.service import Service


class Browser:
    """Pages of the portal, below `/portal/`.

    Args:
        service: The service behind it.
        client: Connection to its application.
    """

    def __init__(self, service: Service, client: httpx.Client) -> None:
        self.service = service
        self.client = client
        self.origin = str(client.base_url).rstrip("/")

    def enter(self, subject: str = PERSON, role: Role = Role.PARTICIPANT) -> None:
        """Have the session of somebody who signed in."""
        token = EmbeddedIssuer(self.service.context.settings).issue(subject, role)
        self.client.cookies.set(sign_in.SESSION, token, path="/portal")

    def get(self, path: str, **request: object) -> httpx.Response:
        """A page; what sends elsewhere is not followed."""
        return self.client.get(f"/portal/{path}", follow_redirects=False, **request)

    def shows(self, path: str) -> str:
        """The text of a page that is there."""
        answer = self.get(path)
        assert answer.status_code == 200, (path, answer.text)
        return text_of(answer)

    def send(self, path: str, *, origin: str | None = "", **form: str) -> httpx.Response:
        """Send a form, of this site unless another is named; None: the browser does not say of which."""
        headers = {} if origin is None else {"Origin": origin or self.origin}
        return self.client.post(f"/portal/{path}", data=form, headers=headers, follow_redirects=False)


@contextmanager
def browser(service: Service) -> Iterator[Browser]:
    """A browser without a session."""
    with running_api(service) as api:
        yield Browser(service, api.client)


def text_of(answer: httpx.Response) -> str:
    """What a page says, without its tags and in one line."""
    said = re.sub(r"<[^>]+>", " ", answer.text)
    return re.sub(r"\s+", " ", said.replace("&#39;", "'").replace("&#34;", '"').replace("&amp;", "&"))
