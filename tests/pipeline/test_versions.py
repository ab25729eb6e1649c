"""Edits, revocations, files, history, standby and groups of a person: explained, bundled, erased."""

from __future__ import annotations

import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from polars.testing import assert_frame_equal

from tests.pipeline.disposing import Disposing, disposing
from tests.pipeline.test_disposal import assert_rebuild_gives_the_same, assert_verified
from tests.pipeline.test_erasure import ANA, BEA, decisions, ours, small_world
from tests.properties.test_equals_oracle import wa
from tests.worlds import RetentionRow
from wa_analytics import tables as t
from wa_analytics.evidence.log import entries
from wa_analytics.evidence.sealing import Opener
from wa_analytics.pipeline.told_of import told_of

AT = int(datetime(2020, 1, 10, 9, tzinfo=UTC).timestamp())
ANA_ID, BEA_ID = ANA[1:], BEA[1:]


def hook(field: str, **value: Any) -> dict[str, Any]:
    metadata = {"display_phone_number": "15550783881", "phone_number_id": "c-air"}
    change = {"field": field, "value": {"metadata": metadata, **value}}
    return {"object": "whatsapp_business_account", "entry": [{"id": "w-air", "changes": [change]}]}


def said(number: str, id_: str, kind: str, content: Any, at: int = AT) -> dict[str, Any]:
    return {"from": number, "id": id_, "timestamp": str(at), "type": kind, kind: content}


def edit(original: str, text: str) -> dict[str, Any]:
    return {"original_message_id": original, "message": {"type": "text", "text": {"body": text}}}


IMAGE = {"id": "770011", "mime_type": "image/jpeg", "sha256": "0" * 64}
HOOKS = [
    hook("messages", messages=[
        said(ANA_ID, "wamid.ana-edit", "edit", edit("wamid.ana-in", "hello, corrected"), AT + 60),
        said(BEA_ID, "wamid.bea-edit", "edit", edit("wamid.bea-in", "STOP"), AT + 60),
    ]),
    hook("messages", messages=[said(ANA_ID, "wamid.ana-revoke", "revoke",
                                    {"original_message_id": "wamid.ana-in"}, AT + 90)]),
    hook("messages", messages=[said(ANA_ID, "wamid.ana-image", "image", IMAGE)]),
    hook("messages", messages=[said(ANA_ID, "wamid.ana-orphan", "edit", edit("wamid.never-seen", "late"))]),
    hook("history", history=[{"metadata": {"phase": 0, "chunk_order": 1, "progress": 100}, "threads": [
        {"id": number, "context": {"wa_id": number},
         "messages": [said(number, f"wamid.{name}-old", "text", {"body": "long ago"})]}
        for number, name in ((ANA_ID, "ana"), (BEA_ID, "bea"))]}]),
    hook("standby", standby={"contacts": [{"wa_id": number} for number in (ANA_ID, BEA_ID)],
                             "messages": [said(number, f"wamid.{name}-standby", "text", {"body": "psst"})
                                          for number, name in ((ANA_ID, "ana"), (BEA_ID, "bea"))]}),
    hook("group_participants_update", groups=[
        {"type": "group_participants_add", "timestamp": str(AT), "group_id": "Y2FwaV9ncm91cDox",
         "added_participants": [{"wa_id": ANA_ID}, {"wa_id": BEA_ID}]}]),
    hook("messaging_handovers", sender={"phone_number": ANA_ID}, type="control_taken", timestamp=str(AT),
         control_taken={"new_owner_role": "utility"}),
    hook("smb_app_state_sync", state_sync=[
        {"type": "contact", "contact": {"phone_number": ANA_ID, "full_name": "Ana Invented"}, "action": "add",
         "metadata": {"timestamp": str(AT)}}]),
    hook("automatic_events", automatic_events=[
        {"id": "wamid.ana-in", "event_name": "LeadSubmitted", "timestamp": AT}]),
]  # fmt: skip


def with_hooks(tmp_path: Path, database_url: str | None) -> Disposing:
    made = disposing(
        tmp_path,
        database_url,
        3,
        retention=(RetentionRow("ANY"),),
        world=small_world(),
    )
    path = tmp_path / "hooks.ndjson"
    path.write_text("".join(json.dumps(one) + "\n" for one in HOOKS))
    outcome = made.wa("capture", "meta-cloud", str(path))
    assert (outcome["stored"], outcome["unreadable"]) == (len(HOOKS) + 1, [])
    wa(made.home, "refresh")
    return made


@pytest.fixture
def made(tmp_path: Path, database_url: str | None) -> Disposing:
    return with_hooks(tmp_path, database_url)


def captures(made: Disposing) -> list[bytes]:
    """The body of every capture that still has its key."""
    database, ring = made.workspace.database, made.workspace.ring
    opener = Opener(ring.wrapping_keys(database), ring.digest_key)
    return [capture.body for _, capture in opener.opened(entries(database, 0, 10_000, kind="capture"))]


def test_a_message_tells_its_versions_and_its_files(made: Disposing) -> None:
    original, image, bea = ours(made, "wamid.ana-in", "wamid.ana-image", "wamid.bea-in")
    lines = made.workspace.explain(original).lines
    assert "edited once, the last time on 2020-01-10 09:01:00 UTC; the original is kept" in lines
    assert "revoked on 2020-01-10 09:01:30 UTC; the original is kept" in lines
    told = set(made.workspace.explain(original).timeline["what"])
    assert {"inbound", "edit inbound", "revoke inbound", "conversion.detected"} <= told
    assert "image file announced, not fetched" in made.workspace.explain(image).lines
    shown = made.workspace.reveal([original, bea], reason="a test")
    assert sorted(zip(shown["source"], shown["text"], strict=True), key=str) == [
        ("edit", "STOP"), ("edit", "hello, corrected"), ("inbound", "hello"), ("inbound", "stop"),
        ("revoke", None),
    ]  # fmt: skip
    assert set(made.workspace.search("corrected", reason="a test")["message_id"]) == {original}


def test_an_edit_is_no_message_and_its_words_count(made: Disposing) -> None:
    (original, *changes) = ours(made, "wamid.ana-in", "wamid.ana-edit", "wamid.ana-revoke")
    assert changes == [original, original], "the id of a change is answered with its message"
    digests = {made.workspace.ring.digest("message", one) for one in ("wamid.ana-edit", "wamid.bea-edit")}
    assert not digests & set(made.workspace.messages["message_id"])
    (bea,) = ours(made, BEA)
    events = made.workspace.consent_events.filter(party_id=bea, source_code="opt_out_word")
    assert events["occurred_at"].to_list() == [datetime.fromtimestamp(AT + 60, UTC)]


def test_a_bundle_holds_every_version(made: Disposing, tmp_path: Path) -> None:
    (original,) = ours(made, "wamid.ana-in")
    out = tmp_path / "bundle.zip"
    made.wa("bundle", original, "--out", str(out), "--reason", "a test")
    with zipfile.ZipFile(out) as archive:
        names = archive.namelist()
        originals = [archive.read(name) for name in names if name.startswith("entries/")]
        page = archive.read("index.html").decode()
    for said_there in (b"hello, corrected", b"wamid.ana-revoke", b"LeadSubmitted"):
        assert any(said_there in content for content in originals)
    assert not any(b"770011" in content for content in originals)
    assert "hello, corrected" in page
    assert "revoked" in page
    made.wa("verify", str(out))


def test_a_fetched_file_belongs_to_the_message_that_announced_it(made: Disposing) -> None:
    database = made.workspace.database
    (image,) = ours(made, "wamid.ana-image")
    row = made.workspace.table(t.MediaFact).row(0, named=True)
    columns = ("sequence", "media_digest", "source_code", "occurred_at", "is_intact")
    with database.writing() as writer:
        for number, state in ((9001, "fetched"), (9002, "lost")):
            writer.append(
                t.MediaFact,
                columns,
                [(number, row["media_digest"], state, "2020-01-10 10:00:00.000000", True)],
            )
    told = told_of(database, [image]).filter(told_code="media")["sequence"]
    assert sorted(told)[-2:] == [9001, 9002]
    assert "image file announced, held" in made.workspace.explain(image).lines


def test_an_edit_that_the_platform_names_is_held(tmp_path: Path) -> None:
    made = with_hooks(tmp_path, None)
    edits = made.workspace.table(t.MessageVersion)["version_digest"]
    columns = ("sequence", "message_id", "channel_id", "entity", "observed_at")
    with made.workspace.database.writing() as writer:
        rows = [(9000, edit, "c-air", "air", "2020-01-10 10:00:00.000000") for edit in edits]
        writer.append(t.PlatformMessage, columns, rows)
    (row,) = made.wa("metrics", "capture_completeness")
    assert (row["numerator"], row["denominator"]) == (4, 4)


def test_a_forgotten_person_is_in_no_capture(made: Disposing) -> None:
    versions = made.workspace.table(t.MessageVersion).filter(direction_code="inbound")
    (bea,) = ours(made, BEA)
    before = made.workspace.messages.filter(party_id=bea)
    orphan_id = made.workspace.ring.digest("message", "wamid.never-seen")
    done = made.wa("erase", ANA, "--reason", "asked", "--yes")
    assert set(done["counts"]) == {"erase"}
    assert orphan_id in decisions(done), "an edit of a message that nobody holds is a record too"
    assert (done["refused_count"], done["left_identifier_count"]) == (0, 0)
    for body in captures(made):
        assert ANA_ID.encode() not in body
        assert b"ana-" not in body
        assert b"770011" not in body
    columns = [name for name in before.columns if name != "party_id"]
    assert_frame_equal(
        made.workspace.messages.select(columns).sort("message_id"), before.select(columns).sort("message_id")
    )
    assert versions.height == 4
    assert made.workspace.table(t.MessageVersion)["message_id"].to_list() == ours(made, "wamid.bea-in")
    assert made.workspace.table(t.MediaFact).is_empty()
    left = made.workspace.table(t.ChannelEvent)["event_code"].unique().sort().to_list()
    assert left == ["group.participants", "history.chunk"]
    assert_verified(made)
    assert_rebuild_gives_the_same(made)
    again = made.wa("capture", "meta-cloud", str(made.home.parent / "hooks.ndjson"))
    assert again["already_disposed"] > 0
    wa(made.home, "refresh")
    assert made.workspace.messages.height == before.height


def test_a_hold_keeps_what_merely_mentions_the_person(made: Disposing) -> None:
    made.wa("hold", "add", "--matter", "M-1", "--party", ANA, "--reason", "a claim")
    events = made.workspace.table(t.ChannelEvent)
    made.wa("erase", ANA, "--reason", "asked", "--yes")
    assert made.workspace.table(t.ChannelEvent).height == events.height
    assert any(ANA_ID.encode() in body for body in captures(made))


def test_disposal_takes_versions_and_files_along(tmp_path: Path) -> None:
    made = with_hooks(tmp_path, None)
    (made.home / "retention.csv").write_text(
        "record_class,entity_kind,jurisdiction,authority,floor,ceiling,is_fallback,trigger,effective_from,"
        "effective_to\n,,,TST-01,,P1D,false,sent_at,,\n"
    )
    made = Disposing(made.home, made.written, type(made.workspace).open(made.home))
    wa(made.home, "refresh")
    # Bodies, messages without one, calls, versions of messages that nobody holds, and what names a person.
    named = made.workspace.table(t.ChannelEvent).drop_nulls(["identifier_digest", "message_id"])
    assert named.height
    told = set(named["message_id"]) | {
        message_id
        for table in (t.MessageFact, t.StatusFact, t.MessageVersion)
        for message_id in made.workspace.table(table)["message_id"]
    }
    done = made.dispose("--yes")
    assert (done["refused_count"], done["disposed_count"]) == (0, len(told))
    assert made.workspace.table(t.MessageVersion).is_empty()
    assert made.workspace.table(t.MediaFact).is_empty()
    for body in captures(made):
        for gone in (b"corrected", b"ana-revoke", b"770011", b"long ago", b"psst", b"LeadSubmitted"):
            assert gone not in body
    assert_rebuild_gives_the_same(made)
