from __future__ import annotations

import threading
import time

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.evidence.conftest import RECEIVED_AT, capture
from wa_analytics.database import Database
from wa_analytics.errors import DatabaseUnavailable, KeyRefused
from wa_analytics.evidence import log
from wa_analytics.evidence.group import GroupLog
from wa_analytics.evidence.keys import KeyRing
from wa_analytics.evidence.log import POSTGRESQL_LOCK, append, entries, opened
from wa_analytics.evidence.sealing import Sealer


def test_a_group_stands_in_the_log_as_any_append(database: Database, ring: KeyRing, sealer: Sealer) -> None:
    captures = [
        capture(0),
        capture(1, provider="infobip", headers={}, body=b""),
        capture(2, body=bytes(range(256)) * 40, signature_code="absent"),
        capture(3, received_at=-1),
        capture(4, received_at=RECEIVED_AT + 999_999),
    ]
    append(database, sealer.sealed(captures[:1]))
    group = GroupLog(database)
    assert group.append(sealer.sealed(captures[1:3]))
    assert group.append(sealer.sealed(captures[3:]))
    group.close()
    rows = entries(database)
    assert {(row.kind, row.wrapping_key_id) for row in rows} == {("capture", sealer.wrapping_key_id)}
    assert list(opened(rows, ring.wrapping_keys(database), ring.digest_key)) == list(enumerate(captures))


@hypothesis_settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(groups=st.lists(st.lists(st.integers(0, 12), min_size=1, max_size=6), max_size=6))
def test_a_group_with_something_known_is_left_to_the_log(
    groups: list[list[int]], database: Database, sealer: Sealer
) -> None:
    start = log.size(database)
    mark = str(start).encode() + b" "
    group = GroupLog(database)
    stored: set[int] = set()
    for numbers in groups:
        before = log.size(database)
        rows = sealer.sealed(capture(number, context=mark) for number in numbers)
        is_new = len(set(numbers)) == len(numbers) and stored.isdisjoint(numbers)
        assert group.append(rows) == is_new
        assert log.size(database) == before + (len(numbers) if is_new else 0)
        if not is_new:
            append(database, rows)
        stored.update(numbers)
    group.close()
    assert [row.sequence for row in entries(database, start)] == list(range(start, start + len(stored)))


def test_a_destroyed_wrapping_key_takes_no_group(database: Database, sealer: Sealer) -> None:
    group = GroupLog(database)
    assert group.append(sealer.sealed([capture(1)]))
    with database.writing() as writer:
        writer.execute("UPDATE wrapping_key SET wrapped = NULL")
    with pytest.raises(KeyRefused, match="nothing was stored"):
        group.append(sealer.sealed([capture(2)]))
    with database.writing() as writer:
        writer.execute("UPDATE wrapping_key SET wrapped = :wrapped", {"wrapped": b"again"})
    assert group.append(sealer.sealed([capture(2)]))
    group.close()
    assert log.size(database) == 2


@pytest.mark.parametrize("is_destroyed", [False, True])
def test_what_happened_while_the_group_waited_for_the_lock_counts(
    is_destroyed: bool, database: Database, sealer: Sealer
) -> None:
    """Another program holds the log's lock, and either appends or destroys the wrapping key."""
    outcomes: list[object] = []

    def waiting() -> None:
        group = GroupLog(database)
        try:
            outcomes.append(group.append(sealer.sealed([capture(1)])))
        except KeyRefused as refusal:
            outcomes.append(refusal)
        group.close()

    thread = threading.Thread(target=waiting)
    with database.writing() as writer:
        if database.dialect == "postgresql":
            writer.execute("SELECT pg_advisory_xact_lock(:key)", {"key": POSTGRESQL_LOCK})
        thread.start()
        time.sleep(0.5)
        assert not outcomes
        if is_destroyed:
            writer.execute("UPDATE wrapping_key SET wrapped = NULL")
        else:
            log.append_within(writer, sealer.sealed([capture(0)]))
    thread.join()
    if is_destroyed:
        assert isinstance(outcomes[0], KeyRefused)
        assert log.size(database) == 0
        return
    # PostgreSQL's statement began before the other's rows were there.
    assert outcomes == [database.dialect == "sqlite"]
    assert log.size(database) == 1 + (database.dialect == "sqlite")


def test_a_database_that_is_locked_or_away_is_told(database: Database, sealer: Sealer) -> None:
    rows = sealer.sealed([capture(1)])
    group = GroupLog(database)
    assert group.append(sealer.sealed([capture(0)]))
    assert group._kept is not None
    impatience = "PRAGMA busy_timeout=10" if database.dialect == "sqlite" else "SET lock_timeout = 10"
    group._kept.driver_connection.execute(impatience)  # type: ignore[union-attr]
    with database.writing() as writer:
        if database.dialect == "postgresql":
            writer.execute("SELECT pg_advisory_xact_lock(:key)", {"key": POSTGRESQL_LOCK})
        with pytest.raises(DatabaseUnavailable):
            group.append(rows)
    assert group.append(rows)
    group.close()
    assert log.size(database) == 2
