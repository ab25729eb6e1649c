"""Small worlds as plain inputs: what Meta, a send log and a consent register would know.

Shares no code with `wa_analytics`. `tests/world_files.py` writes a world to files, `tests/tangled.py`
makes worlds, `tests/oracle.py` answers what DESIGN section 7 states of one. Numbers are from ranges
reserved for fiction (+1 … 555-01xx, +44 7700 900xxx) or invented (+55, +52, +54); all people and
companies are made up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Entity:
    key: str
    name: str
    kind: str = ""
    jurisdiction: str = ""
    time_zone: str = "UTC"
    channels: tuple[str, ...] = ()
    waba_ids: tuple[str, ...] = ()
    business_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Send:
    """One send-log row. `zone_minutes` is only how its time is spelled."""

    message_id: str
    sent_at: datetime
    channel_id: str
    to: str
    purpose: str = "marketing"
    kind: str = "template"
    template_name: str = ""
    body: str = ""
    custodian_id: str = ""
    zone_minutes: int = 0


@dataclass(frozen=True)
class Inbound:
    """One inbound message; `type`: text, button, button_reply, list_reply, image, reaction, system.
    A system message says that `phone` is now `new_phone` (and/or `new_user_id`)."""

    message_id: str
    at: datetime
    channel_id: str
    phone: str = ""
    user_id: str = ""
    type: str = "text"
    text: str = ""
    new_phone: str = ""
    new_user_id: str = ""


@dataclass(frozen=True)
class Status:
    """`group_id`: the message went to a group, and this is told of the one participant named."""

    message_id: str
    status: str
    at: datetime
    channel_id: str
    phone: str = ""
    user_id: str = ""
    category: str = ""
    error_code: int = 0
    group_id: str = ""


@dataclass(frozen=True)
class Preference:
    """`value`: stop, resume, signup."""

    at: datetime
    channel_id: str
    value: str
    phone: str = ""
    user_id: str = ""


@dataclass(frozen=True)
class Call:
    call_id: str
    at: datetime
    channel_id: str
    phone: str = ""
    user_id: str = ""
    direction: str = "USER_INITIATED"


@dataclass(frozen=True)
class Echo:
    """What staff sent from the WhatsApp Business app."""

    message_id: str
    at: datetime
    channel_id: str
    phone: str = ""
    user_id: str = ""
    text: str = "Written in the app"


@dataclass(frozen=True)
class Version:
    """An edit or a revocation (`action`: edit, revoke) of a message, by whoever wrote it: the person, or
    staff in the Business app (`is_echo`). `text`: the new words of an edit."""

    version_id: str
    original_id: str
    action: str
    at: datetime
    channel_id: str
    phone: str = ""
    user_id: str = ""
    text: str = ""
    is_echo: bool = False


@dataclass(frozen=True)
class Register:
    """One consent-register row. `zone_minutes` is only how its times are spelled."""

    record_id: str
    party: str
    purpose: str
    action: str
    occurred_at: datetime
    recorded_at: datetime | None = None
    expires_at: datetime | None = None
    method: str = ""
    wording: str = ""
    wording_version: str = ""
    business_name: str = ""
    phone: str = ""
    user_id: str = ""
    crm_id: str = ""
    evidence: str = ""
    language: str = ""
    jurisdiction: str = ""
    lawful_basis: str = ""
    recorded_by: str = ""
    zone_minutes: int = 0


@dataclass(frozen=True)
class Template:
    """What the platform says of a template; `category` in capitals. Told of no account (empty
    `waba_id`, as Infobip does), it holds for every company."""

    waba_id: str
    name: str
    category: str
    at: datetime


@dataclass(frozen=True)
class RetentionRow:
    """`authority` names the row. Empty class, kind or jurisdiction: any."""

    authority: str
    record_class: str = ""
    entity_kind: str = ""
    jurisdiction: str = ""
    floor: str = ""
    ceiling: str = ""
    is_fallback: bool = False
    effective_from: str = ""
    effective_to: str = ""


@dataclass(frozen=True)
class ClassRule:
    """`[[retention.record_class]]` of the settings."""

    record_class: str
    entity: str = ""
    channel: str = ""
    purpose: str = ""
    template: str = ""


@dataclass(frozen=True)
class Custodian:
    custodian_id: str
    name: str = ""
    email: str = ""
    business_unit: str = ""
    phone: str = ""


@dataclass(frozen=True)
class World:
    entities: tuple[Entity, ...] = ()
    waba_by_channel: dict[str, str] = field(default_factory=dict)
    sends: tuple[Send, ...] = ()
    inbound: tuple[Inbound, ...] = ()
    statuses: tuple[Status, ...] = ()
    preferences: tuple[Preference, ...] = ()
    calls: tuple[Call, ...] = ()
    echoes: tuple[Echo, ...] = ()
    versions: tuple[Version, ...] = ()
    register: tuple[Register, ...] = ()
    templates: tuple[Template, ...] = ()
    retention: tuple[RetentionRow, ...] = (RetentionRow("TST-00", floor="P1Y"),)
    class_rules: tuple[ClassRule, ...] = ()
    directory: tuple[Custodian, ...] = ()
    settle_hours: int = 168

    def outside_ids(self) -> list[str]:
        """Every id a finding can be about, once: messages, calls, register records."""
        found: list[str] = []
        for rows in (self.sends, self.inbound, self.statuses, self.echoes):
            found += [row.message_id for row in rows]
        found += [row.call_id for row in self.calls]
        found += [row.record_id for row in self.register if row.record_id]
        return sorted(set(found))

    def user_ids(self) -> list[str]:
        """Every user id, once: persons that a finding is about go by the smallest of theirs."""
        rows = (
            *self.inbound, *self.statuses, *self.preferences, *self.calls, *self.echoes, *self.versions,
            *self.register,
        )  # fmt: skip
        found = {row.user_id for row in rows} | {row.new_user_id for row in self.inbound}
        found |= {row.to for row in self.sends if "." in row.to} | {
            row.party for row in self.register if "." in row.party
        }
        return sorted(found - {""})
