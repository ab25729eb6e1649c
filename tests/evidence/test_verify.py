"""The tamper corpus: whoever may write anything, but has no key, is found; the clean log is clean.

Every tampering is done with the triggers put back afterwards, so nothing but the evidence itself
gives it away.
"""

from __future__ import annotations

import json
import os
import shutil
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.evidence.conftest import NOW, RECEIVED_AT, capture
from tests.evidence.tampering import unguarded
from wa_analytics.database import Database
from wa_analytics.database.bulk import Writer
from wa_analytics.evidence.broken import CODES, Broken, Findings
from wa_analytics.evidence.checkpoint import seal, verifier_key
from wa_analytics.evidence.keys import KeyRing
from wa_analytics.evidence.log import append, append_within, cleared, journal, size
from wa_analytics.evidence.merkle import root_of
from wa_analytics.evidence.note import Head, VerifierKey, signed
from wa_analytics.evidence.places import FolderPlace, Place
from wa_analytics.evidence.sealing import Sealer
from wa_analytics.evidence.stored import stored_rows
from wa_analytics.evidence.tiles import rebuilt
from wa_analytics.evidence.verification import Verification
from wa_analytics.evidence.verify import verify

SEALED, TAIL = 600, 5
COLUMNS = "sequence, capture_id, kind, provider, received_at, signature_code, ciphertext_digest, ciphertext"


@pytest.fixture
def places(home: Path, tmp_path: Path) -> tuple[Place, ...]:
    return FolderPlace(home / "checkpoints", "checkpoints"), FolderPlace(tmp_path / "elsewhere", "elsewhere")


@pytest.fixture
def world(
    database: Database, ring: KeyRing, filled: Callable[[int], None], places: tuple[Place, ...]
) -> Database:
    """600 entries sealed at 200, 300 and 600, one of them disposed of, and five unsealed ones."""
    for step in (200, 100, 299):
        filled(step)
        if step == 299:
            dispose(database, [150])
        seal(database, ring, NOW, places)
    filled(TAIL)
    assert size(database) == SEALED + TAIL
    return database


def dispose(database: Database, sequences: list[int]) -> None:
    body = json.dumps({"sequences": sequences, "rule": "retention"}).encode()
    with database.writing() as writer:
        for sequence in sequences:
            writer.execute("DELETE FROM entry_key WHERE sequence = :s", {"s": sequence})
        append_within(writer, [cleared("disposal", RECEIVED_AT, body)])


def found(verification: Verification) -> set[tuple[str, int | None, int | None]]:
    return {(f.code, f.first_sequence, f.last_sequence) for f in verification.findings}


def test_a_clean_log_is_proven(world: Database, places: tuple[Place, ...]) -> None:
    steps: list[tuple[int, int]] = []
    verification = verify(world, places, lambda done, total: steps.append((done, total)))
    assert verification == Verification((), SEALED + TAIL, SEALED, 3, (), 1, 0)
    assert verification.outcome == "pass"
    assert steps[-1] == (SEALED + TAIL, SEALED + TAIL)


def test_without_a_signed_head_nothing_is_proven(
    database: Database, ring: KeyRing, filled: Callable[[int], None], places: tuple[Place, ...]
) -> None:
    assert verify(database, places).outcome == "not_evaluated"
    filled(3)
    assert verify(database, places).outcome == "not_evaluated"
    assert verify(database, places).empty_places == ("checkpoints", "elsewhere")
    seal(database, ring, NOW, places)
    assert verify(database, places).outcome == "pass"


def test_verification_needs_no_key(
    world: Database, places: tuple[Place, ...], home: Path, ring: KeyRing
) -> None:
    shutil.rmtree(home / "keys")
    assert verify(world, places).outcome == "pass"


def test_a_key_known_from_elsewhere_decides(
    world: Database, places: tuple[Place, ...], ring: KeyRing, home: Path
) -> None:
    own = verifier_key(home, ring.settings, ring.signing_key())
    assert verify(world, places, trusted=[own]).outcome == "pass"
    other = VerifierKey.of_seed(own.name, os.urandom(32))
    codes = {f.code for f in verify(world, places, trusted=[other]).findings}
    assert codes == {"checkpoint_forged", "disposal_forged"}


@hypothesis_settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    steps=st.lists(
        st.one_of(
            st.integers(1, 300),
            st.sampled_from(["seal", "seal", "dispose", "journal", "rotate", "repeat"]),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_no_honest_life_is_a_finding(
    steps: list[int | str], database: Database, ring: KeyRing, sealer: Sealer, places: tuple[Place, ...]
) -> None:
    for step in steps:
        if isinstance(step, int):
            start = size(database)
            append(database, sealer.sealed(capture(start + n) for n in range(step)))
        elif step == "seal":
            seal(database, ring, NOW, places)
        elif step == "journal":
            journal(database, ring, actor="a", action="b", reason="c", outcome="d", at=NOW, detail={})
        elif step == "rotate":
            ring.rotate(database)
        elif step == "repeat":
            append(database, sealer.sealed([capture(0)]))
        else:
            keyed = stored_rows(database, "SELECT sequence FROM entry_key ORDER BY sequence")
            dispose(database, [row[0] for row in keyed[1::7]][:9])
    verification = verify(database, places)
    assert verification.findings == ()
    assert verification.entry_count == size(database)
    is_sealed = "seal" in steps or verification.checkpoint_count > 0
    assert verification.outcome == ("pass" if is_sealed else "not_evaluated")


def _shift(writer: Writer, start: int, by: int) -> None:
    """Move every entry from `start` on, key and all, by way of far-off sequences."""
    for table in ("entry", "entry_key"):
        writer.execute(f"UPDATE {table} SET sequence = sequence + 1000000 WHERE sequence >= {start}")
        writer.execute(f"UPDATE {table} SET sequence = sequence - 1000000 + {by} WHERE sequence >= 1000000")


def _copy(writer: Writer, source: int, target: int, recognition: str = "0123456789abcdef") -> None:
    """The same entry again, with a key row of its own, so that it opens like the first one."""
    columns = COLUMNS.removeprefix("sequence, ")
    writer.execute(
        f"INSERT INTO entry ({COLUMNS}) SELECT {target}, {columns} FROM entry WHERE sequence = {source}"
    )
    writer.execute(
        "INSERT INTO entry_key (sequence, wrapping_key_id, wrapped_key, recognition_digest)"
        f" SELECT {target}, wrapping_key_id, wrapped_key, :r FROM entry_key WHERE sequence = {source}",
        {"r": recognition.encode()},
    )


def _flip_ciphertext(writer: Writer) -> None:
    (value,) = writer.rows("SELECT ciphertext FROM entry WHERE sequence = 42")[0]
    changed = bytes(value)[:-1] + bytes([bytes(value)[-1] ^ 1])
    writer.execute("UPDATE entry SET ciphertext = :c WHERE sequence = 42", {"c": changed})


def _flip_ciphertext_and_digest(writer: Writer) -> None:
    import hashlib

    _flip_ciphertext(writer)
    (value,) = writer.rows("SELECT ciphertext FROM entry WHERE sequence = 42")[0]
    digest = hashlib.sha256(bytes(value)).digest()
    writer.execute("UPDATE entry SET ciphertext_digest = :d WHERE sequence = 42", {"d": digest})


def _swap(columns: str) -> Callable[[Writer], None]:
    def swap(writer: Writer) -> None:
        names = columns.split(", ")
        rows = writer.rows(f"SELECT sequence, {columns} FROM entry WHERE sequence IN (7, 9) ORDER BY 1")
        for target, row in ((7, rows[1]), (9, rows[0])):
            sets = ", ".join(f"{name} = :{name}" for name in names)
            writer.execute(
                f"UPDATE entry SET {sets} WHERE sequence = {target}",
                dict(zip(names, row[1:], strict=True)),
            )

    return swap


def _delete_inside(writer: Writer) -> None:
    for table in ("entry", "entry_key"):
        writer.execute(f"DELETE FROM {table} WHERE sequence = 250")


def _delete_and_close_up(writer: Writer) -> None:
    _delete_inside(writer)
    _shift(writer, 251, -1)


def _insert(writer: Writer) -> None:
    _shift(writer, 250, 1)
    _copy(writer, 3, 250)


def _sql(sql: str) -> Callable[[Writer], None]:
    def run(writer: Writer) -> None:
        for statement in sql.split("; "):
            writer.execute(statement)

    return run


ENTRIES = {
    "flip": (_flip_ciphertext, {("ciphertext_changed", 42, 42)}),
    "flip and mend the digest": (
        _flip_ciphertext_and_digest,
        {("entry_changed", 42, 42), ("root_differs", 0, 199)},
    ),
    "delete": (
        _delete_inside,
        {("entry_missing", 250, 250), ("root_differs", 200, 299)},
    ),
    "delete and close up": (
        _delete_and_close_up,
        {("entry_changed", 250, 599), ("root_differs", 200, 299)},
    ),
    "insert": (
        _insert,
        {("entry_changed", 250, 599), ("root_differs", 200, 299), ("entry_repeated", 3, 3)},
    ),
    "reorder": (
        _swap(COLUMNS.removeprefix("sequence, ")),
        {("entry_changed", 7, 7), ("entry_changed", 9, 9), ("root_differs", 0, 199)},
    ),
    "swap ciphertexts": (
        _swap("ciphertext"),
        {("ciphertext_changed", 7, 7), ("ciphertext_changed", 9, 9)},
    ),
    "swap ciphertexts and digests": (
        _swap("ciphertext, ciphertext_digest"),
        {("entry_changed", 7, 7), ("entry_changed", 9, 9), ("root_differs", 0, 199)},
    ),
    "swap capture ids": (
        _swap("capture_id"),
        {("entry_changed", 7, 7), ("entry_changed", 9, 9), ("root_differs", 0, 199)},
    ),
    "another provider": (
        _sql("UPDATE entry SET provider = 'send-log' WHERE sequence = 599"),
        {("entry_changed", 599, 599), ("root_differs", 300, 599)},
    ),
    "another signature code": (
        _sql("UPDATE entry SET signature_code = 'absent' WHERE sequence = 255"),
        {("entry_changed", 255, 255), ("root_differs", 200, 299)},
    ),
    "another kind": (
        _sql("UPDATE entry SET kind = 'journal' WHERE sequence = 256"),
        {("entry_changed", 256, 256), ("root_differs", 200, 299)},
    ),
    "another time": (
        _sql("UPDATE entry SET received_at = '2026-03-01 09:30:00.000002' WHERE sequence = 0"),
        {("entry_changed", 0, 0), ("root_differs", 0, 199)},
    ),
    "a line feed": (
        _sql("UPDATE entry SET provider = 'meta' || chr(10) || 'cloud' WHERE sequence = 1"),
        {("entry_unreadable", 1, 1), ("root_differs", 0, 199)},
    ),
    "no id": (
        _sql("UPDATE entry SET capture_id = '' WHERE sequence = 1"),
        {("entry_unreadable", 1, 1), ("root_differs", 0, 199)},
    ),
    "replay at the end": (
        lambda w: _copy(w, 8, 605),
        {("entry_repeated", 8, 8), ("entry_repeated", 605, 605)},
    ),
    "before the beginning": (lambda w: _copy(w, 8, -1), {("entry_misplaced", -1, -1)}),
    "far behind the end": (lambda w: _copy(w, 8, 10**9), {("entry_missing", 605, 10**9 - 1)}),
    "truncate": (
        _sql("DELETE FROM entry WHERE sequence >= 580; DELETE FROM entry_key WHERE sequence >= 580"),
        {("tail_missing", 580, 599)},
    ),
    "truncate and mend the rest": (
        _sql(
            "DELETE FROM entry WHERE sequence >= 580; DELETE FROM entry_key WHERE sequence >= 580;"
            " DELETE FROM checkpoint WHERE tree_size > 580; DELETE FROM merkle_tile"
        ),
        {("tail_missing", 580, 599), ("checkpoint_missing", None, None)},
    ),
    "everything": (
        _sql(
            "DELETE FROM entry; DELETE FROM entry_key; DELETE FROM checkpoint; DELETE FROM merkle_tile;"
            " DELETE FROM verifier_key"
        ),
        {("tail_missing", 0, 599), ("checkpoint_missing", None, None)},
    ),
    "destroy a key unsaid": (
        _sql("DELETE FROM entry_key WHERE sequence IN (11, 12, 14)"),
        {("key_missing", 11, 12), ("key_missing", 14, 14)},
    ),
    "a key for nothing": (
        _sql("UPDATE entry_key SET sequence = 9999 WHERE sequence = 3"),
        {("key_missing", 3, 3), ("key_without_entry", 9999, 9999)},
    ),
    "alter the disposal": (
        _sql("UPDATE entry SET ciphertext = 'x' WHERE kind = 'disposal'"),
        {("entry_unreadable", 599, 599), ("key_missing", 150, 150)},
    ),
    "a tile": (
        lambda w: w.execute("UPDATE merkle_tile SET hashes = :h WHERE level = 1", {"h": bytes(64)}),
        {("tile_changed", 0, 511)},
    ),
    "no tile": (_sql("DELETE FROM merkle_tile WHERE level = 1"), {("tile_changed", 0, 511)}),
    "checkpoint columns": (
        _sql("UPDATE checkpoint SET tree_size = 301 WHERE tree_size = 300"),
        {("checkpoint_altered", None, None)},
    ),
    "checkpoint deleted": (
        _sql("DELETE FROM checkpoint WHERE tree_size = 300"),
        {("checkpoint_missing", None, None)},
    ),
    "verifier key exchanged": (
        lambda w: w.execute(
            "UPDATE verifier_key SET verifier_key = :k",
            {"k": VerifierKey.of_seed("example.com/mallory", bytes(32)).text},
        ),
        {("verifier_key_unknown", None, None), ("checkpoint_forged", None, None)},
    ),
    "verifier key garbled": (
        _sql("UPDATE verifier_key SET verifier_key = 'garbled'"),
        {("verifier_key_unknown", None, None), ("checkpoint_forged", None, None)},
    ),
}


@pytest.mark.parametrize("name", ENTRIES)
def test_tampering_with_the_database_is_found(name: str, world: Database, places: tuple[Place, ...]) -> None:
    change, expected = ENTRIES[name]
    with unguarded(world) as writer:
        if writer.dialect == "sqlite":
            writer.connection.connection.driver_connection.create_function("chr", 1, chr)  # type: ignore[union-attr]
        change(writer)
    verification = verify(world, places)
    assert verification.outcome == "fail"
    assert expected <= found(verification)
    assert not {code for code, _, _ in found(verification)} & {"trigger_missing", "place_unreadable"}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "value",
    ["CAST(x'ff00' AS TEXT)", "'yesterday'", "7", "x'00'"],
    ids=["no text", "word", "number", "blob"],
)
def test_values_that_no_column_should_hold_are_found(
    value: str, world: Database, places: tuple[Place, ...]
) -> None:
    with unguarded(world) as writer:
        writer.execute(f"UPDATE entry SET received_at = {value} WHERE sequence = 4")
        writer.execute(f"UPDATE entry SET ciphertext = {value} WHERE sequence = 5")
        writer.execute(f"UPDATE entry SET signature_code = {value} WHERE sequence = 6")
    codes = found(verify(world, places))
    assert ("root_differs", 0, 199) in codes
    spans = [(first, last) for code, first, last in codes if code != "root_differs"]
    named = {n for first, last in spans for n in range(first or 0, (last or 0) + 1)}
    assert named == {4, 5, 6}


def test_a_forged_signature_is_found(world: Database, places: tuple[Place, ...], home: Path) -> None:
    """The database, its stored tree and a whole second history, signed by a key of the forger's."""
    seed = bytes(range(32))
    with unguarded(world) as writer:
        writer.execute("UPDATE entry SET provider = 'send-log' WHERE sequence = 10")
        writer.execute("DELETE FROM merkle_tile")
    rebuilt(world)
    rows = stored_rows(world, "SELECT hashes FROM merkle_tile WHERE level = 0 ORDER BY tile_index")
    whole = b"".join(bytes(row[0]) for row in rows)
    hashes = [whole[at : at + 32] for at in range(0, len(whole), 32)]
    origin = str(stored_rows(world, "SELECT note FROM checkpoint LIMIT 1")[0][0]).split("\n")[0]
    with unguarded(world) as writer:
        for tree_size in (200, 300, 600):
            root = root_of(hashes[:tree_size])
            note = signed(Head(origin, tree_size, root).text, origin, seed)
            writer.execute(
                "UPDATE checkpoint SET note = :n, root = :r WHERE tree_size = :s",
                {"n": note, "r": root, "s": tree_size},
            )
    codes = {f.code for f in verify(world, places).findings}
    assert {"checkpoint_forged", "root_differs"} <= codes
    key = VerifierKey.of_seed(origin, seed).text
    with unguarded(world) as writer:
        writer.execute("UPDATE verifier_key SET verifier_key = :k", {"k": key})
    codes = {f.code for f in verify(world, places).findings}
    assert {"checkpoint_forged", "verifier_key_unknown"} <= codes


def test_a_signature_on_another_text_is_found(world: Database, places: tuple[Place, ...]) -> None:
    with unguarded(world) as writer:
        (note,) = writer.rows("SELECT note FROM checkpoint WHERE tree_size = 300")[0]
        writer.execute(
            "UPDATE checkpoint SET note = :n WHERE tree_size = 300", {"n": note.replace("\n300\n", "\n299\n")}
        )
    assert Broken("checkpoint_forged", where="size 300 in database") in verify(world, places).findings


def test_a_history_signed_twice_is_a_fork(
    world: Database, places: tuple[Place, ...], ring: KeyRing, home: Path
) -> None:
    """Even the log's own key cannot tell two stories."""
    key = verifier_key(home, ring.settings, ring.signing_key())
    places[1].put(300, signed(Head(key.name, 300, bytes(32)).text, key.name, ring.signing_key()))
    where = "size 300 in checkpoints, database, elsewhere"
    assert Broken("checkpoint_forked", where=where) in verify(world, places).findings


def test_an_old_copy_is_found_while_a_checkpoint_stands_elsewhere(
    world: Database, places: tuple[Place, ...], home: Path
) -> None:
    """Database and own folder put back together to 300 entries; only the other place remembers."""
    with unguarded(world) as writer:
        for table in ("entry", "entry_key"):
            writer.execute(f"DELETE FROM {table} WHERE sequence >= 300")
        writer.execute("DELETE FROM checkpoint WHERE tree_size > 300")
        writer.execute("DELETE FROM merkle_tile")
        writer.execute(
            "INSERT INTO entry_key (sequence, wrapping_key_id, wrapped_key, recognition_digest)"
            " VALUES (150, 1, :k, :r)",
            {"k": bytes(48), "r": bytes(16)},
        )
    rebuilt(world)
    (home / "checkpoints" / "00000000000000000600.checkpoint").unlink()
    shutil.rmtree(home / "checkpoints" / "disposals")
    assert verify(world, places[:1]).outcome == "pass"
    verification = verify(world, places)
    assert found(verification) == {
        ("tail_missing", 300, 599),
        ("checkpoint_missing", None, None),
        ("disposal_missing", 599, 599),
    }
    assert "elsewhere" in {f.where for f in verification.findings}


def test_missing_and_altered_triggers_are_found(world: Database, places: tuple[Place, ...]) -> None:
    with world.writing() as writer:
        if world.dialect == "sqlite":
            writer.execute("DROP TRIGGER entry_refuses_update")
            writer.execute("DROP TRIGGER checkpoint_refuses_delete")
            writer.execute(
                "CREATE TRIGGER checkpoint_refuses_delete BEFORE DELETE ON checkpoint BEGIN SELECT 1; END"
            )
            expected = {"entry_refuses_update", "checkpoint_refuses_delete"}
        else:
            writer.execute("ALTER TABLE entry ENABLE TRIGGER entry_refuses_change")
            writer.execute("DROP TRIGGER checkpoint_refuses_change ON checkpoint")
            expected = {"entry_refuses_change", "checkpoint_refuses_change"}
    verification = verify(world, places)
    assert {(f.code, f.where) for f in verification.findings} == {("trigger_missing", n) for n in expected}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_an_exchanged_trigger_function_is_found(world: Database, places: tuple[Place, ...]) -> None:
    with world.writing() as writer:
        writer.execute(
            "CREATE OR REPLACE FUNCTION evidence_refuses_change() RETURNS trigger LANGUAGE plpgsql AS"
            " $body$ BEGIN RETURN NULL; END $body$"
        )
    assert {f.code for f in verify(world, places).findings} == {"trigger_missing"}


def test_a_place_that_cannot_be_read_is_a_finding(
    world: Database, places: tuple[Place, ...], tmp_path: Path
) -> None:
    class Gone(FolderPlace):
        def _files(self, suffix: str) -> list[Path]:
            raise self._unavailable(OSError(5, "Input/output error"))

    found_now = verify(world, [*places, Gone(tmp_path, "gone")]).findings
    assert found_now == (Broken("place_unreadable", where="gone"),)


def test_an_unfinished_disposal_is_counted_not_blamed(world: Database, places: tuple[Place, ...]) -> None:
    body = json.dumps({"sequences": [20, 21]}).encode()
    with world.writing() as writer:
        writer.execute("DELETE FROM entry_key WHERE sequence = 20")
        append_within(writer, [cleared("disposal", RECEIVED_AT, body)])
    verification = verify(world, places)
    assert (verification.findings, verification.disposed_count) == ((), 2)
    assert verification.unfinished_disposal_count == 1


def test_a_disposal_cannot_name_what_comes_later(world: Database, places: tuple[Place, ...]) -> None:
    append(world, [cleared("disposal", RECEIVED_AT, b'{"sequences": [605]}')])
    assert found(verify(world, places)) == {("entry_unreadable", 605, 605)}


def test_findings_name_no_person_and_join_neighbours() -> None:
    findings = Findings()
    for sequence in (1, 2, 3, 7, 9, 8):
        findings.at("entry_changed", sequence)
    findings.of("trigger_missing", "entry_refuses_update")
    findings.of("trigger_missing", "entry_refuses_update")
    trigger, first, *rest = findings.all()
    assert first == Broken("entry_changed", 1, 3)
    assert first.sentence == f"entries 1–3 (database): {CODES['entry_changed']}"
    assert first.subject_id == "entry_changed|1-3|database"
    assert trigger.sentence == f"entry_refuses_update: {CODES['trigger_missing']}"
    assert len({f.subject_id for f in findings.all()}) == len(findings.all())
    assert b64encode(b"+1202").decode() not in str(rest)
