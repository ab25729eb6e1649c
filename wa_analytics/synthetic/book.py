"""What one company's systems would have written: the book in which a company's traffic is kept.

Everything ordinary and planted goes through the same few methods, so that both look alike. The book
also knows what it wrote (message ids, texts), for the answer key and for the privacy test.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from wa_analytics.synthetic import bodies
from wa_analytics.synthetic.companies import CARE_DESK, Channel, Company, Template
from wa_analytics.synthetic.contents import Content
from wa_analytics.synthetic.delivery import deliveries
from wa_analytics.synthetic.graph import MEDIA_DAYS, Known, Sent
from wa_analytics.synthetic.people import Person, Population, wamid
from wa_analytics.synthetic.schedule import Kept
from wa_analytics.synthetic.texts import (
    ANSWERS,
    METHODS,
    QUESTIONS,
    REFERENCE_LETTERS,
    WORDING,
)
from wa_analytics.synthetic.wires import WIRES, MetaWire, Wire

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


class Gap(NamedTuple):
    """What the company says it lacks, from since to before until."""

    subject: str
    entity: str
    channel_id: str
    since: datetime
    until: datetime
    reason: str


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
    gaps: list[Gap] = field(default_factory=list)
    message_count: int = 0
    known: Known = field(init=False)
    _zone: timezone = field(init=False)

    def __post_init__(self) -> None:
        self.known = Known(self.company, self.end)
        self._zone = timezone(timedelta(hours=self.company.zone_hours))

    # ---- what the platform tells

    def webhook(
        self, body: str, received_at: float, *, secret: bytes = b"", signed: str = "", alike: bool = False
    ) -> str:
        """Appends one delivery, signed (where the wire signs) over the bytes of `body` or of `signed`;
        returns the SHA-256 of the bytes that are one capture. alike: delivered again, it is the same
        bytes (an envelope's own id would make it another capture)."""
        first = self.wire.landed(self.rng, body, received_at, secret or self.secret, signed)
        self.spool.append((int(received_at * 1000), len(self.spool), first.line))
        chance = self.rng.random()
        if chance < 0.01:
            # The platform delivers some bodies twice; a receiver may also write a line twice.
            again = first
            if chance >= 0.006 and not alike:
                again = self.wire.landed(self.rng, body, received_at + 37, secret or self.secret, signed)
            self.spool.append((int(received_at * 1000) + 37_000, len(self.spool), again.line))
        return hashlib.sha256(first.captured.encode()).hexdigest()

    def inbound(
        self, person: Person, channel: Channel, at: int, words: str = "", *, content: Content | None = None
    ) -> str:
        """One message from the person, a text of `words` unless `content` is given; returns its id."""
        message_id = self._message_id(person, at, is_inbound=True)
        content = content or Content("text", words)
        body = self.wire.inbound(person, channel, at, message_id, content)
        self.webhook(body, at + 0.4 + self.rng.random() * 2)
        self._keep(message_id, at, channel, "", "", True)
        if content.words:
            self.texts.append(content.words)
        if content.media is not None:
            self.known.media[content.media.media_id] = content.media, at
        return message_id

    def preference(self, person: Person, channel: Channel, at: int, value: str) -> None:
        self.webhook(self.wire.preference(person, channel, at, value), at + 1.5)

    def echo(self, person: Person, channel: Channel, at: int, words: str) -> str:
        message_id = self._message_id(person, at, is_inbound=False)
        inner = bodies.echo(person, channel, at, message_id, words)
        self._told(channel, inner, "smb_message_echoes", at + 1.1)
        self._keep(message_id, at, channel, "", "", True)
        self.texts.append(words)
        return message_id

    def call(self, person: Person, channel: Channel, at: int) -> str:
        message_id = "wacid." + wamid(self.rng, person.wa_id, is_inbound=True)[6:]
        self._told(channel, bodies.call(person, channel, at, message_id), "calls", at + 0.8)
        self._keep(message_id, at, channel, "", "", True)
        return message_id

    def changed_number(self, old: Person, new: Person, channel: Channel, at: int) -> str:
        message_id = self._message_id(old, at, is_inbound=True)
        self._told(channel, bodies.changed_number(old, new, at, message_id), "messages", at + 1.0)
        self._keep(message_id, at, channel, "", "", True)
        return message_id

    def changed_user_id(self, old: Person, new: Person, channel: Channel, at: int) -> str:
        message_id = self._message_id(old, at, is_inbound=True)
        self._told(channel, bodies.changed_user_id(old, new, at, message_id), "messages", at + 1.0)
        self._keep(message_id, at, channel, "", "", True)
        return message_id

    def _told(self, channel: Channel, inner: str, field_name: str, received_at: float) -> None:
        """What only the Cloud API's own shapes can tell."""
        assert isinstance(self.wire, MetaWire)
        self.webhook(self.wire.body(bodies.entry(channel, inner, field_name)), received_at)

    def account(self, field_name: str, value: str, at: int) -> None:
        """Something that the platform tells of the company's first account."""
        assert isinstance(self.wire, MetaWire)
        entry = bodies.account_entry(self.company.waba_ids[0], at, field_name, value)
        self.webhook(self.wire.body(entry), at + 2)

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

    def dropped(self, person: Person, channel: Channel, at: int) -> str:
        """A send that only the platform knows of: no row in the send log, no webhook arrived."""
        message_id = self._message_id(person, at, is_inbound=False)
        self.known.sent.append(Sent(message_id, channel.channel_id, at, True, True))
        self.apart.append(message_id)
        return message_id

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
        self.known.sent.append(
            Sent(message_id, channel.channel_id, at, fate != "failed", "read" in fate or fate == "delivered")
        )
        for steps, arrived_at in deliveries(self.rng, at, fate, priced, code, self.end):
            for body in self.wire.statuses(person, channel, at + 1, message_id, steps):
                self.webhook(body, arrived_at)
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

    def may_hold_file(self, at: int) -> bool:
        """Whether clean traffic may hold a file. Where the company's own app fetches them, it asks once,
        at the end, and an id holds for seven days."""
        return not self.fetches_files or at >= self.end - (MEDIA_DAYS - 1) * DAY

    @property
    def fetches_files(self) -> bool:
        return self.company.provider == "meta-cloud"

    def channel_of(self, person: Person) -> Channel:
        return self.company.channel(person.channel_id)

    @property
    def wire(self) -> Wire:
        """How the company's provider tells things."""
        return WIRES[self.company.provider]

    def _message_id(self, person: Person, at: int, *, is_inbound: bool) -> str:
        return self.wire.message_id(self.rng, person, at, is_inbound=is_inbound)

    def _keep(
        self, message_id: str, at: int, channel: Channel, purpose: str, template: str, has_body: bool
    ) -> None:
        self.message_count += 1
        self.kept.append(Kept(message_id, at, channel.channel_id, purpose, template, has_body))

    def secrets(self) -> set[str]:
        """Message and media ids, and every text long enough to be told apart."""
        found = {message.outside_id for message in self.kept} | set(self.known.media)
        found.update(text for text in (*self.texts, *self.apart) if len(text) >= 16)
        return found
