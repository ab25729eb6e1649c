"""Fetching templates from a simulator of the Graph API on the loopback interface."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.providers.worlds import ACCOUNT, RECEIVED, capture, settings
from wa_analytics.errors import CaptureUnreadable, ProviderFailed, SettingsInvalid
from wa_analytics.providers import parser
from wa_analytics.providers.meta_templates import ATTEMPTS, fetch_templates
from wa_analytics.records import TemplateRecord, UnknownRecord

TOKEN = "EAAinventedTokenThatIsLongEnoughToLookLikeOne0123456789"


def template(name: str, category: str = "MARKETING", **parts: Any) -> dict[str, Any]:
    components = [
        {"type": "FOOTER", "text": "Reply STOP to end"},
        {"type": "BODY", "text": f"Hello {{{{1}}}} from {name}"},
        {"type": "HEADER", "format": "TEXT", "text": "News"},
        {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Shop"}]},
    ]
    return {"id": "1", "name": name, "language": "en", "status": "APPROVED", "category": category,
            "components": components} | parts  # fmt: skip


class Graph:
    """Lists `templates` in pages behind a cursor; answers `troubles` first, one per request."""

    def __init__(self) -> None:
        self.templates = [template(f"t{number}") for number in range(5)]
        self.troubles: list[tuple[int, dict[str, str], bytes]] = []
        self.requests: list[tuple[str, dict[str, list[str]], str | None]] = []
        self.loops = False

    def answer(self, path: str, authorization: str | None) -> tuple[int, dict[str, str], bytes]:
        address = urlsplit(path)
        asked = parse_qs(address.query)
        self.requests.append((address.path, asked, authorization))
        if self.troubles:
            return self.troubles.pop(0)
        limit, start = int(asked["limit"][0]), int(asked.get("after", ["0"])[0])
        page: dict[str, Any] = {"data": self.templates[start : start + limit]}
        if start + limit < len(self.templates) or self.loops:
            after = "1" if self.loops else str(start + limit)
            page["paging"] = {
                "cursors": {"before": "x", "after": after},
                "next": "https://elsewhere.invalid/",
            }
        elif page["data"]:
            page["paging"] = {"cursors": {"before": "x", "after": "end"}}
        return 200, {}, json.dumps(page, indent=1).encode()


@pytest.fixture
def graph() -> Graph:
    return Graph()


@pytest.fixture
def address(graph: Graph) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            code, headers, exact = graph.answer(self.path, self.headers.get("Authorization"))
            self.send_response(code)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(exact)))
            self.end_headers()
            self.wfile.write(exact)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


class Fetch:
    def __init__(self, address: str) -> None:
        self.settings = settings(graph_url=address + "/", graph_version="v1.0", access_token=TOKEN)
        self.waits: list[float] = []

    def __call__(self, page_size: int = 2) -> list[Any]:
        with httpx.Client() as client:
            pages = fetch_templates(
                client,
                self.settings,
                ACCOUNT,
                received_at=RECEIVED,
                page_size=page_size,
                sleep=self.waits.append,
            )
            return list(pages)


@pytest.fixture
def fetch(address: str) -> Fetch:
    return Fetch(address)


def error(code: int, **parts: Any) -> bytes:
    return json.dumps({"error": {"code": code, "message": "(#x) told", **parts}}).encode()


def test_every_page_is_captured_exactly_and_parsed(graph: Graph, fetch: Fetch) -> None:
    pages = fetch()
    assert [json.loads(page.body)["data"] for page in pages] == [
        graph.templates[0:2],
        graph.templates[2:4],
        graph.templates[4:],
    ]
    assert b'{\n "data"' in pages[0].body
    assert {(page.provider, page.received_at, page.signature_code) for page in pages} == {
        ("meta-cloud", RECEIVED, "absent")
    }
    assert pages[0].headers == {"source": "message_templates", "waba_id": ACCOUNT}
    records = [record for page in pages for record in parser("meta-cloud")(page, settings())]
    assert [record.name for record in records] == ["t0", "t1", "t2", "t3", "t4"]  # type: ignore[union-attr]
    assert records[0] == TemplateRecord(
        name="t0",
        observed_at=RECEIVED,
        account_id=ACCOUNT,
        language="en",
        category="marketing",
        status="approved",
        wording="News\nHello {{1}} from t0\nReply STOP to end",
    )
    assert fetch.waits == []


def test_what_is_asked(graph: Graph, fetch: Fetch) -> None:
    fetch()
    paths, asked, authorizations = zip(*graph.requests, strict=True)
    assert set(paths) == {f"/v1.0/{ACCOUNT}/message_templates"}
    assert [one.get("after") for one in asked] == [None, ["2"], ["4"]]
    assert {field for one in asked for field in one["fields"][0].split(",")} >= {
        "name",
        "language",
        "status",
        "category",
        "components",
    }
    assert set(authorizations) == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    ("trouble", "waits"),
    [
        ((429, {"Retry-After": "7"}, b""), [7.0]),
        ((429, {}, error(80007)), [1.0]),
        ((400, {"Retry-After": "soon"}, error(4)), [1.0]),
        ((200, {}, error(80007)), [1.0]),
        ((503, {}, b"<html>"), [1.0]),
    ],
)
def test_a_throttled_call_waits_and_goes_on(
    graph: Graph, fetch: Fetch, trouble: tuple[int, dict[str, str], bytes], waits: list[float]
) -> None:
    graph.troubles = [trouble]
    assert len(fetch()) == 3
    assert fetch.waits == waits


def test_it_gives_up(graph: Graph, fetch: Fetch) -> None:
    graph.troubles = [(429, {}, error(80007))] * 99
    with pytest.raises(ProviderFailed, match=f"429, code 80007.*gave up after {ATTEMPTS} attempts"):
        fetch()
    assert fetch.waits == [1.0, 2.0, 4.0, 8.0]
    assert len(graph.requests) == ATTEMPTS


def test_it_does_not_sleep_for_an_hour(graph: Graph, fetch: Fetch) -> None:
    graph.troubles = [(429, {"Retry-After": "3600"}, error(4))]
    with pytest.raises(ProviderFailed, match="asks to wait 3600 seconds"):
        fetch()
    assert fetch.waits == []


def test_an_error_is_told_with_code_and_details_and_without_token(graph: Graph, fetch: Fetch) -> None:
    graph.troubles = [(401, {}, error(190, message=f"Malformed access token {TOKEN}."))]
    with pytest.raises(ProviderFailed) as caught:
        fetch()
    assert str(caught.value) == (
        "Meta answered 401, code 190: Malformed access token [redacted]; "
        "check the token's permissions and the account id."
    )
    graph.troubles = [(400, {}, error(100, error_data={"details": "Unsupported field A" + "b" * 60}))]
    with pytest.raises(ProviderFailed, match=r"400, code 100: Unsupported field \[redacted\];"):
        fetch()
    assert fetch.waits == []


def test_a_short_token_is_not_told_either(graph: Graph, fetch: Fetch) -> None:
    fetch.settings = settings(graph_url=fetch.settings.meta_cloud.graph_url, access_token="short.one")
    graph.troubles = [(401, {}, error(190, message="Malformed access token short.one"))]
    with pytest.raises(ProviderFailed, match=r"token \[redacted\];"):
        fetch()


def test_an_error_after_the_first_page_keeps_that_page(graph: Graph, fetch: Fetch) -> None:
    with httpx.Client() as client:
        pages = fetch_templates(client, fetch.settings, ACCOUNT, received_at=RECEIVED, page_size=2)
        assert json.loads(next(pages).body)["data"] == graph.templates[:2]
        graph.troubles = [(404, {}, b"gone")]
        with pytest.raises(ProviderFailed, match="404, no code;"):
            next(pages)


@pytest.mark.parametrize("exact", [b"", b"<html>", b"[]", b'{"data":7}'])
def test_an_answer_that_is_no_page(graph: Graph, fetch: Fetch, exact: bytes) -> None:
    graph.troubles = [(200, {}, exact)]
    with pytest.raises(ProviderFailed, match="without a `data` list"):
        fetch()


def test_a_list_that_bites_its_tail(graph: Graph, fetch: Fetch) -> None:
    graph.loops = True
    with pytest.raises(ProviderFailed, match="points back"):
        fetch()


def test_nobody_listens(fetch: Fetch, graph: Graph) -> None:
    fetch.settings = settings(graph_url="http://127.0.0.1:9", access_token=TOKEN)
    with pytest.raises(ProviderFailed, match="could not be reached \\(ConnectError\\); gave up"):
        fetch()


@pytest.mark.parametrize("token", [None, ""])
def test_without_a_token(fetch: Fetch, graph: Graph, token: str | None) -> None:
    fetch.settings = settings(access_token=token)
    with pytest.raises(SettingsInvalid, match="WA_META_CLOUD__ACCESS_TOKEN"):
        fetch()
    assert graph.requests == []


def test_odd_templates_on_a_page() -> None:
    page = capture(
        {
            "data": [
                7,
                {"name": ""},
                {"name": "bare"},
                template("odd", components=[{"type": 7, "text": "x"}, 5]),
            ]
        },
        source="message_templates",
    )
    malformed = UnknownRecord(kind="malformed", name="message_templates")
    first, second, bare, odd = parser("meta-cloud")(page, settings())
    assert (first, second) == (malformed, malformed)
    assert bare == TemplateRecord(name="bare", observed_at=RECEIVED)
    assert isinstance(odd, TemplateRecord)
    assert odd.wording is None


def test_a_page_that_is_none() -> None:
    with pytest.raises(CaptureUnreadable):
        parser("meta-cloud")(capture(b"<html>", source="message_templates"), settings())
