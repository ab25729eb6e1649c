"""Bodies that whoever knows the secret may send: from the socket through a refresh, nothing falls over,
nothing is lost, and what stands beside them is told."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any
from urllib.parse import quote

import pytest

from tests.properties.test_equals_oracle import wa
from tests.providers.sns import CERTIFICATE
from tests.providers.worlds import ANA, BEN, body, message
from tests.receiver.conftest import PATH, Receiver, signed
from tests.receiver.test_other_providers import AWS, BASIC, INFOBIP, SNS, TWILIO, VARIABLES, by_twilio
from wa_analytics import tables as t
from wa_analytics.evidence.log import entries
from wa_analytics.workspace import Workspace

DEPTH = 100_000
DEEP = "[" * DEPTH + "]" * DEPTH
OBJECTS = '{"a":' * DEPTH + "1" + "}" * DEPTH
HUGE = "9" * 5_000
FLOAT = "1e999999"
NAN = "NaN"
TWICE = '{"id":"1","id":{"id":[]}}'
HALF = r'"\ud800"'
NUL = r'"\u0000"'
PARTS = {"deep": DEEP, "objects": OBJECTS, "huge": HUGE, "float": FLOAT, "nan": NAN, "twice": TWICE,
         "half a character": HALF, "nul": NUL}  # fmt: skip


@pytest.fixture(scope="module")
def open_to_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    home = tmp_path_factory.mktemp("hostile") / "home"
    Workspace.init(home).close()
    (home / "sns").mkdir()
    (home / "sns" / CERTIFICATE).write_bytes(SNS.pem)
    running = Receiver(home, variables=VARIABLES).start()
    yield running
    running.end()


META = json.dumps(body(messages=[message()]))
TEXT = json.dumps(body(messages=[message(text="PART")])).replace('"PART"', "PART")
METAS = (
    "PART",
    TEXT,
    META.replace('"entry":', '"more": PART, "entry":'),
    META.replace('"timestamp":', '"timestamp": PART, "timestamp":'),
    '{"object": "whatsapp_business_account", "entry": PART}',
)
INFOBIPS = (
    "PART",
    '{"results": [{"messageId": "m", "from": PART, "receivedAt": PART, "message": PART}, PART]}',
    '{"createdAt": PART, "content": PART}',
)
TWILIOS = ("PART", '{"messages": [PART, {"sid": PART, "num_media": PART}]}')
EVENTS = ("PART", '{"whatsAppWebhookEntry": PART}', '{"whatsAppWebhookEntry": "TEXT"}')


def deliveries(part: str) -> Iterator[tuple[str, bytes, dict[str, str]]]:
    """(path, body, headers), rightly signed, with the part wherever anything may stand."""
    text = json.dumps(part)[1:-1]

    def filled(forms: tuple[str, ...]) -> list[bytes]:
        return [form.replace("PART", part).replace("TEXT", text).encode() for form in forms]

    for exact in filled(METAS):
        yield PATH, exact, signed(exact)
    for exact in filled(INFOBIPS):
        yield INFOBIP, exact, BASIC
    for exact in filled(TWILIOS):
        query = f"bodySHA256={hashlib.sha256(exact).hexdigest()}"
        yield f"{TWILIO}?{query}", exact, by_twilio(exact, query)
    for exact in filled(EVENTS):
        yield AWS, json.dumps(SNS.envelope(exact.decode())).encode(), {}


def told_of(workspace: Workspace) -> set[int]:
    """Every entry that some fact or note came from."""
    found: set[int] = set()
    for table in t.FACTS:
        if "sequence" in table.__table__.columns:  # type: ignore[attr-defined]
            found |= set(workspace.table(table)["sequence"])
    return found


def good(number: int) -> bytes:
    return json.dumps(body(messages=[message(id=f"wamid.good-{number}")])).encode()


@pytest.mark.parametrize("name", sorted(PARTS))
def test_what_is_signed_is_kept_and_what_stands_beside_it_is_told(open_to_all: Receiver, name: str) -> None:
    number = sorted(PARTS).index(name)
    sent = list(deliveries(PARTS[name]))
    assert open_to_all.post(good(2 * number)) == 200
    for path, exact, headers in sent:
        assert open_to_all.post(exact, headers, path) == 200, path
    assert open_to_all.post(good(2 * number + 1)) == 200
    held = {capture.body for capture in open_to_all.captures()}
    assert {exact for _, exact, _ in sent} <= held, "the exact bytes"
    wa(open_to_all.home, "refresh")
    with closing(Workspace.open(open_to_all.home)) as workspace:
        outside = [f"wamid.good-{2 * number}", f"wamid.good-{2 * number + 1}"]
        assert None not in workspace.lookup(outside)["id"].to_list()
        database = workspace.database
        every = {row.sequence for row in entries(database, 0, 10_000, kind="capture")}
        assert every - told_of(workspace) == set(), "a fact or a note of each"
    assert json.loads(wa(open_to_all.home, "verify", "--json"))["outcome"] == "pass"


def test_bytes_that_are_no_text(open_to_all: Receiver) -> None:
    exact = json.dumps(body(messages=[message(id="wamid.latin", text={"body": "gr\u00fc\u00dfe"})]))
    latin = exact.replace("gr\\u00fc\\u00dfe", "gr\u00fc\u00dfe").encode("latin-1")
    assert b"\xfc" in latin
    for path, headers in ((PATH, signed(latin)), (INFOBIP, BASIC)):
        assert open_to_all.post(latin, headers, path) == 200
    form = b"MessageSid=SM7&From=whatsapp:1&To=whatsapp:2&Body=%ff%fe&SmsStatus=received"
    # The signature is made over the decoded form, which these bytes have none of.
    assert open_to_all.post(form, by_twilio(form), TWILIO) == 401
    wa(open_to_all.home, "refresh")
    bodies = [capture.body for capture in open_to_all.captures()]
    assert bodies.count(latin) == 2
    assert form not in bodies


def test_a_replay_is_one_delivery_however_it_comes(open_to_all: Receiver) -> None:
    exact = good(99)
    agents = [{**signed(exact), "User-Agent": f"replayed {number}"} for number in range(16)]
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda headers: open_to_all.post(exact, headers), agents))
    assert statuses == [200] * len(agents)
    assert [capture.body for capture in open_to_all.captures()].count(exact) == 1


def test_a_bomb_is_bytes_for_every_provider(open_to_all: Receiver) -> None:
    bomb = gzip.compress(bytes(200_000_000))
    assert open_to_all.post(bomb, {**BASIC, "Content-Encoding": "gzip"}, INFOBIP) == 200
    assert open_to_all.post(bomb, {**signed(bomb), "Content-Encoding": "gzip"}) == 200
    wa(open_to_all.home, "refresh")
    assert [capture.body for capture in open_to_all.captures()].count(bomb) == 2


@pytest.mark.parametrize(
    "path",
    [
        "/webhooks/../webhooks/meta-cloud",
        "/webhooks/./meta-cloud",
        "//webhooks/meta-cloud",
        "/webhooks/" + quote("../meta-cloud", safe=""),
        "/webhooks/meta-cloud%00",
        "/webhooks/meta-cloud;x",
        "/webhooks/infobip/../meta-cloud",
        "/etc/passwd",
    ],
)
def test_a_path_is_what_it_says(open_to_all: Receiver, path: str) -> None:
    before = len(open_to_all.captures())
    exact = b'{"path": "odd"}'
    assert open_to_all.post(exact, signed(exact), path) in (400, 404)
    assert len(open_to_all.captures()) == before


def test_names_of_people_are_in_no_log(open_to_all: Receiver) -> None:
    """After all of this, nothing of a body was said aloud."""
    counts: dict[str, Any] = open_to_all.stop()
    for trace in (ANA, BEN, "wamid", "9" * 50, "gr\u00fc"):
        assert trace not in open_to_all.said
    assert counts
