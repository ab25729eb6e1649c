"""A person is forgotten, everybody else stays as they were, and a "no" lives on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tests.pipeline.disposing import AFTERWARDS, Disposing, disposing
from tests.pipeline.test_disposal import assert_rebuild_gives_the_same, assert_verified
from tests.properties.test_equals_oracle import wa
from tests.world_files import Layout, write
from tests.worlds import Call, Entity, Inbound, Preference, Register, RetentionRow, Send, Status, World
from wa_analytics import tables as t

LONG_AGO = datetime(2020, 1, 10, 9, tzinfo=UTC)
LATELY = datetime(2026, 3, 1, 9, tzinfo=UTC)
ANA, BEA = "+12025550111", "+447700900111"
ENTITIES = (
    Entity("air", "Air Invented", "airline", "EU", channels=("c-air",), waba_ids=("w-air",)),
    Entity("fund", "Fund Invented", "investment_firm", "DE", channels=("c-fund",), waba_ids=("w-fund",)),
    Entity("bank", "Bank Invented", "broker_dealer", "US", channels=("c-bank",), waba_ids=("w-bank",)),
)
NEVER_ENDING = (
    RetentionRow("DE-LAW", entity_kind="investment_firm", jurisdiction="DE", floor="P90Y"),
    RetentionRow("US-LAW", entity_kind="broker_dealer", jurisdiction="US", floor="P90Y"),
)


def sends(to: str, mark: str) -> tuple[Send, ...]:
    return tuple(
        Send(
            f"wamid.{mark}-{entity.key}", LONG_AGO, entity.channels[0], to, "utility", body="Fictional words"
        )
        for entity in ENTITIES
    )


def small_world(**changes: Any) -> World:
    both = (*sends(ANA, "ana"), *sends(BEA, "bea"))
    world = World(
        entities=ENTITIES,
        waba_by_channel={entity.channels[0]: entity.waba_ids[0] for entity in ENTITIES},
        sends=both,
        inbound=(
            Inbound("wamid.ana-in", LONG_AGO, "c-air", phone=ANA, user_id="US.13", text="stop"),
            Inbound("wamid.bea-in", LONG_AGO, "c-air", phone=BEA, text="hello"),
        ),
        calls=(Call("wacid.ana", LONG_AGO, "c-air", phone=ANA),),
        statuses=tuple(
            Status(send.message_id, "delivered", LONG_AGO, send.channel_id, phone=send.to) for send in both
        ),
        register=(
            Register(
                "r-ana", ANA, "all", "granted", LONG_AGO - timedelta(days=9), business_name="Air Invented"
            ),
            Register(
                "r-bea", BEA, "all", "granted", LONG_AGO - timedelta(days=9), business_name="Air Invented"
            ),
        ),
    )
    return replace(world, **changes)


@pytest.fixture
def made(tmp_path: Path, database_url: str | None) -> Disposing:
    # With a seed, statuses of different people share a webhook body.
    return disposing(tmp_path, database_url, 3, retention=NEVER_ENDING, world=small_world())


def ours(made: Disposing, *outside: str) -> list[str]:
    return [row["id"] for row in made.wa("lookup", *outside)]


def decisions(document: dict[str, Any]) -> dict[str, tuple[str, str | None]]:
    return {row["subject_id"]: (row["decision"], row["rule"]) for row in document["decisions"]}


def test_each_record_is_decided_and_the_rest_stays(made: Disposing) -> None:
    (bea,) = ours(made, BEA)
    air, fund, bank, record = ours(made, "wamid.ana-air", "wamid.ana-fund", "wamid.ana-bank", "r-ana")
    before = made.workspace.messages
    dry = made.wa("erase", ANA, "--dry-run")
    assert made.workspace.messages.height == before.height
    done = made.wa("erase", ANA, "--reason", "asked by letter", "--yes")
    assert decisions(done) == decisions(dry)
    told = decisions(done)
    assert told[air] == ("erase", None)
    assert told[fund][0] == "keep_duty"
    assert told[bank][0] == "needs_decision"
    assert "DE-LAW" in str(told[fund][1])
    assert "US-LAW" in str(told[bank][1])
    assert told[record] == ("erase", None), "no send of that company is left that it speaks for"
    assert done["carved_count"] > 0

    after = made.workspace.messages
    (left,) = ours(made, ANA)
    assert set(after.filter(party_id=left)["message_id"]) == {fund, bank}
    columns = [name for name in before.columns if name != "party_id"]
    assert_frame_equal(
        after.filter(party_id=bea).select(columns).sort("message_id"),
        before.filter(party_id=bea).select(columns).sort("message_id"),
    )
    recorded = made.workspace.table(t.ErasureDecision)
    assert dict(recorded.select("subject_id", "decision_code").iter_rows()) == {
        id_: code for id_, (code, _) in told.items()
    }
    assert made.check(AFTERWARDS)["retention.disposed_early"]["outcome"] == "pass"
    assert_verified(made)
    assert_rebuild_gives_the_same(made)

    again = made.wa("erase", ANA, "--reason", "decided", "--foreign-duty", "erase", "--yes")
    assert decisions(again)[bank][0] == "erase"
    early = made.check(AFTERWARDS)["retention.disposed_early"]
    assert early["outcome"] == "pass", "a person decided"
    with made.workspace.database.writing() as writer:
        writer.execute("DELETE FROM erasure_decision WHERE decision_code = 'erase'")
    assert made.check(AFTERWARDS)["retention.disposed_early"]["finding_count"] == 1, "nobody decided"


def test_a_hold_keeps_it_for_claims(made: Disposing) -> None:
    hold = made.wa("hold", "add", "--matter", "M-7", "--reason", "claim", "--party", ANA)
    assert hold["held_count"] == 4
    done = made.wa("erase", ANA, "--reason", "asked", "--yes")
    assert done["counts"] == {"keep_claims": 6}, "four messages, a call, a consent"
    assert done["destroyed_key_count"] == 0
    assert set(decisions(done).values()) == {("keep_claims", hold["hold_id"])}


def test_a_forgotten_person_is_forgotten_and_not_written_to_again(
    tmp_path: Path, database_url: str | None
) -> None:
    made = disposing(tmp_path, database_url, 3, retention=(RetentionRow("ANY"),), world=small_world())
    (ana,) = ours(made, ANA)
    people = set(made.workspace.parties.filter(party_id=ana)["identifier_digest"])
    assert len(people) == 2, "phone and user id"
    done = made.wa("erase", ana, "--reason", "asked", "--yes")
    assert set(done["counts"]) == {"erase"}
    assert done["left_identifier_count"] == 0
    assert done["suppression_count"] > 0
    assert ours(made, ANA, "US.13") == [None, None]
    for table in t.DERIVED:
        for column in (c.name for c in table.__table__.columns):  # type: ignore[attr-defined]
            if column in ("identifier_digest", "party_id", "left_digest", "right_digest"):
                assert not people & set(made.workspace.table(table)[column])
    assert made.workspace.table(t.KeptLink).is_empty()
    assert_verified(made)
    made.import_again()
    assert ours(made, ANA) == [None], "an old file brings nobody back"

    later = Send("wamid.later", LATELY, "c-air", ANA, "marketing", "template", "offer")
    others = Send("wamid.later-bea", LATELY, "c-air", BEA, "marketing", "template", "offer")
    written = write(World(entities=ENTITIES, sends=(later, others)), tmp_path / "later", Layout())
    for provider, path in written.imports:
        made.wa("capture", provider, str(path))
    wa(made.home, "refresh")
    codes = dict(made.workspace.messages.select("message_id", "consent_code").iter_rows())
    ana_later, bea_later = ours(made, "wamid.later", "wamid.later-bea")
    assert codes[ana_later] == "withdrawn"
    assert codes[bea_later] == "granted"
    assert_rebuild_gives_the_same(made)


def test_since_when_the_person_said_no_and_each_no_outlive_the_erasure(tmp_path: Path) -> None:
    """The platform's stop is not all that was said: resuming it leaves the withdrawal in force."""
    day = timedelta(days=1)
    world = small_world(
        inbound=(Inbound("wamid.ana-in", LONG_AGO, "c-air", phone=ANA, text="stop"),),
        preferences=(Preference(LONG_AGO + 40 * day, "c-air", "stop", phone=ANA),),
    )
    made = disposing(tmp_path, None, 3, retention=(RetentionRow("ANY"),), world=world)
    made.wa("erase", *ours(made, ANA), "--reason", "asked", "--yes")
    write_on = tuple(
        Send(f"wamid.{at.year}", at, "c-air", ANA, "marketing", "template", "offer")
        for at in (LATELY, LATELY + 400 * day)
    )
    resume = Preference(LATELY + 9 * day, "c-air", "resume", phone=ANA)
    after = World(
        entities=ENTITIES, waba_by_channel={"c-air": "w-air"}, sends=write_on, preferences=(resume,)
    )
    for provider, path in write(after, tmp_path / "later", Layout()).imports:
        made.wa("capture", provider, str(path))
    wa(made.home, "refresh")
    told = made.workspace.messages.filter(pl.col("sent_at") >= LATELY).sort("sent_at")
    told = told.select("consent_code", "withdrawn_at")
    assert told.rows() == [("withdrawn", LONG_AGO), ("withdrawn", LONG_AGO)]
    assert_rebuild_gives_the_same(made)


def test_anybody_in_a_tangled_world_can_be_erased(tmp_path: Path) -> None:
    made = disposing(tmp_path, None, seed=5, size=80, retention=(RetentionRow("ANY"),))
    # Where statuses of one message name several people it is one's; what is told of the others stays and is
    # counted (exit code 2).
    told_elsewhere = made.workspace.database.frame(
        "SELECT i.party_id FROM status_fact s JOIN identifier i ON i.identifier_digest = s.identifier_digest "
        "JOIN message m ON m.message_id = s.message_id WHERE m.party_id <> i.party_id"
    )
    parties = set(made.workspace.messages["party_id"].drop_nulls()) - set(told_elsewhere["party_id"])
    columns = [name for name in made.workspace.messages.columns if name != "party_id"]
    for party in sorted(parties)[:3]:
        before = made.workspace.messages
        people = made.workspace.parties.filter(party_id=party)["identifier_digest"]
        done = made.wa("erase", party, "--reason", "asked", "--yes")
        assert done["refused_count"] == 0
        assert done["left_identifier_count"] == 0
        assert not made.workspace.parties["identifier_digest"].is_in(people.to_list()).any()
        kept = before.filter(pl.col("party_id") != party).select(columns).sort("message_id")
        after = made.workspace.messages.filter(pl.col("message_id").is_in(kept["message_id"].to_list()))
        assert_frame_equal(after.select(columns).sort("message_id"), kept)
    assert_verified(made)
    assert_rebuild_gives_the_same(made)
