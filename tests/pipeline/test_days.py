"""channel_day from the other tables, and `wa doctor` per provider, on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.data_checks.state import AS_OF, DAY, ENTITY, HOUR, add, declared, digest, fact, note, send, volume
from wa_analytics.database import Database
from wa_analytics.pipeline.connections import connections
from wa_analytics.pipeline.refreshing.days import COUNTED, channel_days, stored_days
from wa_analytics.settings import Entity, Settings
from wa_analytics.tables import TABLES, DisposedMessage, Entry, Message, MessageFact

SETTINGS = Settings(entity=(Entity(key=ENTITY, channels=("channel-1",)),))
MIDNIGHT = datetime(2026, 2, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def days_of(database: Database) -> list[dict[str, Any]]:
    names = {str(table.__tablename__): str(table.__tablename__) for table in TABLES}
    found = channel_days(
        database.table(Message, columns=COUNTED),
        lambda sql, **params: database.frame(sql.format(**names), **params),
        database.dialect,
        SETTINGS,
    )
    stored_days(database, found, "")
    stored = database.frame("SELECT * FROM channel_day").sort("channel_id", "day_on").select(found.columns)
    assert stored.rows() == found.rows()
    return found.to_dicts()


def inbound(number: int, at: datetime) -> Any:
    return send(number, direction_code="inbound", sent_at=at, first_status_at=None, delivered_at=None)


def test_a_day_counts_what_is_held_called_disposed_and_told(database: Database) -> None:
    call: dict[str, Any] = {
        "sequence": 0, "message_id": digest(50), "source_code": "call", "content_digest": "",
        "entity": ENTITY, "channel_id": "channel-1", "direction_code": "inbound", "has_body": True,
    }  # fmt: skip
    add(
        database,
        send(1, sent_at=MIDNIGHT - 2 * MINUTE, delivered_at=None),
        send(2, sent_at=MIDNIGHT + 4 * MINUTE),
        send(3, sent_at=MIDNIGHT + 5 * MINUTE),
        inbound(4, MIDNIGHT + HOUR),
        inbound(5, MIDNIGHT + 24 * HOUR - MINUTE / 60),
        MessageFact(sent_at=MIDNIGHT + HOUR, **call),
        MessageFact(sent_at=MIDNIGHT + HOUR, **call),
        DisposedMessage(message_id=digest(60), sequence=0, record_class="", sent_on="2026-02-10",
                        direction_code="outbound", channel_id="channel-1", actor="a",
                        decision_code="schedule", disposed_at=AS_OF),
        volume(MIDNIGHT),
        volume(MIDNIGHT + 23 * HOUR),
        volume(MIDNIGHT + 3 * DAY),
    )  # fmt: skip
    names = (
        "day_on",
        "inbound_count",
        "outbound_count",
        "delivered_count",
        "edge_count",
        "platform_sent_count",
    )
    found = days_of(database)
    assert [tuple(row[name] for name in names) for row in found] == [
        ("2026-02-09", 0, 1, 0, 1, None),
        ("2026-02-10", 3, 3, 2, 1, 2),
        ("2026-02-13", 0, 0, 0, 0, 1),
    ]
    assert {row["entity"] for row in found} == {ENTITY}
    assert (found[1]["day_from"], found[1]["day_to"]) == (MIDNIGHT, MIDNIGHT + DAY)
    assert found[1]["platform_observed_at"] == AS_OF
    assert days_of(database) == found


def test_the_newest_day_is_not_over_and_later_evidence_changes_only_what_it_touches(
    database: Database,
) -> None:
    start = MIDNIGHT - 60 * DAY
    add(
        database,
        *(inbound(100 + n * 10 + k, start + n * DAY + k * HOUR) for n in range(50) for k in range(9)),
    )
    add(database, send(9, sent_at=MIDNIGHT))
    before = {row["day_on"]: row for row in days_of(database)}
    silent = [day for day, row in before.items() if row["is_silent"]]
    assert silent[0] == "2026-02-01"
    assert silent[-1] == "2026-02-09"
    assert {before[day]["silent_on"] for day in silent} == {"2026-01-31"}
    assert before["2026-02-10"]["is_silent"] is None
    add(database, inbound(10, MIDNIGHT - 5 * DAY))
    after = {row["day_on"]: row for row in days_of(database)}
    assert [day for day, row in after.items() if row["is_silent"]] == [
        day for day in silent if day not in ("2026-02-05", "2026-02-06")
    ]
    assert after["2026-02-08"]["silent_on"] == "2026-02-06"


def test_doctor_tells_of_each_provider(database: Database) -> None:
    def captured(sequence: int, provider: str, at: datetime) -> Entry:
        return Entry(sequence=sequence, capture_id=sequence.to_bytes(16, "big"), kind="capture",
                     provider=provider, received_at=at, signature_code="valid",
                     ciphertext_digest=bytes(32), ciphertext=b"sealed")  # fmt: skip

    add(
        database,
        captured(0, "meta-cloud", AS_OF - HOUR),
        captured(1, "twilio", AS_OF - 80 * HOUR),
        captured(2, "send-log", AS_OF - 80 * HOUR),
        fact(1),
        note(0, "unreadable", 1, "meta-cloud"),
        note(0, "field", 1, "novelty"),
        note(0, "field", 2, "novelty"),
        note(0, "type", 2, "hologram"),
        declared("media", AS_OF, None, entity=ENTITY),
        declared("media", AS_OF, None, entity="other"),
        declared("media", AS_OF, None, withdrawn_at=AS_OF),
    )
    settings = Settings(
        meta_cloud={"app_secret": "s", "verify_token": "v", "access_token": "a"}, twilio={"auth_token": "t"}
    )
    rows = {row["provider"]: row for row in connections(database, settings, AS_OF)}
    names = ("is_configured", "missing", "connection", "captures", "unknown", "declared_gaps")
    assert {
        name: tuple(rows[name][key] for key in names) for name in ("meta-cloud", "twilio", "send-log")
    } == {
        "meta-cloud": (True, "", "connected", 1, 2, 1),
        "twilio": (False, "twilio.account_sid, twilio.public_url", "quiet", 1, 0, 0),
        "send-log": (None, "", "imported", 1, 0, 0),
    }
    assert (rows["infobip"]["connection"], rows["infobip"]["is_configured"]) == ("never", False)
    assert rows["meta-cloud"]["last_capture_at"] == AS_OF - HOUR
