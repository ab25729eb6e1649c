"""The evidence commands as people and schedulers call them: exit codes, JSON, sentences."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.evidence import small_world as world
from tests.evidence.tampering import unguarded
from wa_analytics.cli import main
from wa_analytics.evidence.log import size
from wa_analytics.pipeline.doctor import is_on_one_volume
from wa_analytics.settings import read_settings
from wa_analytics.workspace import Workspace


@dataclass
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Wa = Callable[..., Said]


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    made = world.made(tmp_path / "world")
    yield made
    made.close()


@pytest.fixture
def wa(ws: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Wa:
    """`wa` in the workspace; no other, wherever it is called."""
    monkeypatch.setenv("WA_HOME", str(ws.home))

    def called(*arguments: str) -> Said:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        told = capsys.readouterr()
        return Said(int(ended.value.code or 0), told.out, told.err)

    return called


def test_checkpoint_and_verify(wa: Wa, ws: Workspace) -> None:
    held = size(ws.database)
    unsealed = wa("verify", "--json")
    assert unsealed.code == 1
    assert (unsealed.json["outcome"], unsealed.json["findings"]) == ("not_evaluated", [])
    sealed = wa("checkpoint", "--json")
    assert sealed.code == 0
    assert sealed.json["tree_size"] == held
    assert sealed.json["places"] == ["database", "checkpoints"]
    assert sealed.json["note"].startswith(f"{sealed.json['origin']}\n{held}\n")
    proven = wa("verify", "--derived", "--json")
    assert proven.code == 0
    assert (
        proven.json.items()
        >= {
            "outcome": "pass",
            "entry_count": held,
            "sealed_count": held,
            "unsealed_count": 0,
            "checkpoint_count": 1,
            "disposed_count": 0,
            "unfinished_disposal_count": 0,
            "empty_places": [],
            "derived": {"outcome": "pass", "reason": None},
            "findings": [],
        }.items()
    )
    assert f"Proven: {held} entries read" in wa("verify").out
    with unguarded(ws.database) as writer:
        writer.execute("UPDATE entry SET ciphertext = ciphertext_digest WHERE sequence IN (3, 4)")
    broken = wa("verify", "--json")
    assert broken.code == 1
    (found,) = broken.json["findings"]
    assert (found["rule"], found["code"]) == ("evidence.broken", "ciphertext_changed")
    assert (found["first_sequence"], found["last_sequence"]) == (3, 4)
    told = wa("verify")
    assert told.code == 1
    assert "entries 3–4 (database): the stored bytes do not match their SHA-256" in told.out
    assert any(row["rule"] == "evidence.broken" for row in wa("findings", "--json").json)


def test_a_key_known_from_elsewhere_decides(wa: Wa) -> None:
    wa("checkpoint")
    own = wa("verify", "--key", "nonsense")
    assert own.code == 2
    assert "--key is no public key" in own.err
    (path,) = (Path(os.environ["WA_HOME"]) / "checkpoints").glob("*.verifier-key")
    key = path.read_text().strip()
    assert wa("verify", "--key", key).code == 0
    foreign = "other+" + key.partition("+")[2]
    assert wa("verify", "--key", foreign).code == 2


def test_bundle_and_its_verification_without_a_workspace(
    wa: Wa, ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "b.zip"
    hello = world.ours(ws, world.HELLO)
    refused = wa("bundle", hello, "--out", str(out))
    assert refused.code == 2
    assert "needs a reason" in refused.err
    made = wa("bundle", hello, "--out", str(out), "--reason", "case 1", "--json")
    assert made.code == 0
    assert made.json["entry_count"] == 4
    again = wa("bundle", hello, "--out", str(out), "--reason", "case 1")
    assert again.code == 2
    assert "exists already" in again.err
    monkeypatch.setenv("WA_HOME", str(tmp_path / "nowhere"))
    proven = wa("verify", str(out), "--json")
    assert proven.code == 0
    assert (proven.json["outcome"], proven.json["entry_count"]) == ("pass", 4)
    assert "Compare that key" in wa("verify", str(out)).out
    assert wa("verify", str(out), "--key", proven.json["signer"], "--json").json["is_key_given"] is True
    changed = tmp_path / "changed.zip"
    changed.write_bytes(out.read_bytes().replace(b"index.html", b"other.html"))
    told = wa("verify", str(changed))
    assert told.code == 1
    assert "NOT PROVEN" in told.out
    assert wa("verify", str(tmp_path / "absent.zip")).code == 2
    assert wa("verify", str(out), "--derived").code == 2


def test_search(wa: Wa, ws: Workspace) -> None:
    assert wa("search", "umbrellas").code == 2
    found = wa("search", "umbrellas", "--reason", "case 1", "--json")
    assert found.code == 0
    assert [row["message_id"] for row in found.json] == [
        world.ours(ws, world.ORDER),
        world.ours(ws, world.OFFER),
    ]
    assert set(found.json[0]) == {"message_id", "sent_at", "source"}
    assert world.ORDER_TEXT not in found.out
    assert wa("search", "(", "--regex", "--reason", "case 1").code == 2
    assert wa("search", "nowhere", "--reason", "case 1", "--json").json == []


def test_keys(wa: Wa, ws: Workspace) -> None:
    (before,) = wa("keys", "list", "--json").json
    held = size(ws.database)
    assert (before["wrapping_key_id"], before["entry_count"], before["is_destroyed"]) == (1, held, False)
    master = (ws.home / "keys" / "master.key").read_text()
    assert wa("keys", "rotate").code == 2
    assert (ws.home / "keys" / "master.key").read_text() == master
    assert wa("keys", "rotate", "--reason", "yearly", "--json").json["wrapping_key_count"] >= 1
    assert (ws.home / "keys" / "master.key").read_text() != master
    assert wa("reveal", world.ours(ws, world.HELLO), "--reason", "r", "--json").code == 0


def test_a_master_key_from_the_environment_rotates_to_one_given_there(
    wa: Wa, ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WA_KEYS__MASTER_KEY", (ws.home / "keys" / "master.key").read_text().strip())
    (ws.home / "keys" / "master.key").unlink()
    refused = wa("keys", "rotate", "--reason", "yearly")
    assert refused.code == 2
    assert "WA_NEW_MASTER_KEY" in refused.err
    new = os.urandom(32).hex()
    monkeypatch.setenv("WA_NEW_MASTER_KEY", new)
    assert wa("keys", "rotate", "--reason", "yearly").code == 0
    assert "not the master key" in wa("keys", "rotate", "--reason", "again").err
    monkeypatch.setenv("WA_KEYS__MASTER_KEY", new)
    assert wa("reveal", world.ours(ws, world.HELLO), "--reason", "r").code == 0


def sizes(ws: Workspace) -> list[int]:
    return list(ws.database.frame("SELECT tree_size FROM checkpoint ORDER BY 1")["tree_size"])


def test_commands_that_take_something_in_seal_it(wa: Wa, ws: Workspace, tmp_path: Path) -> None:
    held = size(ws.database)
    assert sizes(ws) == []
    assert wa("refresh").code == 0
    assert sizes(ws) == [held]
    assert wa("refresh").code == 0
    assert sizes(ws) == [held]
    more = tmp_path / "more.csv"
    more.write_text(world.SEND_LOG.replace(world.OFFER, "wamid.later"))
    assert wa("capture", "send-log", str(more)).code == 0
    assert sizes(ws) == [held, held + 2]


def test_a_place_that_is_away_is_told_and_costs_nothing_captured(
    wa: Wa, ws: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    text = (ws.home / "settings.toml").read_text()
    (ws.home / "settings.toml").write_text(f'[evidence]\nplaces = ["{tmp_path}/file/away"]\n{text}')
    more = tmp_path / "more.csv"
    more.write_text(world.SEND_LOG.replace(world.OFFER, "wamid.later"))
    told = wa("capture", "send-log", str(more), "--json")
    assert told.code == 2
    assert told.json["stored"] == 2
    assert "evidence.places" in told.err
    assert sizes(ws) == [size(ws.database)]


def test_a_long_import_seals_as_it_goes(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    from wa_analytics.cli import way_in

    clock = iter([0.0, 30.0, 61.0, 62.0, 70.0])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    seen: list[int] = []
    advanced = way_in.sealing(ws, seen.append)
    advanced(100)
    assert sizes(ws) == []
    advanced(100)
    monkeypatch.undo()
    assert sizes(ws) == [size(ws.database)]
    assert seen == [100, 100]


def states(said: Said) -> dict[str, str]:
    words = ("last checkpoint", "last verification", "no further place", "keys and database")
    found = {}
    for line in said.json["lines"]:
        for word in words:
            if line["what"].startswith(word):
                found[word] = line["state"]
    return found


def test_doctor_tells_of_checkpoint_verification_and_shared_volume(wa: Wa, ws: Workspace) -> None:
    before = states(wa("doctor", "--json"))
    assert (before["last checkpoint"], before["last verification"]) == ("stale", "missing")
    assert before["keys and database"] == "warning"
    assert before["no further place"] == "missing"
    wa("checkpoint")
    wa("verify")
    after = states(wa("doctor", "--json"))
    assert (after["last checkpoint"], after["last verification"]) == ("ok", "ok")
    with unguarded(ws.database) as writer:
        writer.execute("UPDATE entry SET provider = 'twilio' WHERE sequence = 2")
    wa("verify")
    assert states(wa("doctor", "--json"))["last verification"] == "broken"


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="no second volume on this machine")
def test_keys_on_another_volume_are_not_warned_of(ws: Workspace) -> None:
    import tempfile

    with tempfile.TemporaryDirectory(dir="/dev/shm") as other:
        if os.stat(other).st_dev == os.stat(ws.home).st_dev:
            pytest.skip("/dev/shm is no volume of its own here")
        assert is_on_one_volume(ws.database, ws.settings)
        (ws.home / "keys").rename(ws.home / "gone")
        (ws.home / "keys").symlink_to(other)
        assert not is_on_one_volume(ws.database, read_settings(ws.home))
