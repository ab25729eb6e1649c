from __future__ import annotations

import base64
import hashlib
import hmac
import os
import pickle
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from tests.evidence.conftest import NOW, capture
from wa_analytics.capture import Capture, Keyed
from wa_analytics.database import Database
from wa_analytics.errors import KeyRefused
from wa_analytics.evidence.digests import Digester
from wa_analytics.evidence.keyfile import NEXT_MASTER, write_key
from wa_analytics.evidence.keys import KeyRing
from wa_analytics.evidence.log import append, entries
from wa_analytics.evidence.sealing import Opener, Sealer
from wa_analytics.settings import Keys, Settings

KEY = bytes(range(32))


def test_the_keys_are_made_once_and_only_for_their_owner(home: Path, settings: Settings) -> None:
    KeyRing.create(home, settings)
    folder = home / "keys"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(before) == {"master.key", "digest.key", "signing.key"}
    assert len(set(before.values())) == 3
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    KeyRing.create(home, settings)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("name", ["master.key", "digest.key"])
def test_a_key_that_others_may_read_is_refused(
    name: str, home: Path, settings: Settings, database: Database, ring: KeyRing
) -> None:
    (home / "keys" / name).chmod(0o640)
    with pytest.raises(KeyRefused, match=f"{name}; run `chmod 600"):
        KeyRing.open(home, settings, database)
    with pytest.raises(KeyRefused, match="chmod 600"):
        KeyRing.create(home, settings)


def test_a_folder_that_others_may_enter_is_refused(
    home: Path, settings: Settings, database: Database, ring: KeyRing
) -> None:
    (home / "keys").chmod(0o755)
    with pytest.raises(KeyRefused, match="chmod 700"):
        KeyRing.open(home, settings, database)


@pytest.mark.parametrize("name", ["master.key", "digest.key"])
def test_a_missing_key_is_refused(
    name: str, home: Path, settings: Settings, database: Database, ring: KeyRing
) -> None:
    (home / "keys" / name).unlink()
    with pytest.raises(KeyRefused, match=f"{name} is missing; put it back"):
        KeyRing.open(home, settings, database)


@pytest.mark.parametrize("name", ["master.key", "digest.key"])
def test_another_key_is_refused_in_one_sentence(
    name: str, home: Path, settings: Settings, database: Database, ring: KeyRing
) -> None:
    write_key(home / "keys" / name, os.urandom(32), replace=True)
    with pytest.raises(KeyRefused, match="key of this database") as refusal:
        KeyRing.open(home, settings, database)
    assert str(refusal.value).count("\n") == 0


@pytest.mark.parametrize("content", ["", "short", "zz" * 32, "00" * 31])
def test_a_file_that_holds_no_key_is_refused(
    content: str, home: Path, settings: Settings, database: Database, ring: KeyRing
) -> None:
    (home / "keys" / "master.key").write_text(content)
    with pytest.raises(KeyRefused, match="does not hold 32 bytes") as refusal:
        KeyRing.open(home, settings, database)
    assert not content or content not in str(refusal.value)


@pytest.mark.parametrize("text", [KEY.hex(), base64.b64encode(KEY).decode(), f"{KEY.hex()}\n"])
def test_the_master_key_may_come_from_the_environment(text: str, home: Path, database: Database) -> None:
    settings = Settings(home=home, keys=Keys(source="environment", master_key=SecretStr(text)))
    KeyRing.create(home, settings)
    assert not (home / "keys" / "master.key").exists()
    ring = KeyRing.open(home, settings, database)
    handle = ring.wrapping_key(database, NOW, 1)
    assert ring.wrapping_keys(database) == {handle.id: handle.key}
    other = Settings(home=home, keys=Keys(source="environment", master_key=SecretStr("11" * 32)))
    with pytest.raises(KeyRefused, match="WA_KEYS__MASTER_KEY is not the master key"):
        KeyRing.open(home, other, database)


def test_an_empty_environment_is_refused(home: Path, database: Database) -> None:
    settings = Settings(home=home, keys=Keys(source="environment"))
    KeyRing.create(home, settings)
    with pytest.raises(KeyRefused, match="set WA_KEYS__MASTER_KEY"):
        KeyRing.open(home, settings, database)


def test_evidence_without_check_values_is_refused(
    home: Path, settings: Settings, database: Database, ring: KeyRing
) -> None:
    ring.wrapping_key(database, NOW, 1)
    with database.writing() as writer:
        writer.execute("DELETE FROM key_check")
    with pytest.raises(KeyRefused, match="no check values"):
        KeyRing.open(home, settings, database)


def test_no_secret_shows_itself(ring: KeyRing, sealer: Sealer, database: Database) -> None:
    handle = ring.wrapping_key(database, NOW, 1)
    opener = Opener(ring.wrapping_keys(database), ring.digest_key)
    shown = f"{ring!r} {handle!r} {sealer!r} {opener!r}"
    assert handle.key.hex() not in shown
    assert repr(handle.key) not in shown
    assert repr(ring.digest_key) not in shown


@pytest.mark.parametrize(
    ("kind", "value"),
    [("phone", "+12025550123"), ("message", "wamid.x"), ("text", ""), ("username", "élan \ud800")],
)
def test_a_digest_is_the_first_half_of_an_hmac(kind: str, value: str) -> None:
    text = kind.encode() + b"\0" + value.encode("utf-8", "surrogatepass")
    expected = hmac.digest(KEY, text, hashlib.sha256)[:16].hex()
    assert Digester(KEY).digest(kind, value) == expected
    assert pickle.loads(pickle.dumps(Digester(KEY))).digest(kind, value) == expected


def test_kinds_and_keys_keep_digests_apart() -> None:
    value = "+12025550123"
    assert Digester(KEY).digest("phone", value) != Digester(KEY).digest("crm_id", value)
    assert Digester(KEY).digest("phone", value) != Digester(KEY[::-1]).digest("phone", value)


def test_recognition_folds_valid_and_absent_but_shows_a_forgery() -> None:
    digests = Digester(KEY)
    valid, absent, invalid = (
        digests.recognition(capture(1, signature_code=code)) for code in ("valid", "absent", "invalid")
    )
    assert len(valid) == 16
    assert valid == absent != invalid
    assert digests.recognition(capture(1, received_at=5, headers={})) == valid
    assert digests.recognition(capture(1, provider="infobip")) != valid
    assert digests.recognition(capture(2)) != valid


def test_context_and_body_do_not_run_into_each_other() -> None:
    digests = Digester(KEY)
    assert digests.recognition(capture(1, context=b"ab", body=b"c")) != digests.recognition(
        capture(1, context=b"a", body=b"bc")
    )


def test_a_wrapping_key_serves_a_day_or_100_000_captures(ring: KeyRing, database: Database) -> None:
    first = ring.wrapping_key(database, NOW, 60_000)
    assert ring.wrapping_key(database, NOW + timedelta(hours=3), 40_000) == first
    second = ring.wrapping_key(database, NOW + timedelta(hours=3), 1)
    third = ring.wrapping_key(database, NOW + timedelta(days=1), 1)
    assert len({first.id, second.id, third.id}) == len({first.key, second.key, third.key}) == 3
    with pytest.raises(ValueError, match="at most 100,000"):
        ring.wrapping_key(database, NOW, 100_001)


def test_another_program_goes_on_with_the_same_wrapping_key(
    home: Path, settings: Settings, database: Database, ring: KeyRing, sealer: Sealer
) -> None:
    append(database, sealer.sealed([capture(1), capture(2)]))
    other = KeyRing.open(home, settings, database)
    assert other.wrapping_key(database, NOW, 99_998).id == sealer.wrapping_key_id
    another = KeyRing.open(home, settings, database)
    assert another.wrapping_key(database, NOW, 99_999).id != sealer.wrapping_key_id


def test_a_swapped_wrapping_key_is_refused(ring: KeyRing, database: Database) -> None:
    ring.wrapping_key(database, NOW, 1)
    ring.wrapping_key(database, NOW + timedelta(days=1), 1)
    with database.writing() as writer:
        rows = writer.rows("SELECT wrapped FROM wrapping_key ORDER BY wrapping_key_id")
        for number, row in ((1, rows[1]), (2, rows[0])):
            writer.execute(
                "UPDATE wrapping_key SET wrapped = :w WHERE wrapping_key_id = :id",
                {"w": bytes(row[0]), "id": number},
            )
    with pytest.raises(KeyRefused, match="Wrapping key 1 does not open"):
        ring.wrapping_keys(database)


def test_rotation_changes_the_master_key_and_nothing_else(
    home: Path, settings: Settings, database: Database, ring: KeyRing, sealer: Sealer
) -> None:
    append(database, sealer.sealed([capture(1)]))
    before = ring.wrapping_keys(database)
    rows = entries(database)
    old_file = (home / "keys" / "master.key").read_bytes()
    bystander = KeyRing.open(home, settings, database)
    assert ring.rotate(database) == 1
    assert (home / "keys" / "master.key").read_bytes() != old_file
    assert not (home / "keys" / NEXT_MASTER).exists()
    reopened = KeyRing.open(home, settings, database)
    assert reopened.wrapping_keys(database) == before == ring.wrapping_keys(database)
    assert bystander.wrapping_keys(database) == before
    assert bystander.wrapping_key(database, NOW + timedelta(days=9), 1).id == 2
    assert entries(database) == rows
    write_key(home / "keys" / "master.key", bytes.fromhex(old_file.decode()), replace=True)
    with pytest.raises(KeyRefused, match="not the master key"):
        KeyRing.open(home, settings, database)


@pytest.mark.parametrize("killed_after_database", [False, True])
def test_a_rotation_cut_in_the_middle_is_finished_or_forgotten(
    killed_after_database: bool, home: Path, settings: Settings, database: Database, ring: KeyRing
) -> None:
    handle = ring.wrapping_key(database, NOW, 1)
    folder = home / "keys"
    old = (folder / "master.key").read_bytes()
    if killed_after_database:
        ring.rotate(database)
        (folder / "master.key").rename(folder / NEXT_MASTER)
        (folder / "master.key").write_bytes(old)
        (folder / "master.key").chmod(0o600)
    else:
        write_key(folder / NEXT_MASTER, os.urandom(32))
    assert KeyRing.open(home, settings, database).wrapping_keys(database) == {handle.id: handle.key}
    assert KeyRing.open(home, settings, database).rotate(database) == 1
    assert KeyRing.open(home, settings, database).wrapping_keys(database) == {handle.id: handle.key}


def test_a_master_key_from_the_environment_needs_the_new_one(home: Path, database: Database) -> None:
    settings = Settings(home=home, keys=Keys(master_key=SecretStr(KEY.hex())))
    KeyRing.create(home, settings)
    ring = KeyRing.open(home, settings, database)
    handle = ring.wrapping_key(database, NOW, 1)
    with pytest.raises(KeyRefused, match="give the new one"):
        ring.rotate(database)
    ring.rotate(database, KEY[::-1])
    after = Settings(home=home, keys=Keys(master_key=SecretStr(KEY[::-1].hex())))
    assert KeyRing.open(home, after, database).wrapping_keys(database) == {handle.id: handle.key}


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (b'{"timestamp":"1772366400","a":1}', b'{"a":0,"timestamp": 1772366401}'),
        (b'{"m":"{\\"timestamp\\":\\"1772366400\\"}"}', b'{"m":"{\\"timestamp\\":\\"1772366460\\"}"}'),
        (b"w-9,2026-03-01T12:00:00+00:00,x", b'w-1,"2026-03-01 12:01",x'),
        (b'{"receivedAt":"2026-02-28T23:59:59.000+0000"}', b'{"receivedAt":"2026-03-01T00:00:00Z"}'),
        (b'{"timestamp":"17723664001234"}', b'{"timestamp":"1772366400"}'),
        (b"no time at all", b'{"sent":"2026-03-01T00:00:00Z"}'),
        (b"call me 2026-03-01 12:00 please", b"x,2026-03-01 12:00,please"),
    ],
)
def test_neighbours_in_time_are_neighbours_in_the_index(earlier: bytes, later: bytes) -> None:
    digests = Digester(KEY)
    first, second = (digests.recognition(capture(1, body=body))[:4] for body in (earlier, later))
    assert first < second


def test_a_clock_inside_a_sentence_is_no_time() -> None:
    assert Digester(KEY).recognition(capture(1, body=b"call me 2026-03-01 12:00 please"))[:4] == bytes(4)


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_a_prepared_key_signs_as_the_library_does(key: bytes, message: bytes) -> None:
    assert Keyed(key).hexdigest(message) == hmac.digest(key, message, hashlib.sha256).hex()


def test_recognitions_keep_the_order_of_the_times_that_bodies_state() -> None:
    digester = Digester(KEY)
    texts = [
        b"a,2026-02-28T23:59:00Z,b",
        b'{"at":"2026-03-01T00:00:00Z"}',
        b"a,2026-03-01T00:01:00Z",
        b"a,2027-01-01 00:00",
    ]
    found = [digester.recognition(Capture(text, {}, "send-log", 0))[:4] for text in texts]
    assert found == sorted(set(found))
    assert int.from_bytes(found[1], "big") == ((2026 * 12 + 3) * 31 + 1) * 1440
