from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.evidence.aws_server import REGION, direct, served
from tests.evidence.conftest import NOW, capture
from wa_analytics.database import Database
from wa_analytics.errors import KeyRefused
from wa_analytics.evidence.keyfile import read_ciphertext, write_key
from wa_analytics.evidence.keys import KeyRing
from wa_analytics.evidence.log import append, entries
from wa_analytics.evidence.rotation import rotate
from wa_analytics.evidence.sealing import Opener, Sealer
from wa_analytics.settings import Keys, Settings


@pytest.fixture
def database_url() -> None:
    """SQLite alone: KMS never meets the database."""


@pytest.fixture
def kms_key_id(aws: str) -> str:
    return str(direct("kms", aws).create_key()["KeyMetadata"]["KeyId"])


@pytest.fixture
def settings(home: Path, aws: str, kms_key_id: str) -> Settings:
    return of(home, aws, kms_key_id)


def of(home: Path, address: str, key_id: str) -> Settings:
    keys = Keys(source="kms", kms_key_id=key_id, kms_region=REGION, kms_endpoint_url=address)
    return Settings(home=home, keys=keys)


def test_no_plain_master_key_stands_on_the_disk(
    home: Path, settings: Settings, database: Database, ring: KeyRing, sealer: Sealer
) -> None:
    folder = home / "keys"
    assert {path.name for path in folder.iterdir()} == {"master.kms", "digest.key", "signing.key"}
    written = (folder / "master.kms").read_bytes()
    assert (folder / "master.kms").stat().st_mode & 0o777 == 0o600
    KeyRing.create(home, settings)
    assert (folder / "master.kms").read_bytes() == written
    assert ring._master.hex().encode() not in written
    assert ring._master not in read_ciphertext(folder / "master.kms")
    append(database, sealer.sealed([capture(1)]))
    again = KeyRing.open(home, settings, database)
    assert again.makes_new_keys
    opener = Opener(again.wrapping_keys(database), again.digest_key)
    assert [one.body for _, one in opener.opened(entries(database))] == [capture(1).body]


def test_rotation_makes_another_key_and_changes_nothing_else(
    home: Path, aws: str, settings: Settings, database: Database, ring: KeyRing, sealer: Sealer
) -> None:
    append(database, sealer.sealed([capture(1)]))
    before, rows = ring.wrapping_keys(database), entries(database)
    old = (home / "keys" / "master.kms").read_bytes()
    bystander = KeyRing.open(home, settings, database)
    assert rotate(database, ring, actor="test", reason="yearly", at=NOW) == 1
    assert (home / "keys" / "master.kms").read_bytes() != old
    assert not (home / "keys" / "master.kms.next").exists()
    assert bystander.wrapping_keys(database) == before == ring.wrapping_keys(database)
    assert KeyRing.open(home, settings, database).wrapping_keys(database) == before
    assert entries(database)[: len(rows)] == rows
    write_key(home / "keys" / "master.kms", bytes.fromhex(old.decode()), replace=True)
    with pytest.raises(KeyRefused, match=r"master\.kms is not the master key of this database"):
        KeyRing.open(home, settings, database)


def test_a_key_from_outside_is_not_taken(database: Database, ring: KeyRing) -> None:
    with pytest.raises(KeyRefused, match="KMS, which makes the new one itself"):
        ring.rotate(database, bytes(32))


@pytest.mark.parametrize("killed_after_database", [False, True])
def test_a_rotation_cut_in_the_middle_is_finished_or_forgotten(
    killed_after_database: bool, home: Path, settings: Settings, database: Database, ring: KeyRing
) -> None:
    handle = ring.wrapping_key(database, NOW, 1)
    kept, draft = home / "keys" / "master.kms", home / "keys" / "master.kms.next"
    old = kept.read_bytes()
    ring.rotate(database)
    if killed_after_database:
        kept.rename(draft)
        write_key(kept, bytes.fromhex(old.decode()))
    else:
        write_key(draft, bytes.fromhex(old.decode()))
    for _ in range(2):
        opened = KeyRing.open(home, settings, database)
        assert opened.wrapping_keys(database) == {handle.id: handle.key}
    assert opened.rotate(database) == 1
    assert KeyRing.open(home, settings, database).wrapping_keys(database) == {handle.id: handle.key}


def test_rotation_moves_to_another_kms_key(
    home: Path, aws: str, kms_key_id: str, database: Database, ring: KeyRing
) -> None:
    handle = ring.wrapping_key(database, NOW, 1)
    kms = direct("kms", aws)
    other = of(home, aws, kms.create_key()["KeyMetadata"]["KeyId"])
    for key_id in (kms_key_id, other.keys.kms_key_id):
        told = kms.decrypt(
            CiphertextBlob=read_ciphertext(home / "keys" / "master.kms"),
            EncryptionContext={"purpose": "wa-analytics master key"},
        )
        assert told["KeyId"].endswith(key_id)
        KeyRing.open(home, other, database).rotate(database)
    assert KeyRing.open(home, other, database).wrapping_keys(database) == {handle.id: handle.key}


def test_a_master_key_file_of_earlier_days_is_taken_over(
    home: Path, aws: str, kms_key_id: str, database: Database
) -> None:
    plain = Settings(home=home)
    KeyRing.create(home, plain)
    handle = KeyRing.open(home, plain, database).wrapping_key(database, NOW, 1)
    settings = of(home, aws, kms_key_id)
    KeyRing.create(home, settings)
    (home / "keys" / "master.key").unlink()
    ring = KeyRing.open(home, settings, database)
    assert ring.wrapping_keys(database) == {handle.id: handle.key}
    assert ring.rotate(database) == 1
    assert ring.wrapping_key(database, NOW + timedelta(days=1), 1).id == handle.id + 1


def test_kms_goes_before_a_key_in_the_environment(
    home: Path, settings: Settings, database: Database, ring: KeyRing
) -> None:
    both = settings.keys.model_copy(update={"master_key": SecretStr("11" * 32)})
    opened = KeyRing.open(home, Settings(home=home, keys=both), database)
    assert opened._master == ring._master


def refused(home: Path, settings: Settings, database: Database, match: str) -> None:
    with pytest.raises(KeyRefused, match=match) as refusal:
        KeyRing.open(home, settings, database)
    assert str(refusal.value).count("\n") == 0
    assert settings.keys.kms_key_id not in str(refusal.value)


def test_another_kms_is_refused(home: Path, settings: Settings, database: Database, ring: KeyRing) -> None:
    """Another account, or another region: a service that never made this key."""
    elsewhere = settings.keys.model_copy(update={"kms_region": "eu-west-2"})
    refused(
        home, Settings(home=home, keys=elsewhere), database, r"AWS KMS did not open.*check keys\.kms_key_id"
    )


def test_another_workspaces_ciphertext_is_refused(
    home: Path, tmp_path: Path, settings: Settings, database: Database, ring: KeyRing
) -> None:
    KeyRing.create(tmp_path / "other", settings)
    stranger = read_ciphertext(tmp_path / "other" / "keys" / "master.kms")
    write_key(home / "keys" / "master.kms", stranger, replace=True)
    refused(home, settings, database, r"master\.kms is not the master key of this database")


@pytest.mark.parametrize(
    ("content", "match"),
    [("", "does not hold bytes as hex"), ("zz", "does not hold bytes as hex"), ("00" * 64, "did not open")],
)
def test_a_ciphertext_that_opens_nowhere_is_refused(
    content: str, match: str, home: Path, settings: Settings, database: Database, ring: KeyRing
) -> None:
    (home / "keys" / "master.kms").write_text(content)
    refused(home, settings, database, match)


def test_a_key_that_kms_does_not_know_is_refused(
    home: Path, aws: str, database: Database, ring: KeyRing
) -> None:
    wrong = of(home, aws, "11111111-2222-3333-4444-555555555555")
    before = ring.wrapping_key(database, NOW, 1)
    with pytest.raises(KeyRefused, match=r"did not make .*\(NotFoundException\)"):
        KeyRing.open(home, wrong, database).rotate(database)
    with pytest.raises(KeyRefused, match="did not make"):
        KeyRing.create(home / "new", of(home / "new", aws, "alias/nobody"))
    assert KeyRing.open(home, wrong, database).wrapping_keys(database) == {before.id: before.key}


def test_an_unreachable_kms_is_refused(
    home: Path, settings: Settings, database: Database, ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wa_analytics.evidence.aws.ATTEMPTS", 1)
    with served() as address:
        pass
    gone = settings.keys.model_copy(update={"kms_endpoint_url": address})
    refused(home, Settings(home=home, keys=gone), database, "EndpointConnectionError")


def test_a_file_that_others_may_read_or_that_is_gone_is_refused(
    home: Path, settings: Settings, database: Database, ring: KeyRing
) -> None:
    (home / "keys" / "master.kms").chmod(0o640)
    refused(home, settings, database, r"master\.kms; run `chmod 600")
    (home / "keys" / "master.kms").unlink()
    refused(home, settings, database, r"master\.kms is missing; put it back")


def test_settings_without_a_key_id_are_refused(home: Path, aws: str) -> None:
    with pytest.raises(KeyRefused, match=r"set keys\.kms_key_id"):
        KeyRing.create(home, of(home, aws, ""))
    assert os.listdir(home / "keys") == []
