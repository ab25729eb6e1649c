"""A receiver as its users run it: `wa receive` in a program of its own, on a free port."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from wa_analytics.capture import Capture
from wa_analytics.database import Database
from wa_analytics.evidence.log import entries
from wa_analytics.evidence.sealing import Opener
from wa_analytics.workspace import Workspace

SECRET, TOKEN, PATH = "test_app_secret", "a-token-of-ours", "/webhooks/meta-cloud"
READY = re.compile(r"Receiving on \S+:(\d+)/.* status on \S+:(\d+)/healthz")
PROGRAM = [sys.executable, "-c", "from wa_analytics.cli import main; main()"]


def environment(home: Path, **given: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WA_")}
    return {
        **kept,
        "WA_HOME": str(home),
        "WA_META_CLOUD__APP_SECRET": SECRET,
        "WA_META_CLOUD__VERIFY_TOKEN": TOKEN,
        **given,
    }


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    return {"X-Hub-Signature-256": "sha256=" + hmac.digest(secret.encode(), body, hashlib.sha256).hex()}


@dataclass
class Receiver:
    home: Path
    options: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    port: int = 0
    status_port: int = 0

    def start(self) -> Receiver:
        """The same ports again after the first time, as a restarted service would have them."""
        self.program = subprocess.Popen(
            [
                *PROGRAM, "receive", "--port", str(self.port), "--status-port", str(self.status_port),
                "--json", *self.options,
            ],
            env=environment(self.home, **self.variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        assert self.program.stderr is not None
        self.said = ""
        while (ready := READY.search(self.said)) is None:
            line = self.program.stderr.readline()
            assert line, self.said
            self.said += line
        self.port, self.status_port = int(ready[1]), int(ready[2])
        return self

    def post(self, body: bytes, headers: dict[str, str] | None = None, path: str = PATH) -> int:
        """The status of one delivery, signed unless headers are given."""
        return self.asked("POST", path, body, signed(body) if headers is None else headers)[0]

    def asked(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes, http.client.HTTPMessage]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers
        finally:
            connection.close()

    def raw(self, request: bytes) -> bytes:
        """Everything that is answered to these bytes, until the server closes; it must."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as line:
            with suppress(BrokenPipeError, ConnectionResetError):
                line.sendall(request)
            answer = b""
            with suppress(ConnectionResetError):
                while part := line.recv(65536):
                    answer += part
        return answer

    def status(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.status_port, timeout=30)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def figure(self, name: str) -> float:
        """One sample of /metrics; 0 where it has not been counted yet."""
        for line in self.status("/metrics")[1].splitlines():
            if line.startswith(name + " "):
                return float(line.rpartition(" ")[2])
        return 0.0

    def stop(self) -> dict[str, int]:
        """SIGTERM; what it says it counted."""
        self.program.send_signal(signal.SIGTERM)
        told, said = self.program.communicate(timeout=90)
        self.said += said
        assert self.program.returncode == 0, self.said
        counts: dict[str, int] = json.loads(told)
        return counts

    def end(self) -> None:
        if self.program.poll() is None:
            self.program.kill()
        self.program.communicate()

    def captures(self) -> list[Capture]:
        """What the log holds, opened."""
        workspace = Workspace.open(self.home)
        opener = Opener(workspace.ring.wrapping_keys(workspace.database), workspace.ring.digest_key)
        rows = entries(workspace.database, kind="capture", limit=10**6)
        found = [capture for _, capture in opener.opened(rows)]
        workspace.close()
        return found


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    """One on SQLite for all tests of a module that leave it as it is."""
    home = tmp_path_factory.mktemp("receiver") / "home"
    Workspace.init(home).close()
    running = Receiver(home).start()
    yield running
    running.end()


@pytest.fixture
def own_receiver(database_url: str | None, tmp_path: Path) -> Iterator[Receiver]:
    """One of the test's own, on SQLite and on PostgreSQL."""
    Workspace.init(tmp_path / "home", database_url).close()
    running = Receiver(tmp_path / "home").start()
    yield running
    running.end()


@pytest.fixture
def other_connection(own_receiver: Receiver) -> Iterator[Any]:
    """Another program's way into the same database."""
    workspace = Workspace.open(own_receiver.home)
    database = Database(workspace.database.url)
    workspace.close()
    yield database
    database.close()
