"""`wa pull meta-cloud media`: fetched once, checked, told when lost, gone with its message."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Told, called
from tests.cli.test_pull import SETTINGS, rows, stored
from tests.graph_simulator import TOKEN, Account, Media, Reply, Simulator, failed, simulated
from wa_analytics import tables as t
from wa_analytics.workspace import Workspace

DAY = 86_400
ANA = "447700900123"
CEILING = "record_class,authority,ceiling,trigger\ncorrespondence,TST-01,P12D,sent_at\n"


def webhook(*messages: dict[str, Any]) -> str:
    metadata = {"display_phone_number": "447700900100", "phone_number_id": "100021"}
    value = {"messaging_product": "whatsapp", "metadata": metadata, "messages": list(messages)}
    change = {"field": "messages", "value": value}
    return json.dumps(
        {"object": "whatsapp_business_account", "entry": [{"id": "200020", "changes": [change]}]}
    )


class Workplace:
    """A workspace, its simulator, and messages with pictures in it."""

    def __init__(self, folder: Path, simulator: Simulator, database_url: str | None) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.graph = simulator
        words = ("--database-url", database_url) if database_url else ()
        assert self.wa("init", *words).code == 0
        settings = self.home / "settings.toml"
        head = f'database_url = "{database_url}"\n' if database_url else ""
        settings.write_text(head + SETTINGS)

    def wa(self, *words: str) -> Told:
        return called("--home", str(self.home), *words)

    def pull(self, code: int = 0) -> dict[str, Any]:
        done = self.wa("pull", "meta-cloud", "media", "--json")
        assert done.code == code, done.err
        document: dict[str, Any] = done.document
        return document

    def picture(
        self, media_id: str, content: bytes = b"a picture", *, days: float = 0.1, **parts: Any
    ) -> dict[str, Any]:
        """A message that announces it, which the platform holds."""
        self.graph.media[media_id] = Media(content)
        image = {"id": media_id, "mime_type": "image/jpeg", "sha256": self.graph.media[media_id].sha256}
        kept = {name: value for name, value in (image | parts).items() if value is not None}
        return {
            "from": ANA, "id": f"wamid.{media_id}", "timestamp": str(int(time.time() - days * DAY)),
            "type": "image", "image": kept,
        }  # fmt: skip

    def announce(self, *messages: dict[str, Any]) -> None:
        path = self.folder / "webhooks.ndjson"
        path.write_text("\n".join(webhook(message) for message in messages))
        assert self.wa("capture", "meta-cloud", str(path)).code == 0

    def facts(self, *columns: str) -> list[tuple[Any, ...]]:
        self.wa("refresh")
        return rows(self.home, t.MediaFact, *columns)

    def held(self) -> dict[str, bytes]:
        found = [one for one in stored(self.home) if one.headers.get("source") == "media"]
        assert len({one.headers["media_id"] for one in found}) == len(found)
        return {one.headers["media_id"]: one.body for one in found}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workplace]:
    monkeypatch.setenv("WA_META_CLOUD__ACCESS_TOKEN", TOKEN)
    simulator = Simulator(accounts={"200020": Account()})
    with simulated(simulator) as address:
        monkeypatch.setenv("WA_META_CLOUD__GRAPH_URL", address)
        yield Workplace(tmp_path, simulator, None)


def test_files_are_fetched_once_and_checked(place: Workplace) -> None:
    place.announce(
        place.picture("m1", b"\xff\xd8 one"),
        place.picture("m2", b"two"),
        place.picture("m3", b'{"data": []}', sha256=hashlib.sha256(b'{"data": []}').hexdigest()),
        place.picture("m4", b"", sha256=None),
    )
    place.graph.media["m2"].content = b"other bytes"
    assert place.pull() == {
        "provider": "meta-cloud", "what": "media", "captured": 4, "known": 0, "lost": 0, "altered": 1,
        "already_disposed": 0, "failed": [],
    }  # fmt: skip
    assert place.held() == {"m1": b"\xff\xd8 one", "m2": b"other bytes", "m3": b'{"data": []}', "m4": b""}
    facts = place.facts(
        "source_code", "size_bytes", "is_intact", "message_id", "mime_code", "channel_id", "entity"
    )
    fetched = [fact for fact in facts if fact[0] == "fetched"]
    assert sorted((size, intact) for _, size, intact, *_ in fetched) == [
        (0, True), (6, True), (11, False), (12, True),
    ]  # fmt: skip
    assert {fact[4:] for fact in fetched} == {("image/jpeg", "100021", "air")}
    assert {fact[3] for fact in fetched} == {fact[3] for fact in facts if fact[0] == "announced"}
    place.graph.requests.clear()
    assert place.pull()["captured"] == 0
    assert place.graph.paths() == ["/v26.0/m2", "/download/m2"]
    assert not rows(place.home, t.CaptureNote, "note_code", "name")


def test_a_file_that_came_cut_short_is_asked_for_while_its_id_may_hold(place: Workplace) -> None:
    place.announce(place.picture("young", b"the whole picture"), place.picture("old", b"whole", days=10))
    place.graph.media["young"].content, place.graph.media["old"].content = b"the whole", b"wh"
    assert (place.pull()["altered"], place.pull()["known"]) == (2, 1)
    place.graph.media["young"].content = b"the whole picture"
    assert place.pull()["captured"] == 1
    place.graph.requests.clear()
    assert place.pull()["captured"] == 0
    assert place.graph.requests == []
    fetched = [fact for fact in place.facts("source_code", "is_intact") if fact[0] == "fetched"]
    assert sorted(intact for _, intact in fetched) == [False, False, True]
    results = place.wa("check", "completeness", "--json").document["results"]
    (missing,) = [one for one in results if one["check"] == "capture.media_missing"]
    assert (missing["evaluated_count"], missing["finding_count"]) == (2, 1)


def test_an_address_that_expired_is_asked_for_anew(place: Workplace) -> None:
    place.announce(place.picture("m1"), place.picture("m2"))
    place.graph.media["m1"].expired_addresses = 2
    place.graph.media["m2"].expired_addresses = 9
    document = place.pull(code=2)
    assert document["captured"] == 1
    assert len(document["failed"]) == 1
    assert "no media address held" in document["failed"][0]
    assert Counter(place.graph.paths("download")) == {"/download/m1": 3, "/download/m2": 3}
    assert place.pull(code=2)["captured"] == 0
    place.graph.media["m2"].expired_addresses = 0
    assert place.pull()["captured"] == 1


def test_what_is_gone_is_told_once_and_asked_for_while_its_id_may_hold(place: Workplace) -> None:
    place.announce(
        place.picture("young"), place.picture("old", days=10), place.picture("ancient", days=40),
        place.picture("upload", days=20),
    )  # fmt: skip
    for name in ("young", "old", "ancient"):
        place.graph.media[name].is_gone = True
    document = place.pull()
    assert (document["captured"], document["lost"]) == (4, 3)
    assert place.graph.paths("ancient") == []
    assert b"not_asked" in place.held()["ancient"]
    assert sorted(source for (source,) in place.facts("source_code") if source != "announced") == [
        "fetched", "lost", "lost", "lost",
    ]  # fmt: skip
    place.graph.requests.clear()
    document = place.pull()
    assert (document["captured"], document["lost"]) == (0, 1)
    assert place.graph.paths() == ["/v26.0/young"]
    # A permission was missing, and the file was there all along.
    place.graph.media["young"].is_gone = False
    assert place.pull()["captured"] == 1
    assert tuple(sorted({s for (s,) in place.facts("source_code")} - {"announced"})) == ("fetched", "lost")


def test_failures_of_one_file_stop_no_other(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WA_META_CLOUD__MEDIA_LIMIT_BYTES", "1000")
    messages = [place.picture(f"m{number}", days=1 - number / 100) for number in range(6)]
    place.announce(*messages)
    place.graph.media["m0"].content = bytes(2_000)
    place.graph.media["m1"].host = "https://elsewhere.invalid"
    place.graph.refused["/download/m2"] = Reply(200, bytes(3_000))
    place.graph.refused["/v26.0/m3"] = Reply(200, b"<html>")
    place.graph.refused["/v26.0/m4"] = failed(100, "odd", 400)
    document = place.pull(code=2)
    assert document["captured"] == 1
    told = " ".join(document["failed"])
    for sentence in (
        "has 2,000 bytes",
        "not its own",
        "more than 1,000 bytes",
        "200, no code",
        "code 100: odd",
    ):
        assert sentence in told
    assert len(document["failed"]) == 5
    for secret in ("wamid", "m0", "elsewhere", TOKEN):
        assert secret not in told
    place.graph.refused.clear()
    place.graph.refused["/v26.0/m4"] = failed(190, f"expired {TOKEN}", 401)
    document = place.pull(code=2)
    assert document["failed"][-1].startswith("Meta answered 401, code 190: expired [redacted]")
    assert "1 media files are left" in document["failed"][-1]


def test_one_file_that_never_comes_holds_up_no_other(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wa_analytics.providers.http_api.ATTEMPTS", 1)
    place.announce(*(place.picture(f"m{number}", days=1 - number / 100) for number in range(8)))
    for number in (0, 1, 3, 5, 6):
        place.graph.refused[f"/download/m{number}"] = Reply(500, b"")
    document = place.pull(code=2)
    assert (document["captured"], len(document["failed"])) == (3, 5)
    for number in range(8):
        place.graph.refused[f"/v26.0/m{number}"] = Reply(500, b"")
    place.graph.requests.clear()
    document = place.pull(code=2)
    assert document["captured"] == 0
    assert document["failed"][-1].endswith("3 media files are left for the next pull.")
    assert len(place.graph.requests) == 3


def test_a_message_disposed_of_takes_its_file_along(place: Workplace) -> None:
    (place.home / "retention.csv").write_text(CEILING)
    place.announce(place.picture("kept"), place.picture("gone", b'{"data": [{"id": 1}]}', days=20))
    assert place.pull()["captured"] == 2
    place.wa("refresh")
    disposed = place.wa("dispose", "--yes", "--json")
    assert disposed.code == 0, disposed.err
    assert disposed.document["disposed_count"] == 1, disposed.document
    assert set(place.held()) == {"kept"}
    place.graph.requests.clear()
    assert place.pull()["captured"] == 0
    assert place.graph.requests == []
    assert len(place.facts("media_digest")) == 2


def test_killed_in_the_middle_it_goes_on(
    tmp_path: Path, database_url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 12
    simulator = Simulator(accounts={"200020": Account()})
    with simulated(simulator) as address:
        monkeypatch.setenv("WA_META_CLOUD__GRAPH_URL", address)
        monkeypatch.setenv("WA_META_CLOUD__ACCESS_TOKEN", TOKEN)
        place = Workplace(tmp_path, simulator, database_url)
        place.announce(*(place.picture(f"m{number}", os.urandom(50_000)) for number in range(count)))
        assert place.wa("refresh").code == 0
        main = "from wa_analytics.cli import main; main()"
        command = [sys.executable, "-c", main, "--home", str(place.home)]
        simulator.delay = 0.05
        for downloads in (2, 5):
            running = subprocess.Popen([*command, "pull", "meta-cloud", "media"], start_new_session=True)
            deadline = time.monotonic() + 60
            while len(simulator.paths("download")) < downloads and time.monotonic() < deadline:
                time.sleep(0.005)
            os.kill(running.pid, signal.SIGKILL)
            assert running.wait() == -signal.SIGKILL
        simulator.delay = 0
        document = place.pull()
        held = place.held()
        assert {name: held[name] for name in held} == {
            name: media.content for name, media in simulator.media.items()
        }
        assert 0 < document["captured"] < count
        # At most the file in flight at each kill is fetched twice.
        assert count <= len(simulator.paths("download")) <= count + 2
        assert place.wa("verify").code == 0
        sources = Counter(source for (source,) in place.facts("source_code"))
        assert sources == {"announced": count, "fetched": count}
        workspace = Workspace.open(place.home)
        assert workspace.table(t.LastPull)["outcome_code"].to_list() == ["complete"]
        workspace.close()
