"""The Graph API's client against a simulator over real HTTP: patience, paging, secrets, limits."""

from __future__ import annotations

import gzip
import json
import logging
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tests.graph_simulator import TOKEN, Account, Reply, Simulator, failed, simulated, told
from tests.providers.worlds import ACCOUNT, settings
from wa_analytics.errors import ProviderFailed, SettingsInvalid
from wa_analytics.providers.graph import Graph, usage
from wa_analytics.providers.http_api import ATTEMPTS, Exhausted, TooLarge, Unavailable


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    rows = [{"id": f"t{number}"} for number in range(5)]
    with httpx.Client():  # Loads its certificates once, not in the middle of a wait.
        pass
    simulator = Simulator(accounts={ACCOUNT: Account(templates=rows)})
    with simulated(simulator):
        yield simulator


class Asking:
    """A client whose waits are noted instead of waited for, without jitter."""

    def __init__(self, simulator: Simulator, **meta_cloud: Any) -> None:
        self.waits: list[float] = []
        given = {"graph_url": simulator.address + "/", "graph_version": "v1.0", "access_token": TOKEN}
        self.client = httpx.Client(timeout=0.5)
        self.graph = Graph(
            self.client, settings(**given | meta_cloud), sleep=self.waits.append, jitter=lambda: 0.5
        )

    def pages(self) -> list[list[str]]:
        found = self.graph.pages(ACCOUNT, "message_templates", limit="2")
        return [[row["id"] for row in (page.stated or {})["data"]] for page in found]


@pytest.fixture
def asking(simulator: Simulator) -> Iterator[Asking]:
    made = Asking(simulator)
    yield made
    made.client.close()


ALL = [["t0", "t1"], ["t2", "t3"], ["t4"]]


def test_every_page_in_order(simulator: Simulator, asking: Asking) -> None:
    assert asking.pages() == ALL
    assert [asked.query.get("after") for asked in simulator.requests] == [None, "2", "4"]
    assert {asked.authorization for asked in simulator.requests} == {f"Bearer {TOKEN}"}
    assert set(simulator.paths()) == {f"/v1.0/{ACCOUNT}/message_templates"}
    assert asking.waits == []


@pytest.mark.parametrize(
    ("trouble", "waits"),
    [
        (Reply(429, b"", {"Retry-After": "7"}), [7.0]),
        (failed(80007, status=429), [1.0]),
        (failed(4)._replace(headers={"Retry-After": "soon"}), [1.0]),
        (failed(130429, status=200), [1.0]),
        (Reply(503, b"<html>"), [1.0]),
        (failed(4)._replace(headers={"Retry-After": "²"}), [1.0]),
        (
            failed(80007)._replace(
                headers={
                    "X-Business-Use-Case-Usage": json.dumps(
                        {"1": [{"call_count": 100, "estimated_time_to_regain_access": 2}]}
                    )
                }
            ),
            [120.0],
        ),
        (Reply(200, b"{}", delay=0.8), [1.0]),
        (Reply(200, b'{"data": []}', cut=4), [1.0]),
        (Reply(200, b"no gzip", {"Content-Encoding": "gzip"}), [1.0]),
        (Reply(200, gzip.compress(b'{"data": []}')[:-8], {"Content-Encoding": "gzip"}), [1.0]),
        (Reply(200, b'{"data": []}', {"Content-Encoding": "br"}), [1.0]),
    ],
    ids=[
        "429", "80007", "4", "130429 with 200", "503", "odd Retry-After", "regain access", "timeout", "cut",
        "no gzip", "half a gzip", "packed unasked",
    ],
)  # fmt: skip
def test_what_passes_is_asked_again(
    simulator: Simulator, asking: Asking, trouble: Reply, waits: list[float]
) -> None:
    simulator.troubles = [trouble]
    assert asking.pages() == ALL
    assert asking.waits == waits
    assert len(simulator.requests) == 4


def test_waits_grow_and_are_jittered(simulator: Simulator, asking: Asking) -> None:
    draws = iter([0.0, 0.25, 0.5, 0.999])
    asking.graph._jitter = lambda: next(draws, 0.0)
    simulator.troubles = [failed(80007, status=429)] * 99
    with pytest.raises(Unavailable, match=f"429, code 80007.*gave up after {ATTEMPTS} attempts"):
        asking.pages()
    assert asking.waits == [0.5, 1.5, 4.0, pytest.approx(11.992)]
    assert len(simulator.requests) == ATTEMPTS


def test_after_three_in_a_row_the_provider_is_taken_to_be_away(simulator: Simulator, asking: Asking) -> None:
    def given_up() -> type[Exception]:
        simulator.troubles = [Reply(500, b"")] * ATTEMPTS
        with pytest.raises(Unavailable) as caught:
            asking.pages()
        return caught.type

    assert [given_up(), given_up()] == [Unavailable, Unavailable]
    assert asking.pages() == ALL
    assert [given_up() for _ in range(3)] == [Unavailable, Unavailable, Exhausted]


@pytest.mark.parametrize(
    ("told", "seconds"),
    [("3600", 3_600), ("1000000000", 10**9), ("9" * 400, 10**9)],
    ids=["an hour", "30 years", "beyond all numbers"],
)
def test_it_does_not_sleep_for_an_hour(simulator: Simulator, asking: Asking, told: str, seconds: int) -> None:
    simulator.troubles = [failed(4)._replace(headers={"Retry-After": told})]
    with pytest.raises(Exhausted, match=f"asks to wait {seconds} seconds"):
        asking.pages()
    assert asking.waits == []


@pytest.mark.parametrize(
    ("percent", "waits"), [(80, []), (90, [2.5, 2.5]), (100, [60.0, 60.0]), (250, [60.0, 60.0])]
)
def test_it_slows_down_near_the_limit(
    simulator: Simulator, asking: Asking, percent: int, waits: list[float]
) -> None:
    simulator.usage = {"X-App-Usage": json.dumps({"call_count": 3, "total_time": percent})}
    assert asking.pages() == ALL
    assert asking.waits == waits


def test_a_limit_reached_for_long_ends_it(simulator: Simulator, asking: Asking) -> None:
    row = {"type": "whatsapp", "call_count": 100, "estimated_time_to_regain_access": 30}
    simulator.usage = {"X-Business-Use-Case-Usage": json.dumps({ACCOUNT: [row]})}
    with pytest.raises(Exhausted, match="limit is reached for 1800 seconds"):
        asking.pages()
    assert len(simulator.requests) == 1


@pytest.mark.parametrize(
    "header",
    ["", "[]", "7", '{"a": 1}', '{"a": [1, {"call_count": "x"}]}', "\u00e9", "[" * 50_000],
    ids=["none", "list", "number", "other", "text", "letter", "deep"],
)
def test_odd_usage_headers_say_nothing(header: str) -> None:
    assert usage({"x-app-usage": header, "x-business-use-case-usage": header}) == (0.0, 0.0)


def test_a_stale_cursor_starts_anew_once(simulator: Simulator, asking: Asking) -> None:
    simulator.troubles = [told({"data": [{"id": "t0"}], "paging": {"next": "x", "cursors": {"after": "9"}}})]
    stale = failed(131059)
    simulator.troubles.append(stale)
    assert asking.pages() == [["t0"], *ALL]
    asking.graph._due_wait = 0
    simulator.troubles = [
        told({"data": [], "paging": {"next": "x", "cursors": {"after": "9"}}}),
        stale,
        told({"data": [], "paging": {"next": "x", "cursors": {"after": "8"}}}),
        stale,
    ]
    with pytest.raises(ProviderFailed, match="code 131059"):
        asking.pages()


def test_a_list_that_bites_its_tail(simulator: Simulator, asking: Asking) -> None:
    simulator.loops = True
    with pytest.raises(ProviderFailed, match="points back"):
        asking.pages()
    assert len(simulator.requests) == 2


def test_a_cursor_only_in_the_next_address(simulator: Simulator, asking: Asking) -> None:
    simulator.has_cursor = False
    assert asking.pages() == ALL
    simulator.troubles = [told({"data": [], "paging": {"next": "https://x.invalid/?limit=1"}})]
    with pytest.raises(ProviderFailed, match="next page without a cursor"):
        asking.pages()


@pytest.mark.parametrize("exact", [b"", b"<html>", b"[]", b'{"data":7}', b"[" * 100_000, b'\xff{"data":[]}'])
def test_an_answer_that_is_no_page(simulator: Simulator, asking: Asking, exact: bytes) -> None:
    simulator.troubles = [Reply(200, exact)]
    with pytest.raises(ProviderFailed, match="without a `data` list"):
        asking.pages()


def test_errors_tell_code_and_details_but_no_token(
    simulator: Simulator, asking: Asking, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    simulator.troubles = [failed(190, f"Malformed access token {TOKEN}.", 401)]
    with pytest.raises(ProviderFailed) as caught:
        asking.pages()
    assert str(caught.value) == (
        "Meta answered 401, code 190: Malformed access token [redacted]; "
        "check the token's permissions and the account id."
    )
    simulator.troubles = [failed(100, error_data={"details": "Unsupported field A" + "b" * 60})]
    with pytest.raises(ProviderFailed, match=r"400, code 100: Unsupported field \[redacted\];"):
        asking.pages()
    simulator.troubles = [failed(100, "a\nb\x1b\u202ec")]
    with pytest.raises(ProviderFailed, match="code 100: a b c;"):
        asking.pages()
    assert "elsewhere" not in caplog.text
    assert TOKEN not in caplog.text


@pytest.mark.parametrize("token", ["short.one", "a|b/c+d", 'quo"te'])
def test_a_token_of_any_form_is_cut_out_of_answers(simulator: Simulator, token: str) -> None:
    asking = Asking(simulator, access_token=token)
    simulator.troubles = [failed(190, f"bad {token}", 401)]
    with pytest.raises(ProviderFailed) as caught:
        asking.pages()
    assert token not in str(caught.value)
    body = f'{{"data": [], "paging": {{"next2": "x?access_token={quote(token)}&y={token}"}}}}'
    simulator.troubles = [Reply(200, body.encode())]
    (page,) = asking.graph.pages(ACCOUNT, "message_templates")
    assert (page.is_redacted, token.encode() in page.body, quote(token).encode() in page.body) == (
        True, False, False,
    )  # fmt: skip
    asking.client.close()


def test_answers_have_a_limit(simulator: Simulator, asking: Asking) -> None:
    bomb = gzip.compress(bytes(10_000_000))
    for trouble in (Reply(200, bytes(2_000_000)), Reply(200, bomb, {"Content-Encoding": "gzip"})):
        simulator.troubles = [trouble]
        with pytest.raises(TooLarge, match="more than 1,000,000 bytes"):
            asking.graph.ask(simulator.address + "/x", limit_bytes=1_000_000)


@pytest.mark.parametrize("layers", [1, 2])
def test_a_bomb_is_stopped_before_it_fills_the_memory(
    simulator: Simulator, asking: Asking, layers: int
) -> None:
    bomb = bytes(100_000_000)
    for _ in range(layers):
        bomb = gzip.compress(bomb)
    simulator.troubles = [Reply(200, bomb, {"Content-Encoding": ", ".join(["gzip"] * layers)})]
    tracemalloc.start()
    try:
        with suppress(TooLarge):
            asking.graph.ask(simulator.address + f"/v1.0/{ACCOUNT}/phone_numbers", limit_bytes=1_000_000)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_an_answer_that_never_ends_is_not_waited_for(
    simulator: Simulator, asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wa_analytics.providers.http_api.TIMEOUT_SECONDS", 0.2)
    simulator.troubles = [Reply(200, b'{"data": [' + b" " * 100 + b"]}", pace=0.05)]
    assert asking.pages() == ALL
    assert len(simulator.requests) == 4


def test_redirects_are_not_followed(simulator: Simulator, asking: Asking) -> None:
    simulator.troubles = [Reply(302, b"", {"Location": "https://elsewhere.invalid/"})]
    with pytest.raises(ProviderFailed, match="302, no code"):
        asking.pages()


def test_nobody_listens(asking: Asking) -> None:
    asking.graph._base = "http://127.0.0.1:9/v1.0"
    with pytest.raises(Unavailable, match="could not be reached \\(ConnectError\\); gave up"):
        asking.pages()


@pytest.mark.parametrize("address", ["", "gopher://x", "http://[", "http://a b"])
def test_an_address_that_is_none(asking: Asking, address: str) -> None:
    asking.graph._base = address
    with pytest.raises(ProviderFailed):
        asking.pages()


@pytest.mark.parametrize("token", [None, ""])
def test_without_a_token(simulator: Simulator, token: str | None) -> None:
    with pytest.raises(SettingsInvalid, match="WA_META_CLOUD__ACCESS_TOKEN"):
        Asking(simulator, access_token=token)


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.invalid/x", "http://lookaside.fbsbx.com/x", "https://evilfbsbx.com/x", "",
        "file:///etc/passwd", "https://", "http://[", "//127.0.0.1/x", "https://127.0.0.1/x",
        "https://lookaside.fbsbx.com@elsewhere.invalid/x",
    ],
)  # fmt: skip
def test_media_is_fetched_from_metas_hosts_only(simulator: Simulator, asking: Asking, url: str) -> None:
    with pytest.raises(ProviderFailed, match="not its own"):
        asking.graph.download(url, 10)
    assert simulator.requests == []


def test_the_token_goes_to_no_other_port(simulator: Simulator, asking: Asking) -> None:
    other = Simulator()
    with simulated(other) as address, pytest.raises(ProviderFailed, match="not its own"):
        asking.graph.download(f"{address}/download/m1", 10)
    assert other.requests == []


TROUBLES = [
    failed(4, status=429), Reply(500, b""), Reply(502, b"<html>"), Reply(200, b'{"data": [', cut=3),
    failed(131059), failed(190, status=401), Reply(200, b"<html>"), failed(80007, status=200),
    Reply(302, b""),
]  # fmt: skip


@given(st.lists(st.none() | st.sampled_from(TROUBLES), max_size=12))
@examples(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_either_all_is_had_or_a_sentence_says_so(
    simulator: Simulator, troubles: list[Reply | None]
) -> None:
    asking = Asking(simulator)
    simulator.sequence = list(troubles)
    pages: list[list[str]] | None = None
    sentence = ""
    try:
        pages = asking.pages()
    except ProviderFailed as error:
        sentence = str(error)
    asking.client.close()
    if pages is None:
        assert any(troubles)
        assert sentence.startswith("Meta")
        assert TOKEN not in sentence
    else:
        # A list that was begun anew tells some pages twice, which are stored once.
        assert {row for page in pages for row in page} == {row for page in ALL for row in page}
