"""A number given to another person: nothing merged in silence, no consent inherited, no stop lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.disposing import Disposing, disposing
from tests.pipeline.test_disposal import assert_rebuild_gives_the_same
from tests.worlds import Call, Entity, Inbound, Register, RetentionRow, Send, World
from wa_analytics import tables as t

DAY = timedelta(days=1)
START = datetime(2025, 1, 1, 9, tzinfo=UTC)
CHANGED = START + 30 * DAY
PHONE, OLDER_FORM = "+5511987650001", "+551187650001"
FIRST, SECOND = "BR.1111111", "BR.2222222"
AIR = Entity("air", "Air Invented", "airline", "EU", channels=("c-air",), waba_ids=("w-air",))


def send(mark: str, at: datetime, to: str = PHONE) -> Send:
    return Send(f"wamid.{mark}", at, "c-air", to, "marketing", template_name="offer", body="Words")


def said(mark: str, at: datetime, user_id: str, text: str = "hello", phone: str = OLDER_FORM) -> Inbound:
    return Inbound(f"wamid.{mark}", at, "c-air", phone=phone, user_id=user_id, text=text)


def granted(mark: str, at: datetime, **parts: Any) -> Register:
    return Register(
        mark, PHONE, "all", "granted", at, method="form", wording="Yes", business_name="Air Invented", **parts
    )


WORLD = World(
    entities=(AIR,),
    waba_by_channel={"c-air": "w-air"},
    sends=(send("before", START + 9 * DAY), send("after", CHANGED + 9 * DAY)),
    inbound=(said("in-1", START + DAY, FIRST), said("in-2", CHANGED, SECOND)),
    calls=(
        Call("wacid.1", START + 2 * DAY, "c-air", phone=PHONE),
        Call("wacid.2", CHANGED + 2 * DAY, "c-air", phone=PHONE),
    ),
    register=(granted("r-1", START),),
    retention=(RetentionRow("TST", ceiling="P50Y"),),
)


def made(folder: Path, url: str | None = None, **changes: Any) -> Disposing:
    return disposing(folder, url, 0, retention=WORLD.retention, world=replace(WORLD, **changes))


def consent(made: Disposing, *marks: str) -> list[str]:
    ids = [row["id"] for row in made.wa("lookup", *(f"wamid.{mark}" for mark in marks))]
    codes = dict(made.workspace.messages.select("message_id", "consent_code").iter_rows())
    return [codes[one] for one in ids]


def ambiguous(made: Disposing) -> list[str]:
    made.wa("check", "identity", allowed=(0, 1))
    return [row["subject_id"] for row in made.wa("findings", "identity.ambiguous")]


def party(made: Disposing, outside: str, *options: str) -> str:
    (row,) = made.wa("lookup", outside, *options)
    assert row["kind"] == "party"
    return str(row["id"])


def test_the_later_holder_inherits_nothing_until_somebody_decides(
    tmp_path: Path, database_url: str | None
) -> None:
    world = made(tmp_path, database_url)
    assert consent(world, "before", "after") == ["granted", "never_asked"]
    first, second = party(world, FIRST), party(world, SECOND)
    assert ambiguous(world) == [second]
    assert first != second
    for form in (PHONE, OLDER_FORM):
        assert party(world, form) == second
        assert party(world, form, "--as-of", CHANGED.isoformat()) == second
        assert party(world, form, "--as-of", (CHANGED - timedelta(microseconds=1)).isoformat()) == first
    assert_rebuild_gives_the_same(world)

    (question,) = world.wa("identity", "list")
    assert (question["left_party_id"], question["right_party_id"]) == (first, second)
    assert datetime.fromisoformat(question["changed_at"]) == CHANGED
    world.wa("identity", "decide", first, SECOND, "--different", "--reason", "they told us")
    assert (consent(world, "after"), ambiguous(world)) == (["never_asked"], [])
    world.wa("identity", "decide", second, FIRST, "--same", "--reason", "a new telephone")
    assert (consent(world, "after"), ambiguous(world)) == (["granted"], [])
    assert party(world, FIRST) == party(world, SECOND) == party(world, PHONE)
    world.wa("identity", "decide", FIRST, SECOND, "--different", "--reason", "it was another one")
    assert consent(world, "after") == ["never_asked"]
    assert_rebuild_gives_the_same(world)
    decisions = world.workspace.table(t.IdentityDecision)["decision_code"].to_list()
    assert decisions == ["different", "same", "different"]


def test_a_stop_of_the_earlier_holder_holds_until_decided(tmp_path: Path) -> None:
    stop = said("stop", START + 3 * DAY, FIRST, "parar")
    world = made(tmp_path, inbound=(*WORLD.inbound, stop))
    assert consent(world, "before", "after") == ["withdrawn", "withdrawn"]
    world.wa("identity", "decide", FIRST, SECOND, "--different", "--reason", "they told us")
    assert consent(world, "before", "after") == ["withdrawn", "never_asked"]


def test_who_consents_anew_has_consented(tmp_path: Path) -> None:
    stop = said("stop", START + 3 * DAY, FIRST, "parar")
    anew = granted("r-2", CHANGED + DAY)
    world = made(tmp_path, inbound=(*WORLD.inbound, stop), register=(*WORLD.register, anew))
    assert consent(world, "before", "after") == ["withdrawn", "granted"]
    assert ambiguous(world) == [party(world, SECOND)]


@pytest.mark.parametrize(
    "changes",
    [
        # The platform says so.
        {
            "inbound": (
                *WORLD.inbound,
                Inbound("wamid.sys", CHANGED, "c-air", PHONE, FIRST, "system", new_user_id=SECOND),
            )
        },
        # One customer number of the company's.
        {
            "register": (
                granted("r-1", START, user_id=FIRST, crm_id="C-1"),
                granted("r-3", START, user_id=SECOND, crm_id="C-1"),
            )
        },
    ],
)
def test_what_links_the_two_otherwise_leaves_no_question(tmp_path: Path, changes: dict[str, Any]) -> None:
    world = made(tmp_path, **changes)
    assert consent(world, "after") == ["granted"]
    assert (ambiguous(world), world.wa("identity", "list")) == ([], [])
    assert party(world, FIRST) == party(world, SECOND)


def test_late_evidence_parts_them_and_joins_them_again(tmp_path: Path, database_url: str | None) -> None:
    world = made(tmp_path, database_url, inbound=WORLD.inbound[:1])
    assert consent(world, "before", "after") == ["granted", "granted"]

    def told(name: str, row: Inbound) -> None:
        from tests.world_files import Layout, write

        files = write(World(waba_by_channel=WORLD.waba_by_channel, inbound=(row,)), tmp_path / name, Layout())
        for provider, path in files.imports:
            world.wa("capture", provider, str(path))
        world.workspace.refresh()

    told("late", WORLD.inbound[1])
    assert consent(world, "before", "after") == ["granted", "never_asked"]
    told("earlier", said("in-3", START + 5 * DAY, SECOND))
    assert consent(world, "before", "after") == ["never_asked", "never_asked"]
    assert_rebuild_gives_the_same(world)
    told("system", Inbound("wamid.sys", CHANGED, "c-air", PHONE, FIRST, "system", new_user_id=SECOND))
    assert consent(world, "before", "after") == ["granted", "granted"]
    assert_rebuild_gives_the_same(world)


def test_a_hold_on_the_number_keeps_what_any_holder_wrote(tmp_path: Path) -> None:
    world = made(tmp_path)
    held = world.wa("hold", "add", "--matter", "M", "--party", PHONE, "--reason", "a claim")
    assert held["held_count"] == world.workspace.messages.height == 4


def test_the_chain_of_a_party_has_dates_and_proof(tmp_path: Path) -> None:
    world = made(tmp_path)
    shown = world.wa("explain", party(world, FIRST))
    chain = {(row["kind_code"], row["rule_code"]): row for row in shown["identifiers"]}
    user = chain["user_id", "contact"]
    assert datetime.fromisoformat(user["since_at"]) == START + DAY
    assert user["until_at"] is None
    assert datetime.fromisoformat(chain["phone", "contact"]["until_at"]) == CHANGED
    assert user["sequence"] is not None
    assert any("nobody decided" in line for line in shown["lines"])
    assert PHONE.strip("+") not in str(shown)


def test_erasing_one_holder_leaves_the_other(tmp_path: Path, database_url: str | None) -> None:
    world = made(tmp_path, database_url)
    first, second = party(world, FIRST), party(world, SECOND)
    theirs = dict(world.workspace.messages.filter(party_id=first).select("message_id", "sent_at").iter_rows())
    done = world.wa("erase", SECOND, "--reason", "asked by letter", "--yes")
    assert done["counts"] == {"erase": 3}, "a send, a message, a call"
    left = world.workspace.messages
    assert dict(left.select("message_id", "sent_at").iter_rows()) == theirs
    assert set(left["party_id"]) == {first}
    assert world.workspace.table(t.MessageFact).filter(source_code="call").height == 1
    assert second not in world.workspace.parties["identifier_digest"].to_list()
    assert_rebuild_gives_the_same(world)


def test_disposed_evidence_lets_nobody_inherit(tmp_path: Path) -> None:
    """What showed the first user id is gone; the consent that its holder gave on the number is not."""
    first = RetentionRow("TST", ceiling="P1Y", effective_to=CHANGED.date().isoformat())
    later = RetentionRow("TSU", ceiling="P50Y", effective_from=CHANGED.date().isoformat())
    world = disposing(tmp_path, None, 0, retention=(first, later), world=WORLD)
    gone = world.wa("dispose", "--yes", "--as-of", (START + 500 * DAY).isoformat())
    assert gone["disposed_count"] == 3, "two messages and a call"
    assert world.wa("lookup", FIRST)[0]["id"] is None
    assert consent(world, "after") == ["never_asked"]
    assert_rebuild_gives_the_same(world)
