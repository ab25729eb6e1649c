"""What new evidence touches: after each refresh the tables are those of a rebuild.

Each case is a first delivery and a later one that changes how something of the first is judged.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import polars as pl
import pytest

from tests.properties.derived import derived, differences
from tests.world_files import write
from tests.worlds import Entity, Inbound, Preference, Register, Send, Status, Template, World
from wa_analytics import tables as t
from wa_analytics.database.bulk import Writer
from wa_analytics.pipeline.refreshing import spans
from wa_analytics.pipeline.refreshing.derived import derived_proof
from wa_analytics.workspace import Workspace

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ANA, BOB, EVE = "+447700900001", "+447700900002", "+447700900003"
AIR = Entity(key="air", name="Birch Air", channels=("c1",), waba_ids=("w1",))
BANK = Entity(key="bank", name="Alder", channels=("c2",), waba_ids=("w2",))
GROUP = World(entities=(AIR, BANK), waba_by_channel={"c1": "w1", "c2": "w2"})

PROMO = Send("wamid.PROMO", NOON, "c1", ANA, body="Spring!")
ORDER = Send("wamid.ORDER", NOON, "c1", ANA, purpose="utility", template_name="order")
REPLY = Send("wamid.REPLY", NOON, "c1", ANA, purpose="service", kind="free_form", body="Hello")
BACKGROUND = tuple(Send(f"wamid.B{number}", NOON, "c1", EVE, body="x") for number in range(9))
REGISTER = Register("R-0", EVE, "marketing", "granted", NOON - 99 * HOUR, business_name="air")
GRANT = Register("R-1", ANA, "marketing", "granted", NOON - 9 * HOUR, business_name="air")


@pytest.fixture(scope="module")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("blank") / "home"
    Workspace.init(home).close()
    return home


@pytest.fixture
def workspace(blank: Path, tmp_path: Path) -> Iterator[Workspace]:
    home = tmp_path / "home"
    shutil.copytree(blank, home)
    written = write(GROUP, tmp_path / "group")
    shutil.copy(written.settings, home / "settings.toml")
    shutil.copy(written.retention, home / "retention.csv")
    opened = Workspace.open(home)
    yield opened
    opened.close()


def delivered(workspace: Workspace, world: World) -> bool:
    """Import a delivery and refresh; whether that evaluated everything anew."""
    folder = workspace.home / "deliveries" / f"{len(list((workspace.home / 'deliveries').glob('*')))}"
    for provider, path in write(world, folder).imports:
        workspace.capture(provider, [str(path)], NOON)
    return workspace.refresh().was_whole


def column(workspace: Workspace, message_id: str, name: str) -> object:
    ours = workspace.lookup([message_id])["id"][0]
    return workspace.messages.filter(pl.col("message_id") == ours)[name].item()


FIRST = replace(GROUP, sends=(PROMO, ORDER, REPLY, *BACKGROUND), register=(REGISTER,))
KNOWN = replace(FIRST, inbound=(Inbound("wamid.IN", NOON - 99 * HOUR, "c1", EVE, text="hi"),))
FAILED = Status("wamid.LOST", "failed", NOON + HOUR, "c1", ANA, error_code=131050)
PRICED = Status("wamid.ORDER", "delivered", NOON, "c1", ANA, category="marketing")
STATUS = Status("wamid.LOST", "sent", NOON, "c1", ANA)
LOST = replace(PROMO, message_id="wamid.LOST", sent_at=NOON - HOUR)
UNNAMED = replace(FAILED, phone="")
ANA_ID, BOB_ID = "GB.40000000001", "GB.40000000002"
BY_ID = Send("wamid.BY_ID", NOON, "c1", ANA_ID, body="Spring!")
TO_ID = Status("wamid.ALONE", "sent", NOON - HOUR, "c1", user_id=ANA_ID, category="marketing")
TO_PHONE = Status("wamid.ALONE", "delivered", NOON, "c1", ANA)
TO_BOTH = replace(FIRST, sends=(*FIRST.sends, BY_ID), register=(REGISTER, GRANT), statuses=(TO_ID, TO_PHONE))
TO_GROUP = replace(PROMO, message_id="wamid.GROUP", to="Y2FwaV9ncm91cDox")
HEARD = Status("wamid.GROUP", "read", NOON, "c1", ANA, group_id=TO_GROUP.to)
AGAIN = tuple(replace(status, message_id="wamid.ALSO") for status in (TO_ID, TO_PHONE))

CASES = {
    # name: first, later, message, column, before, after, whether everything is evaluated anew
    "a grant": (
        FIRST, replace(GROUP, register=(GRANT,)),
        "wamid.PROMO", "consent_code", "never_asked", "granted", False,
    ),
    "a stop": (
        replace(FIRST, register=(REGISTER, GRANT)),
        replace(GROUP, preferences=(Preference(NOON - HOUR, "c1", "stop", ANA),)),
        "wamid.PROMO", "consent_code", "granted", "withdrawn", False,
    ),
    "an opt-out word": (
        replace(KNOWN, register=(REGISTER, GRANT)),
        replace(GROUP, inbound=(Inbound("wamid.STOP", NOON - HOUR, "c1", ANA, text="stop"),)),
        "wamid.PROMO", "consent_code", "granted", "withdrawn", False,
    ),
    "an inbound message": (
        KNOWN, replace(GROUP, inbound=(Inbound("wamid.HI", NOON - HOUR, "c1", ANA, text="hi"),)),
        "wamid.REPLY", "window_code", "outside", "inside", False,
    ),
    "the first inbound of the channel": (
        FIRST, replace(GROUP, inbound=(Inbound("wamid.HI", NOON - HOUR, "c1", EVE, text="hi"),)),
        "wamid.REPLY", "window_code", "not_evaluated", "outside", True,
    ),
    "the company's first register row": (
        replace(FIRST, register=()), replace(GROUP, register=(REGISTER,)),
        "wamid.PROMO", "consent_code", "not_evaluated", "never_asked", True,
    ),
    "a template's category": (
        FIRST, replace(GROUP, templates=(Template("w1", "order", "MARKETING", NOON - 99 * HOUR),)),
        "wamid.ORDER", "purpose_code", "utility", "marketing", True,
    ),
    "a price": (
        FIRST, replace(GROUP, statuses=(PRICED,)),
        "wamid.ORDER", "has_purpose_mismatch", False, True, False,
    ),
    "a link of two numbers": (
        replace(FIRST, register=(REGISTER, replace(GRANT, party=BOB))),
        replace(GROUP, inbound=(Inbound("wamid.MOVED", NOON, "c1", BOB, type="system", new_phone=ANA),)),
        "wamid.PROMO", "consent_code", "never_asked", "granted", None,
    ),
    "the same record of another person, earlier": (
        replace(FIRST, register=(REGISTER, GRANT)),
        replace(GROUP, register=(replace(GRANT, party=BOB, occurred_at=NOON - 10 * HOUR),)),
        "wamid.PROMO", "consent_code", "granted", "never_asked", False,
    ),
    "the same message of another person, earlier": (
        replace(FIRST, register=(REGISTER, GRANT)),
        replace(GROUP, sends=(replace(PROMO, to=BOB, sent_at=NOON - HOUR),)),
        "wamid.PROMO", "consent_code", "granted", "never_asked", False,
    ),
    "the send log of a failure that was a stop": (
        replace(FIRST, register=(REGISTER, GRANT), statuses=(STATUS, FAILED)),
        replace(GROUP, sends=(replace(PROMO, message_id="wamid.LOST", sent_at=NOON + HOUR),)),
        "wamid.PROMO", "consent_code", "withdrawn", "granted", False,
    ),
    "the send log of a stop turns out to be of another person": (
        replace(FIRST, register=(REGISTER, GRANT), sends=(*FIRST.sends, LOST), statuses=(UNNAMED,)),
        replace(GROUP, sends=(replace(LOST, to=BOB, sent_at=NOON - 2 * HOUR),)),
        "wamid.PROMO", "consent_code", "withdrawn", "granted", False,
    ),
    "a status that names another number of the person": (
        replace(FIRST, register=(REGISTER, replace(GRANT, party=BOB))),
        replace(GROUP, statuses=(Status("wamid.PROMO", "sent", NOON, "c1", BOB),)),
        "wamid.PROMO", "consent_code", "never_asked", "granted", False,
    ),
    "a status that names nobody": (
        replace(FIRST, register=(REGISTER, GRANT)),
        replace(GROUP, statuses=(Status("wamid.PROMO", "sent", NOON, "c1"),)),
        "wamid.PROMO", "consent_code", "granted", "granted", False,
    ),
    "the other identifier of a message's recipient": (
        replace(FIRST, register=(REGISTER, GRANT), statuses=(TO_ID,)), replace(GROUP, statuses=(TO_PHONE,)),
        "wamid.ALONE", "consent_code", "never_asked", "granted", False,
    ),
    "the recipient of a message is one with that of another": (
        replace(TO_BOTH, statuses=(TO_PHONE,)), replace(GROUP, statuses=(TO_ID,)),
        "wamid.BY_ID", "consent_code", "never_asked", "granted", False,
    ),
    "a second number among a message's recipients": (
        TO_BOTH, replace(GROUP, statuses=(replace(TO_PHONE, phone=BOB),)),
        "wamid.BY_ID", "consent_code", "granted", "never_asked", False,
    ),
    "a second user id among a message's recipients": (
        TO_BOTH, replace(GROUP, statuses=(replace(TO_ID, user_id=BOB_ID),)),
        "wamid.BY_ID", "consent_code", "granted", "never_asked", False,
    ),
    "a second number among the recipients of one message of two": (
        replace(TO_BOTH, statuses=(TO_ID, TO_PHONE, *AGAIN)),
        replace(GROUP, statuses=(replace(TO_PHONE, phone=BOB),)),
        "wamid.BY_ID", "consent_code", "granted", "granted", False,
    ),
    "another participant of a group": (
        replace(TO_BOTH, statuses=(replace(TO_PHONE, group_id=TO_GROUP.to),)),
        replace(GROUP, statuses=(replace(TO_ID, group_id=TO_GROUP.to),)),
        "wamid.BY_ID", "consent_code", "never_asked", "never_asked", False,
    ),
    "a participant of a group in the send log": (
        replace(FIRST, sends=(*FIRST.sends, TO_GROUP, replace(PROMO, message_id="wamid.BOB", to=BOB)),
                register=(REGISTER, GRANT), statuses=(HEARD,)),
        replace(GROUP, statuses=(replace(HEARD, phone=BOB),)),
        "wamid.BOB", "consent_code", "never_asked", "never_asked", False,
    ),
    "that a send went to a group": (
        replace(FIRST, sends=(*FIRST.sends, TO_GROUP), register=(REGISTER, GRANT)),
        replace(GROUP, statuses=(HEARD,)),
        "wamid.GROUP", "consent_code", "never_asked", "not_evaluated", False,
    ),
    "that a free-form send went to a group": (
        replace(KNOWN, sends=(*KNOWN.sends, replace(REPLY, message_id="wamid.GROUP", to=TO_GROUP.to))),
        replace(GROUP, statuses=(HEARD,)),
        "wamid.GROUP", "window_code", "outside", "not_evaluated", False,
    ),
    "that a message went to a group": (
        TO_BOTH, replace(GROUP, statuses=(replace(TO_PHONE, group_id=TO_GROUP.to),)),
        "wamid.BY_ID", "consent_code", "granted", "never_asked", False,
    ),
    "a body": (
        replace(FIRST, statuses=(STATUS,)), replace(GROUP, sends=(replace(PROMO, message_id="wamid.LOST"),)),
        "wamid.LOST", "body_code", "statuses_only", "held", False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_later_evidence_touches_what_it_must(workspace: Workspace, name: str) -> None:
    first, later, message_id, what, before, after, is_whole = CASES[name]
    assert delivered(workspace, first)
    assert column(workspace, message_id, what) == before
    was_whole = delivered(workspace, later)
    assert column(workspace, message_id, what) == after
    assert is_whole is None or was_whole is is_whole
    found = derived(workspace)
    workspace.rebuild()
    assert differences(found, derived(workspace)) == []


def test_changed_settings_are_judged_anew(workspace: Workspace) -> None:
    """Companies and opt-out words make the facts, so those are read again; a schedule the state."""
    said = Inbound("wamid.NO", NOON - HOUR, "c1", ANA, text="enough")
    delivered(workspace, replace(FIRST, register=(REGISTER, GRANT), inbound=(said,)))
    assert column(workspace, "wamid.PROMO", "consent_code") == "granted"
    path = workspace.home / "settings.toml"
    path.write_text('[consent]\nopt_out_words = { en = ["enough"] }\n' + path.read_text())
    again = Workspace.open(workspace.home)
    assert again.refresh().was_whole
    assert column(again, "wamid.PROMO", "consent_code") == "withdrawn"

    (again.home / "retention.csv").write_text("record_class,authority,ceiling\n,OWN,P1D\n")
    third = Workspace.open(workspace.home)
    assert third.refresh().was_whole
    assert column(third, "wamid.PROMO", "dispose_by") == NOON + timedelta(days=1)
    assert third.refresh().was_whole is False
    again.close()
    third.close()


def test_an_interrupted_rebuild_is_begun_again(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    delivered(workspace, replace(FIRST, register=(REGISTER, GRANT)))
    before = derived(workspace)

    def struck(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("wa_analytics.database.shadow.swapped", struck)
        with pytest.raises(KeyboardInterrupt):
            workspace.rebuild()
    assert differences(before, derived(workspace)) == []
    workspace.rebuild()
    assert differences(before, derived(workspace)) == []


@pytest.mark.parametrize(
    ("death", "is_proven"), [(1, False), (4, False), (7, False), (10, False), (4, True), (7, True)]
)
def test_a_refresh_struck_down_goes_on_where_it_stood(
    death: int, is_proven: bool, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Facts are written before the watermark that vouches for them; what it does not reach goes."""
    delivered(workspace, FIRST)
    later = replace(GROUP, sends=(LOST,), register=(GRANT,), statuses=(PRICED, STATUS), inbound=KNOWN.inbound)
    for provider, path in write(later, workspace.home / "later").imports:
        workspace.capture(provider, [str(path)], NOON)
    append, calls = Writer.append, iter(range(1, 1_000))

    def struck(*given: Any, **named: Any) -> None:
        if next(calls) == death:
            raise KeyboardInterrupt
        append(*given, **named)

    with monkeypatch.context() as patched:
        patched.setattr(spans, "CHUNK", 2)
        patched.setattr(spans, "SPAN", 6)
        patched.setattr(spans, "BATCH_ROWS", 5)
        patched.setattr(Writer, "append", struck)
        with pytest.raises(KeyboardInterrupt):
            workspace.refresh()
    if is_proven:
        with workspace.locked("refresh"):
            proof = derived_proof(workspace.database, workspace.ring, workspace.settings, workspace.schedule)
        assert proof.outcome == "pass"
    workspace.refresh()
    found, counts = derived(workspace), [workspace.table(table).height for table in t.FACTS]
    workspace.rebuild()
    assert differences(found, derived(workspace)) == []
    assert counts == [workspace.table(table).height for table in t.FACTS]


def test_an_empty_workspace_can_be_refreshed_and_rebuilt(workspace: Workspace) -> None:
    assert workspace.refresh().messages == 0
    assert workspace.rebuild().messages == 0
    assert workspace.messages.height == 0
    assert workspace.coverage["has_register"].to_list() == [False, False]


@pytest.mark.parametrize("hours", [(0, 2), (2, 0)])
def test_a_form_that_tells_no_time_happened_when_it_was_first_received(
    workspace: Workspace, hours: tuple[int, int]
) -> None:
    """Twilio delivers the same bytes again; which delivery was imported first says nothing."""
    body = (
        "MessageSid=SM1&SmsStatus=received&Body=hi&From=whatsapp:%2B447700900001&To=whatsapp:%2B447700900009"
    )
    for number, later in enumerate(hours):
        path = workspace.home / f"{number}.ndjson"
        received = (NOON + later * HOUR).isoformat()
        path.write_text(json.dumps({"received_at": received, "headers": {}, "body": body}))
        workspace.capture("twilio", [str(path)], NOON)
        again = workspace.capture("twilio", [str(path)], NOON)
        assert (again.stored, again.repeated > 0) == (0, True)
        workspace.refresh()
    assert column(workspace, "SM1", "sent_at") == NOON


def test_a_message_opens_its_window_once_though_it_is_told_twice(workspace: Workspace) -> None:
    """Twilio's list tells when it was received, a webhook is received later."""
    people = {"from": "whatsapp:+447700900001", "to": "whatsapp:+447700900009"}
    told = {"direction": "inbound", "status": "received", "date_sent": format_datetime(NOON - 24 * HOUR)}
    listed = {"sid": "SM1", "body": "hi", "num_media": "0", **people, **told}
    form = {"MessageSid": "SM1", "SmsStatus": "received", "Body": "hi"}
    body = urlencode(form | {name.title(): number for name, number in people.items()})
    late = {"received_at": (NOON - HOUR).isoformat(), "headers": {}, "body": body}
    for name, stated in (("page.json", {"messages": [listed]}), ("late.ndjson", late)):
        (workspace.home / name).write_text(json.dumps(stated))
        workspace.capture("twilio", [str(workspace.home / name)], NOON)
    delivered(workspace, replace(GROUP, sends=(replace(REPLY, channel_id="447700900009"),)))
    assert column(workspace, "SM1", "sent_at") == NOON - 24 * HOUR
    assert column(workspace, REPLY.message_id, "window_code") == "outside"
