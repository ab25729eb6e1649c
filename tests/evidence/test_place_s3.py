from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.evidence.aws_server import REGION, bucket, direct
from tests.evidence.conftest import NOW
from tests.evidence.tampering import unguarded
from wa_analytics.database import Database
from wa_analytics.errors import EvidenceBroken, PlaceUnavailable, SettingsInvalid
from wa_analytics.evidence.broken import Broken
from wa_analytics.evidence.checkpoint import seal
from wa_analytics.evidence.keys import KeyRing
from wa_analytics.evidence.place_s3 import S3Place
from wa_analytics.evidence.places import FolderPlace, Place, places_of
from wa_analytics.evidence.verify import verify
from wa_analytics.settings import Evidence, Settings, read_settings


@pytest.fixture
def database_url() -> None:
    """SQLite alone: a place never meets the database."""


@pytest.fixture
def store(aws: str) -> Any:
    return direct("s3", aws)


@pytest.fixture
def address(store: Any) -> str:
    return f"s3://{bucket(store)}/group/log"


@pytest.fixture
def settings(home: Path, address: str, aws: str) -> Settings:
    evidence = Evidence(places=(address,), s3_region=REGION, s3_endpoint_url=aws, s3_retention_days=400)
    return Settings(home=home, evidence=evidence)


@pytest.fixture
def places(home: Path, settings: Settings) -> tuple[Place, ...]:
    return places_of(home, settings)


def versions(store: Any, address: str) -> list[dict[str, Any]]:
    told = store.list_object_versions(Bucket=address.split("/")[2])
    return list(told.get("Versions", []))


def checkpoints(store: Any, address: str) -> list[dict[str, Any]]:
    return [one for one in versions(store, address) if one["Key"].endswith(".checkpoint")]


def test_every_checkpoint_is_kept_under_a_compliance_lock(
    store: Any,
    address: str,
    database: Database,
    ring: KeyRing,
    filled: Callable[[int], None],
    places: tuple[Place, ...],
) -> None:
    heads = []
    for amount in (9, 1, 90):
        filled(amount)
        heads.append(seal(database, ring, NOW))
    assert seal(database, ring, NOW) == heads[-1]
    assert [type(place) for place in places] == [FolderPlace, S3Place]
    own, kept = places
    assert list(kept.notes()) == [(head.size, head.note) for head in heads] == list(own.notes())
    assert kept.newest() == (100, heads[-1].note)
    assert kept.keys() == own.keys() != []
    found = versions(store, address)
    assert len(found) == 4
    assert {one["Key"] for one in checkpoints(store, address)} == {
        f"group/log/checkpoint/{10**20 - 1 - size:020}-{size}.checkpoint" for size in (9, 10, 100)
    }
    for one in found:
        told = store.head_object(Bucket=address.split("/")[2], Key=one["Key"], VersionId=one["VersionId"])
        assert told["ObjectLockMode"] == "COMPLIANCE"
        left = told["ObjectLockRetainUntilDate"] - datetime.now(UTC)
        assert timedelta(days=399) < left <= timedelta(days=400)
    verification = verify(database, places)
    assert (verification.outcome, verification.empty_places) == ("pass", ())


@pytest.mark.parametrize("is_bypassed", [False, True])
def test_a_version_cannot_be_deleted(
    is_bypassed: bool,
    store: Any,
    address: str,
    database: Database,
    ring: KeyRing,
    filled: Callable[[int], None],
) -> None:
    filled(3)
    seal(database, ring, NOW)
    (one,) = checkpoints(store, address)
    with pytest.raises(ClientError, match="AccessDenied"):
        store.delete_object(
            Bucket=address.split("/")[2],
            Key=one["Key"],
            VersionId=one["VersionId"],
            BypassGovernanceRetention=is_bypassed,
        )
    assert checkpoints(store, address) == [one]


def put_back(database: Database, home: Path) -> None:
    """Database and own folder as they were at 10 entries."""
    with unguarded(database) as writer:
        for table in ("entry", "entry_key"):
            writer.execute(f"DELETE FROM {table} WHERE sequence >= 10")
        writer.execute("DELETE FROM checkpoint WHERE tree_size > 10")
        writer.execute("DELETE FROM merkle_tile")
    (home / "checkpoints" / "00000000000000000020.checkpoint").unlink()


@pytest.mark.parametrize("is_hidden", [False, True])
def test_a_database_put_back_is_found_even_behind_a_delete_marker(
    is_hidden: bool,
    store: Any,
    address: str,
    home: Path,
    database: Database,
    ring: KeyRing,
    filled: Callable[[int], None],
    places: tuple[Place, ...],
) -> None:
    for _ in range(2):
        filled(10)
        seal(database, ring, NOW)
    put_back(database, home)
    if is_hidden:
        for one in versions(store, address):
            store.delete_object(Bucket=address.split("/")[2], Key=one["Key"])
    codes = {(f.code, f.first_sequence, f.last_sequence, f.where) for f in verify(database, places).findings}
    assert ("tail_missing", 10, 19, "place 1") in codes
    assert ("checkpoint_missing", None, None, "size 20 in place 1") in codes
    with pytest.raises(EvidenceBroken, match="older copy"):
        seal(database, ring, NOW)


def test_a_note_put_over_another_hides_nothing(
    store: Any,
    address: str,
    database: Database,
    ring: KeyRing,
    filled: Callable[[int], None],
    places: tuple[Place, ...],
) -> None:
    filled(3)
    head = seal(database, ring, NOW)
    (one,) = checkpoints(store, address)
    store.put_object(Bucket=address.split("/")[2], Key=one["Key"], Body=b"nothing was ever here")
    assert places[1].newest() == (3, head.note)
    assert sorted(places[1].notes()) == sorted([(3, head.note), (3, "nothing was ever here")])
    expected = Broken("checkpoint_forged", where="size 3 in place 1")
    assert verify(database, places).findings == (expected,)
    filled(1)
    assert seal(database, ring, NOW).size == 4


def test_both_of_two_notes_of_one_size_are_kept(places: tuple[Place, ...]) -> None:
    place = places[1]
    assert place.newest() is None
    assert place.newest_timestamp() is None
    assert place.keys() == []
    for note in ("one\n", "two\n", "one\n", "three\n"):
        place.put(7, note)
    assert place.newest() == (7, "one\n")
    place.put(12, "four\n")
    assert sorted(place.notes()) == [(7, "one\n"), (7, "three\n"), (7, "two\n"), (12, "four\n")]
    assert place.newest() == (12, "four\n")
    for size in (7, 12, 30):
        place.put_timestamp(size, b"%d" % size)
    assert place.newest_timestamp() == 30
    assert list(place.timestamps()) == [(7, b"7"), (12, b"12"), (30, b"30")]
    assert list(place.timestamps(7)) == [(12, b"12"), (30, b"30")]


def test_more_than_one_page_is_read(places: tuple[Place, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    place = places[1]
    for size in (5, 1, 40, 3, 22):
        place.put(size, f"{size}\n")
    whole = S3Place._versions
    monkeypatch.setattr(S3Place, "_versions", lambda self, prefix, page=2: whole(self, prefix, 2))
    monkeypatch.setattr("wa_analytics.evidence.place_s3.BATCH", 2)
    assert [size for size, _ in place.notes()] == [1, 3, 5, 22, 40]
    assert place.newest() == (40, "40\n")


def test_a_name_that_is_not_ours_has_no_size(store: Any, address: str, places: tuple[Place, ...]) -> None:
    for name in ("readme.checkpoint", f"{'1' * 20}-7.checkpoint"):
        store.put_object(Bucket=address.split("/")[2], Key=f"group/log/checkpoint/{name}", Body=b"words")
    assert list(places[1].notes()) == [(-1, "words"), (-1, "words")]


def test_a_store_that_is_away_keeps_nobody_else_waiting(
    home: Path, aws: str, database: Database, ring: KeyRing, filled: Callable[[int], None], tmp_path: Path
) -> None:
    away = "s3://no-such-bucket-of-ours/log"
    evidence = Evidence(places=(away, tmp_path / "last"), s3_region=REGION, s3_endpoint_url=aws)
    ring = KeyRing.open(home, Settings(home=home, evidence=evidence), database)
    filled(2)
    with pytest.raises(PlaceUnavailable, match=r"s3://no-such-bucket-of-ours/log.*NoSuchBucket"):
        seal(database, ring, NOW)
    places = places_of(home, ring.settings)
    assert places[2].newest() is not None
    assert verify(database, places).findings == (Broken("place_unreadable", where="place 1"),)


def test_a_bucket_without_object_lock_is_refused(aws: str, store: Any) -> None:
    evidence = Evidence(s3_region=REGION, s3_endpoint_url=aws)
    place = S3Place(f"s3://{bucket(store, is_locked=False)}", evidence, "place 1")
    with pytest.raises(PlaceUnavailable, match="object lock"):
        place.put(1, "note\n")


def test_a_store_that_nobody_serves_is_refused_in_one_sentence(
    aws: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wa_analytics.evidence.aws.ATTEMPTS", 1)
    evidence = Evidence(s3_region=REGION, s3_endpoint_url="http://127.0.0.1:9")
    with pytest.raises(PlaceUnavailable, match="EndpointConnectionError") as refusal:
        S3Place("s3://any/log", evidence, "place 1").newest()
    assert str(refusal.value).count("\n") == 0
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    evidence = Evidence(s3_region="eu-west-2", s3_endpoint_url="http://127.0.0.1:9")
    with pytest.raises(PlaceUnavailable, match="NoCredentialsError"):
        S3Place("s3://any/log", evidence, "place 1").newest()


@pytest.mark.parametrize("place", ["s3://", "s3:///log", "gs://bucket/log", "file:///tmp/x"])
def test_places_are_folders_or_buckets(place: str, tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text(f'[evidence]\nplaces = ["{place}"]\n')
    with pytest.raises(SettingsInvalid, match=r"evidence\.places.*s3://bucket/prefix"):
        read_settings(tmp_path)


def test_the_settings_file_names_both_kinds(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text(
        '[evidence]\nplaces = ["/mnt/other", "s3://bucket/log"]\ns3_region = "eu-west-1"\n'
    )
    own, folder, store = places_of(tmp_path, read_settings(tmp_path))
    assert isinstance(folder, FolderPlace)
    assert folder.folder == Path("/mnt/other")
    assert isinstance(store, S3Place)
    assert (own.name, folder.name, store.name) == ("checkpoints", "place 1", "place 2")
