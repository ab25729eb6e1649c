"""Addresses on the loopback interface that answer what a test says, and note who asked with what."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Reply(NamedTuple):
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = {}


class Asked(NamedTuple):
    path: str
    authorization: str | None
    body: bytes


@dataclass
class Files:
    """answers: path → what is told there, or what tells it, given the request's body."""

    answers: dict[str, Reply | Callable[[bytes], Reply]] = field(default_factory=dict)
    requests: list[Asked] = field(default_factory=list)
    address: str = ""

    def answer(self, asked: Asked) -> Reply:
        self.requests.append(asked)
        found = self.answers.get(asked.path, Reply(404, b'{"gone": true}'))
        return found if isinstance(found, Reply) else found(asked.body)


def told(document: Any, status: int = 200) -> Reply:
    return Reply(status, json.dumps(document).encode(), {"Content-Type": "application/json"})


class Server(ThreadingHTTPServer):
    """A client that left in the middle, killed or told too much, is no fault of a test's server."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serving(files: Files) -> Iterator[Files]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            reply = files.answer(Asked(self.path, self.headers.get("Authorization"), body))
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        do_POST = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    files.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield files
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
