"""Search, proof and bundles as an analyst calls them, on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from tests.evidence import small_world as world
from tests.evidence.bundling import codes, read
from tests.evidence.tampering import unguarded
from wa_analytics.errors import InputRefused, ReasonRequired
from wa_analytics.evidence.bundle_check import bundle_proof
from wa_analytics.evidence.log import entries
from wa_analytics.evidence.sealing import Opener
from wa_analytics.pipeline.destroying.destruction import destroyed
from wa_analytics.pipeline.destroying.disposal import settled
from wa_analytics.pipeline.destroying.target import Target
from wa_analytics.workspace import Workspace


@pytest.fixture
def ws(tmp_path: Path, database_url: str | None) -> Iterator[Workspace]:
    made = world.made(tmp_path / "world", database_url)
    yield made
    made.close()


def journal_of(ws: Workspace) -> list[dict[str, object]]:
    opener = Opener(ws.ring.wrapping_keys(ws.database), ws.ring.digest_key)
    rows = entries(ws.database, kind="journal")
    return [json.loads(capture.body) for _, capture in opener.opened(rows)]


# --- Search -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "is_regex", "expected"),
    [
        ("UMBRELLAS", False, {(world.ORDER, "inbound"), (world.OFFER, "send_log")}),
        ("umbrellas three", False, {(world.ORDER, "inbound")}),
        ("umbrella", False, set()),
        (r"umbrella\w", True, {(world.ORDER, "inbound"), (world.OFFER, "send_log")}),
        (r"^hello.*\?$", True, {(world.HELLO, "inbound"), (world.HELLO, "edit")}),
        ("nothing of the kind", False, set()),
    ],
)
def test_search_finds_messages_by_their_words(
    tmp_path: Path, text: str, is_regex: bool, expected: set[tuple[str, str]]
) -> None:
    ws = world.made(tmp_path / "world")
    steps: list[tuple[int, int]] = []
    found = ws.search(
        text, reason="case 1", is_regex=is_regex, at=world.AT, progress=lambda *step: steps.append(step)
    )
    assert found.columns == ["message_id", "sent_at", "source"]
    told = {(message_id, source) for message_id, _, source in found.iter_rows()}
    assert told == {(world.ours(ws, outside_id), source) for outside_id, source in expected}
    assert found["sent_at"].is_sorted()
    assert steps[-1][1] > 0
    ws.close()


def test_a_search_is_journalled_before_it_begins(ws: Workspace) -> None:
    for bad in ("", "  "):
        with pytest.raises(ReasonRequired, match="search needs a reason"):
            ws.search("umbrellas", reason=bad)
    for text, is_regex in (("(", True), ("?!", False)):
        with pytest.raises(InputRefused):
            ws.search(text, reason="case 1", is_regex=is_regex)
    assert journal_of(ws) == []
    ws.search("umbrellas", reason="case 1", at=world.AT)
    (line,) = journal_of(ws)
    assert (line["action"], line["reason"], line["outcome"]) == ("search", "case 1", "granted")
    assert line["detail"] == {"text": "umbrellas", "is_regex": False}


# --- Proof ------------------------------------------------------------------------------------------


def test_a_proof_is_recorded_and_its_findings_come_and_go(ws: Workspace) -> None:
    assert ws.verify(at=world.AT).outcome == "not_evaluated"
    ws.checkpoint(at=world.AT)
    proof = ws.verify(is_derived=True, at=world.AT)
    assert (proof.outcome, proof.is_proven) == ("pass", True)
    assert proof.derived is not None
    assert (proof.derived.outcome, proof.derived.reason) == ("pass", None)
    assert proof.frame.is_empty()
    with unguarded(ws.database) as writer:
        writer.execute("UPDATE entry SET provider = 'twilio' WHERE sequence = 2")
    proof = ws.verify(at=world.AT)
    assert proof.outcome == "fail"
    first = proof.frame.filter(pl.col("first_sequence") == 2).row(0, named=True)
    assert (first["rule"], first["code"], first["last_sequence"]) == ("evidence.broken", "entry_changed", 2)
    found = ws.findings("evidence.broken")
    assert set(found["subject_id"]) == {one.subject_id for one in proof.findings}
    assert set(found["severity_code"]) == {"critical"}
    with unguarded(ws.database) as writer:
        writer.execute("UPDATE entry SET provider = 'meta-cloud' WHERE sequence = 2")
    assert ws.verify(at=world.AT).is_proven
    assert ws.findings("evidence.broken").is_empty()
    assert set(ws.findings("evidence.broken", "resolved")["subject_id"]) == set(found["subject_id"])
    runs = ws.database.frame("SELECT outcome_code, derived_code FROM verify_run ORDER BY finished_at")
    assert sorted(runs["outcome_code"]) == ["fail", "not_evaluated", "pass", "pass"]
    assert runs["derived_code"].drop_nulls().to_list() == ["pass"]


@pytest.mark.parametrize(
    ("change", "where", "sequence"),
    [
        ("UPDATE message SET consent_code = 'granted'", "table message", None),
        ("DELETE FROM status_fact WHERE status_code = 'sent'", "table status_fact", 4),
        ("UPDATE message_fact SET has_body = :no WHERE direction_code = 'outbound'", "table message_fact", 7),
        ("DELETE FROM channel", "table channel", None),
    ],
)
def test_derived_tables_are_held_against_a_rebuild(
    ws: Workspace, change: str, where: str, sequence: int | None
) -> None:
    ws.checkpoint(at=world.AT)
    before = {name: ws.database.scalar(f"SELECT count(*) FROM {name}") for name in ("message", "status_fact")}
    assert ws.verify(is_derived=True, at=world.AT).is_proven
    assert before == {name: ws.database.scalar(f"SELECT count(*) FROM {name}") for name in before}
    with ws.database.writing() as writer:
        assert writer.execute(change, {"no": False} if ":no" in change else {})
    assert ws.verify(at=world.AT).is_proven
    proof = ws.verify(is_derived=True, at=world.AT)
    assert proof.outcome == "fail"
    (told,) = proof.findings
    assert (told.code, told.where) == ("derived_differs", where)
    if sequence is not None:
        assert told.first_sequence == told.last_sequence == sequence
    assert not ws.database.scalar("SELECT count(*) FROM finding WHERE rule <> 'evidence.broken'")
    ws.verify(at=world.AT)
    assert ws.findings("evidence.broken").height == 1, "the tables were not looked at again"
    ws.rebuild()
    assert ws.verify(is_derived=True, at=world.AT).is_proven
    assert ws.findings("evidence.broken").is_empty()


def test_a_key_that_opens_nothing_is_found_with_the_keys_at_hand(ws: Workspace) -> None:
    ws.checkpoint(at=world.AT)
    with ws.database.writing() as writer:
        writer.execute(
            "UPDATE entry_key SET wrapped_key ="
            " (SELECT wrapped_key FROM entry_key WHERE sequence = 1) WHERE sequence = 3"
        )
    assert ws.verify(at=world.AT).is_proven
    proof = ws.verify(is_derived=True, at=world.AT)
    assert [(one.code, one.first_sequence, one.last_sequence) for one in proof.findings] == [
        ("entry_does_not_open", 3, 3)
    ]


def test_without_keys_or_a_finished_refresh_derived_is_not_evaluated(ws: Workspace, tmp_path: Path) -> None:
    ws.checkpoint(at=world.AT)
    more = tmp_path / "more.csv"
    more.write_text(world.SEND_LOG.replace(world.OFFER, "wamid.later"))
    ws.capture("send-log", [str(more)], world.AT)
    assert ws.verify(is_derived=True, at=world.AT).derived.outcome == "pass"  # type: ignore[union-attr]
    with ws.database.writing() as writer:
        writer.execute("DELETE FROM watermark WHERE name = 'state'")
    derived = ws.verify(is_derived=True, at=world.AT).derived
    assert derived is not None
    assert (derived.outcome, derived.findings) == ("not_evaluated", ())
    assert "wa refresh" in str(derived.reason)
    ws.refresh()
    (ws.home / "keys" / "master.key").unlink()
    without = Workspace.open(ws.home)
    proof = without.verify(is_derived=True, at=world.AT)
    assert proof.is_proven
    assert proof.derived is not None
    assert proof.derived.outcome == "not_evaluated"
    assert "master.key is missing" in str(proof.derived.reason)
    without.close()


# --- Bundles ----------------------------------------------------------------------------------------


def test_a_bundle_holds_every_version_and_the_journal(ws: Workspace, tmp_path: Path) -> None:
    hello = world.ours(ws, world.HELLO)
    ws.reveal([hello], reason="complaint 7", at=world.AT)
    ws.reveal([world.ours(ws, world.ORDER)], reason="another matter", at=world.AT)
    out = tmp_path / "hello.zip"
    made = ws.bundle([hello], reason="regulator asked", out=out, at=world.AT)
    assert codes(out) == []
    proof = bundle_proof(out)
    assert (proof.message_count, proof.entry_count, proof.tree_size) == (1, 5, made.tree_size)
    files = read(out)
    originals = [content.decode() for name, content in files.items() if name.endswith("original.bin")]
    bodies = [one for one in originals if one.startswith('{"object"')]
    assert sorted(bodies) == sorted(world.DELIVERIES[:3]), "the exact bytes, edit and revocation included"
    reasons = [json.loads(one)["reason"] for one in originals if '"actor"' in one]
    assert sorted(reasons) == ["complaint 7", "regulator asked"]
    html = files["index.html"].decode()
    versions = (world.HELLO_TEXT, world.EDITED_TEXT, "revoked")
    for words in (*versions, world.PERSON, "complaint 7", "none is declared for these numbers"):
        assert words in html
    assert world.ORDER_TEXT not in html, "another person's words stand in the original alone"
    assert "http://" not in html
    assert "https://" not in html


def test_sends_come_with_their_statuses_and_what_staff_unsaid(ws: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "offer.zip"
    ws.bundle([world.ours(ws, world.OFFER)], reason="case 1", out=out, at=world.AT)
    assert codes(out) == []
    html = read(out)["index.html"].decode()
    for words in (world.OFFER_TEXT, "status delivered", "send log", "revoked"):
        assert words in html


def dispose(ws: Workspace, outside_id: str) -> None:
    """The schedule's way, for one message."""
    messages = ws.messages.filter(pl.col("message_id") == world.ours(ws, outside_id))
    target = Target(messages.with_columns(rule=pl.lit("GDP-01/airline")), "schedule", "keeper")
    with ws.locked("refresh"):
        destroyed(ws.database, ws.ring, ws.settings, target, world.AT)
        settled(ws.database, ws.ring, ws.settings, ws.schedule, world.AT)


def test_what_was_disposed_of_is_stated_and_old_bundles_hold(ws: Workspace, tmp_path: Path) -> None:
    order = world.ours(ws, world.ORDER)
    before = tmp_path / "before.zip"
    ws.bundle([world.ours(ws, world.HELLO), order], reason="case 1", out=before, at=world.AT)
    dispose(ws, world.HELLO)
    assert ws.verify(is_derived=True, at=world.AT).is_proven
    assert codes(before) == [], "what was handed over stays proven"
    after = tmp_path / "after.zip"
    ws.bundle([world.ours(ws, world.HELLO), order], reason="case 1", out=after, at=world.AT)
    assert codes(after) == []
    files = read(after)
    assert not any(world.HELLO_TEXT.encode() in content for content in files.values())
    html = files["index.html"].decode()
    assert "keys destroyed; decision: schedule; actor: keeper" in html
    assert world.ORDER_TEXT in html
    said = next(
        json.loads(content)
        for name, content in files.items()
        if name.endswith("original.bin") and b"wa-disposal/1" in content
    )
    assert [row["rule"] for row in said["messages"]] == ["GDP-01/airline"]


def test_a_carved_delivery_says_that_its_signature_is_gone(ws: Workspace, tmp_path: Path) -> None:
    dispose(ws, world.HELLO)  # an edit of it came together with the order
    out = tmp_path / "order.zip"
    ws.bundle([world.ours(ws, world.ORDER)], reason="case 1", out=out, at=world.AT)
    assert codes(out) == []
    html = read(out)["index.html"].decode()
    assert world.ORDER_TEXT in html
    assert "the signature over the whole cannot be checked again" in html
    assert world.EDITED_TEXT not in str(read(out))


def test_markup_in_a_message_stays_words(tmp_path: Path) -> None:
    folder = tmp_path / "world"
    ws = world.made(folder)
    (folder / "more.csv").write_text(
        world.SEND_LOG.replace(world.OFFER, "wamid.x").replace(world.OFFER_TEXT, "<script>alert(1)</script>")
    )
    ws.capture("send-log", [str(folder / "more.csv")], world.AT)
    ws.refresh()
    ws.bundle([world.ours(ws, "wamid.x")], reason="<b>x</b>", out=tmp_path / "x.zip", at=world.AT)
    html = read(tmp_path / "x.zip")["index.html"].decode()
    assert "<script" not in html
    assert "<b>x" not in html
    ws.close()


def test_a_bundle_needs_a_reason_a_known_id_and_a_free_name(ws: Workspace, tmp_path: Path) -> None:
    hello = world.ours(ws, world.HELLO)
    out = tmp_path / "b.zip"
    with pytest.raises(ReasonRequired):
        ws.bundle([hello], reason=" ", out=out)
    with pytest.raises(InputRefused, match="Nothing is known"):
        ws.bundle([hello, "0" * 32], reason="case 1", out=out)
    with pytest.raises(InputRefused, match="at least one"):
        ws.bundle([], reason="case 1", out=out)
    assert not out.exists()
    assert journal_of(ws) == []
    out.write_text("mine")
    with pytest.raises(InputRefused, match="exists already"):
        ws.bundle([hello], reason="case 1", out=out)
    assert out.read_text() == "mine"


def test_key_rotation_needs_a_reason(ws: Workspace) -> None:
    with pytest.raises(ReasonRequired):
        ws.rotate_keys(reason="")
    assert ws.rotate_keys(reason="yearly", at=world.AT) == 1
    assert [line["action"] for line in journal_of(ws)] == ["keys.rotate"]
    shown = ws.reveal([world.ours(ws, world.HELLO)], reason="r", at=world.AT)
    assert shown["text"].to_list() == [world.HELLO_TEXT, world.EDITED_TEXT, None]


def test_whoever_was_authenticated_is_who_acts(monkeypatch: pytest.MonkeyPatch) -> None:
    from wa_analytics.workspace import actor

    at_the_keyboard = actor()
    monkeypatch.setenv("WA_ACTOR", "r.example@larkspur.example")
    assert actor() == "r.example@larkspur.example" != at_the_keyboard
    monkeypatch.setenv("WA_ACTOR", "  ")
    assert actor() == at_the_keyboard
