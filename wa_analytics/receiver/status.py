"""/healthz and /metrics, served on loopback alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from wa_analytics.receiver.figures import Figures

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope

JSON, PROMETHEUS = b"application/json", b"text/plain; version=0.0.4; charset=utf-8"


class Status:
    """Health is 200 while deliveries are taken and reach the disk, else 503 with the reason."""

    def __init__(self, figures: Figures, is_running: Callable[[], bool]) -> None:
        self._figures = figures
        self._is_running = is_running

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        assert scope["type"] == "http"
        status, kind, content = 404, JSON, b"{}"
        if scope["method"] not in ("GET", "HEAD"):
            status = 405
        elif scope["path"] == "/metrics":
            status, kind, content = 200, PROMETHEUS, self._figures.prometheus().encode()
        elif scope["path"] == "/healthz":
            word = self.word
            status = 200 if word == "ok" else 503
            told = {"status": word, "waiting": self._figures.waiting_count}
            if status == 503 and self._figures.trouble:
                told["reason"] = self._figures.trouble
            content = msgspec.json.encode(told)
        if scope["method"] == "HEAD":
            content = b""
        headers = [(b"content-type", kind), (b"content-length", b"%d" % len(content))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    @property
    def word(self) -> str:
        if self._figures.is_stopping:
            return "stopping"
        if not self._is_running():
            return "failed"
        return "ok" if self._figures.is_available else "database unavailable"
