"""What goes in comes out, and what must not come out of an error does not."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from psycopg import errors
from sqlalchemy.exc import IntegrityError, StatementError

from wa_analytics import tables as t
from wa_analytics.database import Database, bulk
from wa_analytics.database.bulk import schema_of
from wa_analytics.errors import DatabaseUnavailable
from wa_analytics.tables.column import instant_text

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
SECRET = "+12025550123"


def channel(**parts: object) -> t.Channel:
    return t.Channel(**{"channel_id": "c1", "has_inbound": True, **parts})


def test_instants_come_back_aware_and_exact(database: Database) -> None:
    moment = datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=timezone(timedelta(hours=-3)))
    with database.session() as session:
        session.add(channel(last_inbound_at=moment))
    with database.session() as session:
        found = session.get(t.Channel, "c1")
        assert found is not None
        assert (found.last_inbound_at, found.last_inbound_at.tzinfo) == (moment, UTC)  # type: ignore[union-attr]
        assert found.last_outbound_at is None
    frame = database.table(t.Channel)
    assert frame.schema == pl.Schema(schema_of(t.Channel))
    assert frame["last_inbound_at"].to_list() == [moment]


def test_bulk_and_single_facts_write_alike(database: Database) -> None:
    """The text form of bulk writes and the driver's own are one instant, and compare as time."""
    moments = [
        NOON,
        NOON + timedelta(microseconds=1),
        NOON + timedelta(seconds=1),
        NOON - timedelta(days=30_000),
    ]
    with database.session() as session:
        for number, moment in enumerate(moments):
            session.add(channel(channel_id=f"s{number}", last_inbound_at=moment))
    with database.writing() as writer:
        rows = [
            (
                f"b{n}",
                False,
                instant_text(round((m - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))),
            )
            for n, m in enumerate(moments)
        ]
        writer.append(t.Channel, ("channel_id", "has_inbound", "last_inbound_at"), rows)
    frame = database.frame(
        "SELECT * FROM channel WHERE last_inbound_at >= :at ORDER BY last_inbound_at, channel_id", at=NOON
    )
    assert frame["channel_id"].to_list() == ["b0", "s0", "b1", "s1", "b2", "s2"]
    assert frame["last_inbound_at"].to_list() == [m for m in moments[:3] for _ in "bs"]
    assert frame["has_inbound"].to_list() == [False, True] * 3


def test_a_naive_instant_is_refused_everywhere(database: Database) -> None:
    naive = NOON.replace(tzinfo=None)
    with database.session() as session:
        session.add(channel(last_inbound_at=naive))
        with pytest.raises(StatementError, match="needs a time zone"):
            session.flush()
        session.rollback()
    with pytest.raises(ValueError, match="needs a time zone"):
        database.frame("SELECT * FROM channel WHERE last_inbound_at = :at", at=naive)


def test_empty_and_all_null_columns_keep_their_types(database: Database) -> None:
    assert database.table(t.Message).schema == pl.Schema(schema_of(t.Message))
    with database.session() as session:
        session.add(channel())
    frame = database.table(t.Channel)
    assert frame.schema == pl.Schema(schema_of(t.Channel))


def test_a_name_with_two_types_is_read_by_what_stands_in_it(database: Database) -> None:
    with database.writing() as writer:
        columns = ("sequence", "recognition_digest", "provider", "note_code", "name")
        writer.append(t.CaptureNote, columns, [(0, "ab" * 16, "meta-cloud", "unreadable", "meta-cloud")])
        columns = ("sequence", "wrapping_key_id", "wrapped_key", "recognition_digest")
        writer.append(t.EntryKey, columns, [(0, 1, b"k", b"\xab" * 16)])
    assert database.table(t.CaptureNote)["recognition_digest"].to_list() == ["ab" * 16]
    assert database.table(t.EntryKey)["recognition_digest"].to_list() == [b"\xab" * 16]


@pytest.mark.parametrize("count", [0, 1, 40_000])
def test_any_number_of_values_can_be_asked_for(database: Database, count: int) -> None:
    with database.writing() as writer:
        rows = [(f"c{number}", False) for number in range(3)]
        writer.append(t.Channel, ("channel_id", "has_inbound"), rows)
    condition, params = database.matching("channel_id", [f"c{number}" for number in range(count)])
    assert database.table(t.Channel, condition, **params).height == min(count, 3)


def test_known_rows_are_left_as_they_are(database: Database) -> None:
    columns = ("identifier_digest", "kind_code", "country_code", "is_valid", "party_id")
    with database.writing() as writer:
        writer.append(t.Identifier, columns, [("a", "phone", "BR", True, "a")], skip_known=True)
        both = [
            ("a", "phone", None, False, "z"),
            ("b", "phone", None, False, "b"),
            ("b", "phone", None, False, "b"),
        ]
        writer.append(t.Identifier, columns, both, skip_known=True)
    assert sorted(database.table(t.Identifier).rows()) == [
        ("a", "phone", "BR", True, "a"),
        ("b", "phone", None, False, "b"),
    ]


def test_a_failed_transaction_leaves_nothing(database: Database) -> None:

    def interrupted() -> None:
        with database.writing() as writer:
            writer.append(t.Channel, ("channel_id", "has_inbound"), [("c1", True)])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        interrupted()
    assert database.scalar("SELECT count(*) FROM channel") == 0


def test_errors_and_logs_carry_no_value(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    assert database.engine.hide_parameters
    with caplog.at_level(logging.DEBUG, logger="sqlalchemy"):
        for _ in "12":
            try:
                with database.session() as session:
                    session.add(channel(channel_id=SECRET, entity=SECRET))
            except IntegrityError as refused:
                # PostgreSQL itself names the key that is there already; ours must not add parameters.
                told = str(refused).replace(f"Key (channel_id)=({SECRET}) already exists.", "")
                assert SECRET not in told
                break
        else:
            pytest.fail("the same key went in twice")
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("not a url", "cannot be read"),
        ("mysql://root:hunter2@localhost/wa", "use SQLite or PostgreSQL"),
        ("sqlite:////nowhere/at/all/wa.db", "wa.db cannot be used"),
        ("postgresql://wa:hunter2@127.0.0.1:1/wa", "127.0.0.1:1/wa cannot be used"),
        ("postgres://wa:hunter2@127.0.0.1:1/wa", "127.0.0.1:1/wa cannot be used"),
    ],
)
def test_an_unusable_database_is_one_sentence_without_its_password(url: str, told: str) -> None:
    with pytest.raises(DatabaseUnavailable) as stop:
        Database(url).migrate()
    sentence = str(stop.value)
    assert told in sentence
    assert "hunter2" not in sentence
    assert len(sentence.splitlines()) == 1


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'wa.db'}")
    database.migrate()
    with database.writing() as writer:
        [(pages,)] = writer.rows("PRAGMA page_count")
        writer.rows(f"PRAGMA max_page_count={pages}")
    with (
        pytest.raises(DatabaseUnavailable, match=r"disk of the database wa\.db is full; free space"),
        database.writing() as writer,
    ):
        writer.append(t.Channel, ("channel_id", "has_inbound"), [("c" * 4_000, True)])
    database.close()


@pytest.mark.parametrize(
    ("refused", "told"),
    [
        (errors.DiskFull("could not extend file"), "disk of the database .* is full"),
        (errors.LockNotAvailable("canceling statement due to lock timeout"), "locked .* more than 7 s"),
    ],
)
def test_what_postgresql_lacks_is_named(refused: errors.Error, told: str) -> None:
    database = Database("postgresql://wa@127.0.0.1:1/wa")
    database.lock_seconds = 7
    with pytest.raises(DatabaseUnavailable, match=told):
        raise database.unavailable(refused)


def test_an_uninitialised_database_says_so(database: Database) -> None:
    with pytest.raises(DatabaseUnavailable, match="run `wa init` first"):
        database.scalar("SELECT count(*) FROM nothing_of_the_kind")


def test_of_rows_with_one_key_the_earliest_stays(database: Database) -> None:
    columns = ("left_digest", "right_digest", "rule_code", "entity", "occurred_at", "sequence")
    times = [instant_text(second * 1_000_000) for second in range(3)]

    def told(at: str | None, sequence: int, rule: str = "contact") -> tuple[object, ...]:
        return ("a", "b", rule, "air", at, sequence)

    for rows in ([told(times[1], 5), told(None, 1, "phone.br")], [told(times[2], 6)], [told(times[1], 4)],
                 [told(None, 0, "phone.br")], [told(times[0], 9)]):  # fmt: skip
        with database.writing() as writer:
            writer.append(t.IdentityEvent, columns, rows, earliest_by=("occurred_at", "sequence"))
    found = database.table(t.IdentityEvent).sort("rule_code")
    assert found["sequence"].to_list() == [9, 1]
    assert found["occurred_at"].to_list() == [datetime(1970, 1, 1, tzinfo=UTC), None]


def test_rows_and_columns_write_alike(database: Database) -> None:
    """Instants are text in rows and microseconds in columns."""
    moments = [0, None, -1, 1_773_144_000_000_001]
    names = ("channel_id", "has_inbound", "last_inbound_at", "last_outbound_at")
    with database.writing() as writer:
        texts = [None if moment is None else instant_text(moment) for moment in moments]
        rows = [(f"r{number}", number > 1, text, texts[0]) for number, text in enumerate(texts)]
        writer.append(t.Channel, names, rows)
        columns = (
            [f"c{number}" for number in range(4)],
            [number > 1 for number in range(4)],
            moments,
            [0] * 4,
        )
        writer.append_columns(t.Channel, dict(zip(names, columns, strict=True)))
    stored = database.table(t.Channel).sort("channel_id")
    assert stored[:4].drop("channel_id").equals(stored[4:].drop("channel_id"))
    assert stored["last_inbound_at"].to_list()[:2] == [datetime(1970, 1, 1, tzinfo=UTC), None]


@pytest.mark.parametrize("count", [2, 3, 6, 7])
def test_a_whole_table_is_what_its_query_says(
    database: Database, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """SQLite's comes as JSON, in blocks: of three rows here."""
    monkeypatch.setattr(bulk, "JSON_ROWS", 3)
    odd = ['{"a": [1]}', "", 'a "b" \\ \n\t\x01\x1f', "\u2028 é 🙂", "null", "1.50", "[2]"]
    columns = ("sequence", "account_id", "template_name", "status_code", "wording", "observed_at")
    moments = [instant_text(place * 86_400_000_001 - 1) for place in range(count)]
    rows = [
        (2**53 + place, None, odd[place], odd[-place], None if place < 4 else odd[place], moments[place])
        for place in range(count)
    ]
    with database.writing() as writer:
        writer.append(t.TemplateFact, columns, rows)
    frame = database.table(t.TemplateFact)
    assert frame.select(columns[:-1]).rows() == [row[:-1] for row in rows]
    assert_frame_equal(frame, database.frame("SELECT * FROM template_fact ORDER BY fact_id"))
    assert frame["observed_at"].dt.strftime("%Y-%m-%d %H:%M:%S.%6f").to_list() == moments
