"""`wa pull meta-cloud templates` over real HTTP, and what a template's category then judges."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.cli.conftest import Wa, called
from wa_analytics import tables as t
from wa_analytics.workspace import Workspace

TOKEN = "EAAinventedTokenThatIsLongEnoughToLookLikeOne0123456789"
SETTINGS = """
[[entity]]
key = "air"
name = "Birch Air"
channels = ["100021"]
waba_ids = ["200020"]
"""
SENDS = """message_id,sent_at,channel_id,to,purpose,kind,template_name,body
wamid.A,2027-01-01T00:00:00Z,100021,+447700900123,utility,template,order_update,
wamid.B,2027-01-01T00:00:00Z,100021,+447700900123,utility,template,spring_sale,
"""


class Graph:
    """A simulator of the Graph API: two accounts' templates, two to a page."""

    def __init__(self) -> None:
        self.categories = {"order_update": "UTILITY", "login": "AUTHENTICATION", "spring_sale": "MARKETING"}
        self.troubles: list[tuple[int, dict[str, str], dict[str, Any]]] = []
        self.tokens: list[str | None] = []

    def answer(self, path: str, token: str | None) -> tuple[int, dict[str, str], dict[str, Any]]:
        self.tokens.append(token)
        if self.troubles:
            return self.troubles.pop(0)
        start = int(parse_qs(urlsplit(path).query).get("after", ["0"])[0])
        names = list(self.categories)[start : start + 2]
        page: dict[str, Any] = {
            "data": [
                {"id": name, "name": name, "language": "en", "status": "APPROVED",
                 "category": self.categories[name], "components": [{"type": "BODY", "text": f"Hello {name}"}]}
                for name in names
            ]
        }  # fmt: skip
        if start + 2 < len(self.categories):
            page["paging"] = {
                "cursors": {"before": "x", "after": str(start + 2)},
                "next": "https://elsewhere.invalid/",
            }
        return 200, {}, page


@pytest.fixture
def graph() -> Iterator[tuple[Graph, str]]:
    """The simulator and its address."""
    simulated = Graph()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            code, headers, page = simulated.answer(self.path, self.headers.get("Authorization"))
            body = json.dumps(page).encode()
            self.send_response(code)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield simulated, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def connected(home: Path, graph: tuple[Graph, str], monkeypatch: pytest.MonkeyPatch) -> Graph:
    (home / "settings.toml").write_text(SETTINGS)
    monkeypatch.setenv("WA_META_CLOUD__GRAPH_URL", graph[1])
    monkeypatch.setenv("WA_META_CLOUD__ACCESS_TOKEN", TOKEN)
    return graph[0]


def test_pulled_templates_judge_what_was_sent(wa: Wa, home: Path, tmp_path: Path, connected: Graph) -> None:
    (tmp_path / "sends.csv").write_text(SENDS)
    assert wa("capture", "send-log", str(tmp_path / "sends.csv")).code == 0
    assert wa("refresh").code == 0
    when = ("--as-of", "2027-01-02T00:00:00Z")
    wa("check", "consent", *when)
    assert wa("findings", "consent.purpose_mismatch", "--json").document == []

    connected.troubles.append((429, {"Retry-After": "0"}, {"error": {"code": 4, "message": "slow down"}}))
    pulled = wa("pull", "meta-cloud", "templates", "--json")
    assert (pulled.code, pulled.document) == (
        0,
        {"provider": "meta-cloud", "what": "templates", "stored": 2, "repeated": 0},
    )
    assert connected.tokens == [f"Bearer {TOKEN}"] * 3
    again = wa("pull", "meta-cloud", "templates", "--json").document
    assert (again["stored"], again["repeated"]) == (0, 2)

    assert wa("refresh").code == 0
    workspace = Workspace.open(home)
    known = workspace.table(t.TemplateFact).select("template_name", "entity", "purpose_code", "wording")
    workspace.close()
    assert sorted(known.rows()) == [
        ("login", "air", "authentication", "Hello login"),
        ("order_update", "air", "utility", "Hello order_update"),
        ("spring_sale", "air", "marketing", "Hello spring_sale"),
    ]
    wa("check", "consent", *when)
    (found,) = wa("findings", "consent.purpose_mismatch", "--json").document
    (ours,) = wa("lookup", "wamid.B", "--json").document
    assert (found["subject_id"], found["purpose"]) == (ours["id"], "marketing")

    connected.categories["spring_sale"] = "UTILITY"
    assert wa("pull", "meta-cloud", "templates", "--json").document["stored"] == 1
    assert wa("refresh", "--json").document["was_whole"] is True


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        ((400, {"error": {"code": 190, "message": f"Bad token {TOKEN}"}}), "code 190"),
        ((200, {"data": "nothing"}), "without a `data` list"),
    ],
)
def test_an_error_is_one_sentence_without_the_token(
    wa: Wa, connected: Graph, trouble: tuple[int, dict[str, Any]], told: str
) -> None:
    connected.troubles.append((trouble[0], {}, trouble[1]))
    failed = wa("pull", "meta-cloud", "templates")
    assert failed.code == 2
    (sentence,) = failed.err.strip().splitlines()
    assert told in sentence
    assert TOKEN not in failed.out + failed.err


def test_what_is_missing_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "settings.toml").write_text(SETTINGS)
    monkeypatch.delenv("WA_META_CLOUD__ACCESS_TOKEN", raising=False)
    told = called("--home", str(home), "pull", "meta-cloud")
    assert (told.code, "WA_META_CLOUD__ACCESS_TOKEN is not set" in told.err) == (2, True)
