"""What is missing of the made-up group, by brute force over its files and the platform's answers.

Shares no code with the product or with the planted scenes; it asks the made-up Graph API as anybody
would.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

from tests.synthetic import reading
from wa_analytics.synthetic.graph import CALLBACK, Graph

SETTLE = timedelta(hours=168)
Missing = set[tuple[str, str, str]]


def asked(graph: Graph, path: str, **query: str) -> dict[str, Any] | None:
    answer = graph.answer(f"/v26.0/{path}", query)
    return json.loads(answer.content) if answer.code == 200 else None


def history(graph: Graph, channel: str) -> Iterator[tuple[str, datetime]]:
    """(message id, time of its first event) of every page."""
    after = ""
    while True:
        page = asked(graph, f"{channel}/message_history", limit="100", **({"after": after} if after else {}))
        assert page is not None
        for row in page["data"]:
            yield row["message_id"], reading.instant(str(row["events"]["data"][0]["timestamp"]))
        if "next" not in page.get("paging", {}):
            return
        after = page["paging"]["cursors"]["after"]


def missing(graph: Graph, rows: reading.World, spooled: reading.Spool, end: datetime) -> Missing:
    """(rule, subject, outside id) of every gap that can be shown."""
    known = {one.message_id for one in (*rows.sends, *rows.statuses, *rows.echoes)}
    found: Missing = {
        ("capture.unsupported", "message", one.message_id)
        for one in rows.inbound
        if one.type == "unsupported"
    }
    told = {one.message_id for one in rows.statuses}
    found |= {
        ("capture.status_missing", "message", send.message_id)
        for send in rows.sends
        if send.message_id not in told and send.sent_at <= end - SETTLE
    }
    sent_at = {
        one.message_id: (one.at, one.channel_id)
        for one in sorted(rows.statuses, key=lambda s: s.at, reverse=True)
    }
    sent_at |= {one.message_id: (one.sent_at, one.channel_id) for one in rows.sends}
    held = Counter((channel, at.date()) for at, channel in sent_at.values())
    for entity in rows.entities:
        for account in entity.waba_ids:
            numbers = asked(graph, f"{account}/phone_numbers")
            assert numbers is not None
            for number in numbers["data"]:
                found |= _of_number(graph, account, number, known, held, end)
    found |= _media(graph, spooled)
    found |= _silence(rows)
    return found | _offboarded(spooled)


def _of_number(
    graph: Graph, account: str, number: dict[str, Any], known: set[str], held: Counter[Any], end: datetime
) -> Missing:
    channel = number["id"]
    found: Missing = set()
    if number["webhook_configuration"].get("phone_number", CALLBACK) != CALLBACK:
        found.add(("capture.diverted", "channel", channel))
    for message_id, at in history(graph, channel):
        if message_id not in known and at <= end - SETTLE:
            found.add(("capture.unknown_message", "message", message_id))
    phone = number["display_phone_number"].lstrip("+")
    fields = f'analytics.start(0).end({int(end.timestamp())}).granularity(DAY).phone_numbers(["{phone}"])'
    counted = asked(graph, account, fields=fields)
    assert counted is not None
    for point in counted["analytics"]["data_points"]:
        day = reading.instant(point["start"]).date()
        # Five minutes around midnight may fall on the neighbouring day; eight are beyond that here.
        if point["sent"] >= held[channel, day] + 8:
            found.add(("capture.volume_gap", "channel_day", f"{channel}|{day.isoformat()}"))
    return found


def _media(graph: Graph, spooled: reading.Spool) -> Missing:
    """Files of the company whose own app can fetch them."""
    found: Missing = set()
    for told in reading.readable(spooled.of("meta-cloud")):
        for change in (change for entry in told["entry"] for change in entry["changes"]):
            for message in change["value"].get("messages", []):
                part = message.get(message["type"], {})
                if not isinstance(part, dict) or "sha256" not in part:
                    continue
                told_of = asked(graph, part["id"])
                if told_of is None:
                    found.add(("capture.media_missing", "media", part["id"]))
                    continue
                content = graph.answer(urlsplit(told_of["url"]).path, {}).content
                digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
                if digest != part["sha256"]:
                    found.add(("capture.media_missing", "media", part["id"]))
    return found


def _silence(rows: reading.World) -> Missing:
    """A week and more without a word on a number that was written to on every working day of the
    eight weeks before."""
    heard: dict[str, set[Any]] = defaultdict(set)
    for one in rows.inbound:
        heard[one.channel_id].add(one.at.astimezone(UTC).date())
    found: Missing = set()
    for channel, days in heard.items():
        ordered = sorted(days)
        for before, after in pairwise(ordered):
            weeks = [before - timedelta(days=n) for n in range(56)]
            is_steady = all(day in days for day in weeks if day.weekday() < 5)
            if is_steady and (after - before).days > 8:
                first = before + timedelta(days=1)
                found.add(("capture.silence", "channel_day", f"{channel}|{first.isoformat()}"))
    return found


def _offboarded(spooled: reading.Spool) -> Missing:
    latest: dict[str, tuple[datetime, str]] = {}
    for account, field, value in reading.changes(spooled):
        if field == "account_update":
            told = reading.instant(value["time"]), value["event"]
            latest[account] = max(told, latest.get(account, told))
    return {
        ("capture.offboarded", "account", account)
        for account, (_, event) in latest.items()
        if event == "ACCOUNT_OFFBOARDED"
    }
