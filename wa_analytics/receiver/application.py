"""One request, as a bare ASGI function: path, size, signature, disk, answer.

Nothing is unpacked, and nothing parsed but an envelope that holds its own signature: a compressed body
is kept and verified as the bytes it came in.
"""

from __future__ import annotations

import asyncio
import logging
import time
from asyncio import Future
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from wa_analytics.capture import Capture
from wa_analytics.receiver.committing import Outcome
from wa_analytics.receiver.endpoints import Endpoint, Verifier
from wa_analytics.receiver.figures import Figures

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope

BODY_BYTES = 3 * 1024 * 1024
DRAINED_BYTES = 3 * BODY_BYTES
HELD_BYTES = 128 * 1024 * 1024
"""Bodies in memory over all connections; more than that is told to come again."""

RETRY_SECONDS = b"5"
VERSIONS = frozenset(("1.1", "1.0"))
logger = logging.getLogger("wa_analytics.receiver")

Headers = list[tuple[bytes, bytes]]
_FRAMING = ("content-length", "transfer-encoding", "expect")
QUERY_BYTES = 4_096
_PLAIN = [(b"content-type", b"text/plain; charset=utf-8"), (b"x-content-type-options", b"nosniff")]
_CLOSE = [(b"connection", b"close")]
_AGAIN = [(b"retry-after", RETRY_SECONDS), *_CLOSE]


class Offering(Protocol):
    def offered(self, capture: Capture) -> Future[Outcome]:
        """The outcome, once it is known."""
        ...


class Refused(Exception):
    """A request that gets this status and is counted under this outcome."""

    def __init__(self, status: int, outcome: str, headers: Headers | None = None) -> None:
        super().__init__(outcome)
        self.status, self.outcome, self.headers = status, outcome, headers or []


class Disconnected(Exception):
    """The sender left before its body was complete."""


class Application:
    """The webhook paths.

    endpoints: path → endpoint and its verifier. may_be_unsigned: take deliveries that carry no
    signature, or none that can be verified. A wrong signature is always refused. is_crowded: whether there
    are more connections than may be.
    """

    def __init__(
        self,
        endpoints: dict[str, tuple[Endpoint, Verifier]],
        commit: Offering,
        figures: Figures,
        *,
        may_be_unsigned: bool = False,
        is_crowded: Callable[[], bool] = lambda: False,
    ) -> None:
        self._is_crowded = is_crowded
        self._endpoints = endpoints
        self._commit = commit
        self._figures = figures
        self._may_be_unsigned = may_be_unsigned
        self._names = {
            name.encode(): name
            for endpoint, verifier in endpoints.values()
            for name in (*_FRAMING, *endpoint.kept_headers, *verifier.credentials)
        }
        self._following: set[Future[None]] = set()

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        assert scope["type"] == "http"
        found = self._endpoints.get(scope["path"])
        provider = found[0].provider if found else ""
        headers: Headers = []
        content = b""
        try:
            if scope["http_version"] not in VERSIONS:
                raise Refused(400, "malformed", _CLOSE)
            if found is None:
                raise Refused(404, "unknown_path", _CLOSE)
            if self._is_crowded():
                raise Refused(503, "overloaded", _AGAIN)
            if scope["method"] == "POST":
                status, outcome = 200, "accepted"
                query = scope["query_string"] if found[0].keeps_query else b""
                await self._delivered(*found, scope["headers"], query, receive)
            elif scope["method"] == "GET":
                status, outcome = 200, "verified"
                challenge = found[1].challenge(scope["query_string"])
                if challenge is None:
                    raise Refused(403, "verification_refused")
                content, headers = challenge.encode(), _PLAIN
            else:
                raise Refused(405, "wrong_method", [(b"allow", b"GET, POST"), *_CLOSE])
        except Refused as refused:
            status, outcome, headers = refused.status, refused.outcome, refused.headers
        except Disconnected:
            self._figures.answers[provider, "disconnected"] += 1
            return
        except Exception as error:
            logger.error("A delivery could not be taken (%s); it is answered 503.", type(error).__name__)
            status, outcome, headers = 503, "failed", _CLOSE
        self._figures.answers[provider, outcome] += 1
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(b"content-length", b"%d" % len(content)), *headers],
            }
        )
        await send({"type": "http.response.body", "body": content})

    async def _delivered(
        self,
        endpoint: Endpoint,
        verifier: Verifier,
        headers: Iterable[tuple[bytes, bytes]],
        query: bytes,
        receive: ASGIReceiveCallable,
    ) -> None:
        """Return when the delivery is on disk. Raises Refused, Disconnected."""
        figures = self._figures
        kept, shown = self._kept(endpoint, verifier, headers)
        if query:
            if len(query) > QUERY_BYTES:
                raise Refused(400, "malformed", _CLOSE)
            kept["query"] = shown["query"] = query.decode("latin-1")
        arrived_bytes = held = 0
        try:
            parts: list[bytes] = []
            more = True
            while more:
                message = await receive()
                if message["type"] != "http.request":
                    raise Disconnected
                part, more = message["body"], message["more_body"]
                arrived_bytes += len(part)
                if arrived_bytes > BODY_BYTES:
                    # Read on without keeping it: who is cut off while sending never sees the answer.
                    parts.clear()
                    if more and arrived_bytes <= DRAINED_BYTES:
                        continue
                    raise Refused(413, "too_large", _CLOSE)
                held += len(part)
                figures.held_bytes += len(part)
                if figures.held_bytes > HELD_BYTES:
                    raise Refused(503, "overloaded", _AGAIN)
                parts.append(part)
            body = parts[0] if len(parts) == 1 else b"".join(parts)
            arrived = time.monotonic()
            received_at = time.time_ns() // 1000
            if verifier.is_slow:
                code = await asyncio.to_thread(verifier.signature, body, shown)
            else:
                code = verifier.signature(body, shown)
            if code == "invalid" or (code == "absent" and not self._may_be_unsigned):
                raise Refused(401, f"signature_{code}")
            capture = Capture(body, kept, endpoint.provider, received_at, code)
            figures.waiting_count += 1
            try:
                outcome = await self._commit.offered(capture)
            finally:
                figures.waiting_count -= 1
            figures.answer_seconds.add(time.monotonic() - arrived)
            if outcome != "durable":
                raise Refused(503, "unavailable", [(b"retry-after", RETRY_SECONDS)])
            figures.body_bytes += held
            after = verifier.follow_up(body, code)
            if after is not None:
                following = asyncio.get_running_loop().run_in_executor(None, after)
                self._following.add(following)
                following.add_done_callback(self._following.discard)
        finally:
            figures.held_bytes -= held

    def _kept(
        self, endpoint: Endpoint, verifier: Verifier, headers: Iterable[tuple[bytes, bytes]]
    ) -> tuple[dict[str, str], dict[str, str]]:
        """The headers that are stored, and those that the verifier is shown. Raises Refused where the
        head leaves room for two readings."""
        shown: dict[str, str] = {}
        credentials = verifier.credentials
        length: bytes | None = None
        is_chunked = asks_first = False
        for name, value in headers:
            text = self._names.get(name)
            if text is None:
                continue
            if text == "content-length":
                if length is not None or not value.isdigit():
                    raise Refused(400, "malformed", _CLOSE)
                length = value
            elif text == "transfer-encoding":
                is_chunked = True
            elif text == "expect":
                asks_first = True
            elif text in endpoint.kept_headers or text in credentials:
                if text in shown and (text == endpoint.signature_header or text in credentials):
                    raise Refused(400, "malformed", _CLOSE)
                stated = value.decode("latin-1")
                shown[text] = f"{shown[text]}, {stated}" if text in shown else stated
        if length is not None:
            if is_chunked:
                raise Refused(400, "malformed", _CLOSE)
            if len(length) > 12 or int(length) > (BODY_BYTES if asks_first else DRAINED_BYTES):
                raise Refused(413, "too_large", _CLOSE)
        kept = {name: stated for name, stated in shown.items() if name not in credentials}
        return kept, shown
