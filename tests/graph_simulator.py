"""The Graph API on the loopback interface: pages, throttles, fails, stalls and lies as a test says.

    with simulated(Simulator()) as address: ...

Every request is noted. `troubles` are answered first, one per request; what has no trouble is told
truly. Also plays Twilio's list of messages.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from tests.file_server import Server

TOKEN = "EAAinventedTokenThatIsLongEnoughToLookLikeOne0123456789"
HOOK = "https://hooks.example.com/webhooks/meta-cloud"


class Reply(NamedTuple):
    """delay: seconds before it. cut: bytes after which the connection ends; None for none. pace: seconds
    between one byte and the next."""

    status: int
    body: bytes
    headers: dict[str, str] = {}
    delay: float = 0.0
    cut: int | None = None
    pace: float = 0.0


class Asked(NamedTuple):
    path: str
    query: dict[str, str]
    authorization: str | None


@dataclass
class Media:
    """address_age: uses after which the next address expires. told_sha256: what the API claims."""

    content: bytes
    mime_type: str = "image/jpeg"
    told_sha256: str | None = None
    is_gone: bool = False
    expired_addresses: int = 0
    host: str | None = None

    @property
    def sha256(self) -> str:
        return base64.b64encode(hashlib.sha256(self.content).digest()).decode()


@dataclass
class Account:
    templates: list[dict[str, Any]] = field(default_factory=list)
    numbers: list[dict[str, Any]] = field(default_factory=list)
    apps: list[dict[str, Any]] = field(default_factory=list)


def failed(code: int, message: str = "(#x) told", status: int = 400, **parts: Any) -> Reply:
    """An error body as the Graph API writes it."""
    return told({"error": {"code": code, "message": message, **parts}}, status)


def told(document: Any, status: int = 200, **headers: str) -> Reply:
    return Reply(status, json.dumps(document, indent=1).encode(), headers)


@dataclass
class Simulator:
    """loops: the cursor of a second page leads back to it. page_size: at most. sequence: one per
    request, None for the truth. refused: part of a path → what is always answered there."""

    accounts: dict[str, Account] = field(default_factory=dict)
    media: dict[str, Media] = field(default_factory=dict)
    volumes: dict[str, list[dict[str, int]]] = field(default_factory=dict)
    history: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    callbacks: dict[str, dict[str, str]] = field(default_factory=dict)
    messages: list[dict[str, Any]] = field(default_factory=list)
    troubles: list[Reply] = field(default_factory=list)
    refused: dict[str, Reply] = field(default_factory=dict)
    sequence: list[Reply | None] = field(default_factory=list)
    requests: list[Asked] = field(default_factory=list)
    usage: dict[str, str] = field(default_factory=dict)
    page_size: int = 100
    loops: bool = False
    has_cursor: bool = True
    address: str = ""
    delay: float = 0.0

    def paths(self, part: str = "") -> list[str]:
        return [asked.path for asked in self.requests if part in asked.path]

    def answer(self, target: str, authorization: str | None) -> Reply:
        address = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        self.requests.append(Asked(address.path, query, authorization))
        time.sleep(self.delay)
        if self.troubles:
            return self.troubles.pop(0)
        planned = self.sequence.pop(0) if self.sequence else None
        if planned is not None:
            return planned
        for part, reply in self.refused.items():
            if part in address.path:
                return reply
        reply = self._true(address.path.strip("/").split("/"), query)
        return reply._replace(headers={**reply.headers, **self.usage})

    def _true(self, parts: list[str], query: dict[str, str]) -> Reply:
        if parts[0] == "2010-04-01":
            return self._twilio(query)
        if parts[0] == "download":
            return self._download(parts[1])
        node, edge = parts[1], parts[2] if len(parts) > 2 else ""
        if node in self.accounts:
            account = self.accounts[node]
            lists = {
                "message_templates": account.templates,
                "phone_numbers": account.numbers,
                "subscribed_apps": account.apps,
            }
            if edge in lists:
                return self._page(lists[edge], query)
            return self._analytics(node, query)
        if edge == "message_history":
            rows = self.history.get(node, [])
            if "events{" not in query.get("fields", ""):
                rows = [{"message_id": row.get("message_id")} for row in rows]
            return self._page(rows, query)
        if node in self.callbacks:
            return told({"webhook_configuration": self.callbacks[node], "id": node})
        if node in self.media and not self.media[node].is_gone:
            return self._media(node)
        return failed(100, f"Object with ID '{node}' does not exist", error_subcode=33)

    def _page(self, rows: list[dict[str, Any]], query: dict[str, str]) -> Reply:
        limit = min(int(query.get("limit", "25")), self.page_size)
        start = int(query.get("after", "0"))
        page: dict[str, Any] = {"data": rows[start : start + limit]}
        if start + limit < len(rows) or self.loops:
            after = "1" if self.loops else str(start + limit)
            following = f"https://elsewhere.invalid/?access_token={TOKEN}&after={after}"
            page["paging"] = {"next": following}
            if self.has_cursor:
                page["paging"]["cursors"] = {"before": "x", "after": after}
        elif page["data"]:
            page["paging"] = {"cursors": {"before": "x", "after": "end"}}
        return told(page)

    def _analytics(self, node: str, query: dict[str, str]) -> Reply:
        said = query["fields"]

        def argument(name: str) -> str:
            return said.split(f".{name}(")[1].split(")")[0]

        start, end = int(argument("start")), int(argument("end"))
        digits = argument("phone_numbers").strip('[]"')
        length = {"HALF_HOUR": 1_800, "DAY": 86_400}.get(argument("granularity"), 0)
        points = [
            point
            for point in self.volumes.get(digits, [])
            if start <= point["start"] < end and point["end"] - point["start"] == length
        ]
        counted = {"phone_numbers": [digits], "granularity": argument("granularity"), "data_points": points}
        return told({"analytics": counted, "id": node})

    def _media(self, media_id: str) -> Reply:
        media = self.media[media_id]
        return told(
            {
                "messaging_product": "whatsapp",
                "url": f"{media.host or self.address}/download/{media_id}?hash=abc",
                "mime_type": media.mime_type,
                "sha256": media.told_sha256 or media.sha256,
                "file_size": len(media.content),
                "id": media_id,
            }
        )

    def _download(self, media_id: str) -> Reply:
        media = self.media[media_id]
        if media.expired_addresses:
            media.expired_addresses -= 1
            return Reply(404, b"<html>URL signature expired</html>")
        return Reply(200, media.content, {"Content-Type": media.mime_type})

    def _twilio(self, query: dict[str, str]) -> Reply:
        size, page = int(query["PageSize"]), int(query.get("Page", "0"))
        rows = self.messages[page * size : (page + 1) * size]
        more = (page + 1) * size < len(self.messages)
        following = f"/2010-04-01/Accounts/AC1/Messages.json?PageSize={size}&Page={page + 1}&PageToken=x"
        return told({"messages": rows, "next_page_uri": following if more else None, "page": page})


@contextmanager
def simulated(simulator: Simulator) -> Iterator[str]:
    """Serve it; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            reply = simulator.answer(self.path, self.headers.get("Authorization"))
            time.sleep(reply.delay)
            try:
                self.send_response(reply.status)
                for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if reply.pace:
                    for byte in reply.body:
                        self.wfile.write(bytes((byte,)))
                        time.sleep(reply.pace)
                else:
                    self.wfile.write(reply.body[: reply.cut])
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True
            if reply.cut is not None:
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    simulator.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield simulator.address
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
