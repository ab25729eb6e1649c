"""What one company's systems would have written: the book in which a company's traffic is kept.

Everything ordinary and planted goes through the same few methods, so that both look alike. The book
also knows what it wrote (message ids, texts), for the answer key and for the privacy test.
"""

from __future__ import annotations

import hmac
import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone

from wa_analytics.synthetic import bodies
from wa_analytics.synthetic.companies import CARE_DESK, Channel, Company, Template
from wa_analytics.synthetic.delivery import deliveries
from wa_analytics.synthetic.people import Person, Population, wamid
from wa_analytics.synthetic.schedule import Kept
from wa_analytics.synthetic.texts import (
    ANSWERS,
    METHODS,
    QUESTIONS,
    REFERENCE_LETTERS,
    WORDING,
)

DAY = 86_400
REGISTER_COLUMNS = (
    "record_id", "party", "user_id", "purpose", "action", "occurred_at", "recorded_at", "method",
    "wording", "wording_version", "language", "business_name", "evidence", "expires_at",
    "jurisdiction", "lawful_basis", "recorded_by",
)  # fmt: skip
SEND_COLUMNS = (
    "message_id", "sent_at", "channel_id", "to", "purpose", "kind", "template_name", "body",
    "custodian_id",
)  # fmt: skip


@dataclass(slots=True)
class Book:
    """Traffic and registers of one company between `start` and `end` (seconds since 1970)."""

    company: Company
    rng: random.Random
    population: Population
    secret: bytes
    start: int
    end: int
    spool: list[tuple[int, int, str]] = field(default_factory=list)
    sends: list[tuple[int, str, dict[str, str]]] = field(default_factory=list)
    register: list[dict[str, str]] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    apart: list[str] = field(default_factory=list)
    message_count: int = 0
    _zone: timezone = field(init=False)

    def __post_init__(self) -> None:
        self._zone = timezone(timedelta(hours=self.company.zone_hours))

    # ---- what the platform tells

    def webhook(self, body: str, received_at: float, *, secret: bytes = b"", signed: str = "") -> None:
        """Appends one spool line, signed over the bytes of `body` (or of `signed`)."""
        signature = hmac.digest(secret or self.secret, (signed or body).encode(), "sha256").hex()
        moment = datetime.fromtimestamp(received_at, UTC).isoformat(timespec="milliseconds")
        line = (
            f'{{"received_at":"{moment}","headers":{{"Content-Type":"application/json",'
            f'"X-Hub-Signature-256":"sha256={signature}"}},"body":{json.dumps(body)}}}'
        )
        self.spool.append((int(received_at * 1000), len(self.spool), line))
        chance = self.rng.random()
        if chance < 0.01:
            # The platform delivers some bodies twice; a receiver may also write a line twice.
            again = datetime.fromtimestamp(received_at + 37, UTC).isoformat(timespec="milliseconds")
            second = line if chance < 0.006 else line.replace(moment, again, 1)
            self.spool.append((int(received_at * 1000) + 37_000, len(self.spool), second))

    def inbound(
        self,
        person: Person,
        channel: Channel,
        at: int,
        words: str = "",
        *,
        type_: str = "text",
        content: str = "",
        context: str = "",
    ) -> str:
        """One message from the person; returns its id. `content` replaces the text part."""
        message_id = self._message_id(person, at, is_inbound=True)
        typed = content or bodies.text(words)
        inner = bodies.inbound(person, at, message_id, type_, typed, context)
        self.webhook(bodies.envelope(channel, inner), at + 0.4 + self.rng.random() * 2)
        self._keep(message_id, at, channel, "", "", True)
        if words:
            self.texts.append(words)
        return message_id

    def preference(self, person: Person, channel: Channel, at: int, value: str) -> None:
        inner = bodies.preference(person, at, value)
        self.webhook(bodies.envelope(channel, inner, "user_preferences"), at + 1.5)

    def echo(self, person: Person, channel: Channel, at: int, words: str) -> str:
        message_id = self._message_id(person, at, is_inbound=False)
        inner = bodies.echo(person, channel, at, message_id, words)
        self.webhook(bodies.envelope(channel, inner, "smb_message_echoes"), at + 1.1)
        self._keep(message_id, at, channel, "", "", True)
        self.texts.append(words)
        return message_id

    def call(self, person: Person, channel: Channel, at: int) -> str:
        message_id = "wacid." + wamid(self.rng, person.wa_id, is_inbound=True)[6:]
        inner = bodies.call(person, channel, at, message_id)
        self.webhook(bodies.envelope(channel, inner, "calls"), at + 0.8)
        self._keep(message_id, at, channel, "", "", True)
        return message_id

    def changed_number(self, old: Person, new: Person, channel: Channel, at: int) -> str:
        message_id = self._message_id(old, at, is_inbound=True)
        inner = bodies.changed_number(old, new, at, message_id)
        self.webhook(bodies.envelope(channel, inner), at + 1.0)
        self._keep(message_id, at, channel, "", "", True)
        return message_id

    # ---- what the company sends

    def template(
        self,
        person: Person,
        channel: Channel,
        template: Template,
        at: int,
        *,
        fate: str = "read",
        purpose: str = "",
        priced: str = "",
        code: int | None = None,
        is_logged: bool = True,
    ) -> str:
        """One template send; marketing to people the platform delivers none to fails by itself."""
        words = ""
        if template.is_logged and is_logged:
            words = template.wording.format(name=person.name, ref=self.reference())
        logged = purpose or template.purpose
        if self.company.is_marketing_refused and logged == "marketing" and not priced:
            fate, code = "failed", 131049
        return self._send(
            person, channel, at, "template", logged, template.name, words, fate,
            priced or template.purpose, code, is_logged,
        )  # fmt: skip

    def free_form(
        self,
        person: Person,
        channel: Channel,
        at: int,
        words: str,
        *,
        fate: str = "read",
        code: int | None = None,
    ) -> str:
        """One service reply in the company's own words."""
        return self._send(person, channel, at, "free_form", "service", "", words, fate, "service", code, True)

    def _send(
        self,
        person: Person,
        channel: Channel,
        at: int,
        kind: str,
        purpose: str,
        template_name: str,
        words: str,
        fate: str,
        priced: str,
        code: int | None,
        is_logged: bool,
    ) -> str:
        message_id = self._message_id(person, at, is_inbound=False)
        if is_logged:
            self.log(person, channel, at, message_id, purpose, kind, template_name, words)
        told = deliveries(self.rng, person, at, message_id, fate, priced, code, self.end)
        for inner, arrived_at in told:
            self.webhook(bodies.envelope(channel, inner), arrived_at)
        logged = (purpose, template_name) if is_logged else ("", "")
        self._keep(message_id, at, channel, *logged, bool(words))
        if words:
            self.texts.append(words)
        return message_id

    def log(
        self,
        person: Person,
        channel: Channel,
        at: int,
        message_id: str,
        purpose: str,
        kind: str,
        template_name: str,
        words: str,
    ) -> None:
        """One row of the send log."""
        to = person.user_id if person.is_hidden(at) else self.company.phone_prefix + person.phone
        row = {
            "message_id": message_id,
            "sent_at": self.clock(at),
            "channel_id": channel.channel_id,
            "to": to,
            "purpose": purpose,
            "kind": kind,
            "template_name": template_name,
            "body": words,
            "custodian_id": person.custodian_id,
        }
        self.sends.append((at, "care-desk" if channel.channel_id == CARE_DESK else "", row))

    # ---- what the person agreed to

    def consent(self, person: Person, action: str, at: int, purpose: str = "all", **cells: str) -> str:
        """One complete row of the register, recorded two minutes later; `cells` overrides any.
        Returns the record id."""
        company = self.company
        name = company.business_names[0]
        if company.key == "celtair" and person.country == "GB":
            name = "Celtair UK"
        prefix = "+" if self.rng.random() < 0.8 else ""
        row = {
            "record_id": f"{company.key}-{len(self.register) + 1:06d}-{self.rng.getrandbits(32):08x}",
            "party": prefix + person.phone,
            "user_id": "",
            "purpose": purpose,
            "action": action,
            "occurred_at": self.clock(at),
            "recorded_at": self.clock(at + 120),
            "method": self.rng.choice(METHODS),
            "wording": WORDING[person.language].format(business=name),
            "wording_version": f"{person.language}-{1 + at // (400 * DAY) % 7}",
            "language": person.language,
            "business_name": name,
            "evidence": f"form-{self.rng.getrandbits(40):010x}",
            "expires_at": "",
            "jurisdiction": person.country,
            "lawful_basis": "consent",
            "recorded_by": "crm",
        } | cells
        self.register.append(row)
        return row["record_id"]

    # ---- small things

    def clock(self, at: int) -> str:
        """A time as the company's own records write it: in its own offset."""
        return datetime.fromtimestamp(at, self._zone).isoformat()

    def reference(self) -> str:
        """A booking-like reference that occurs once."""
        n = self.rng.getrandbits(50)
        return "".join(REFERENCE_LETTERS[n >> 5 * place & 31] for place in range(10))

    def question(self, person: Person) -> str:
        return self.rng.choice(QUESTIONS[person.language]).format(ref=self.reference())

    def answer(self, person: Person) -> str:
        return self.rng.choice(ANSWERS[person.language]).format(ref=self.reference())

    def channel_of(self, person: Person) -> Channel:
        return self.company.channel(person.channel_id)

    def _message_id(self, person: Person, at: int, *, is_inbound: bool) -> str:
        address = person.user_id if person.is_hidden(at) else person.wa_id
        return wamid(self.rng, address, is_inbound=is_inbound)

    def _keep(
        self, message_id: str, at: int, channel: Channel, purpose: str, template: str, has_body: bool
    ) -> None:
        self.message_count += 1
        self.kept.append(Kept(message_id, at, channel.channel_id, purpose, template, has_body))

    def secrets(self) -> set[str]:
        """Message ids, and every text long enough to be told apart."""
        found = {message.outside_id for message in self.kept}
        found.update(text for text in (*self.texts, *self.apart) if len(text) >= 16)
        return found
