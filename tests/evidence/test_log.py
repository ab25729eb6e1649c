from __future__ import annotations

import json
import pickle
import subprocess
import sys
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.evidence.conftest import NOW, RECEIVED_AT, capture
from wa_analytics.capture import Capture
from wa_analytics.database import Database
from wa_analytics.database.pace import Pace
from wa_analytics.errors import EvidenceBroken, KeyRefused
from wa_analytics.evidence import log
from wa_analytics.evidence.keys import KeyRing
from wa_analytics.evidence.log import Appended, append, asked, entries, journal, opened
from wa_analytics.evidence.sealing import (
    TOGETHER_BYTES,
    TOGETHER_ROWS,
    EntryRow,
    Opener,
    Sealer,
    cleared,
    together,
)

WRITER = """
import sys, pickle
from wa_analytics.capture import Capture
from wa_analytics.database import Database
from wa_analytics.evidence.log import append
sealer = pickle.loads(bytes.fromhex(sys.argv[2]))
database = Database(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for batch in range(20):
    body = lambda n: b"%s %d %d" % (sys.argv[3].encode(), batch, n)
    append(database, sealer.sealed(
        Capture(body(n), {}, "meta-cloud", 1_772_357_400_000_000) for n in range(5)))
"""


def told(appended: Appended) -> tuple[int | None, int, int]:
    return appended.first_sequence, appended.stored, appended.repeated


def test_what_goes_in_comes_out_in_order(database: Database, ring: KeyRing, sealer: Sealer) -> None:
    captures = [
        capture(0),
        capture(1, context=b"a,b\r\n", headers={"columns": '["a","b"]', "line": "2"}, provider="send-log"),
        capture(2, body=b"", headers={}, signature_code="absent"),
        capture(3, body=bytes(range(256)), signature_code="invalid", received_at=-1),
    ]
    assert told(append(database, sealer.sealed(captures))) == (0, 4, 0)
    rows = entries(database)
    assert [row.received_at for row in rows] == [RECEIVED_AT, RECEIVED_AT + 1, RECEIVED_AT + 2, -1]
    keys = ring.wrapping_keys(database)
    assert list(opened(rows, keys, ring.digest_key)) == list(enumerate(captures))
    assert Opener(keys, ring.digest_key).captures(rows) == captures
    travelled = pickle.loads(pickle.dumps(Opener(keys, ring.digest_key)))
    assert list(travelled.opened(pickle.loads(pickle.dumps(rows)))) == list(enumerate(captures))


def test_the_same_bytes_are_stored_once(database: Database, sealer: Sealer) -> None:
    first = append(database, sealer.sealed([capture(1), capture(2), capture(1)]))
    assert told(first) == (0, 2, 1)
    again = append(database, sealer.sealed([capture(2), capture(3), capture(1, received_at=9)]))
    assert told(again) == (2, 1, 2)
    assert told(append(database, sealer.sealed([capture(3)]))) == (None, 0, 1)
    assert told(append(database, [])) == (None, 0, 0)
    forged = append(database, sealer.sealed([capture(1, signature_code="invalid")]))
    assert told(forged) == (3, 1, 0)
    assert log.size(database) == 4


@hypothesis_settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    batches=st.lists(st.lists(st.integers(0, 12), max_size=12), max_size=6),
    pace=st.builds(Pace, st.integers(1, 5), st.integers(1, 9)) | st.none(),
    ahead=st.integers(0, 3),
)
def test_any_batching_stores_each_once_without_a_gap(
    batches: list[list[int]],
    pace: Pace | None,
    ahead: int,
    database: Database,
    ring: KeyRing,
    sealer: Sealer,
) -> None:
    """ahead: how many batches before its turn a batch asks what the log knows; 0 asks in its turn."""
    start = log.size(database)
    mark = str(start).encode() + b" "
    total = Appended()
    sealed = [sealer.sealed(capture(n, context=mark) for n in batch) for batch in batches]
    questions = [asked(database, rows) for rows in sealed[:ahead]]
    for place, rows in enumerate(sealed):
        total += append(database, rows, pace, questions[place] if ahead else None)
        questions += [asked(database, rows) for rows in sealed[place + ahead : place + ahead + 1]]
    flat = [number for batch in batches for number in batch]
    assert (total.stored, total.repeated) == (len(set(flat)), len(flat) - len(set(flat)))
    rows = entries(database, start)
    assert [row.sequence for row in rows] == list(range(start, start + len(set(flat))))
    texts = [c for _, c in opened(rows, ring.wrapping_keys(database), ring.digest_key)]
    assert [c.received_at - RECEIVED_AT for c in texts] == list(dict.fromkeys(flat))


def test_chunks_hold_the_order(database: Database, sealer: Sealer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "CHUNK_ROWS", 3)
    monkeypatch.setattr(log, "CHUNK_BYTES", 400)
    sealed = sealer.sealed(capture(n % 17, body=b"x" * (n % 5) * 100 + b"%d" % (n % 17)) for n in range(40))
    assert [row for chunk in log._chunks(sealed) for row in chunk] == sealed
    assert all(
        len(chunk) <= 3 and (len(chunk) == 1 or sum(len(row.ciphertext) for row in chunk) <= 400)
        for chunk in log._chunks(sealed)
    )
    total = append(database, sealed)
    assert total.stored + total.repeated == 40
    assert [row.sequence for row in entries(database)] == list(range(total.stored))


def test_only_on_sqlite_a_long_transaction_makes_the_next_shorter(
    database: Database, sealer: Sealer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Elsewhere nobody but another append waits for it."""
    monkeypatch.setattr(log, "perf_counter", count().__next__)
    appended = append(database, sealer.sealed([capture(n) for n in range(20)]), Pace(8, 8))
    lengths = [len(rows) for _, rows in appended.runs]
    assert lengths == ([8, 5, 3, 2, 2] if database.dialect == "sqlite" else [8, 8, 4])


def test_two_programs_write_one_gapless_log(database: Database, ring: KeyRing, sealer: Sealer) -> None:
    packed = pickle.dumps(sealer).hex()
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, database.url, packed, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "two")
    ]
    for program in programs:
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
    for program in programs:
        program.communicate("go\n", timeout=120)
    assert [program.returncode for program in programs] == [0, 0]
    rows = entries(database)
    assert [row.sequence for row in rows] == list(range(200))
    bodies = [c.body for _, c in opened(rows, ring.wrapping_keys(database), ring.digest_key)]
    for name in (b"one", b"two"):
        own = [body for body in bodies if body.startswith(name)]
        assert own == [b"%s %d %d" % (name, batch, n) for batch in range(20) for n in range(5)]


def test_what_is_known_needs_no_second_encryption(
    database: Database, ring: KeyRing, sealer: Sealer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "CHUNK_ROWS", 2)
    append(database, sealer.sealed(capture(n) for n in range(5)))
    digests = [ring.recognition(capture(n)) for n in range(3, 8)]
    assert log.known(database, digests) == set(digests[:2])
    assert log.known(database, []) == set()


def test_reading_goes_on_from_any_place(database: Database, sealer: Sealer, ring: KeyRing) -> None:
    append(database, sealer.sealed(capture(n) for n in range(5)))
    journal(database, ring, actor="a", action="b", reason="c", outcome="d", at=NOW, detail={})
    assert [row.sequence for row in entries(database, 2, 2)] == [2, 3]
    assert [row.sequence for row in entries(database, 4, 9)] == [4, 5]
    assert [row.sequence for row in entries(database, 4, 9, kind="capture")] == [4]
    with database.writing() as writer:
        writer.execute("DELETE FROM entry_key WHERE sequence = 3")
    assert [row.sequence for row in entries(database)] == [0, 1, 2, 4, 5]
    assert log.size(database) == 6


def _flipped(value: bytes, at: int) -> bytes:
    return value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :]


@pytest.mark.parametrize(
    "change",
    [
        lambda a, b: a._replace(ciphertext=_flipped(a.ciphertext, -1 + len(a.ciphertext))),
        lambda a, b: a._replace(ciphertext=_flipped(a.ciphertext, 0)),
        lambda a, b: a._replace(ciphertext=a.ciphertext[:-1]),
        lambda a, b: a._replace(ciphertext=b""),
        lambda a, b: a._replace(ciphertext=b.ciphertext),
        lambda a, b: a._replace(capture_id=_flipped(a.capture_id, 15)),
        lambda a, b: a._replace(capture_id=_flipped(a.capture_id, 0)),
        lambda a, b: a._replace(capture_id=b.capture_id),
        lambda a, b: a._replace(capture_id=b""),
        lambda a, b: a._replace(wrapped_key=_flipped(a.wrapped_key, 47)),
        lambda a, b: a._replace(wrapped_key=b.wrapped_key),
        lambda a, b: a._replace(wrapped_key=b.wrapped_key, ciphertext=b.ciphertext),
        lambda a, b: a._replace(wrapped_key=b""),
        lambda a, b: a._replace(wrapping_key_id=99),
    ],
)
def test_a_changed_or_swapped_entry_does_not_open(
    change: object, database: Database, ring: KeyRing, sealer: Sealer
) -> None:
    append(database, sealer.sealed([capture(1), capture(2)]))
    first, second = entries(database)
    broken: EntryRow = change(first, second)  # type: ignore[operator]
    reader = Opener(ring.wrapping_keys(database), ring.digest_key).opened([second, broken])
    assert next(reader)[0] == 1
    with pytest.raises(EvidenceBroken, match="Entry 0 does not open") as refusal:
        next(reader)
    assert "fictional" not in str(refusal.value)


def test_another_wrapping_key_opens_nothing(database: Database, ring: KeyRing, sealer: Sealer) -> None:
    append(database, sealer.sealed([capture(1)]))
    keys = {number: key[::-1] for number, key in ring.wrapping_keys(database).items()}
    with pytest.raises(EvidenceBroken):
        list(opened(entries(database), keys, ring.digest_key))


def test_the_stored_row_shows_no_word(database: Database, sealer: Sealer) -> None:
    append(database, sealer.sealed([capture(1)]))
    stored = json.dumps([repr(value) for value in entries(database)[0]])
    assert "fictional words" not in stored
    assert "2025550123" not in stored


def test_keys_ids_and_nonces_are_fresh(sealer: Sealer) -> None:
    rows = sealer.sealed([capture(1)] * 100)
    assert len({row.capture_id[:12] for row in rows}) == 100
    assert len({row.ciphertext for row in rows}) == len({row.wrapped_key for row in rows}) == 100
    assert len({row.recognition_digest for row in rows}) == 1


@pytest.mark.parametrize("provider", ["two\nlines", "métier"])
def test_a_provider_that_cannot_stand_in_a_leaf_is_refused(provider: str, sealer: Sealer) -> None:
    with pytest.raises(ValueError, match="one line of ASCII"):
        sealer.sealed([capture(1, provider=provider)])


def test_a_destroyed_wrapping_key_stores_nothing(database: Database, sealer: Sealer) -> None:
    with database.writing() as writer:
        writer.execute("UPDATE wrapping_key SET wrapped = NULL")
    with pytest.raises(KeyRefused, match="nothing was stored"):
        append(database, sealer.sealed([capture(1)]))
    assert log.size(database) == 0


def test_the_journal_is_an_encrypted_entry(database: Database, ring: KeyRing) -> None:
    said = {
        "actor": "auditor",
        "action": "reveal",
        "reason": "request of a fictional person",
        "outcome": "done",
        "detail": {"count": 1},
    }
    at = NOW + timedelta(microseconds=7)
    for _ in range(2):
        journal(database, ring, at=at, **said)  # type: ignore[arg-type]
    rows = entries(database)
    assert [(row.sequence, row.kind) for row in rows] == [(0, "journal"), (1, "journal")]
    assert all(b"fictional" not in row.ciphertext for row in rows)
    for _, stored in opened(rows, ring.wrapping_keys(database), ring.digest_key):
        assert isinstance(stored, Capture)
        assert json.loads(stored.body) == said | {"at": "2026-03-01T09:30:00.000007+00:00"}


def test_an_entry_in_clear_needs_no_key(database: Database) -> None:
    rows = [cleared("disposal", RECEIVED_AT, b'{"sequences":[]}')] * 2
    assert told(append(database, rows)) == (0, 2, 0)
    assert database.scalar("SELECT count(*) FROM entry_key") == 0
    assert entries(database) == []


def test_appended_adds_up(sealer: Sealer) -> None:
    [row] = sealer.sealed([capture(1)])
    total = Appended() + Appended(((4, [row, row]),), 1) + Appended(((9, [row]),))
    assert told(total) == (4, 3, 1)


def test_large_entries_come_in_smaller_numbers(
    database: Database, ring: KeyRing, sealer: Sealer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = [10, 50_000, 10, 10, 120_000, 10, 10, 10]
    captures = [capture(n, body=bytes([n]) * size) for n, size in enumerate(sizes)]
    append(database, sealer.sealed(captures))
    monkeypatch.setattr(log, "READ_BYTES", 60_000)
    found, lengths = [], []
    while rows := entries(database, len(found), 8, kind="capture"):
        found += rows
        lengths.append(len(rows))
    assert lengths == [4, 1, 3]
    assert list(opened(found, ring.wrapping_keys(database), ring.digest_key)) == list(enumerate(captures))


@given(st.lists(st.sampled_from((0, 10, TOGETHER_BYTES // 2, 2 * TOGETHER_BYTES)), max_size=200))
def test_batches_keep_all_rows_in_order_and_hold_little(sizes: list[int]) -> None:
    rows = [
        EntryRow(place, b"", "capture", "meta-cloud", 0, "absent", bytes(size), 1, b"")
        for place, size in enumerate(sizes)
    ]
    batches = list(together(rows))
    assert [row for batch in batches for row in batch] == rows
    for batch in batches:
        assert len(batch) <= TOGETHER_ROWS
        assert sum(len(row.ciphertext) for row in batch[:-1]) <= TOGETHER_BYTES
