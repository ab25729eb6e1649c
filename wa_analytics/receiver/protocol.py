"""Limits that uvicorn leaves open.

uvicorn waits for ever for a request's first line, and httptools buffers a head of any size. Here a
head has a largest size, nothing may come behind a body (trailers), and a sweep closes connections
whose request does not get on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from wa_analytics.receiver.application import BODY_BYTES

if TYPE_CHECKING:
    import asyncio

HEAD_BYTES = 64 * 1024
WIRE_BYTES = 4 * BODY_BYTES
"""Of one request with its chunk framing; a body in chunks of a few bytes is no webhook."""

REQUEST_SECONDS = 20.0


def bounded_protocol(refused: Callable[[], None]) -> type[asyncio.Protocol]:
    """httptools where it is installed, h11 (which bounds its heads itself) where it is not.

    refused: told of every request that is answered 400 here, and so never becomes one of the application.
    """
    try:
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
    except ImportError:

        class CountedProtocol(H11Protocol):
            def send_400_response(self, msg: str) -> None:
                refused()
                super().send_400_response(msg)

        return CountedProtocol

    class BoundedProtocol(HttpToolsProtocol):
        _is_in_head = True
        _wire_bytes = 0

        def data_received(self, data: bytes) -> None:
            self._wire_bytes += len(data)
            super().data_received(data)
            if self._wire_bytes > (HEAD_BYTES if self._is_in_head else WIRE_BYTES):
                self.send_400_response("The request is too large.")

        def send_400_response(self, msg: str) -> None:
            if not self.transport.is_closing():
                refused()
            super().send_400_response(msg)

        def on_headers_complete(self) -> None:
            self._is_in_head = False
            super().on_headers_complete()

        def on_header(self, name: bytes, value: bytes) -> None:
            if not self._is_in_head:
                raise ValueError("a trailer")
            super().on_header(name, value)

        def on_message_complete(self) -> None:
            self._is_in_head = True
            self._wire_bytes = 0
            super().on_message_complete()

    return BoundedProtocol


class Sweep:
    """Closes connections whose request, or the wait for one, takes longer than `seconds`."""

    def __init__(self, seconds: float = REQUEST_SECONDS) -> None:
        self._seconds = seconds
        self._seen: dict[Any, tuple[Any, float]] = {}

    def closed(self, connections: set[Any], now: float) -> int:
        """How many were closed. now: on the monotonic clock. Call it every second or so.

        A request that is complete and waits for the disk is left alone.
        """
        seen = {}
        closed = 0
        for connection in list(connections):
            cycle = connection.cycle
            if cycle is not None and not cycle.more_body and not cycle.response_complete:
                continue
            before = self._seen.get(connection)
            since = before[1] if before is not None and before[0] is cycle else now
            if now - since > self._seconds:
                connection.transport.abort()
                closed += 1
            else:
                seen[connection] = (cycle, since)
        self._seen = seen
        return closed
