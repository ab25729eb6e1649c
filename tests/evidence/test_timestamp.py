from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.x509 import load_pem_x509_certificates
from pydantic import SecretStr

from tests.evidence.authority import Authority, made, openssl, serving
from tests.evidence.conftest import NOW
from tests.evidence.tampering import unguarded
from wa_analytics.database import Database
from wa_analytics.errors import PlaceUnavailable, SettingsInvalid
from wa_analytics.evidence.broken import Broken
from wa_analytics.evidence.checkpoint import seal
from wa_analytics.evidence.keys import KeyRing
from wa_analytics.evidence.places import places_of
from wa_analytics.evidence.timestamp import (
    TimestampRefused,
    check,
    decoded,
    requested,
    trusted_roots,
    undated,
)
from wa_analytics.evidence.verification import Verification
from wa_analytics.evidence.verify import verify
from wa_analytics.pipeline.doctor import diagnosed
from wa_analytics.settings import Evidence, Settings, read_settings
from wa_analytics.workspace import Workspace

pytestmark = pytest.mark.skipif(
    openssl() is None, reason="no openssl on this machine to run a timestamping authority with"
)


@pytest.fixture
def database_url() -> None:
    """SQLite alone: timestamps never meet the database."""


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[Authority]:
    with serving(made(tmp_path / "authority")) as opened:
        yield opened


@pytest.fixture
def away(tmp_path: Path) -> Path:
    return tmp_path / "away"


@pytest.fixture
def settings(home: Path, authority: Authority, away: Path) -> Settings:
    evidence = Evidence(
        places=(away,), timestamp_url=SecretStr(authority.url), timestamp_roots=authority.roots
    )
    return Settings(home=home, evidence=evidence)


@pytest.fixture
def verified(database: Database, home: Path, settings: Settings) -> Callable[[], Verification]:
    def verified() -> Verification:
        return verify(database, places_of(home, settings), roots=trusted_roots(home, settings))

    return verified


def test_every_checkpoint_is_dated_in_every_place(
    authority: Authority,
    home: Path,
    away: Path,
    database: Database,
    ring: KeyRing,
    filled: Callable[[int], None],
    verified: Callable[[], Verification],
) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    heads = []
    for _ in range(2):
        filled(3)
        heads.append(seal(database, ring, NOW))
    assert [head.timestamp_refusal for head in heads] == ["", ""]
    assert seal(database, ring, NOW) == heads[-1]
    assert len(authority.asked) == 2
    for folder in (home / "checkpoints", away):
        stamps = sorted(folder.glob("*.tsr"))
        assert [path.name for path in stamps] == [f"{size:020}.tsr" for size in (3, 6)]
    told = verified()
    assert (told.outcome, told.findings) == ("pass", ())
    proof = told.timestamps
    assert (proof.valid_count, proof.tree_size, proof.undated_count, proof.unjudged_count) == (2, 6, 0, 0)
    assert proof.dated_at is not None
    assert before <= proof.dated_at <= datetime.now(UTC) + timedelta(seconds=1)


def test_openssl_itself_believes_the_files(
    authority: Authority, home: Path, database: Database, ring: KeyRing, filled: Callable[[int], None]
) -> None:
    filled(3)
    seal(database, ring, NOW)
    stem = home / "checkpoints" / f"{3:020}"
    command = [str(openssl()), "ts", "-verify", "-CAfile", str(authority.roots)]
    command += ["-data", f"{stem}.checkpoint", "-in", f"{stem}.tsr"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Verification: OK" in ended.stdout + ended.stderr
    Path(f"{stem}.checkpoint").write_text("another\n")
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("down", "it answered 503"),
        ("noise", "not RFC 3161 in strict DER"),
        ("refuse", "the authority answered rejection"),
        ("repeat", "answers another request"),
        ("flood", "too large or too slow"),
    ],
)
def test_an_authority_that_fails_never_stops_the_sealing(
    answer: str,
    words: str,
    authority: Authority,
    home: Path,
    away: Path,
    database: Database,
    ring: KeyRing,
    filled: Callable[[int], None],
    verified: Callable[[], Verification],
) -> None:
    filled(1)
    seal(database, ring, NOW)
    authority.answer = answer
    filled(1)
    head = seal(database, ring, NOW)
    assert head.size == 2
    assert head.timestamp_refusal.startswith("No timestamp from evidence.timestamp_url (")
    assert words in head.timestamp_refusal
    assert authority.url not in head.timestamp_refusal
    for folder in (home / "checkpoints", away):
        assert len(list(folder.glob("*.checkpoint"))) == 2
        assert len(list(folder.glob("*.tsr"))) == 1
    told = verified()
    assert told.outcome == "pass"
    assert (told.timestamps.tree_size, told.timestamps.undated_count) == (1, 1)
    own = places_of(home, ring.settings)[0]
    assert undated(database, own) == (1, 1)
    authority.answer = "stamp"
    assert seal(database, ring, NOW).timestamp_refusal == ""
    assert (verified().timestamps.tree_size, verified().timestamps.undated_count) == (2, 0)
    assert undated(database, own) == (2, 0)


def test_an_authority_that_nobody_serves_never_stops_the_sealing(
    tmp_path: Path, home: Path, settings: Settings, database: Database, filled: Callable[[int], None]
) -> None:
    with serving(made(tmp_path / "gone")) as gone:
        pass
    KeyRing.create(home, settings)
    evidence = settings.evidence.model_copy(update={"timestamp_url": SecretStr(gone.url)})
    ring = KeyRing.open(home, Settings(home=home, evidence=evidence), database)
    filled(1)
    assert "ConnectError" in seal(database, ring, NOW).timestamp_refusal


def test_an_authority_that_nobody_trusts_is_refused(
    tmp_path: Path, home: Path, settings: Settings, database: Database, filled: Callable[[int], None]
) -> None:
    stranger = made(tmp_path / "stranger")
    KeyRing.create(home, settings)
    evidence = settings.evidence.model_copy(update={"timestamp_roots": stranger.roots})
    ring = KeyRing.open(home, Settings(home=home, evidence=evidence), database)
    filled(1)
    assert "no trusted certificate" in seal(database, ring, NOW).timestamp_refusal
    assert not list((home / "checkpoints").glob("*.tsr"))


def test_a_place_that_was_away_gets_the_timestamps_later(
    away: Path,
    database: Database,
    ring: KeyRing,
    filled: Callable[[int], None],
    verified: Callable[[], Verification],
) -> None:
    away.write_text("a file where the folder should be")
    for _ in range(2):
        filled(1)
        with pytest.raises(PlaceUnavailable):
            seal(database, ring, NOW)
    away.unlink()
    filled(1)
    seal(database, ring, NOW)
    assert len(list(away.glob("*.tsr"))) == 3
    assert verified().outcome == "pass"


def test_altered_exchanged_and_orphaned_timestamps_are_found(
    home: Path,
    away: Path,
    database: Database,
    ring: KeyRing,
    filled: Callable[[int], None],
    verified: Callable[[], Verification],
) -> None:
    for _ in range(3):
        filled(1)
        seal(database, ring, NOW)
    first, second, third = sorted((home / "checkpoints").glob("*.tsr"))
    kept = first.read_bytes()
    first.write_bytes(second.read_bytes())
    altered = bytearray(second.read_bytes())
    altered[-1] ^= 1
    second.write_bytes(altered)
    third.rename(third.with_name(f"{9:020}.tsr"))
    told = verified()
    assert set(told.findings) == {
        Broken("timestamp_invalid", where="size 1 in checkpoints"),
        Broken("timestamp_invalid", where="size 2 in checkpoints"),
        Broken("timestamp_orphaned", where="size 9 in checkpoints"),
    }
    assert (told.timestamps.valid_count, told.timestamps.tree_size) == (3, 3)
    first.write_bytes(kept)
    for path in (second, third.with_name(f"{9:020}.tsr")):
        path.unlink()
    assert verified().findings == ()


def test_a_log_put_back_is_betrayed_by_its_timestamp(
    home: Path,
    away: Path,
    database: Database,
    ring: KeyRing,
    filled: Callable[[int], None],
    verified: Callable[[], Verification],
) -> None:
    """Database, own folder and the other place all put back, one file forgotten."""
    for _ in range(2):
        filled(5)
        seal(database, ring, NOW)
    with unguarded(database) as writer:
        for table in ("entry", "entry_key"):
            writer.execute(f"DELETE FROM {table} WHERE sequence >= 5")
        writer.execute("DELETE FROM checkpoint WHERE tree_size > 5")
        writer.execute("DELETE FROM merkle_tile")
    for path in (home / "checkpoints" / f"{10:020}.checkpoint", away / f"{10:020}.checkpoint"):
        path.unlink()
    (home / "checkpoints" / f"{10:020}.tsr").unlink()
    assert verified().findings == (Broken("timestamp_orphaned", where="size 10 in place 1"),)


@pytest.mark.parametrize("byte", range(0, 400, 37))
def test_no_flipped_byte_of_the_signed_part_goes_unseen(byte: int, authority: Authority) -> None:
    content = b"a checkpoint of a fictional log\n"
    roots = load_pem_x509_certificates(authority.roots.read_bytes())
    response = requested(authority.url, content, roots)
    check(decoded(response), sha256(content).digest(), roots)
    token = decoded(response).tst_info.message_imprint.message
    start = response.index(token) - 60
    changed = bytearray(response)
    changed[start + byte % 92] ^= 0x41
    with pytest.raises(TimestampRefused):
        check(decoded(bytes(changed)), sha256(content).digest(), roots)


def test_without_a_root_the_time_is_not_judged_but_the_bytes_are(
    home: Path, settings: Settings, database: Database, ring: KeyRing, filled: Callable[[int], None]
) -> None:
    for _ in range(2):
        filled(1)
        seal(database, ring, NOW)
    places = places_of(home, settings)
    told = verify(database, places)
    assert told.outcome == "pass"
    assert (told.timestamps.unjudged_count, told.timestamps.valid_count) == (2, 0)
    assert told.timestamps.dated_at is None
    assert "timestamp_roots" in told.timestamps.reason
    first, second = sorted((home / "checkpoints").glob("*.tsr"))
    first.write_bytes(second.read_bytes())
    assert verify(database, places).findings == (Broken("timestamp_invalid", where="size 1 in checkpoints"),)


def test_without_the_client_the_timestamps_are_not_judged(
    home: Path,
    settings: Settings,
    database: Database,
    ring: KeyRing,
    filled: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    filled(1)
    head = seal(database, ring, NOW)
    monkeypatch.setitem(__import__("sys").modules, "rfc3161_client", None)
    told = verify(database, places_of(home, settings), roots=trusted_roots(home, settings))
    assert (told.outcome, told.timestamps.unjudged_count) == ("pass", 1)
    assert told.timestamps.reason == "rfc3161-client is not installed"
    filled(1)
    later = seal(database, ring, NOW)
    assert "install wa-analytics[timestamp]" in later.timestamp_refusal
    assert replace(later, timestamp_refusal="").size == head.size + 1


def test_without_an_authority_nothing_is_asked_and_nothing_counted(
    home: Path, authority: Authority, database: Database, filled: Callable[[int], None]
) -> None:
    plain = Settings(home=home)
    KeyRing.create(home, plain)
    ring = KeyRing.open(home, plain, database)
    filled(1)
    assert seal(database, ring, NOW).timestamp_refusal == ""
    assert authority.asked == []
    assert verify(database, places_of(home, plain)).timestamps.undated_count == 0


def test_the_workspace_tells_whether_its_checkpoints_are_dated(home: Path, authority: Authority) -> None:
    home.mkdir()
    (home / "settings.toml").write_text(
        f'[evidence]\ntimestamp_url = "{authority.url}"\ntimestamp_roots = "{authority.roots}"\n'
    )
    workspace = Workspace.init(home)

    def line() -> dict[str, str]:
        lines = diagnosed(workspace.database, workspace.settings, NOW)["lines"]
        return next(one for one in lines if "timestamp" in one["what"])

    assert line() == {
        "state": "ok",
        "what": "no checkpoint bears a timestamp, 0 checkpoints since without one",
    }
    authority.answer = "down"
    assert "503" in workspace.checkpoint(at=NOW).timestamp_refusal
    assert line()["state"] == "stale"
    assert "1 checkpoint since without one; does evidence.timestamp_url answer?" in line()["what"]
    authority.answer = "stamp"
    assert workspace.checkpoint(at=NOW).timestamp_refusal == ""
    assert line() == {
        "state": "ok",
        "what": "last timestamp: over 0 entries, 0 checkpoints since without one",
    }
    told = workspace.verify(at=NOW).document()["timestamps"]
    assert (told["valid_count"], told["tree_size"], told["undated_count"]) == (1, 0, 0)
    assert told["dated_at"].tzinfo is not None
    workspace.close()


def test_roots_are_read_from_the_workspace(tmp_path: Path, authority: Authority) -> None:
    (tmp_path / "settings.toml").write_text(
        f'[evidence]\ntimestamp_url = "{authority.url}"\ntimestamp_roots = "roots.pem"\n'
    )
    settings = read_settings(tmp_path)
    with pytest.raises(SettingsInvalid, match=r"timestamp_roots.*No such file"):
        trusted_roots(tmp_path, settings)
    (tmp_path / "roots.pem").write_text("no certificate")
    with pytest.raises(SettingsInvalid, match="no certificate in PEM form"):
        trusted_roots(tmp_path, settings)
    (tmp_path / "roots.pem").write_bytes(authority.roots.read_bytes() + authority.roots.read_bytes())
    assert len(trusted_roots(tmp_path, settings)) == 2
    (tmp_path / "settings.toml").write_text('[evidence]\ntimestamp_url = "authority.example"\n')
    with pytest.raises(SettingsInvalid, match=r"evidence\.timestamp_url.*http"):
        read_settings(tmp_path)
