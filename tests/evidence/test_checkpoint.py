from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.evidence.conftest import NOW
from tests.evidence.tampering import unguarded
from wa_analytics.capture import Capture
from wa_analytics.database import Database
from wa_analytics.errors import EvidenceBroken, PlaceUnavailable
from wa_analytics.evidence import merkle, tiles
from wa_analytics.evidence.checkpoint import latest, seal, seal_if_due, verifier_key
from wa_analytics.evidence.keyfile import write_key
from wa_analytics.evidence.keys import KeyRing
from wa_analytics.evidence.layout import leaf_bytes, leaf_hash, microseconds_of
from wa_analytics.evidence.log import append
from wa_analytics.evidence.note import opened
from wa_analytics.evidence.places import FolderPlace, places_of
from wa_analytics.evidence.sealing import Sealed, Sealer
from wa_analytics.evidence.stored import stored_rows
from wa_analytics.evidence.tiles import GrowingTree, TileReader, grown, leaves_of, rebuilt
from wa_analytics.settings import Evidence, Settings

SEALER = """
import sys
from datetime import datetime, UTC
from pathlib import Path
from wa_analytics.database import Database
from wa_analytics.evidence.checkpoint import seal
from wa_analytics.evidence.keys import KeyRing
from wa_analytics.settings import Settings
home = Path(sys.argv[2]); settings = Settings(home=home); database = Database(sys.argv[1])
ring = KeyRing.open(home, settings, database)
print("ready", flush=True)
sys.stdin.readline()
print(seal(database, ring, datetime.now(UTC)).size)
"""


def leaf_hashes(database: Database) -> list[bytes]:
    rows = stored_rows(
        database,
        "SELECT sequence, kind, capture_id, provider, received_at, signature_code, ciphertext_digest"
        " FROM entry ORDER BY sequence",
    )
    return [leaf_hash(leaf_bytes(*r[:4], microseconds_of(r[4]), *r[5:])) for r in rows]


@pytest.mark.parametrize("steps", [(0, 1), (255, 1, 1), (256, 256), (3, 600, 2)])
def test_the_head_is_the_root_of_all_entries(
    steps: tuple[int, ...], database: Database, ring: KeyRing, filled: Callable[[int], None], home: Path
) -> None:
    key = verifier_key(home, ring.settings, ring.signing_key())
    size = 0
    for step in steps:
        filled(step)
        size += step
        head = seal(database, ring, NOW)
        leaves = leaf_hashes(database)
        assert (head.size, head.root) == (size, merkle.root_of(leaves))
        assert opened(head.note, [key]).root == head.root
        assert latest(database) == head
        with database.reading() as connection:
            reader = TileReader(connection)
            assert reader.size() == size
            for index in {0, size // 2, size - 1} if size else set():
                proof = merkle.inclusion_proof(index, size, reader)
                merkle.check_inclusion(index, size, leaves[index], head.root, proof)


def test_a_proof_reads_few_tiles(database: Database, ring: KeyRing, filled: Callable[[int], None]) -> None:
    filled(1_500)
    first = seal(database, ring, NOW)
    filled(300)
    second = seal(database, ring, NOW)
    with database.reading() as connection:
        reader = TileReader(connection)
        merkle.inclusion_proof(777, 1_800, reader)
        assert set(reader._tiles) <= {(0, 3), (0, 7), (1, 0)}
        reader = TileReader(connection)
        proof = merkle.consistency_proof(1_500, 1_800, reader)
        assert len(reader._tiles) <= 5
    merkle.check_consistency(1_500, 1_800, first.root, second.root, proof)


def test_sealing_again_changes_nothing(
    database: Database, ring: KeyRing, filled: Callable[[int], None], home: Path
) -> None:
    filled(3)
    first = seal(database, ring, NOW)
    files = {path: path.read_bytes() for path in (home / "checkpoints").iterdir()}
    assert seal(database, ring, NOW + timedelta(days=1)) == first
    assert {path: path.read_bytes() for path in (home / "checkpoints").iterdir()} == files
    assert sorted(path.name for path in files) == sorted(
        ["00000000000000000003.checkpoint", f"{_key_id(ring, home)}.verifier-key"]
    )
    assert (home / "checkpoints" / "00000000000000000003.checkpoint").read_text() == first.note


def test_sealing_is_due_after_the_seconds_that_the_settings_say(
    database: Database, ring: KeyRing, filled: Callable[[int], None]
) -> None:
    assert seal_if_due(database, ring, NOW) is None
    filled(1)
    first = seal_if_due(database, ring, NOW)
    assert first is not None
    assert first.size == 1
    assert seal_if_due(database, ring, NOW + timedelta(days=1)) is None
    filled(1)
    assert seal_if_due(database, ring, NOW + timedelta(seconds=59.9)) is None
    second = seal_if_due(database, ring, NOW + timedelta(seconds=60))
    assert second is not None
    assert second.size == 2


def test_a_clock_that_was_set_back_does_not_stop_sealing(
    database: Database, ring: KeyRing, filled: Callable[[int], None]
) -> None:
    filled(1)
    assert seal_if_due(database, ring, NOW) is not None
    filled(1)
    second = seal_if_due(database, ring, NOW - timedelta(hours=1))
    assert second is not None
    assert second.size == 2


def _key_id(ring: KeyRing, home: Path) -> str:
    return verifier_key(home, ring.settings, ring.signing_key()).key_id.hex()


def test_every_place_gets_every_checkpoint_even_when_it_was_away(
    home: Path, tmp_path: Path, database: Database, filled: Callable[[int], None], ring: KeyRing
) -> None:
    away = tmp_path / "away"
    settings = Settings(home=home, evidence=Evidence(origin="example.com/log", places=(away,)))
    ring = KeyRing.open(home, settings, database)
    away.write_text("a file where the folder should be")
    filled(1)
    with pytest.raises(PlaceUnavailable, match=r"evidence\.places"):
        seal(database, ring, NOW)
    filled(1)
    away.unlink()
    head = seal(database, ring, NOW)
    assert head.origin == "example.com/log"
    for place in places_of(home, settings):
        assert [size for size, _ in place.notes()] == [1, 2]
        assert place.keys() == [verifier_key(home, settings, ring.signing_key()).text]


def test_two_programs_may_seal_at_once(
    database: Database, ring: KeyRing, filled: Callable[[int], None], home: Path
) -> None:
    filled(700)
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", SEALER, database.url, str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for program in programs:
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
    for program in programs:
        assert program.stdin is not None
        program.stdin.write("go\n")
        program.stdin.flush()
    outputs = [program.communicate(timeout=120)[0] for program in programs]
    assert outputs == ["700\n", "700\n"]
    assert database.scalar("SELECT count(*) FROM checkpoint") == 1
    assert seal(database, ring, NOW).root == merkle.root_of(leaf_hashes(database))


@pytest.mark.parametrize("others", [(), (1,), (0, 3)], ids=["alone", "one between", "two between"])
def test_a_tree_that_grows_with_an_import_is_the_tree_of_the_log(
    others: tuple[int, ...], database: Database, ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """others: before which of the import's batches another writer appends."""
    monkeypatch.setattr(tiles, "_CHUNK", 300)
    handle = ring.wrapping_key(database, NOW, 1)
    sealer = Sealer(handle.id, handle.key, ring.digest_key)
    tree = GrowingTree(database)

    def batch(name: str, count: int) -> list[Sealed]:
        return sealer.sealed(Capture(f"{name} {n}".encode(), {}, "meta-cloud", n) for n in range(count))

    for number in range(5):
        if number in others:
            append(database, batch(f"other {number}", 40))
        for first, rows in append(database, batch(f"import {number}", 199)).runs:
            tree.appended(first, leaves_of(first, rows))
            tree.appended(first, leaves_of(first, rows))
    end = 5 * 199 + 40 * len(others)
    with database.reading() as connection:
        stored = TileReader(connection).size()
    assert end - 300 - 199 < stored <= end
    assert grown(database) == end
    grew = stored_rows(database, "SELECT * FROM merkle_tile ORDER BY level, tile_index")
    assert rebuilt(database) == end
    assert stored_rows(database, "SELECT * FROM merkle_tile ORDER BY level, tile_index") == grew


def test_a_shorter_writer_does_not_shorten_a_tile(database: Database, filled: Callable[[int], None]) -> None:
    filled(300)
    assert grown(database) == 300
    before = stored_rows(database, "SELECT * FROM merkle_tile ORDER BY level, tile_index")
    from wa_analytics.evidence.tiles import _WRITE

    with database.writing() as writer:
        writer.execute(_WRITE, {"level": 0, "place": 1, "hashes": bytes(before[1][2])[:32]})
    assert stored_rows(database, "SELECT * FROM merkle_tile ORDER BY level, tile_index") == before
    assert rebuilt(database) == 300
    assert stored_rows(database, "SELECT * FROM merkle_tile ORDER BY level, tile_index") == before


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE merkle_tile SET hashes = :h WHERE level = 1",
        "UPDATE merkle_tile SET hashes = :h WHERE level = 0 AND tile_index = 0",
        "DELETE FROM merkle_tile WHERE level = 1",
        "DELETE FROM merkle_tile WHERE tile_index = 0",
        "UPDATE merkle_tile SET hashes = :s",
    ],
)
def test_a_damaged_tree_is_made_again_from_the_entries(
    damage: str, database: Database, ring: KeyRing, filled: Callable[[int], None]
) -> None:
    filled(300)
    seal(database, ring, NOW)
    given = {"h": bytes(32), "s": bytes(31)}
    with database.writing() as writer:
        writer.execute(damage, {name: value for name, value in given.items() if f":{name}" in damage})
    filled(10)
    assert seal(database, ring, NOW).root == merkle.root_of(leaf_hashes(database))


def test_a_rewritten_past_gets_no_signature(
    database: Database, ring: KeyRing, filled: Callable[[int], None]
) -> None:
    filled(300)
    seal(database, ring, NOW)
    with unguarded(database) as writer:
        writer.execute("UPDATE entry SET provider = 'other' WHERE sequence = 7")
        writer.execute("DELETE FROM merkle_tile")
    filled(10)
    with pytest.raises(EvidenceBroken, match="Nothing was signed"):
        seal(database, ring, NOW)
    assert database.scalar("SELECT max(tree_size) FROM checkpoint") == 300


def test_a_database_put_back_gets_no_signature_while_a_place_remembers(
    database: Database, ring: KeyRing, filled: Callable[[int], None]
) -> None:
    filled(20)
    seal(database, ring, NOW)
    with unguarded(database) as writer:
        for table in ("entry", "entry_key"):
            writer.execute(f"DELETE FROM {table} WHERE sequence >= 10")
        for table in ("checkpoint", "merkle_tile"):
            writer.execute(f"DELETE FROM {table}")
    with pytest.raises(EvidenceBroken, match="older copy"):
        seal(database, ring, NOW)


def test_a_hole_gets_no_signature(database: Database, ring: KeyRing, filled: Callable[[int], None]) -> None:
    filled(5)
    with unguarded(database) as writer:
        writer.execute("DELETE FROM entry WHERE sequence = 3")
    with pytest.raises(EvidenceBroken, match="Entry 3 is missing"):
        seal(database, ring, NOW)


def test_another_signing_key_does_not_go_on_with_the_log(
    home: Path, database: Database, ring: KeyRing, filled: Callable[[int], None]
) -> None:
    filled(5)
    seal(database, ring, NOW)
    write_key(home / "keys" / "signing.key", os.urandom(32), replace=True)
    filled(1)
    with pytest.raises(EvidenceBroken, match="is not ours"):
        seal(database, ring, NOW)


def test_a_place_keeps_both_of_two_notes_of_one_size(tmp_path: Path) -> None:
    place = FolderPlace(tmp_path / "kept", "kept")
    assert place.newest() is None
    assert place.keys() == []
    for note in ("one\n", "two\n", "one\n", "three\n"):
        place.put(7, note)
    place.put(12, "four\n")
    assert sorted(place.notes()) == [(7, "one\n"), (7, "three\n"), (7, "two\n"), (12, "four\n")]
    assert place.newest() == (12, "four\n")
