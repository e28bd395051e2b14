"""A proxy between the service and its partner that plays a bad network: it cuts, delays, repeats and loses.

It forwards whole HTTP/1.1 requests, one a connection, and leaves them as they are: what is signed stays signed. A
sender that goes away before its request was forwarded takes it along, as a broken connection does.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import threading
from collections import Counter
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from types import TracebackType

_HOST = "127.0.0.1"
_SHORT_SECONDS = 0.02
_DELAY_SECONDS = 0.3
_CHUNK = 4096


class NetworkFault(StrEnum):
    """One way in which a network or a server behind it fails."""

    DELAY = "delay"
    CUT_REQUEST = "cut in the request"
    CUT_ANSWER = "cut in the answer"
    THROTTLE = "throttle"
    RESET = "reset"
    DUPLICATE = "duplicate"
    LOST_ACKNOWLEDGEMENT = "lost acknowledgement"
    GARBAGE = "garbage"
    INTERNAL_ERROR = "500"
    TOO_MANY = "429"
    SLOW = "slow answer"


_SAID = {
    NetworkFault.INTERNAL_ERROR: b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n",
    NetworkFault.TOO_MANY: b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n",
}
_GARBAGE = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n\xff\x00{]"


class FaultProxy:
    """A proxy in a thread of its own; a context manager.

    Args:
        upstream: Base URL of the partner.
        seed: Of the drawing of faults.
        share: Share of requests that a fault strikes, 0 to 1.

    Attributes:
        base_url: Where the service finds the partner.
        struck: How often each fault struck.
    """

    def __init__(self, upstream: str, seed: int, share: float = 0.5) -> None:
        where = urlsplit(upstream)
        self._upstream = where.hostname or _HOST, where.port or 80
        self._draw = random.Random(seed)  # noqa: S311 - no secret
        self._share = share
        self._socket = socket.create_server((_HOST, 0), backlog=128)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="fault-proxy", daemon=True)
        self.base_url = f"http://{_HOST}:{self._socket.getsockname()[1]}"
        self.struck: Counter[NetworkFault] = Counter()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._socket.close()

    def calm(self) -> None:
        """From now on the network works."""
        self._share = 0

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(asyncio.start_server(self._serve, sock=self._socket))
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
            with suppress(asyncio.CancelledError):
                self._loop.run_until_complete(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fault = self._draw.choice(list(NetworkFault)) if self._draw.random() < self._share else None
        if fault is not None:
            self.struck[fault] += 1
        try:
            await self._forward(fault, reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            _abort(writer)
        finally:
            writer.close()

    async def _forward(
        self, fault: NetworkFault | None, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if fault is NetworkFault.RESET:
            _abort(writer)
            return
        request = await _message(reader)
        if fault in _SAID:
            await _write(writer, _SAID[fault])
            return
        if fault is NetworkFault.DELAY and await _went_away(reader, _DELAY_SECONDS):
            return
        if fault is NetworkFault.CUT_REQUEST:
            await self._ask(request[: len(request) // 2], answered=False)
            _abort(writer)
            return
        if fault is NetworkFault.DUPLICATE:
            await self._ask(request)
        answer = await self._ask(request, pause=_SHORT_SECONDS if fault is NetworkFault.THROTTLE else 0)
        match fault:
            case NetworkFault.LOST_ACKNOWLEDGEMENT:
                _abort(writer)
            case NetworkFault.CUT_ANSWER:
                await _write(writer, answer[: len(answer) // 2])
                _abort(writer)
            case NetworkFault.GARBAGE:
                await _write(writer, _GARBAGE)
            case NetworkFault.SLOW:
                await _write(writer, answer, size=64, pause=_SHORT_SECONDS)
            case _:
                await _write(writer, answer)

    async def _ask(self, request: bytes, *, pause: float = 0, answered: bool = True) -> bytes:
        """Send a request to the partner; its answer, or nothing where the connection is cut before there is one."""
        reader, writer = await asyncio.open_connection(*self._upstream)
        try:
            await _write(writer, request, pause=pause)
            return await _message(reader) if answered else b""
        finally:
            _abort(writer)


async def _message(reader: asyncio.StreamReader) -> bytes:
    """Head and body of one HTTP message; the body is as long as the head says."""
    head = await reader.readuntil(b"\r\n\r\n")
    fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:] if b":" in line)
    return head + await reader.readexactly(int(fields.get(b"content-length", b"0")))


async def _write(writer: asyncio.StreamWriter, content: bytes, *, size: int = _CHUNK, pause: float = 0) -> None:
    for start in range(0, len(content), size if pause else max(len(content), 1)):
        writer.write(content[start : start + size] if pause else content)
        await writer.drain()
        await asyncio.sleep(pause)


async def _went_away(reader: asyncio.StreamReader, seconds: float) -> bool:
    """Whether the sender closes the connection while it waits for an answer."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            return not await reader.read(1)
    return False


def _abort(writer: asyncio.StreamWriter) -> None:
    """Close at once with a reset, as a broken connection is."""
    with suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
