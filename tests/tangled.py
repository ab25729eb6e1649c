"""Makes tangled little worlds: few people, few instants, every branch of DESIGN section 7.

One maker drives both `worlds()` (hypothesis, shrinks) and `random_world(seed, size)` (plain seeded).
It steers clear of what DESIGN leaves open (see `oracle.undecided` and the notes below), so that every
difference between product and oracle is a difference of rules.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from tests.oracle_holders import pairs, shown_with
from tests.worlds import (
    Call,
    ClassRule,
    Custodian,
    Echo,
    Entity,
    Inbound,
    Preference,
    Register,
    RetentionRow,
    Send,
    Status,
    Template,
    Version,
    World,
)

AS_OF = datetime(2026, 3, 20, 12, tzinfo=UTC)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)

# Few, so that ties happen; the edges of 24 hours, of 168 hours before AS_OF, of 29 February.
INSTANTS = (
    NOON - 30 * 24 * HOUR,
    NOON - 24 * HOUR - SECOND,
    NOON - 24 * HOUR,
    NOON - 24 * HOUR + SECOND,
    NOON - HOUR,
    NOON,
    NOON + SECOND,
    NOON + 24 * HOUR,
    AS_OF - 168 * HOUR,
    AS_OF - 168 * HOUR + SECOND,
)
OLD = (
    datetime(2024, 2, 29, 12, tzinfo=UTC),
    datetime(2025, 2, 28, 12, tzinfo=UTC),
    datetime(2019, 5, 31, tzinfo=UTC),
    datetime(2020, 1, 1, tzinfo=UTC),
    datetime(2019, 12, 31, 23, 59, 59, tzinfo=UTC),
    datetime(2023, 3, 20, 12, tzinfo=UTC),
)

EVERYWHERE = ("stop", "STOP!", "Unsubscribe", "opt-out", "Opt  out.", "optout", "un subscribe")
NEAR = ("stop it", "please stop", "stopp", "not now", "opt outs", "unsubscribed", "Hello", "start")
NORTH_AMERICA = ("quit", "END", "Revoke.", "cancel")
WORDS = {
    "US": (*NORTH_AMERICA, "quitting", "the end"),
    "BR": ("parar", "SAIR", "Descadastrar!", "sair agora", "cancel"),
    "GB": ("quit", "end", "cancel"),
    "MX": ("baja", "¡Baja!", "baja ya"),
    "AR": ("Baja", "bajar"),
}

ENTITIES = (
    Entity(
        key="broker",
        name="Alder Brokers",
        kind="broker_dealer",
        jurisdiction="US",
        time_zone="America/New_York",
        channels=("100011", "100012"),
        waba_ids=("200010",),
        business_names=("Alder Brokers LLC",),
    ),
    Entity(
        key="air",
        name="Birch Air",
        kind="airline",
        jurisdiction="EU",
        time_zone="Europe/London",
        channels=("100021",),
        waba_ids=("200020",),
        business_names=("Birch Air Europe",),
    ),
    Entity(
        key="clinic",
        name="Clínica Cedro",
        kind="clinic",
        jurisdiction="BR",
        time_zone="America/Sao_Paulo",
        channels=("100031", "100032"),
        waba_ids=("200030",),
        business_names=("Cedro Saúde", "Cedro"),
    ),
)
UNOWNED = "100099"

# No two floors and no two ceilings are equal, so that the row that gives the end is never a tie.
RETENTION = (
    RetentionRow("TST-01", "correspondence", "broker_dealer", "US", floor="P3Y"),
    RetentionRow("TST-02", floor="P6Y", is_fallback=True),
    RetentionRow("TST-03", "medical", "clinic", "BR", floor="P20Y"),
    RetentionRow("TST-04", "correspondence", "airline", "EU", ceiling="P90D"),
    RetentionRow("TST-05", "correspondence", "clinic", "", floor="P1Y"),
    RetentionRow("TST-06", "correspondence", "broker_dealer", "US", ceiling="P2Y"),
    RetentionRow("TST-07", "", "", "", ceiling="P10Y"),
    RetentionRow("TST-08", "correspondence", "", "", floor="P2Y", effective_to="2020-01-01"),
    RetentionRow("TST-09", "correspondence", "", "", ceiling="P5Y", effective_from="2020-01-01"),
    RetentionRow("TST-10", "correspondence", "clinic", "BR", ceiling="P1Y1M"),
    RetentionRow("TST-11", "", "airline", "", floor="P1M", ceiling="P1M7D"),
    RetentionRow("TST-12", "medical", "", "", floor="P18M", ceiling="P1Y"),
    RetentionRow("TST-13", "correspondence", "", "", ceiling="P9D", effective_from="2026-03-10"),
)
CLASS_RULES = (
    ClassRule("medical", entity="clinic"),
    ClassRule("medical", template="order_update"),
    ClassRule("medical", channel="100011"),
    ClassRule("medical", purpose="marketing"),
    ClassRule("marketing_copy", purpose="marketing"),
    ClassRule("medical", entity="broker", purpose="utility"),
)
PURPOSES = ("marketing", "utility", "authentication", "service")
RUNS = ((), ("sent",), ("sent", "delivered"), ("delivered", "read"), ("read",), ("sent", "read", "played"))
TEMPLATES = {"promo_spring": "MARKETING", "order_update": "UTILITY", "login_code": "AUTHENTICATION"}


@dataclass(frozen=True)
class Person:
    """One outside person; `phones` are forms of one number."""

    country: str
    phones: tuple[str, ...]
    user_id: str
    crm_id: str


def person(r: random.Random, number: int) -> Person:
    country = r.choice(("BR", "BR", "US", "US", "GB", "MX", "AR"))
    line = f"{number % 1000:03}"
    phones = {
        "BR": (f"+5511987650{line}", f"+551187650{line}"),
        "US": (f"+1{(202, 212, 305, 415)[number // 100 % 4]}55501{number % 100:02}",),
        "GB": (f"+447700900{line}",),
        "MX": (f"+5215550000{line}", f"+525550000{line}"),
        "AR": (f"+5491150000{line}", f"+541150000{line}"),
    }[country]
    known = r.choice(("phone", "phone", "both", "both", "user"))
    return Person(
        country=country,
        phones=() if known == "user" else phones,
        user_id="" if known == "phone" else f"{country}.9000000{number:04}",
        crm_id=r.choice((f"C-{number:04}", f"{70000 + number}")),
    )


class Maker:
    """Draws the rows of one world. Every row has a source of its own, named by seed, kind and number,
    so that a world with fewer rows is nearly the same world: that lets hypothesis shrink it."""

    def __init__(self, seed: int, instants: tuple[datetime, ...], people: int) -> None:
        self.seed = seed
        self.r = r = random.Random(f"{seed} world")
        self.instants = instants
        self.entities = r.choice(((), ENTITIES[:1], ENTITIES[:2], ENTITIES, ENTITIES))
        self.people = [person(r, number) for number in range(people)]
        self.waba = {c: e.waba_ids[0] for e in self.entities for c in e.channels} or {"100011": "200010"}
        self.channels = sorted(self.waba)
        if self.entities and r.random() < 0.3:
            self.waba[UNOWNED] = "200099"
            self.channels.append(UNOWNED)
        quiet = r.choice(self.channels) if len(self.channels) > 1 and r.random() < 0.3 else ""
        self.heard = [channel for channel in self.channels if channel != quiet]
        self.number = 0
        self.has_templates = r.random() < 0.6
        self.names = self.business_names()
        self.talks: list[tuple[Person, Inbound]] = []

    def next_id(self, prefix: str) -> str:
        self.number += 1
        return f"{prefix}{self.number:06}"

    def each(self, kind: str, count: int) -> Iterator[None]:
        """Turns to the source of each of `count` rows of a kind, one after another."""
        for number in range(count):
            self.r = random.Random(f"{self.seed} {kind} {number}")
            yield

    def chance(self, share: float) -> bool:
        return self.r.random() < share

    def instant(self) -> datetime:
        return self.r.choice(self.instants)

    def business_names(self) -> tuple[str, ...]:
        """What registers call the companies; sometimes only one of them is ever named."""
        found = ["", "Nobody Holding"] if self.chance(0.6) else []
        named = self.entities if self.chance(0.7) else self.entities[:1]
        for entity in named:
            found += [entity.key, entity.name, entity.business_names[0]]
            found.append("  ".join(entity.name.upper().split()) + " ")
        return tuple(found) or ("Whoever Ltd",)

    def webhook_person(self, one: Person) -> tuple[str, str]:
        """(phone, user id): either or both of what is known."""
        phone = self.r.choice(one.phones) if one.phones else ""
        if phone and one.user_id:
            shown = self.r.choice(("phone", "user", "both"))
            return ("" if shown == "user" else phone, "" if shown == "phone" else one.user_id)
        return phone, one.user_id

    def typed_person(self, one: Person) -> str:
        """As a person types it into a table: phone with or without `+`, or a user id."""
        phone, user_id = self.webhook_person(one)
        if phone and not (user_id and self.chance(0.5)):
            return phone.lstrip("+") if self.chance(0.4) else phone
        return user_id

    # --- sends ---

    def send(self) -> tuple[list[Send], list[Status]]:
        r, one = self.r, self.r.choice(self.people)
        kind = r.choice(("template", "template", "free_form", "template", "free_form", ""))
        purposes = ("marketing", "marketing", "utility", "authentication", "service", "", "promo")
        purpose = r.choice(purposes)
        name = r.choice((*TEMPLATES, "unlisted", "")) if kind == "template" else ""
        sent_at, channel_id = self.instant(), r.choice(self.channels)
        if kind == "free_form" and self.talks and self.chance(0.5):  # an answer, at the window's edges
            one, heard = r.choice(self.talks)
            sent_at = heard.at + r.choice((0 * HOUR, HOUR, 24 * HOUR - SECOND, 24 * HOUR))
            channel_id = heard.channel_id
        row = Send(
            message_id=self.next_id("wamid.TEST"),
            sent_at=sent_at,
            channel_id=channel_id,
            to=self.typed_person(one),
            purpose=purpose,
            kind=kind,
            template_name=name,
            body=r.choice(("Your words, with a comma", 'Two\nlines and a "quote"', "")),
            custodian_id=r.choice(("", "E-1", "E-2")),
            zone_minutes=r.choice((0, 0, -180, 330)),
        )
        rows = [row]
        twin = r.random()
        if twin < 0.10:  # the same row spelled otherwise: no conflict
            other = row.to.lstrip("+") if row.to.startswith("+") else row.to
            rows.append(replace(row, zone_minutes=60, to=other))
        elif twin < 0.18:  # differs where nothing is decided
            rows.append(replace(row, custodian_id="E-9"))
        elif twin < 0.26:  # a later one; bodies stay as they are, so that "held" is never a question
            later = max(self.instant(), row.sent_at)
            if later > row.sent_at:
                rows.append(replace(row, sent_at=later, purpose=r.choice(purposes[:5])))
        category = ""
        if self.chance(0.6):
            category = purpose if purpose in purposes[:5] and self.chance(0.7) else self.category()
        return rows, self.statuses(row.message_id, one, row.channel_id, row.sent_at, category)

    def category(self) -> str:
        return self.r.choice(
            (*PURPOSES, "marketing_lite", "authentication-international", "referral_conversion", "")
        )

    def statuses(
        self, message_id: str, one: Person, channel_id: str, sent_at: datetime, category: str
    ) -> list[Status]:
        """A run of statuses, never both delivered and failed. A second pricing category is only
        ever marketing, so that the purpose of a message without send-log purpose is no question."""
        r = self.r
        names = r.choice((*RUNS, ("sent", "failed"), ("failed",)))
        later = [sent_at, *(at for at in self.instants if at >= sent_at)]
        found = []
        for name in names:
            phone, user_id = self.webhook_person(one)
            status = Status(message_id, name, r.choice(later), channel_id, phone, user_id)
            if name == "failed":
                status = replace(status, error_code=r.choice((131050, 131050, 131049, 131026)))
                if status.error_code == 131049 and self.chance(0.3):
                    found.append(replace(status, at=r.choice(later), error_code=131050))
            elif category and name in ("sent", "delivered"):
                status = replace(status, category=category)
                if self.chance(0.07):
                    found.append(replace(status, at=r.choice(later), category="marketing"))
            found.append(status)
        return found

    def status_only(self) -> list[Status]:
        one, at, channel_id = self.r.choice(self.people), self.instant(), self.r.choice(self.channels)
        message_id = self.next_id("wamid.TEST")
        found = self.statuses(message_id, one, channel_id, at, self.category())
        if self.chance(0.08):  # nobody is named
            found = [replace(status, phone="", user_id="") for status in found]
        return found

    def mixed(self) -> list[Status]:
        """Of a service message, or one to a group: its statuses need not name one person, and nobody's
        consent is asked."""
        r, channel_id, message_id = self.r, self.r.choice(self.channels), self.next_id("wamid.MIXED")
        named = r.sample(self.people, 2)
        group_id = "Y2FwaV9ncm91cDox" if self.chance(0.3) else ""
        return [
            Status(
                message_id, name, self.instant(), channel_id, *self.webhook_person(r.choice(named)),
                category="service", group_id=group_id,
            )
            for name in r.choice((("sent", "read"), ("sent", "delivered", "read")))
        ]  # fmt: skip

    # --- what people do ---

    def inbound(self) -> Inbound:
        one = self.r.choice(self.people)
        phone, user_id = self.webhook_person(one)
        texts = (*EVERYWHERE, *NEAR, *(WORDS[one.country] if phone else ()))
        kinds = ("text", "text", "text", "button", "button_reply", "list_reply", "image", "reaction")
        row = Inbound(
            message_id=self.next_id("wamid.IN"),
            at=self.instant(),
            channel_id=self.r.choice(self.heard),
            phone=phone,
            user_id=user_id,
            type=self.r.choice(kinds),
            text=self.r.choice(texts),
        )
        self.talks.append((one, row))
        return row

    def change(self, written: list[Inbound]) -> Inbound | None:
        """A system message, on a channel with other inbound: whether a system message alone is
        "inbound captured" is open."""
        heard = sorted({row.channel_id for row in written if row.type != "system"})
        one, other = self.r.choice(self.people), self.r.choice(self.people)
        if not heard or not one.phones:
            return None
        row = Inbound(
            self.next_id("wamid.IN"), self.instant(), self.r.choice(heard), one.phones[0], "", "system"
        )
        if other.phones and self.chance(0.7):
            return replace(row, new_phone=self.r.choice(other.phones))
        return replace(row, new_user_id=other.user_id or f"{one.country}.8000000{self.number:04}")

    def preference(self) -> Preference:
        phone, user_id = self.webhook_person(self.r.choice(self.people))
        value = self.r.choice(("stop", "stop", "resume", "signup"))
        return Preference(self.instant(), self.r.choice(self.channels), value, phone, user_id)

    def call(self) -> Call:
        phone, user_id = self.webhook_person(self.r.choice(self.people))
        direction = "USER_INITIATED" if self.chance(0.8) else "BUSINESS_INITIATED"
        channel_id = self.r.choice(self.heard)
        return Call(self.next_id("wacid.TEST"), self.instant(), channel_id, phone, user_id, direction)

    def echo(self) -> tuple[Person, Echo, list[Status]]:
        one = self.r.choice(self.people)
        phone, user_id = self.webhook_person(one)
        echo = Echo(self.next_id("wamid.APP"), self.instant(), self.r.choice(self.channels), phone, user_id)
        return one, echo, self.statuses(echo.message_id, one, echo.channel_id, echo.at, self.category())

    def version(self, echoes: list[tuple[Person, Echo]]) -> Version:
        """Of a message, of one that nobody holds, or of what staff wrote in the app; at any time after."""
        r, one, text = self.r, self.r.choice(self.people), ""
        said = [talk for talk in self.talks if talk[1].type == "text"]
        original, channel_id, at = self.next_id("wamid.GONE"), r.choice(self.channels), self.instant()
        is_echo = bool(echoes) and self.chance(0.3)
        if is_echo:
            one, echo = r.choice(echoes)
            original, channel_id, at = echo.message_id, echo.channel_id, echo.at
        elif said and self.chance(0.8):
            one, heard = r.choice(said)
            original, channel_id, at = heard.message_id, heard.channel_id, heard.at
        phone, user_id = self.webhook_person(one)
        action = r.choice(("edit", "edit", "revoke"))
        if action == "edit":
            text = r.choice((*EVERYWHERE, *NEAR, *(WORDS[one.country] if phone else ())))
        later = r.choice([at, at + HOUR, *(other for other in self.instants if other >= at)])
        return Version(
            self.next_id("wamid.CHANGE"), original, action, later, channel_id, phone, user_id, text, is_echo
        )

    # --- the register ---

    def record(self) -> list[Register]:
        r, one = self.r, self.r.choice(self.people)
        party = one.crm_id if self.chance(0.15) else self.typed_person(one)
        other = r.choice(self.people) if self.chance(0.05) else one
        actions = ("granted", "granted", "granted", "confirmed", "withdrawn", "refused", "requested")
        row = Register(
            record_id=self.next_id("R-"),
            party=party,
            purpose=r.choice(("marketing", "marketing", "utility", "authentication", "service", "all")),
            action=r.choice(actions),
            occurred_at=self.instant(),
            recorded_at=self.instant() if self.chance(0.7) else None,
            method=r.choice(("web_form", "web_form", "paper", "")),
            wording=r.choice(("I agree to messages", "I agree to messages", "")),
            wording_version=r.choice(("v1", "v2", "")),
            business_name=r.choice(self.names),
            phone=r.choice(other.phones) if other.phones and self.chance(0.3) else "",
            user_id=other.user_id if self.chance(0.2) else "",
            crm_id=one.crm_id if self.chance(0.4) else "",
            zone_minutes=r.choice((0, 0, -180, 120)),
        )
        if row.action in ("granted", "confirmed") and self.chance(0.3):
            row = replace(row, expires_at=self.instant())
        twin = r.random()
        if twin < 0.06:  # the same spelled otherwise: no conflict
            return [row, replace(row, zone_minutes=60)]
        if twin < 0.12:  # differs where nothing is decided
            return [row, replace(row, evidence="form 12")]
        if twin < 0.20:  # a later one tells it otherwise
            later = max(row.occurred_at, self.instant())
            if later > row.occurred_at:
                return [row, replace(row, occurred_at=later, action=r.choice(actions[:6]))]
        if twin < 0.26 and row.action != "requested" and row.business_name not in ("", "Nobody Holding"):
            # without record id it has no outside name, so nothing may be found about it
            return [replace(row, record_id="", method="paper", wording="I agree")]
        return [row]

    def world(
        self, sends: int, alone: int, inbound: int, register: int, preferences: int, rest: int
    ) -> World:
        written = [self.inbound() for _ in self.each("inbound", inbound)]
        rows: list[Send] = []
        statuses: list[Status] = []
        for _ in self.each("send", sends):
            more, told = self.send()
            rows += more
            statuses += told
        for _ in self.each("alone", alone):
            statuses += self.status_only()
        echoes = []
        for _ in self.each("echo", rest):
            one, echo, told = self.echo()
            echoes.append((one, echo))
            statuses += told
        versions = [self.version(echoes) for _ in self.each("version", rest + inbound // 4)]
        changes = [self.change(written) for _ in self.each("change", rest)]
        preferences_said = [self.preference() for _ in self.each("preference", preferences)]
        calls = [self.call() for _ in self.each("call", rest)]
        records = [row for _ in self.each("record", register) for row in self.record()]
        r = self.r = random.Random(f"{self.seed} settings")
        templates = [
            Template(waba_id, name, category, NOON - 90 * 24 * HOUR)
            for waba_id in sorted(set(self.waba.values()) - {"200099"})
            for name, category in TEMPLATES.items()
            if self.has_templates and self.chance(0.7)
        ]
        count = r.randrange(1, 7)
        retention = sorted(r.sample(RETENTION, count), key=lambda row: row.authority)
        world = World(
            entities=self.entities,
            waba_by_channel=self.waba,
            sends=tuple(rows),
            inbound=(*written, *(row for row in changes if row)),
            statuses=tuple(statuses),
            preferences=tuple(preferences_said),
            calls=tuple(calls),
            echoes=tuple(echo for _, echo in echoes),
            versions=tuple(versions),
            register=tuple(records),
            templates=tuple(templates),
            retention=tuple(retention),
            class_rules=(r.choice(CLASS_RULES),) if self.chance(0.4) else (),
            directory=(Custodian("E-1", "Ana Inventada", "ana@example.com", "sales", "+12025550190"),),
        )
        mixed = [row for _ in self.each("mixed", rest) for row in self.mixed()]
        more = replace(world, statuses=(*world.statuses, *mixed))
        return world if has_ties(more) else more


@st.composite
def worlds(draw: st.DrawFn) -> tuple[World, datetime]:
    """(world, as_of): 3–6 people, up to a dozen sends, events on few instants."""
    seed = draw(st.integers(min_value=0, max_value=2**32 - 1))
    r = random.Random(f"{seed} instants")
    instants = (*r.sample(INSTANTS, 5), *r.sample(OLD, r.randrange(3)))
    maker = Maker(seed, instants, r.randrange(3, 7))
    counts = [draw(st.integers(min_value=0, max_value=most)) for most in (12, 4, 7, 14, 5, 2)]
    return maker.world(*counts), r.choice((AS_OF, AS_OF, AS_OF, NOON, r.choice(instants)))


def random_world(seed: int, size: int) -> World:
    """About `size` messages of a group of companies, events on a few dozen instants of half a year
    (and some of seven years); the same for the same seed."""
    r = random.Random(seed)
    days = [timedelta(days=r.randrange(180), hours=r.randrange(0, 24, 6)) for _ in range(40)]
    instants = (*INSTANTS, *OLD, *(NOON - day for day in days))
    maker = Maker(seed, instants, max(4, size // 8))
    sends, inbound = size * 55 // 100, size * 30 // 100
    return maker.world(sends, size - sends - inbound, inbound, size * 3 // 4, size // 8, max(2, size // 30))


def handed_over(world: World, seed: int) -> World:
    """The world in which some numbers stand with another user id from an instant on: what is told of a
    message and its deliveries goes by the message's time."""
    r = random.Random(f"{seed} hands")
    users = sorted({row.user_id for row in world.inbound if row.user_id and row.phone})
    sent = {row.message_id: row.sent_at for row in world.sends} | {
        row.message_id: row.at for row in world.echoes
    }
    for row in world.statuses:
        sent[row.message_id] = min(sent.get(row.message_id, row.at), row.at)
    for user_id in users:
        if r.random() < 0.3:
            continue
        at, other = r.choice(INSTANTS), f"{user_id}7"

        def moved(rows: tuple[Any, ...], old: str = user_id, new: str = other, since: datetime = at) -> Any:
            return tuple(
                replace(row, user_id=new)
                if row.user_id == old and sent.get(getattr(row, "message_id", ""), row.at) >= since
                else row
                for row in rows
            )

        parts = {
            name: moved(getattr(world, name))
            for name in ("inbound", "statuses", "preferences", "calls", "echoes", "versions")
        }
        sends = tuple(
            replace(row, to=other) if row.to == user_id and row.sent_at >= at else row for row in world.sends
        )
        changed = replace(world, sends=sends, **parts)
        if not has_ties(changed):
            world = changed
    return world


def has_ties(world: World) -> bool:
    """Whether two user ids came to one number at one instant: only our digests say which was later."""
    told = pairs(world)
    numbers = {one for pair in told for one in (pair.one, pair.other) if one[0] == "phone"}
    for number in numbers:
        first: dict[object, datetime] = {}
        for at, user, _ in shown_with(told, number):
            first[user] = min(at, first.get(user, at))
        if len(set(first.values())) < len(first):
            return True
    return False
