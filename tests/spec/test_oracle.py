"""The oracle against tables worked out by hand, one per rule of DESIGN section 7.

Read a table as: these things happened, then this send was judged so. Hours count from NOON.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests import oracle
from tests.oracle_consent import known_at, recorded_late, window_of
from tests.oracle_facts import facts, identifier, is_opt_out
from tests.oracle_holders import parties
from tests.worlds import (
    Call,
    ClassRule,
    Echo,
    Entity,
    Inbound,
    Preference,
    Register,
    RetentionRow,
    Send,
    Status,
    Template,
    World,
)

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
AS_OF = NOON + timedelta(days=30)
ANA = "+5511987650001"
ANA_OLD = "+551187650001"
BOB = "+12025550123"
CHANNEL = "100011"
FULL = {"method": "web_form", "wording": "I agree", "business_name": "Alder"}


def hour(count: float) -> datetime:
    return NOON + timedelta(hours=count)


def promo(at: float = 0, to: str = ANA, **other: Any) -> Send:
    return Send("wamid.P", hour(at), CHANNEL, to, body="Spring!", **other)


def register(table: str, party: str = ANA, **other: Any) -> tuple[Register, ...]:
    """Rows of `action purpose occurred recorded expires`; `-` is empty."""

    def when(cell: str) -> datetime | None:
        return None if cell == "-" else hour(float(cell))

    rows = []
    for number, line in enumerate(filter(None, map(str.strip, table.strip().splitlines()))):
        action, purpose, occurred, recorded, expires = line.split()
        rows.append(
            Register(
                f"R-{number}",
                party,
                purpose,
                action,
                hour(float(occurred)),
                when(recorded),
                when(expires),
                **{**FULL, **other},
            )
        )
    return tuple(rows)


def said(table: str) -> tuple[Preference, ...]:
    """Rows of `value at`."""
    lines = [line.split() for line in table.strip().splitlines()]
    return tuple(Preference(hour(float(at)), CHANNEL, value, ANA) for value, at in lines)


def rules(world: World, as_of: datetime = AS_OF, subject: str = "consent.") -> list[str]:
    return sorted(rule for rule, _, _ in oracle.findings(world, as_of) if rule.startswith(subject))


@pytest.mark.parametrize(
    ("table", "state", "was_known"),
    [
        ("granted marketing -5 -5 -", "granted", None),
        ("granted all -5 -5 -", "granted", None),
        ("granted utility -5 -5 -", "wrong_purpose", None),
        ("granted utility 1 1 -\ngranted marketing 1 1 -", "never_asked", {None}),
        ("requested marketing -5 -5 -", "unconfirmed", {True}),
        ("requested marketing -5 -5 -\ngranted utility -6 -6 -", "unconfirmed", {True}),
        ("confirmed marketing -5 -5 -\nrequested marketing -2 -2 -", "granted", None),
        # the latest governs
        ("granted marketing -5 -5 -\nwithdrawn all -3 2 -", "withdrawn", {False}),
        ("granted marketing -3 -3 -\nwithdrawn all -5 -5 -", "granted", None),
        # one instant: withdrawn beats refused beats granted
        ("granted marketing 0 0 -\nrefused marketing 0 0 -", "refused", {True}),
        ("refused marketing 0 0 -\nwithdrawn all 0 - -", "withdrawn", {None}),
        # one instant: the earliest expiry; `expires_at ≤ sent_at` is expired
        ("granted marketing -5 -5 -\nconfirmed marketing -5 -5 0", "expired", {True}),
        ("granted marketing -5 -5 0.1", "granted", None),
    ],
)
def test_register_stream(table: str, state: str, was_known: set[bool | None] | None) -> None:
    world = World(sends=(promo(),), register=register(table))
    assert oracle.consent_state(world, "wamid.P") == state
    if was_known is not None:
        assert oracle.attributes(world, AS_OF)["wamid.P"]["was_known"] == was_known


@pytest.mark.parametrize(
    ("register_table", "said_table", "state"),
    [
        ("granted marketing -5 -5 -", "stop -3", "withdrawn"),
        ("granted marketing -5 -5 -", "stop -3\nresume -2", "granted"),
        ("granted marketing -5 -5 -", "resume -3\nstop -3", "withdrawn"),
        ("granted marketing -3 -3 -", "stop -3", "withdrawn"),
        ("granted marketing -2 -2 -", "stop -3", "granted"),
        ("granted utility -9 -9 -", "stop -3", "withdrawn"),
        ("granted utility -9 -9 -", "stop -3\nresume -2", "wrong_purpose"),
        ("refused utility -9 -9 -", "signup -3", "granted"),
        ("refused marketing -2 -2 -", "stop -3", "refused"),
        ("granted marketing -5 -5 -", "stop 1", "granted"),
    ],
)
def test_platform_stream(register_table: str, said_table: str, state: str) -> None:
    world = World(sends=(promo(),), register=register(register_table), preferences=said(said_table))
    assert oracle.consent_state(world, "wamid.P") == state


def test_a_hard_stop_is_a_finding_on_its_own_send_and_on_the_next() -> None:
    failed = Status("wamid.P", "failed", hour(3), CHANNEL, ANA, error_code=131050)
    sends = (
        promo(),
        Send("wamid.BEFORE", hour(-1), CHANNEL, ANA),
        Send("wamid.NEXT", hour(1), CHANNEL, ANA),
    )
    world = World(sends=sends, statuses=(failed,), register=register("granted marketing -5 -5 -"))
    states = {row.message_id: oracle.consent_state(world, row.message_id) for row in sends}
    assert states == {"wamid.P": "withdrawn", "wamid.NEXT": "withdrawn", "wamid.BEFORE": "granted"}
    assert oracle.attributes(world, AS_OF)["wamid.P"]["outcome"] == "failed"
    assert oracle.attributes(world, hour(2))["wamid.P"]["outcome"] == "unknown"


def test_a_hard_stop_known_from_its_status_alone_is_a_finding_on_its_own_send() -> None:
    failed = Status("wamid.P", "failed", hour(3), CHANNEL, ANA, error_code=131050)
    world = World(statuses=(failed,), register=register("granted marketing -5 -5 -"))
    assert oracle.consent_state(world, "wamid.P") == "withdrawn"


@pytest.mark.parametrize(
    ("text", "phone", "type_", "is_opt_out_"),
    [
        ("STOP!", ANA, "text", True),
        ("opt.out", ANA, "button", True),
        ("Optout", ANA, "list_reply", True),
        ("please stop", ANA, "text", False),
        ("Cancel", BOB, "text", True),
        ("Cancel", ANA, "text", False),
        ("¡Baja!", ANA, "button_reply", True),
        ("stop", ANA, "image", False),
    ],
)
def test_opt_out_words(text: str, phone: str, type_: str, is_opt_out_: bool) -> None:
    assert is_opt_out(Inbound("wamid.I", NOON, CHANNEL, phone, "", type_, text)) is is_opt_out_


@pytest.mark.parametrize(
    ("table", "is_late"),
    [
        ("granted marketing -5 0 -", {False}),
        ("granted marketing -5 1 -", {True}),
        ("granted marketing -5 - -", {None}),
        ("granted marketing -5 1 -\ngranted all -6 -6 -", {False}),
        ("granted marketing -5 1 -\nwithdrawn marketing -6 -6 -", {True}),
    ],
)
def test_recorded_late(table: str, is_late: set[bool | None]) -> None:
    world = World(sends=(promo(),), register=register(table))
    known = facts(world)
    assert recorded_late(known, known.sends[0]) == is_late
    assert (rules(world) == ["consent.recorded_late"]) is (is_late == {True})


@pytest.mark.parametrize(
    ("table", "said_table", "is_again"),
    [
        ("withdrawn marketing -5 -5 -\nrequested marketing -4 -4 -", "", True),
        ("withdrawn marketing -4 -4 -\nrequested marketing -4 -4 -", "", False),
        ("withdrawn marketing -5 -5 -\ngranted all -4 -4 -\nrequested marketing -4 -4 -", "", False),
        ("withdrawn marketing -5 -5 -\nwithdrawn all -4 -4 -\nrequested marketing -4 -4 -", "", True),
        ("withdrawn marketing -4 -4 -\nrequested marketing -4 -4 -", "stop -5", True),
        ("withdrawn utility -5 -5 -\nrequested marketing -4 -4 -", "", False),
        ("withdrawn utility -5 -5 -\nrequested all -4 -4 -", "", True),
        ("refused marketing -5 -5 -\nrequested marketing -4 -4 -", "", False),
        ("requested marketing -4 -4 -", "stop -5", True),
        ("requested marketing -4 -4 -", "stop -4", False),
        ("requested utility -4 -4 -", "stop -5", False),
        ("requested marketing -4 -4 -", "stop -5\nresume -4", False),
    ],
)
def test_asked_again(table: str, said_table: str, is_again: bool) -> None:
    world = World(register=register(table), preferences=said(said_table) if said_table else ())
    assert rules(world) == (["consent.asked_again"] if is_again else [])


#  send log   priced     template      → purpose judged, mismatch, kind judged
@pytest.mark.parametrize(
    ("kind", "declared", "priced", "category", "state", "mismatch"),
    [
        ("template", "utility", "utility", "UTILITY", "wrong_purpose", False),
        ("template", "utility", "marketing_lite", "", "granted", True),
        ("template", "utility", "", "MARKETING", "granted", True),
        ("template", "marketing", "utility", "", "granted", True),
        ("template", "", "marketing", "", "granted", False),
        ("template", "", "", "UTILITY", "not_evaluated", False),
        ("template", "service", "", "", "not_evaluated", False),
        ("template", "promo", "", "", "not_evaluated", False),
        ("template", "promo", "marketing", "", "granted", True),
        ("free_form", "service", "service", "", "not_judged", False),
        ("free_form", "marketing", "", "", "granted", False),
        ("free_form", "service", "marketing", "", "granted", True),
        ("", "marketing", "", "", "granted", False),
        ("", "utility", "", "", "not_evaluated", False),
        ("", "", "", "", "not_evaluated", False),
    ],
)
def test_purpose(kind: str, declared: str, priced: str, category: str, state: str, mismatch: bool) -> None:
    world = World(
        waba_by_channel={CHANNEL: "2"},
        sends=(promo(kind=kind, purpose=declared, template_name="t" if kind == "template" else ""),),
        statuses=(Status("wamid.P", "sent", hour(1), CHANNEL, ANA, category=priced),),
        templates=(Template("2", "t", category, NOON),) if category else (),
        register=register("granted marketing -5 -5 -"),
    )
    assert oracle.consent_state(world, "wamid.P") == state
    assert ("consent.purpose_mismatch" in rules(world)) is mismatch


ALDER = Entity("alder", "Alder", "broker_dealer", "US", channels=(CHANNEL,), business_names=("Alder  LLC",))
BIRCH = Entity("birch", "Birch", channels=("100021",))


@pytest.mark.parametrize(
    ("business_name", "state", "found"),
    [
        ("ALDER llc", "granted", []),
        ("alder", "granted", []),
        ("", "granted", ["consent.incomplete_record"]),
        ("Birch", "not_evaluated", []),  # Alder's own register was never captured
        ("Whoever", "not_evaluated", ["consent.unknown_business"]),
    ],
)
def test_consent_governs_its_own_company(business_name: str, state: str, found: list[str]) -> None:
    rows = register("granted marketing -5 -5 -", business_name=business_name)
    world = World(entities=(ALDER, BIRCH), sends=(promo(),), register=rows)
    assert oracle.consent_state(world, "wamid.P") == state
    assert rules(world) == found


def test_without_companies_every_business_name_matches() -> None:
    rows = register("granted marketing -5 -5 -", business_name="Whoever")
    world = World(sends=(promo(),), register=rows)
    assert rules(world) == []
    assert oracle.metrics(world, AS_OF)["consent_coverage"] == (1, 1)


@pytest.mark.parametrize(
    ("lacking", "is_incomplete"),
    [
        ({"method": ""}, True),
        ({"business_name": ""}, True),
        ({"wording": ""}, True),
        ({"wording": "", "wording_version": "v1"}, False),
    ],
)
def test_incomplete_record(lacking: dict[str, str], is_incomplete: bool) -> None:
    world = World(register=register("granted marketing -5 -5 -", **lacking))
    assert rules(world) == (["consent.incomplete_record"] if is_incomplete else [])


def test_party_is_the_connected_set() -> None:
    #  register: old number + C-1 · contact: new number + BR.1 · status of a send to BR.1: US.2
    world = World(
        sends=(promo(to="BR.1"),),
        statuses=(Status("wamid.P", "sent", NOON, CHANNEL, user_id="BR.2"),),
        inbound=(
            Inbound("wamid.I", NOON, CHANNEL, ANA, "BR.1", "text", "hi"),
            Inbound("wamid.S", NOON, CHANNEL, ANA, "", "system", new_phone="+12025550177"),
        ),
        register=register("granted marketing -5 -5 -", party="551187650001", crm_id="C-1"),
    )
    party = parties(world)
    same = (ANA_OLD, ANA, "BR.1", "BR.2", "C-1", "+12025550177")
    assert {party[identifier(one)] for one in same} == {party[identifier("C-1")]}
    assert oracle.consent_state(world, "wamid.P") == "granted"
    assert identifier("1234567") == ("crm_id", "1234567")
    assert identifier("12025550123") == ("phone", BOB)


#  inbound or call at | send at | → window
@pytest.mark.parametrize(
    ("heard", "state"),
    [
        ([Inbound("i", hour(-24), CHANNEL, ANA, text="hi")], "outside"),
        ([Inbound("i", hour(-24) + timedelta(seconds=1), CHANNEL, ANA, text="hi")], "inside"),
        ([Inbound("i", hour(0), CHANNEL, ANA_OLD, text="hi")], "inside"),
        ([Inbound("i", hour(1), CHANNEL, ANA, text="hi")], "outside"),
        ([Inbound("i", hour(-1), "100012", ANA, text="hi")], "not_evaluated"),
        ([Inbound("i", hour(-1), CHANNEL, BOB, text="hi")], "outside"),
        ([Call("c", hour(-1), CHANNEL, ANA)], "inside"),
        (
            [
                Inbound("i", hour(-1), CHANNEL, ANA, "", "system", new_phone=BOB),
                Inbound("j", hour(-40), CHANNEL, ANA),
            ],
            "outside",
        ),
        ([], "not_evaluated"),
    ],
)
def test_window(heard: list[Inbound | Call], state: str) -> None:
    world = World(
        sends=(promo(kind="free_form", purpose="service"),),
        inbound=tuple(one for one in heard if isinstance(one, Inbound)),
        calls=tuple(one for one in heard if isinstance(one, Call)),
    )
    assert oracle.window_state(world, "wamid.P") == state
    assert (rules(world, subject="window.") != []) is (state == "outside")


def test_window_asks_no_template_and_asks_echoes() -> None:
    world = World(
        sends=(promo(),),
        echoes=(Echo("wamid.E", hour(30), CHANNEL, ANA),),
        inbound=(Inbound("wamid.I", hour(-1), CHANNEL, ANA, text="hi"),),
    )
    known = facts(world)
    assert {send.message_id: window_of(known, send) for send in known.sends} == {
        "wamid.P": "not_judged",
        "wamid.E": "outside",
    }


def test_body_missing() -> None:
    #  message      known from                      body
    #  OLD, FRESH   statuses alone, 168 h / less    missing / not yet
    #  EMPTY        send log without text           missing
    #  NAMED        send log naming a template      not required
    world = World(
        sends=(
            Send("EMPTY", NOON, CHANNEL, ANA, "service", "free_form"),
            Send("NAMED", NOON, CHANNEL, ANA, "utility", "template", "order_update"),
        ),
        statuses=(
            Status("OLD", "failed", AS_OF - timedelta(hours=168), CHANNEL, ANA),
            Status("OLD", "sent", AS_OF - timedelta(hours=1), CHANNEL, ANA),
            Status("FRESH", "sent", AS_OF - timedelta(hours=168) + timedelta(seconds=1), CHANNEL, ANA),
        ),
    )
    missing = {
        subject for rule, _, subject in oracle.findings(world, AS_OF) if rule == "capture.body_missing"
    }
    assert missing == {"OLD", "EMPTY"}
    assert oracle.metrics(world, AS_OF)["body_coverage"] == (1, 3)


def test_conflicting_rows_the_earliest_governs() -> None:
    world = World(
        sends=(
            promo(0),
            promo(0, to=ANA.lstrip("+")),
            Send("wamid.Q", hour(2), CHANNEL, ANA, "marketing", body="x"),
            Send("wamid.Q", hour(1), CHANNEL, ANA, "utility", body="x"),
        ),
        register=register("granted utility 1 1 -"),
    )
    assert rules(world, subject="capture.") == ["capture.conflicting"]
    assert oracle.consent_state(world, "wamid.Q") == "granted"
    twice = (*register("granted marketing -5 -5 -"), *register("withdrawn marketing -4 -4 -"))
    world = World(sends=(promo(),), register=twice)
    assert ("capture.conflicting", "consent_event", "R-0") in oracle.findings(world, AS_OF)
    assert oracle.consent_state(world, "wamid.P") == "granted"


@pytest.mark.parametrize(
    ("at", "duration", "ends"),
    [
        ((2024, 2, 29), "P1Y", (2025, 2, 28)),
        ((2024, 2, 29), "P4Y", (2028, 2, 29)),
        ((2026, 1, 31), "P1M", (2026, 2, 28)),
        ((2026, 1, 31), "P1M7D", (2026, 3, 7)),
        ((2019, 12, 31), "P90D", (2020, 3, 30)),
    ],
)
def test_calendar(at: tuple[int, int, int], duration: str, ends: tuple[int, int, int]) -> None:
    assert oracle.after(datetime(*at, 12, tzinfo=UTC), duration) == datetime(*ends, 12, tzinfo=UTC)


FLOOR = RetentionRow("FLOOR", "correspondence", "broker_dealer", "US", floor="P3Y")
LAST = RetentionRow("LAST", floor="P6Y", is_fallback=True)
SHORT = RetentionRow("SHORT", "correspondence", ceiling="P5Y")
DUE = RetentionRow("DUE", "correspondence", ceiling="P1D")
UNTIL = RetentionRow("UNTIL", "correspondence", floor="P1Y", effective_to="2026-03-10")


@pytest.mark.parametrize(
    ("rows", "entities", "found"),
    [
        ((FLOOR, LAST, SHORT), (ALDER,), set()),  # the fallback gives way to the other floor
        ((LAST, SHORT), (ALDER,), {("retention.conflict", "retention_pair", "LAST|SHORT")}),
        ((FLOOR, LAST, SHORT), (), {("retention.conflict", "retention_pair", "LAST|SHORT")}),
        ((DUE,), (), {("retention.overdue", "message", "wamid.P")}),
        ((FLOOR,), (), {("retention.unscheduled", "message", "wamid.P")}),
        ((UNTIL,), (), {("retention.unscheduled", "message", "wamid.P")}),  # half-open
    ],
)
def test_retention(
    rows: tuple[RetentionRow, ...], entities: tuple[Entity, ...], found: set[tuple[str, str, str]]
) -> None:
    send = Send("wamid.P", datetime(2026, 3, 10, tzinfo=UTC), CHANNEL, ANA, body="x")
    world = World(entities=entities, sends=(send,), retention=rows)
    assert {one for one in oracle.findings(world, AS_OF) if one[0].startswith("retention.")} == found


def test_overdue_needs_a_body_and_the_moment_itself_counts() -> None:
    world = World(sends=(promo(),), retention=(DUE,))
    rest = World(sends=(Send("wamid.P", NOON, CHANNEL, ANA),), retention=(DUE,))
    assert rules(world, hour(24), "retention.") == ["retention.overdue"]
    assert rules(world, hour(24) - timedelta(seconds=1), "retention.") == []
    assert rules(rest, AS_OF, "retention.") == []


def test_a_class_rule_moves_a_message_to_another_class() -> None:
    moved = World(sends=(promo(),), retention=(DUE,), class_rules=(ClassRule("medical", channel=CHANNEL),))
    assert rules(moved, AS_OF, "retention.") == ["retention.unscheduled"]


def test_as_of_bounds_when_things_happened() -> None:
    world = World(sends=(promo(5),), register=register("granted utility 6 6 -", method=""))
    assert rules(world, hour(4)) == []
    assert rules(world, hour(5)) == ["consent.never_asked"]
    assert rules(world, hour(6)) == ["consent.incomplete_record", "consent.never_asked"]


def test_statuses_alone() -> None:
    #  priced as utility: a template; the earliest status is when it was sent; nobody's window asks
    world = World(
        statuses=(
            Status("wamid.P", "read", hour(2), CHANNEL, BOB),
            Status("wamid.P", "sent", hour(1), CHANNEL, BOB, category="utility"),
        ),
        register=register("granted utility 1 1 -\nwithdrawn utility 2 2 -", party=BOB),
    )
    assert oracle.consent_state(world, "wamid.P") == "granted"
    late = World(statuses=world.statuses, register=register("granted utility 2 2 -", party=ANA))
    assert oracle.attributes(late, AS_OF)["wamid.P"] == {
        "was_known": known_at([], NOON) | {None},
        "outcome": "delivered",
        "entity": "default",
        "purpose": "utility",
        "country": "US",
    }
