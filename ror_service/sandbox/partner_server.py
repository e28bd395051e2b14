"""An HTTP server on loopback in a thread of its own, able to reset a connection as a failing network would."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from types import TracebackType
from typing import Self

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

HOST = "127.0.0.1"
_LINGER_NOT = struct.pack("ii", 1, 0)  # closing sends RST at once, instead of a farewell
_KEEP_ALIVE_SECONDS = 75
"""Longer than a client uses an idle connection again, so that no request meets its end."""
_SECONDS_TO_STOP = 1


class LoopbackServer:
    """Serves an ASGI application over real sockets on 127.0.0.1.

    The socket listens from the first moment, so that a client may connect before the thread runs: nothing has to wait
    for a start.

    Args:
        port: TCP port; 0 takes a free one.

    Attributes:
        base_url: Where it answers.
    """

    def __init__(self, port: int = 0) -> None:
        # Named as TCP, or asyncio would not turn off Nagle's algorithm, and every answer would wait 40 ms for its body.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((HOST, port))
        self._socket.listen(128)
        self.base_url = f"http://{HOST}:{self._socket.getsockname()[1]}"
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def start(self, app: ASGIApp) -> None:
        """Serve in a thread until `close`."""
        config = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_SECONDS_TO_STOP,
        )
        self._server = uvicorn.Server(config)
        serving = self._server.serve(sockets=[self._socket])
        self._thread = threading.Thread(target=asyncio.run, args=(serving,), name="loopback-server", daemon=True)
        self._thread.start()

    def reset(self, client: tuple[str, int]) -> None:
        """Reset the connection of a client; call it from within the application.

        Args:
            client: Address and port, as in the ASGI scope.
        """
        if self._server is None:
            return
        for connection in list(self._server.server_state.connections):
            if isinstance(connection, H11Protocol) and connection.client == client:
                with contextlib.suppress(OSError):  # gone already
                    connection.transport.get_extra_info("socket").setsockopt(
                        socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT
                    )
                connection.transport.abort()

    def close(self) -> None:
        """Stop serving; requests in progress are cut."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
