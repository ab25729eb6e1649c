"""The oracle's facts: who is one party, what was sent, what people said; nothing of `as_of` in it.

Brute force straight from DESIGN section 7, sharing no code with the product. See `tests/oracle.py`.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import phonenumbers

if TYPE_CHECKING:
    from tests.oracle_holders import Parties

from tests.worlds import Inbound, Register, Send, Status, World

Identifier = tuple[str, str]

PRICED = {
    "authentication-international": "authentication",
    "marketing_lite": "marketing",
    "group_marketing": "marketing",
    "group_utility": "utility",
    "group_service": "service",
    "referral_conversion": "service",
}


# --- identifiers and parties ------------------------------------------------------------------------


def identifier(text: str) -> Identifier:
    """`+` or 8–15 digits = phone, `CC.…` = user id, else CRM id."""
    if text.startswith("+") or re.fullmatch(r"[0-9]{8,15}", text):
        return ("phone", "+" + re.sub(r"[^0-9]", "", text))
    if re.fullmatch(r"[A-Z]{2}\.[A-Za-z0-9.]+", text):
        return ("user_id", text)
    return ("crm_id", text)


def people(phone: str, user_id: str) -> list[Identifier]:
    """Identifiers that one webhook object tells of one person, the phone first."""
    found = []
    if phone:
        found.append(identifier(phone))
    if user_id:
        found.append(("user_id", user_id))
    return found


def canonical(one: Identifier) -> Identifier:
    """DESIGN: "Brazil with or without the ninth digit, Mexico 52/521, Argentina 54/549"."""
    kind, value = one
    if kind == "phone":
        if re.fullmatch(r"\+55[0-9]{2}9[0-9]{8}", value):
            return (kind, value[:5] + value[6:])
        if re.fullmatch(r"\+521[0-9]{10}", value):
            return (kind, "+52" + value[4:])
        if re.fullmatch(r"\+549[0-9]{10}", value):
            return (kind, "+54" + value[4:])
    return one


def country(one: Identifier) -> str | None:
    """ISO country of a number or user id. READING: a number that is invalid within a calling code
    of several countries (the UK drama range) has that code's main country."""
    kind, value = one
    if kind == "user_id":
        return value[:2]
    if kind == "phone":
        try:
            number = phonenumbers.parse(value)
        except phonenumbers.NumberParseException:
            return None
        region: str | None = phonenumbers.region_code_for_number(number)
        if region is None and number.country_code:
            region = phonenumbers.region_code_for_country_code(number.country_code)
        return None if region in ("ZZ", "001") else region
    return None


def evidence_of_sameness(world: World) -> list[list[Identifier]]:
    """Sets of identifiers that some piece of evidence puts together."""
    links: list[list[Identifier]] = []
    # "`wa_id` and `user_id` in one contact"
    for rows in (
        world.inbound, world.preferences, world.calls, world.echoes, world.statuses, world.versions,
    ):  # fmt: skip
        links += [people(row.phone, row.user_id) for row in rows]
    for message in world.inbound:
        # "system messages"
        if message.type == "system":
            before = people(message.phone, message.user_id)
            links.append(before + people(message.new_phone, message.new_user_id))
    by_message: dict[str, list[Identifier]] = {}
    for send in world.sends:
        by_message.setdefault(send.message_id, []).append(identifier(send.to))
    for echo in world.echoes:
        by_message.setdefault(echo.message_id, []).extend(people(echo.phone, echo.user_id))
    for status in world.statuses:
        by_message.setdefault(status.message_id, []).extend(people(status.phone, status.user_id))
    # "the send log's `to` and the `recipient_id` of the same message id"
    links += by_message.values()
    for row in world.register:
        # "identifier columns of one register row"
        links.append(register_people(row))
    # "Beside the exact form a canonical one matches"
    links += [[one, canonical(one)] for link in links for one in link]
    return links


def register_people(row: Register) -> list[Identifier]:
    found = [identifier(row.party)]
    if row.phone:
        found.append(identifier(row.phone))
    if row.user_id:
        found.append(("user_id", row.user_id))
    if row.crm_id:
        found.append(("crm_id", row.crm_id))
    return found


# --- facts ------------------------------------------------------------------------------------------


@dataclass
class Sent:
    """One outbound message, folded from send log, echo and statuses."""

    message_id: str
    sent_at: datetime
    channel_id: str
    entity: str | None
    party: int | None
    country: str | None
    kind: str | None
    purpose: str
    has_purpose_mismatch: bool
    template_name: str
    has_body: bool
    is_status_only: bool
    is_conflicting: bool
    statuses: list[Status]


@dataclass
class Event:
    """One consent event. `entities` None: it governs every company."""

    subject: str
    source: str
    party: int
    entities: frozenset[str] | None
    purpose: str
    action: str
    at: datetime
    recorded_at: datetime | None = None
    expires_at: datetime | None = None

    def governs(self, entity: str) -> bool:
        # "Consent events govern only the entity they were given to"
        return self.entities is None or entity in self.entities


@dataclass
class Facts:
    """Everything of a world that does not depend on `as_of`."""

    world: World
    party: Parties
    sends: list[Sent]
    events: list[Event]
    registered: frozenset[str]


def entity_of(world: World, channel_id: str) -> str | None:
    # "Without any there is one entity `default` that owns everything."
    if not world.entities:
        return "default"
    for entity in world.entities:
        if channel_id in entity.channels:
            return entity.key
    for entity in world.entities:
        if world.waba_by_channel.get(channel_id) in entity.waba_ids:
            return entity.key
    return None


def same_send(row: Send) -> Send:
    """The row with spelling taken away: times as instants, phones as `+digits`."""
    return replace(row, sent_at=row.sent_at.astimezone(UTC), to=identifier(row.to)[1], zone_minutes=0)


def same_register(row: Register) -> Register:
    phone = identifier(row.phone)[1] if row.phone else ""
    return replace(row, party=identifier(row.party)[1], phone=phone, zone_minutes=0)


def governing_send(rows: list[Send]) -> Send:
    # "the earliest time, then the smallest digest, governs" (worlds never make the digest matter)
    return min(rows, key=lambda row: (row.sent_at, str(same_send(row))))


def governing_record(rows: list[Register]) -> Register:
    return min(rows, key=lambda row: (row.occurred_at, str(same_register(row))))


def template_categories(world: World, entity: str | None, name: str) -> set[str]:
    found = set()
    for template in world.templates:
        owner = "default" if not world.entities else None
        for candidate in world.entities:
            if template.waba_id in candidate.waba_ids:
                owner = candidate.key
        # Where either company is unknown the name alone decides.
        if name and template.name == name and (owner is None or entity is None or owner == entity):
            found.add(template.category.lower())
    return found


def outbound(world: World, party: Parties) -> list[Sent]:
    found: list[Sent] = []
    ids = {row.message_id for row in world.sends} | {row.message_id for row in world.echoes}
    ids |= {row.message_id for row in world.statuses}
    for message_id in sorted(ids):
        rows = [row for row in world.sends if row.message_id == message_id]
        echoes = [row for row in world.echoes if row.message_id == message_id]
        statuses = [row for row in world.statuses if row.message_id == message_id]
        told: list[Identifier] = []
        for status in sorted(statuses, key=lambda row: row.at):
            told += people(status.phone, status.user_id)
        declared = template_name = ""
        kind: str | None = None
        has_body = False
        if rows:
            # "`sent_at` is the send log's (or the echo's)"
            row = governing_send(rows)
            sent_at, channel_id = row.sent_at, row.channel_id
            kind = row.kind or ("template" if row.template_name else None)
            person: Identifier | None = identifier(row.to)
            declared, template_name, has_body = row.purpose, row.template_name, bool(row.body)
        elif echoes:
            echo = min(echoes, key=lambda row: row.at)
            sent_at, channel_id, kind, has_body = echo.at, echo.channel_id, "free_form", True
            person = people(echo.phone, echo.user_id)[0]
        else:
            # "only for messages known from statuses alone is it the earliest status time"
            sent_at = min(row.at for row in statuses)
            # Infobip's delivery report names no sender, its other reports of the message do.
            channel_id = next((row.channel_id for row in statuses if row.channel_id), "")
            person = min(told, key=lambda one: one[0] != "phone") if told else None
        entity = entity_of(world, channel_id)
        priced = {PRICED.get(row.category, row.category) for row in statuses if row.category}
        categories = template_categories(world, entity, template_name)
        # "where the two, or the template's category, differ: `consent.purpose_mismatch`"
        said = {declared} - {""} | priced | categories
        # "Purpose is the send log's, else the status' `pricing.category`"
        purpose = declared or (min(priced) if priced else "")
        # "and the send is judged as marketing if any says so"
        if "marketing" in said:
            purpose = "marketing"
        # "a failed status with code 131050 (… so that send is a finding too)": the code itself says marketing
        if not purpose and any(row.status == "failed" and row.error_code == 131050 for row in statuses):
            purpose = "marketing"
        if not rows and not echoes and purpose in ("marketing", "utility", "authentication"):
            kind = "template"  # contract: status-only kind from the pricing category
        found.append(
            Sent(
                message_id=message_id,
                sent_at=sent_at,
                channel_id=channel_id,
                entity=entity,
                party=party.at(person, sent_at) if person else None,
                country=country(person) if person else None,
                kind=kind,
                purpose=purpose,
                has_purpose_mismatch=len(said) > 1,
                template_name=template_name,
                has_body=has_body,
                is_status_only=not rows and not echoes,
                is_conflicting=len({same_send(row) for row in rows}) > 1,
                statuses=statuses,
            )
        )
    return found


def records(world: World) -> dict[str, list[Register]]:
    """Register rows by record id; rows without one are a record of their own content."""
    found: dict[str, list[Register]] = {}
    for row in world.register:
        found.setdefault(row.record_id or f"content {same_register(row)}", []).append(row)
    return found


def collapsed(name: str) -> str:
    return " ".join(name.casefold().split())


def business(world: World, name: str) -> frozenset[str] | None:
    """Companies that a register row's business name means; None is every company."""
    # "an empty one, and the single entity `default`, match"
    if not collapsed(name) or not world.entities:
        return None
    found = set()
    for entity in world.entities:
        names = (entity.key, entity.name, *entity.business_names)
        if collapsed(name) in [collapsed(one) for one in names if one]:
            found.add(entity.key)
    return frozenset(found)


def words(text: str) -> str:
    """DESIGN: "case-folded, punctuation to space, spaces collapsed"."""
    spaced = "".join(" " if unicodedata.category(c).startswith("P") else c for c in text.casefold())
    return " ".join(spaced.split())


def is_opt_out(message: Inbound) -> bool:
    # "text of text messages, template button texts, interactive reply titles"
    if message.type not in ("text", "button", "button_reply", "list_reply"):
        return False
    return says_stop(message.text, message.phone)


def says_stop(text: str, phone: str) -> bool:
    listed = ["stop", "unsubscribe", "opt out", "parar", "sair", "descadastrar", "baja"]
    if phone.startswith("+1"):
        listed += ["quit", "end", "revoke", "cancel"]  # "Calling code +1 also"
    # "compared whole (and with spaces removed: "opt-out" = "optout")"
    said = words(text)
    return any(said == one or said.replace(" ", "") == one.replace(" ", "") for one in listed)


def consent_events(world: World, party: Parties, sends: list[Sent]) -> list[Event]:
    found: list[Event] = []

    def channel_entity(channel_id: str) -> frozenset[str]:
        entity = entity_of(world, channel_id)
        return frozenset({entity} if entity else ())

    for rows in records(world).values():
        row = governing_record(rows)
        found.append(
            Event(
                subject=row.record_id,
                source="register",
                party=party.at(register_people(row)[0], row.occurred_at),
                entities=business(world, row.business_name),
                purpose=row.purpose,
                action=row.action,
                at=row.occurred_at,
                recorded_at=row.recorded_at,
                expires_at=row.expires_at,
            )
        )
    for said in world.preferences:
        action = "granted" if said.value == "signup" else said.value
        where = channel_entity(said.channel_id)
        person = party.at(people(said.phone, said.user_id)[0], said.at)
        found.append(Event("", "preference", person, where, "marketing", action, said.at))
    for message in world.inbound:
        if is_opt_out(message):
            person = party.at(people(message.phone, message.user_id)[0], message.at)
            where = channel_entity(message.channel_id)
            found.append(Event("", "opt_out_word", person, where, "all", "withdrawn", message.at))
    for version in world.versions:
        # READING: the words of a person's edit are that person's words, said when it was made; what was
        # edited or revoked stays said, and neither opens a window.
        if version.action == "edit" and not version.is_echo and says_stop(version.text, version.phone):
            person = party.at(people(version.phone, version.user_id)[0], version.at)
            where = channel_entity(version.channel_id)
            found.append(Event("", "opt_out_word", person, where, "all", "withdrawn", version.at))
    for send in sends:
        # "a failed status with code 131050 (its `occurred_at` is that send's own `sent_at`)"
        hard = [row for row in send.statuses if row.status == "failed" and row.error_code == 131050]
        if hard and send.party is not None:
            where = channel_entity(send.channel_id)
            found.append(Event("", "platform_error", send.party, where, "marketing", "stop", send.sent_at))
    return found


def facts(world: World) -> Facts:
    from tests.oracle_holders import parties

    party = parties(world)
    sends = outbound(world, party)
    events = consent_events(world, party, sends)
    # "Where an entity has no consent register captured, consent is not evaluated."
    keys = [entity.key for entity in world.entities] or ["default"]
    told = [event for event in events if event.source == "register"]
    registered = frozenset(key for key in keys if any(event.governs(key) for event in told))
    return Facts(world, party, sends, events, registered)
