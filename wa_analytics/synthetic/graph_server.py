"""The made-up Graph API over real HTTP, on loopback and only as long as somebody asks.

with served(graph) as address:
    ...  # GET {address}/v26.0/…
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from wa_analytics.synthetic.graph import Graph


@contextmanager
def served(graph: Graph) -> Iterator[str]:
    """The server's address; it stops when the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            answer = graph.answer(asked.path, dict(parse_qsl(asked.query)))
            self.send_response(answer.code)
            self.send_header("Content-Type", answer.mime_type)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    graph.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, name="made-up graph", daemon=True)
    thread.start()
    try:
        yield graph.address
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
