"""Every sealed key stands in two places; losing either is found and can be mended from the other."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.evidence.conftest import NOW
from wa_analytics.database import Database
from wa_analytics.errors import KeyRefused, PlaceUnavailable
from wa_analytics.evidence.broken import Broken
from wa_analytics.evidence.checkpoint import seal
from wa_analytics.evidence.disposal import compacted, destroyed_within
from wa_analytics.evidence.key_copies import ROW, KeyCopies, copied_until, copies_of
from wa_analytics.evidence.key_restore import Restored, restored
from wa_analytics.evidence.keys import KeyRing, unwrapped_under_master
from wa_analytics.evidence.log import entries
from wa_analytics.evidence.places import places_of
from wa_analytics.evidence.rotation import rotate
from wa_analytics.evidence.sealing import Opener
from wa_analytics.evidence.stored import stored_rows
from wa_analytics.evidence.verification import Verification
from wa_analytics.evidence.verify import verify
from wa_analytics.settings import Keys, Settings

Fill = Callable[[int], None]


@pytest.fixture
def copies(home: Path, settings: Settings) -> KeyCopies:
    return copies_of(home, settings)


@pytest.fixture
def sealed(database: Database, ring: KeyRing, filled: Fill) -> None:
    filled(50)
    seal(database, ring, NOW)
    filled(20)
    seal(database, ring, NOW)


def proof(database: Database, ring: KeyRing) -> Verification:
    copies = copies_of(ring.home, ring.settings)
    return verify(database, places_of(ring.home, ring.settings), copies=copies)


def mended(database: Database, ring: KeyRing) -> Restored:
    return restored(database, ring, actor="test", reason="test", at=NOW)


def opened(database: Database, ring: KeyRing) -> int:
    opener = Opener(ring.wrapping_keys(database), ring.digest_key)
    return sum(1 for _ in opener.opened(entries(database, limit=10**6)))


def test_the_copies_are_what_the_table_holds(
    sealed: None, database: Database, ring: KeyRing, copies: KeyCopies
) -> None:
    table = stored_rows(
        database, "SELECT sequence, wrapped_key, recognition_digest FROM entry_key ORDER BY sequence"
    )
    assert [row for number in copies.numbers() for row in copies.rows(number)] == table
    assert copied_until(database) == 70
    verification = proof(database, ring)
    assert (verification.outcome, verification.copied_count) == ("pass", 70)
    assert {path.stat().st_mode & 0o77 for path in copies.folder.iterdir()} == {0}


def test_what_is_not_sealed_yet_is_not_missed(
    sealed: None, database: Database, ring: KeyRing, filled: Fill
) -> None:
    filled(5)
    verification = proof(database, ring)
    assert (verification.findings, verification.copied_count) == ((), 70)


def test_without_any_copy_ever_made_nothing_is_said(database: Database, ring: KeyRing, filled: Fill) -> None:
    filled(5)
    assert (proof(database, ring).copied_count, proof(database, ring).findings) == (None, ())


def test_a_lost_folder_is_found_and_mended(
    sealed: None, database: Database, ring: KeyRing, copies: KeyCopies
) -> None:
    shutil.rmtree(copies.folder)
    assert set(proof(database, ring).findings) == {
        Broken("key_copy_missing", 0, 69, "key copies"),
        Broken("key_copy_missing", where="wrapping key 1"),
    }
    assert mended(database, ring) == Restored(0, 0, 0, 70)
    assert proof(database, ring).findings == ()


def test_a_few_lost_copies_are_named(
    sealed: None, database: Database, ring: KeyRing, copies: KeyCopies
) -> None:
    path = copies.folder / "0000000001.keys"
    rows = path.read_bytes()
    path.write_bytes(rows[: 3 * ROW.size] + rows[5 * ROW.size : -20])
    assert set(proof(database, ring).findings) == {
        Broken("key_copy_missing", 3, 4, "key copies"),
        Broken("key_copy_missing", 69, 69, "key copies"),
    }


def test_keys_the_table_lost_come_back(
    sealed: None, database: Database, ring: KeyRing, copies: KeyCopies
) -> None:
    with database.writing() as writer:
        writer.execute("DELETE FROM entry_key WHERE sequence BETWEEN 10 AND 19")
    assert proof(database, ring).findings == (Broken("key_missing", 10, 19),)
    assert mended(database, ring).entry_keys == 10
    assert proof(database, ring).findings == ()
    assert opened(database, ring) == 71


def test_wrapping_keys_the_table_lost_come_back(
    sealed: None, database: Database, ring: KeyRing, copies: KeyCopies
) -> None:
    rotate(database, ring, actor="test", reason="test", at=NOW)
    with database.writing() as writer:
        writer.execute("DELETE FROM wrapping_key")
        writer.execute("DELETE FROM entry_key WHERE sequence < 70")
    codes = {found.code for found in proof(database, ring).findings}
    assert codes == {"key_missing", "wrapping_key_missing"}
    done = mended(database, ring)
    assert (done.wrapping_keys, done.entry_keys) == (1, 70), "wrapped anew by the rotation"
    assert proof(database, ring).findings == ()
    assert opened(database, ring) == 72


def test_no_copy_brings_a_disposed_key_back(
    sealed: None, database: Database, ring: KeyRing, copies: KeyCopies
) -> None:
    with database.writing() as writer:
        destroyed_within(writer, [7, 8], {}, NOW)
    assert mended(database, ring).entry_keys == 0, "between destruction and compaction"
    assert proof(database, ring).findings == ()
    before = copies.rows(1)
    assert compacted(database, ring, NOW) == 1
    assert copies.numbers() == {2}
    assert {row[0] for row in copies.rows(2)} == {*range(70), 71} - {7, 8}
    content = b"".join(path.read_bytes() for path in copies.folder.iterdir())
    assert not [row for row in before if row[1] in content], "no wrapped form of before is left"
    assert mended(database, ring).entry_keys == 0
    verification = proof(database, ring)
    assert (verification.findings, verification.disposed_count, verification.copied_count) == ((), 2, 68)
    # A copy of the old file, put back, opens nothing: its wrapping key is gone from both places.
    copies.rewrite(1, before)
    assert mended(database, ring).entry_keys == 0
    assert copies.numbers() == {2}


def test_an_altered_copy_is_not_put_back(
    sealed: None, database: Database, ring: KeyRing, copies: KeyCopies
) -> None:
    rows = copies.rows(1)
    copies.rewrite(1, [(rows[0][0], bytes(48), rows[0][2]), *rows[1:]])
    with database.writing() as writer:
        writer.execute("DELETE FROM entry_key WHERE sequence IN (0, 1)")
    done = mended(database, ring)
    assert (done.entry_keys, done.refused) == (1, 1)
    assert proof(database, ring).findings == (Broken("key_missing", 0, 0),)


def test_a_kill_half_way_through_a_row_is_written_over(
    sealed: None, database: Database, ring: KeyRing, copies: KeyCopies, filled: Fill
) -> None:
    with (copies.folder / "0000000001.keys").open("ab") as file:
        file.write(b"half a row")
    filled(3)
    seal(database, ring, NOW)
    assert [row[0] for row in copies.rows(1)] == list(range(73))
    assert proof(database, ring).findings == ()


def test_a_folder_that_cannot_be_used_is_told_after_all_else_was_done(
    database: Database, ring: KeyRing, filled: Fill, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    ring.settings = ring.settings.model_copy(update={"keys": Keys(copies=tmp_path / "file" / "copies")})
    filled(5)
    with pytest.raises(PlaceUnavailable, match=r"keys\.copies"):
        seal(database, ring, NOW)
    assert proof(database, ring).checkpoint_count == 1


def test_a_wrapped_key_found_somewhere_opens_nothing_after_the_disposal(
    sealed: None, database: Database, ring: KeyRing, copies: KeyCopies
) -> None:
    """As from a backup or PostgreSQL's own log: the entry's key alone, then with its wrapping key."""
    (found,) = [row for row in entries(database, limit=100) if row.sequence == 7]
    (wrapping,) = copies.wrapping_keys()
    with database.writing() as writer:
        destroyed_within(writer, [7], {}, NOW)
    compacted(database, ring, NOW)
    assert Opener({1: ring.wrapping_keys(database)[2]}, ring.digest_key).opens(found) is False
    assert 1 not in ring.wrapping_keys(database)
    assert 1 not in {key.number for key in copies.wrapping_keys()}
    key = unwrapped_under_master(ring.master, 1, wrapping.wrapped)
    assert Opener({1: key}, ring.digest_key).opens(found), "both found, and the master key of then"
    rotate(database, ring, actor="test", reason="test", at=NOW)
    with pytest.raises(KeyRefused):
        unwrapped_under_master(ring.master, 1, wrapping.wrapped)
