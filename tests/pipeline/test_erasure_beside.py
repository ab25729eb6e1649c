"""Erasure reaches what speaks of a person beside messages: events of the platform, exported chats."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.disposing import Disposing, disposing
from tests.pipeline.test_disposal import assert_rebuild_gives_the_same, assert_verified
from tests.pipeline.test_erasure import ANA, BEA, NEVER_ENDING, decisions, ours, small_world
from tests.properties.test_equals_oracle import wa
from tests.worlds import RetentionRow
from wa_analytics import tables as t
from wa_analytics.evidence.log import entries
from wa_analytics.evidence.sealing import Opener

CLEO = "+12025550133"
CREATED = "2020-01-10T09:00:00.000+0000"
GROUP_CHAT = """\
13/01/2020, 09:00 - +44 7700 900111 added +1 202-555-0111
13/01/2020, 09:01 - +1 202-555-0111: is it there?
13/01/2020, 09:02 - +1 202-555-0111: IMG-20200113-WA0001.jpg (file attached)
13/01/2020, 09:03 - +44 7700 900111: IMG-20200113-WA0002.jpg (file attached)
13/01/2020, 09:04 - Ines: both arrived
13/01/2020, 09:05 - Old Ana: my other phone
"""
CHAT_OF_TWO = """\
14/01/2020, 10:00 - Messages and calls are end-to-end encrypted.
14/01/2020, 10:01 - Ines: is your policy number 4711?
14/01/2020, 10:02 - +1 202-555-0111: yes
"""


def infobip(**content: Any) -> dict[str, Any]:
    return {"from": "447700900100", "content": content, "createdAt": CREATED}


def group(*numbers: str) -> dict[str, Any]:
    told = {
        "timestamp": "1578646800",
        "group_id": "g-1",
        "type": "group_participants_add",
        "added_participants": [{"wa_id": number} for number in numbers],
    }
    value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": "c-air"}, "groups": [told]}
    change = {"field": "group_participants_update", "value": value}
    return {"object": "whatsapp_business_account", "entry": [{"id": "w-air", "changes": [change]}]}


def files(folder: Path) -> list[tuple[str, Path]]:
    folder.mkdir()
    ana, bea, cleo = (number[1:] for number in (ANA, BEA, CLEO))
    notices = folder / "notices.ndjson"
    notices.write_text(
        "".join(
            f"{json.dumps(one)}\n"
            for one in (
                infobip(type="payment", **{"from": ana}, paymentStatus="CAPTURED"),
                infobip(type="user_identity_changed", userNumber=ana, hash="x"),
                infobip(type="payment", **{"from": bea}, paymentStatus="CAPTURED"),
                infobip(type="payment", **{"from": cleo}, paymentStatus="CAPTURED"),
            )
        )
    )
    groups = folder / "groups.ndjson"
    groups.write_text(f"{json.dumps(group(ana, bea))}\n{json.dumps(group(bea))}\n")
    with zipfile.ZipFile(folder / "group.zip", "w") as archive:
        archive.writestr("_chat.txt", GROUP_CHAT)
        archive.writestr("IMG-20200113-WA0001.jpg", b"picture of Ana")
        archive.writestr("IMG-20200113-WA0002.jpg", b"picture of Bea")
    (folder / "two.txt").write_text(CHAT_OF_TWO)
    return [
        ("infobip", notices),
        ("meta-cloud", groups),
        ("chat-export", folder / "group.zip"),
        ("chat-export", folder / "two.txt"),
    ]


def captured(made: Disposing, paths: list[tuple[str, Path]]) -> dict[str, int]:
    counts = {"stored": 0, "already_disposed": 0}
    for provider, path in paths:
        outcome = made.wa("capture", provider, str(path))
        for name in counts:
            counts[name] += outcome[name]
    wa(made.home, "refresh")
    return counts


def readable(made: Disposing) -> list[bytes]:
    """Every capture whose key stands, headers too."""
    database, ring = made.workspace.database, made.workspace.ring
    opener = Opener(ring.wrapping_keys(database), ring.digest_key)
    return [
        json.dumps(capture.headers).encode() + b"\n" + capture.body
        for _, capture in opener.opened(entries(database, 0, 10_000, kind="capture"))
    ]


def speak_of(captures: list[bytes], *traces: str) -> list[bytes]:
    """Those that hold a trace, whatever stands between the digits of a number."""
    wanted = [re.sub(r"\D", "", trace).encode() if trace[0] == "+" else trace.encode() for trace in traces]
    bare = [(one, re.sub(rb"(?<=\d)[ -]+(?=\d)", b"", one)) for one in captures]
    return [one for one, digits in bare if any(trace in one or trace in digits for trace in wanted)]


@pytest.fixture
def made(tmp_path: Path, database_url: str | None) -> Disposing:
    found = disposing(tmp_path, database_url, 3, retention=(RetentionRow("ANY"),), world=small_world())
    captured(found, files(tmp_path / "beside"))
    return found


def test_nothing_is_left_that_speaks_of_the_person(made: Disposing, tmp_path: Path) -> None:
    traces = (ANA, "US.13", "Old Ana", "picture of Ana", "policy number 4711", "wamid.ana")
    assert len(speak_of(readable(made), *traces)) > 12
    (line,) = made.wa("search", "policy", "--reason", "case 4711")
    (shown,) = made.wa("reveal", line["message_id"], "--reason", "case 4711")
    assert (line["source"], shown["text"]) == ("chat_export", "is your policy number 4711?")
    of_bea = speak_of(readable(made), BEA, "picture of Bea")
    done = made.wa("erase", ANA, "--chat-name", "Old Ana", "--reason", "asked", "--yes")
    assert set(done["counts"]) == {"erase"}
    assert (done["refused_count"], done["left_identifier_count"]) == (0, 0)
    left = readable(made)
    assert speak_of(left, *traces) == []
    # Bodies that spoke of both were carved; a line that adds one to a group where the other is went.
    assert len(speak_of(left, BEA, "picture of Bea")) == len(of_bea) - 1
    assert speak_of(left, "both arrived"), "what others said to the group stays"
    assert made.wa("search", "policy", "--reason", "proof") == []
    assert_verified(made)
    assert_rebuild_gives_the_same(made)

    again = captured(made, files(tmp_path / "again"))
    assert again["already_disposed"] > 0
    assert speak_of(readable(made), *traces) == [], "an old file brings nothing back"
    assert ours(made, ANA) == [None]


def test_a_person_known_from_an_event_alone(made: Disposing) -> None:
    assert len(speak_of(readable(made), CLEO)) == 1
    before = len(readable(made))
    done = made.wa("erase", CLEO, "--reason", "asked", "--yes")
    assert done["counts"] == {"erase": 1}
    assert done["left_identifier_count"] == 0
    assert speak_of(readable(made), CLEO) == []
    assert len(readable(made)) == before - 1
    assert_rebuild_gives_the_same(made)


def test_what_may_be_any_company_s_waits_for_the_strictest(tmp_path: Path) -> None:
    made = disposing(tmp_path, None, 3, retention=NEVER_ENDING, world=small_world())
    captured(made, files(tmp_path / "beside"))
    chat = set(made.workspace.table(t.SupplementaryMessage)["content_digest"])
    group_id = made.workspace.table(t.ChannelEvent).filter(entity="air")["message_id"].drop_nulls()
    done = made.wa("erase", ANA, "--reason", "asked", "--foreign-duty", "erase", "--yes")
    told = decisions(done)
    lines = {id_: code for id_, code in told.items() if id_ in chat}
    assert len(lines) == 7
    assert {code for code, _ in lines.values()} == {"keep_duty"}, "it may be the investment firm's"
    events = [told[id_] for id_ in group_id if id_ in told]
    assert events == [("erase", None)], "the airline needs to keep nothing"
    assert speak_of(readable(made), "policy number 4711")
    assert_rebuild_gives_the_same(made)


def test_a_hold_keeps_what_stands_beside(made: Disposing) -> None:
    made.wa("hold", "add", "--matter", "M-7", "--reason", "claim", "--party", CLEO)
    done = made.wa("erase", CLEO, "--reason", "asked", "--yes")
    assert done["counts"] == {"keep_claims": 1}
    assert len(speak_of(readable(made), CLEO)) == 1
