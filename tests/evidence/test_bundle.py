"""Bundles: whole ones are proven by both verifiers, with or without the network's people knowing us;
anything else is not."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import zipfile
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.evidence.bundling import Files, alone, codes, read, resealed, write
from tests.evidence.conftest import NOW, capture
from wa_analytics.database import Database
from wa_analytics.errors import EvidenceBroken, InputRefused
from wa_analytics.evidence.bundle import exhibits, written
from wa_analytics.evidence.bundle_check import bundle_proof
from wa_analytics.evidence.checkpoint import seal, verifier_key
from wa_analytics.evidence.disposal import destroyed_within
from wa_analytics.evidence.keys import KeyRing
from wa_analytics.evidence.log import append, journal, size
from wa_analytics.evidence.note import VerifierKey, signed
from wa_analytics.evidence.rotation import rotate
from wa_analytics.evidence.sealing import Sealer
from wa_analytics.evidence.standalone import verify_bundle
from wa_analytics.settings import Settings

MESSAGES = [{"message_id": "a" * 32, "entries": [3, 40]}, {"message_id": "b" * 32, "entries": [7, 60]}]


@dataclass(frozen=True)
class Made:
    """A bundle, who signed it, and with what."""

    path: Path
    seed: bytes
    key: VerifierKey


@pytest.fixture
def log(database: Database, ring: KeyRing, filled: Callable[[int], None]) -> Database:
    """Sixty captures sealed at 30 and 62; entry 7 was disposed of by entry 60, 61 is a journal line."""
    lived(database, ring, filled)
    return database


def lived(database: Database, ring: KeyRing, filled: Callable[[int], None]) -> None:
    filled(30)
    seal(database, ring, NOW)
    filled(30)
    dispose(database, 7)
    journal(
        database, ring, actor="keeper", action="bundle", reason="case 1", outcome="granted", at=NOW, detail={}
    )
    seal(database, ring, NOW)


def dispose(database: Database, sequence: int) -> int:
    with database.writing() as writer:
        return destroyed_within(writer, [sequence], {"rule": "SEC-01", "decision": "schedule"}, NOW)


def made(path: Path, log: Database, ring: KeyRing, sequences: tuple[int, ...] = (3, 40, 7, 61)) -> Path:
    shown = exhibits(log, ring, sequences)
    written(path, log, ring, seal(log, ring, NOW), shown, MESSAGES, {}, {"index.html": "<p>"}, NOW)
    return path


@pytest.fixture
def fresh(log: Database, ring: KeyRing, tmp_path: Path) -> Path:
    """A bundle of a log on either database."""
    return made(tmp_path / "bundle.zip", log, ring)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A bundle to be tampered with; the database does not matter to it."""
    folder = tmp_path_factory.mktemp("bundle")
    database = Database(f"sqlite:///{folder / 'wa.db'}")
    database.migrate()
    settings = Settings(home=folder)
    KeyRing.create(folder, settings)
    ring = KeyRing.open(folder, settings, database)
    handle = ring.wrapping_key(database, NOW, 60)
    sealer = Sealer(handle.id, handle.key, ring.digest_key)
    lived(
        database,
        ring,
        lambda amount: append(database, sealer.sealed(capture(size(database) + n) for n in range(amount))),
    )
    path = made(folder / "bundle.zip", database, ring)
    database.close()
    return Made(path, ring.signing_key(), verifier_key(folder, settings, ring.signing_key()))


@pytest.fixture
def bundle(original: Made, tmp_path: Path) -> Path:
    return Path(shutil.copy(original.path, tmp_path / "bundle.zip"))


def test_a_bundle_is_proven_by_both_verifiers(fresh: Path, ring: KeyRing, home: Path) -> None:
    proof = bundle_proof(fresh)
    assert proof.is_proven
    assert (proof.message_count, proof.entry_count, proof.opened_count, proof.disposed_count) == (2, 5, 4, 1)
    assert proof.tree_size == 62
    assert codes(fresh) == []
    own = verifier_key(home, ring.settings, ring.signing_key())
    assert proof.signer == own.text
    assert codes(fresh, own) == []


def test_it_holds_the_exact_bytes_and_no_other_entry(bundle: Path) -> None:
    files = read(bundle)
    assert files["entries/000000000003/original.bin"] == capture(3).body
    assert files["entries/000000000040/original.bin"] == capture(40).body
    folders = {name.split("/")[1] for name in files if name.startswith("entries/")}
    assert folders == {f"{n:012d}" for n in (3, 40, 60, 61)}
    assert json.loads(files["entries/000000000061/original.bin"])["reason"] == "case 1"
    assert stat.S_IMODE(bundle.stat().st_mode) == 0o600


def test_the_verifier_inside_runs_without_us(bundle: Path, tmp_path: Path) -> None:
    ran = alone(bundle, tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("PROVEN  2 messages, 5 entries")
    assert ran.stderr == ""


def test_it_verifies_the_unpacked_folder_too(bundle: Path, tmp_path: Path) -> None:
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(folder)
    (folder / ".DS_Store").write_bytes(b"of no interest")
    assert verify_bundle.main([str(folder)]) == 0
    (folder / "entries/000000000003/original.bin").write_bytes(b"other")
    assert verify_bundle.main([str(folder)]) == 1
    (folder / "entries/000000000003/original.bin").unlink()
    assert verify_bundle.main([str(folder)]) == 1


def test_a_bundle_outlives_what_happens_to_the_log(
    fresh: Path, log: Database, ring: KeyRing, filled: Callable[[int], None]
) -> None:
    dispose(log, 40)
    rotate(log, ring, actor="keeper", reason="yearly", at=NOW)
    filled(5)
    seal(log, ring, NOW)
    assert codes(fresh) == []
    later = made(fresh.with_name("later.zip"), log, ring)
    assert codes(later) == []
    assert bundle_proof(later).disposed_count == 2


def test_a_file_that_exists_is_kept(fresh: Path, log: Database, ring: KeyRing) -> None:
    before = fresh.read_bytes()
    with pytest.raises(InputRefused, match="exists already"):
        made(fresh, log, ring)
    assert fresh.read_bytes() == before
    assert [path.name for path in fresh.parent.glob("*bundle*")] == ["bundle.zip"]
    with pytest.raises(InputRefused, match="cannot be written"):
        made(fresh.parent / "missing" / "bundle.zip", log, ring)


def test_a_key_lost_without_a_word_makes_no_bundle(log: Database, ring: KeyRing, tmp_path: Path) -> None:
    with log.writing() as writer:
        writer.execute("DELETE FROM entry_key WHERE sequence = 3")
    with pytest.raises(EvidenceBroken, match="Entry 3 lost its key"):
        made(tmp_path / "bundle.zip", log, ring)


# --- Someone without the signing key ---------------------------------------------------------------


def test_every_file_is_held_to_what_was_signed(bundle: Path, tmp_path: Path) -> None:
    files = read(bundle)
    for name, content in files.items():
        changed = write(tmp_path / "changed.zip", files | {name: content + b"x"})
        assert codes(changed), name
        gone = write(tmp_path / "gone.zip", {one: files[one] for one in files if one != name})
        assert codes(gone), name
    added = write(tmp_path / "added.zip", files | {"entries/000000000003/more.txt": b"more"})
    assert codes(added) == ["bundle_file_changed"]


def test_every_character_of_the_manifest_and_the_signatures_counts(bundle: Path, tmp_path: Path) -> None:
    files = read(bundle)
    for name in ("bundle.json", "bundle.note", "checkpoints/62.txt", "keys/verifier-keys.txt"):
        content = files[name]
        for at in range(0, len(content), max(1, len(content) // 40)):
            changed = bytearray(content)
            changed[at] ^= 1
            assert codes(write(tmp_path / "changed.zip", files | {name: bytes(changed)})), (name, at)


def test_bytes_of_the_zip_cannot_change_what_is_read(bundle: Path, tmp_path: Path) -> None:
    whole, kept = bundle.read_bytes(), read(bundle)
    for at in range(0, len(whole), max(1, len(whole) // 150)):
        changed = tmp_path / "changed.zip"
        changed.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        if not codes(changed):
            assert read(changed) == kept, at
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.zip").write_bytes(whole[:length])
        assert codes(tmp_path / "cut.zip")


def test_a_forger_with_a_key_of_their_own_is_told_by_the_key(bundle: Path, original: Made) -> None:
    own = original.key
    seed = os.urandom(32)
    forged = VerifierKey.of_seed(own.name, seed)

    def take_over(manifest: dict[str, Any], files: Files) -> None:
        files["keys/verifier-keys.txt"] = f"{forged.text}\n".encode()

    files = resealed(read(bundle), seed, take_over)
    # The checkpoints still bear the log's signature, which that key did not make.
    assert codes(write(bundle.with_name("forged.zip"), files)) == ["checkpoint_forged"]
    assert codes(write(bundle.with_name("forged.zip"), files), own) == ["bundle_unsigned"]


# --- Someone with the signing key, who cannot change the past ---------------------------------------


def at(manifest: dict[str, Any], sequence: int) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in manifest["entries"] if one["sequence"] == sequence)
    return found


def other_time(manifest: dict[str, Any], files: Files) -> None:
    at(manifest, 3)["received_at_microseconds"] += 1


def other_signature_code(manifest: dict[str, Any], files: Files) -> None:
    at(manifest, 3)["signature_code"] = "absent"


def other_place(manifest: dict[str, Any], files: Files) -> None:
    manifest["entries"] = [at(manifest, n) for n in (7, 40, 60, 61)] + [at(manifest, 3) | {"sequence": 4}]
    manifest["messages"][0]["entries"] = [4, 40]
    for name in [name for name in files if name.startswith("entries/000000000003")]:
        files[name.replace("003/", "004/")] = files.pop(name)


def other_words(manifest: dict[str, Any], files: Files) -> None:
    files["entries/000000000003/original.bin"] = b"other words"


def other_headers(manifest: dict[str, Any], files: Files) -> None:
    files["entries/000000000003/headers.json"] = b"{}"


def other_ciphertext(manifest: dict[str, Any], files: Files) -> None:
    files["entries/000000000003/ciphertext.bin"] = files["entries/000000000040/ciphertext.bin"]


def exchanged_entries(manifest: dict[str, Any], files: Files) -> None:
    for name in ("ciphertext.bin", "original.bin"):
        one, other = f"entries/000000000003/{name}", f"entries/000000000040/{name}"
        files[one], files[other] = files[other], files[one]
    for column in ("ciphertext_digest", "key", "capture_id"):
        one, other = at(manifest, 3), at(manifest, 40)
        one[column], other[column] = other[column], one[column]


def other_key(manifest: dict[str, Any], files: Files) -> None:
    at(manifest, 3)["key"] = "00" * 32


def short_proof(manifest: dict[str, Any], files: Files) -> None:
    at(manifest, 3)["inclusion"].pop()


def long_proof(manifest: dict[str, Any], files: Files) -> None:
    at(manifest, 3)["inclusion"].append("00" * 32)


def inconsistent(manifest: dict[str, Any], files: Files) -> None:
    manifest["checkpoints"][0]["consistency"][0] = "00" * 32


def no_checkpoint(manifest: dict[str, Any], files: Files) -> None:
    manifest["checkpoints"].pop()


def larger_tree(manifest: dict[str, Any], files: Files) -> None:
    manifest["tree_size"] = 63


def hidden_by_a_disposal(manifest: dict[str, Any], files: Files) -> None:
    entry = at(manifest, 3)
    entry |= {"state": "disposed", "disposed_by": 60}
    for name in [name for name in files if name.startswith("entries/000000000003")]:
        del files[name]


def disposal_unnamed(manifest: dict[str, Any], files: Files) -> None:
    del at(manifest, 7)["disposed_by"]


def disposal_left_out(manifest: dict[str, Any], files: Files) -> None:
    manifest["entries"].remove(at(manifest, 60))
    manifest["messages"][1]["entries"] = [7]


def disposal_reworded(manifest: dict[str, Any], files: Files) -> None:
    said = json.loads(files["entries/000000000060/original.bin"])
    files["entries/000000000060/original.bin"] = json.dumps(said | {"sequences": [3, 7]}).encode()
    hidden_by_a_disposal(manifest, files)


def capture_in_clear(manifest: dict[str, Any], files: Files) -> None:
    at(manifest, 3)["state"] = "clear"


def message_without_entry(manifest: dict[str, Any], files: Files) -> None:
    manifest["messages"][0]["entries"] = []


def no_message(manifest: dict[str, Any], files: Files) -> None:
    manifest["messages"] = []


def other_format(manifest: dict[str, Any], files: Files) -> None:
    manifest["format"] = "wa-bundle/2"


def nonsense(manifest: dict[str, Any], files: Files) -> None:
    manifest["entries"] = [{"sequence": "3"}]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (other_time, "proof_invalid"),
        (other_signature_code, "proof_invalid"),
        (other_place, "proof_invalid"),
        (other_words, "original_differs"),
        (other_headers, "original_differs"),
        (other_ciphertext, "ciphertext_changed"),
        (exchanged_entries, "proof_invalid"),
        (other_key, "original_differs"),
        (short_proof, "proof_invalid"),
        (long_proof, "proof_invalid"),
        (inconsistent, "root_differs"),
        (no_checkpoint, "checkpoint_missing"),
        (larger_tree, "checkpoint_missing"),
        (hidden_by_a_disposal, "disposal_unproven"),
        (disposal_unnamed, "disposal_unproven"),
        (disposal_left_out, "disposal_unproven"),
        (disposal_reworded, "original_differs"),
        (capture_in_clear, "original_differs"),
        (message_without_entry, "bundle_malformed"),
        (no_message, "bundle_malformed"),
        (other_format, "bundle_malformed"),
        (nonsense, "bundle_malformed"),
    ],
)
def test_the_keeper_cannot_change_the_past(
    bundle: Path, original: Made, change: Callable[[dict[str, Any], Files], None], code: str
) -> None:
    files = resealed(read(bundle), original.seed, change)
    assert code in codes(write(bundle.with_name("resealed.zip"), files))


def test_resealing_alone_changes_nothing(bundle: Path, original: Made) -> None:
    files = resealed(read(bundle), original.seed, lambda manifest, files: None)
    assert codes(write(bundle.with_name("resealed.zip"), files)) == []


# --- Zips that mean harm ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["../outside.txt", "/etc/passwd", "a/../../b", "C:\\x", "a//b", ".hidden", "a/b/c/d/e", "ä.txt", "x\n"],
)
def test_names_that_lead_elsewhere_are_refused(bundle: Path, name: str) -> None:
    assert codes(write(bundle.with_name("harm.zip"), {name: b"x"} | read(bundle))) == ["bundle_malformed"]


def test_links_and_doubles_are_refused(bundle: Path, tmp_path: Path) -> None:
    files = read(bundle)
    link = tmp_path / "link.zip"
    with zipfile.ZipFile(write(link, files), "a") as archive:
        member = zipfile.ZipInfo("link.txt")
        member.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(member, "/etc/passwd")
    assert codes(link) == ["bundle_malformed"]
    double = tmp_path / "double.zip"
    with (
        zipfile.ZipFile(write(double, files), "a") as archive,
        pytest.warns(UserWarning, match="Duplicate"),
    ):
        archive.writestr("index.html", b"another page")
    assert codes(double) == ["bundle_malformed"]


def test_what_is_no_bundle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.zip").write_text("no zip")
    other = write(tmp_path / "other.zip", {"a.txt": b""})
    for path in (tmp_path / "absent.zip", tmp_path / "text.zip", other):
        assert codes(path) == ["refused"]


def test_a_name_twice_in_the_manifest_is_refused(bundle: Path, original: Made) -> None:
    files = read(bundle)
    text = files["bundle.json"].decode().replace('"tree_size": 62', '"tree_size": 62, "tree_size": 62', 1)
    files["bundle.json"] = text.encode()
    digest = hashlib.sha256(text.encode()).hexdigest()
    files["bundle.note"] = signed(f"wa-bundle/1\n{digest}\n", original.key.name, original.seed).encode()
    assert codes(write(bundle.with_name("twice.zip"), files)) == ["bundle_malformed"]


def test_a_key_that_is_none_is_refused(bundle: Path) -> None:
    assert verify_bundle.main([str(bundle), "--key", "nonsense"]) == 2
    wrong = f"name+00000000+{b64encode(b'1' * 33).decode()}"
    assert verify_bundle.main([str(bundle), "--key", wrong]) == 2
