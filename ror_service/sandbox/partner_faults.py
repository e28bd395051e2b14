"""Ways in which a delivery partner fails, played by a layer around its application.

Some faults strike before the partner does anything, others after it did all: the difference between "never arrived"
and "arrived, and nobody knows" is what a delivery protocol is about.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from collections.abc import Callable
from enum import StrEnum

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Fault(StrEnum):
    """One way to fail."""

    # Before anything is done:
    INTERNAL_ERROR = "internal_error"
    """500 and a page of HTML, as a crashed server gives."""
    UNAVAILABLE = "unavailable"
    """503 with Retry-After in seconds."""
    TOO_MANY = "too_many"
    """429 with Retry-After as a date."""
    REQUEST_TIMEOUT = "request_timeout"
    """408."""
    REFUSED = "refused"
    """403 with problem details, whatever was sent."""
    REDIRECT = "redirect"
    """307 to another path of the same server."""
    HANG = "hang"
    """Takes the request and never answers."""
    RESET = "reset"
    """Resets the connection without reading the request."""

    # After all is done:
    LOST_ACKNOWLEDGEMENT = "lost_acknowledgement"
    """Does it, then resets the connection instead of answering."""
    GARBAGE = "garbage"
    """Does it, then answers with bytes that mean nothing."""
    OVERSIZED = "oversized"
    """Does it, then answers with far more than anybody should read."""
    WRONG_SIGNATURE = "wrong_signature"
    """Does it, then sends a receipt whose signature was changed."""
    WRONG_RECEIPT = "wrong_receipt"
    """Does it, then sends a well-signed receipt that belongs to something else."""
    SLOW = "slow"
    """Does it, then sends the answer byte by byte."""


RETRY_AFTER_SECONDS = 7
RETRY_AFTER_DATE = "Fri, 31 Dec 2100 23:59:59 GMT"
SLOW_SECONDS_PER_BYTE = 0.01
OVERSIZE = 4 * 1024 * 1024

_BEFORE: dict[Fault, tuple[int, dict[str, str], bytes]] = {
    Fault.INTERNAL_ERROR: (500, {"content-type": "text/html"}, b"<h1>Internal Server Error</h1>"),
    Fault.UNAVAILABLE: (503, {"retry-after": str(RETRY_AFTER_SECONDS)}, b""),
    Fault.TOO_MANY: (429, {"retry-after": RETRY_AFTER_DATE}, b""),
    Fault.REQUEST_TIMEOUT: (408, {}, b""),
    Fault.REFUSED: (
        403,
        {"content-type": "application/problem+json"},
        b'{"type":"about:blank","status":403,"code":"not_accepted","title":"This partner accepts nothing today"}',
    ),
    Fault.REDIRECT: (307, {"location": "/elsewhere"}, b""),
}


class FaultPlan:
    """Which faults strike next; safe to change from another thread while the server runs."""

    def __init__(self) -> None:
        self._next: deque[Fault | None] = deque()
        self._always: Fault | None = None
        self._lock = threading.Lock()

    def next(self, *faults: Fault | None) -> None:
        """Let the coming requests fail in this order, one fault a request; None lets one through."""
        with self._lock:
            self._next.extend(faults)

    def always(self, fault: Fault | None) -> None:
        """Let every request fail in this way, once the planned ones are used up; None ends it."""
        with self._lock:
            self._always = fault

    def clear(self) -> None:
        """Work properly again."""
        with self._lock:
            self._next.clear()
            self._always = None

    def take(self) -> Fault | None:
        """Return the fault of this request."""
        with self._lock:
            return self._next.popleft() if self._next else self._always


class FaultyApplication:
    """An ASGI layer that plays the planned faults around an application.

    Args:
        application: The partner's application.
        plan: Which faults strike.
        reset: Resets a client's connection.
        wrong_receipt: Makes a well-signed receipt that belongs to something else.
    """

    def __init__(
        self,
        application: ASGIApp,
        plan: FaultPlan,
        *,
        reset: Callable[[tuple[str, int]], None],
        wrong_receipt: Callable[[], str],
    ) -> None:
        self._application = application
        self._plan = plan
        self._reset = reset
        self._wrong_receipt = wrong_receipt

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as the plan says."""
        fault = self._plan.take()
        if fault is None:
            await self._application(scope, receive, send)
        elif fault in _BEFORE:
            await _read_all(receive)
            await _respond(send, *_BEFORE[fault])
        elif fault is Fault.HANG:
            await _read_all(receive)
            await _disconnected(receive)
        elif fault is Fault.RESET:
            await self._reset_and_wait(scope, receive)
        else:
            await self._after(fault, scope, receive, send)

    async def _after(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        status, headers, body = await _outcome(self._application, scope, receive)
        if fault is Fault.LOST_ACKNOWLEDGEMENT:
            await self._reset_and_wait(scope, receive)
        elif fault is Fault.GARBAGE:
            await _respond(send, status, {"content-type": "application/json"}, b"\xff\x00{]")
        elif fault is Fault.OVERSIZED:
            await _respond(send, status, headers, b" " * OVERSIZE + body)
        elif fault is Fault.SLOW:
            await _respond_slowly(send, receive, status, headers, body)
        else:
            await _respond(send, status, headers, self._changed(fault, body))

    def _changed(self, fault: Fault, body: bytes) -> bytes:
        document = json.loads(body)
        if "receipt" not in document:  # a problem or a page of the ledger: there is no receipt to change
            return body
        if fault is Fault.WRONG_RECEIPT:
            document["receipt"] = self._wrong_receipt()
        else:
            head, _, signature = document["receipt"].rpartition(".")
            document["receipt"] = f"{head}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
        return json.dumps(document).encode()

    async def _reset_and_wait(self, scope: Scope, receive: Receive) -> None:
        self._reset(tuple(scope["client"]))
        await _disconnected(receive)


async def _outcome(application: ASGIApp, scope: Scope, receive: Receive) -> tuple[int, dict[str, str], bytes]:
    """Let the application do its work, and keep what it wanted to answer."""
    messages: list[Message] = []

    async def keep(message: Message) -> None:
        messages.append(message)

    await application(scope, receive, keep)
    headers = {name.decode(): value.decode() for name, value in messages[0]["headers"] if name != b"content-length"}
    return messages[0]["status"], headers, b"".join(message.get("body", b"") for message in messages[1:])


async def _read_all(receive: Receive) -> None:
    while (await receive()).get("more_body", False):
        pass


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _start(send: Send, status: int, headers: dict[str, str], length: int) -> None:
    fields = {**headers, "content-length": str(length)}
    raw = [(name.encode(), value.encode()) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})


async def _respond(send: Send, status: int, headers: dict[str, str], body: bytes) -> None:
    await _start(send, status, headers, len(body))
    await send({"type": "http.response.body", "body": body})


async def _respond_slowly(send: Send, receive: Receive, status: int, headers: dict[str, str], body: bytes) -> None:
    await _start(send, status, headers, len(body))
    for position in range(len(body)):
        await send({"type": "http.response.body", "body": body[position : position + 1], "more_body": True})
        if await _left_within(receive, SLOW_SECONDS_PER_BYTE):
            return
    await send({"type": "http.response.body", "body": b""})


async def _left_within(receive: Receive, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await _disconnected(receive)
    except TimeoutError:
        return False
    return True
