"""The made-up Graph API over real HTTP: what it tells is what was written, and it stops."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest

from wa_analytics.synthetic.companies import BROKER
from wa_analytics.synthetic.graph import APP_ID, CALLBACK, ELSEWHERE
from wa_analytics.synthetic.graph_server import served
from wa_analytics.synthetic.world import World, write_world

END = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
ACCOUNT, NUMBER = BROKER.waba_ids[0], BROKER.channels[0].channel_id


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return write_world(tmp_path_factory.mktemp("graph"), seed=5, messages=900, end=END, app_secret="x")


@pytest.fixture(scope="module")
def client(world: World) -> Iterator[httpx.Client]:
    with served(world.graph) as address, httpx.Client(base_url=f"{address}/v26.0") as client:
        yield client


def test_an_account_names_its_numbers_and_their_callbacks(client: httpx.Client) -> None:
    numbers = client.get(f"/{ACCOUNT}/phone_numbers").json()["data"]
    assert [number["id"] for number in numbers] == [channel.channel_id for channel in BROKER.channels]
    governing = [
        number["webhook_configuration"].get("phone_number", CALLBACK)
        for number in (
            client.get(f"/{number['id']}?fields=webhook_configuration").json() for number in numbers
        )
    ]
    assert governing == [CALLBACK, ELSEWHERE, CALLBACK]
    (app,) = client.get(f"/{ACCOUNT}/subscribed_apps").json()["data"]
    assert app["whatsapp_business_api_data"]["id"] == APP_ID


def test_message_history_pages_through_thirty_days(client: httpx.Client) -> None:
    found, after = [], ""
    while True:
        page = client.get(f"/{NUMBER}/message_history", params={"limit": "7", "after": after}).json()
        assert len(page["data"]) <= 7
        found += page["data"]
        if "paging" not in page:
            break
        after = page["paging"]["cursors"]["after"]
    assert len({row["message_id"] for row in found}) == len(found) > 7
    times = [event["timestamp"] for row in found for event in row["events"]["data"]]
    assert END.timestamp() - 30 * 86_400 <= min(times) <= max(times) <= END.timestamp()


def test_half_hours_sum_up_to_days(client: httpx.Client) -> None:
    end = int(END.timestamp())
    sums = {}
    for granularity, length in (("HALF_HOUR", 1_800), ("DAY", 86_400)):
        field = f"analytics.start({end - 60 * 86_400}).end({end + 86_400}).granularity({granularity})"
        points = client.get(f"/{ACCOUNT}", params={"fields": field}).json()["analytics"]["data_points"]
        assert {point["end"] - point["start"] for point in points} == {length}
        assert all(point["delivered"] <= point["sent"] for point in points)
        sums[granularity] = sum(point["sent"] for point in points if point["start"] > end - 59 * 86_400)
    assert sums["DAY"] > 20
    assert abs(sums["HALF_HOUR"] - sums["DAY"]) < 10


def test_a_file_is_there_for_seven_days(world: World, client: httpx.Client) -> None:
    rows = [row for row in world.answer if row["rule"] == "capture.media_missing"]
    answers = {row["outside_id"]: client.get(f"/{row['outside_id']}") for row in rows}
    gone = [answer.json()["error"] for answer in answers.values() if answer.status_code != 200]
    assert [(error["code"], error["error_subcode"]) for error in gone] == [(100, 33)] * 2
    (altered,) = (answer.json() for answer in answers.values() if answer.status_code == 200)
    content = httpx.get(altered["url"]).content
    assert len(content) == altered["file_size"]
    assert hashlib.sha256(content).hexdigest() != altered["sha256"]


def test_what_is_not_ours_is_refused(client: httpx.Client) -> None:
    for path in ("/218000000000999/phone_numbers", f"/{NUMBER}/block_users", "/1", "/"):
        answer = client.get(path)
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == 100


def test_it_stops(world: World) -> None:
    with served(world.graph) as address:
        assert httpx.get(f"{address}/v26.0/{ACCOUNT}").status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{address}/v26.0/{ACCOUNT}")
