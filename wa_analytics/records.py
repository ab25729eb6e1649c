"""Provider-neutral facts that a parser yields from one capture.

They hold outside identifiers and text in clear, so they live only inside the one decrypt pass:
`normalise.project` turns them into rows of keyed digests. Times are integer microseconds since
1970 UTC. What a parser does not know goes to `extra` or to an `UnknownRecord`, never away.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

IdentifierKind = Literal["phone", "user_id", "crm_id", "username"]


class Identifier(msgspec.Struct, frozen=True, gc=False):
    """One outside identifier. A phone is `+` and digits; the others are kept as delivered."""

    kind: IdentifierKind
    value: str


class MessageRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One message, as one source tells it.

    source: `inbound` (webhook), `send_log`, `echo` (sent from the Business app or by another
        application), `provider_log` (what the provider's own list of messages tells), `history`, `call`.
    people: identifiers of the one outside person, the most direct first.
    kind: `template`, `free_form`, or None where the source does not say.
    text: the words, only for rules that read text; never stored.
    has_body: whether the content itself is held by this source.
    """

    source: Literal["inbound", "send_log", "echo", "provider_log", "history", "call"]
    outside_id: str
    sent_at: int
    people: tuple[Identifier, ...]
    direction: Literal["inbound", "outbound"]
    channel_id: str | None = None
    account_id: str | None = None
    kind: str | None = None
    type: str | None = None
    purpose: str | None = None
    template_name: str | None = None
    custodian_id: str | None = None
    text: str | None = None
    has_body: bool = False
    group_id: str | None = None
    extra: dict[str, Any] = {}


class StatusRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery status. `category` is the raw `pricing.category`; `is_group`: of a message to a group,
    told of the one participant in `people`."""

    outside_id: str
    status: str
    occurred_at: int
    people: tuple[Identifier, ...] = ()
    channel_id: str | None = None
    account_id: str | None = None
    category: str | None = None
    error_code: int | None = None
    is_group: bool = False
    extra: dict[str, Any] = {}


class ConsentRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One consent event.

    source: `register` (the company's consent register) or `preference` (`user_preferences`).
    action: granted, withdrawn, refused, requested, confirmed (register); stop, resume, signup.
    purpose: marketing, utility, authentication, service or all.
    """

    source: Literal["register", "preference"]
    people: tuple[Identifier, ...]
    purpose: str
    action: str
    occurred_at: int
    outside_id: str | None = None
    recorded_at: int | None = None
    expires_at: int | None = None
    method: str | None = None
    wording: str | None = None
    wording_version: str | None = None
    language: str | None = None
    business_name: str | None = None
    evidence: str | None = None
    jurisdiction: str | None = None
    lawful_basis: str | None = None
    recorded_by: str | None = None
    channel_id: str | None = None
    account_id: str | None = None
    extra: dict[str, Any] = {}


class LinkRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Evidence that several identifiers are one person. rule: `contact`, `message`,
    `status`, `register_row`, `user_changed_number`, `user_changed_user_id` …"""

    people: tuple[Identifier, ...]
    rule: str
    occurred_at: int | None = None


class TemplateRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What the platform says of a template at a time. `category` is lower case or None."""

    name: str
    observed_at: int
    account_id: str | None = None
    language: str | None = None
    category: str | None = None
    status: str | None = None
    wording: str | None = None
    extra: dict[str, Any] = {}


class CustodianRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the staff directory."""

    custodian_id: str
    name: str | None = None
    email: str | None = None
    business_unit: str | None = None
    jurisdiction: str | None = None
    is_regulated: bool | None = None
    phone: str | None = None
    supervisor_id: str | None = None
    active_from: str | None = None
    active_to: str | None = None
    extra: dict[str, Any] = {}


class VersionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An edit or a revocation of a message. The original stays what it is.

    outside_id: of the message that was changed; version_id: of the change itself.
    text: the new words, only for rules that read text; never stored.
    """

    outside_id: str
    version_id: str
    action: Literal["edit", "revoke"]
    occurred_at: int
    direction: Literal["inbound", "outbound"]
    people: tuple[Identifier, ...] = ()
    channel_id: str | None = None
    account_id: str | None = None
    type: str | None = None
    text: str | None = None


class MediaRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One media file: announced by a message, or fetched and stored as a capture of its own.

    source: `announced` (a webhook names it), `fetched` (its bytes are held), `lost` (the provider
        said that it is gone).
    sha256: hex of the content as this source states or computes it.
    is_intact: for a fetched file, whether its bytes have the digest that was announced.
    """

    source: Literal["announced", "fetched", "lost"]
    media_id: str
    occurred_at: int
    outside_id: str | None = None
    type: str | None = None
    mime_type: str | None = None
    sha256: str | None = None
    size_bytes: int | None = None
    is_intact: bool | None = None
    channel_id: str | None = None
    account_id: str | None = None


class ChannelEventRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Something the platform told of an account, a number, a template, a group or a call.

    event: dotted, subject first: `account.offboarded`, `number.quality`, `template.rejected`,
        `webhook.override`, `handover.taken`, `group.participants` … Meta's stand in
        `providers/meta_event_codes.py`.
    outside_id: the message or call it is about.
    people: identifiers of the one person it names.
    detail: a code from the platform's closed lists (`GREEN`, `PRIMARY_INACTIVITY`), never free text.
    subject: what it is about where that is neither account nor number and names no person: a template's
        name, a flow's id.
    """

    event: str
    occurred_at: int
    outside_id: str | None = None
    channel_id: str | None = None
    account_id: str | None = None
    detail: str | None = None
    subject: str | None = None
    people: tuple[Identifier, ...] = ()


class VolumeRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The platform's own count of an interval, half-open. granularity: `half_hour`, `day`, `month`."""

    start: int
    end: int
    granularity: Literal["half_hour", "day", "month"]
    observed_at: int
    sent_count: int | None = None
    delivered_count: int | None = None
    channel_id: str | None = None
    account_id: str | None = None


class PlatformMessageRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A message id that the platform's own history names, without any content."""

    outside_id: str
    observed_at: int
    occurred_at: int | None = None
    status: str | None = None
    channel_id: str | None = None
    account_id: str | None = None


class SupplementaryRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a chat export: no message id, no status, a sender's name as somebody saved it.
    Weak evidence, kept apart from messages; no rule reads it.

    type: `text`, `media`, `deleted`, `system`, `call`, and `file` for a file that came with the chat, which
    tells no time. people: the sender where a number stands. chat: digest of the exported file it stands
    in. file_name: the file it announces, or is.
    """

    type: str
    occurred_at: int | None = None
    people: tuple[Identifier, ...] = ()
    sender: str | None = None
    text: str | None = None
    has_body: bool = False
    is_edited: bool = False
    chat: str | None = None
    file_name: str | None = None


class UnknownRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Something kept but not understood: counted by name, shown by `wa doctor`.

    kind: `object`, `field` (webhook field), `type` (message type), `status`, `event` (the platform's
        word for one), `column`, `preference`, `zoneless_time`, `invalid_phone`, `channel` (not
        WhatsApp), `sender` (a report that does not tell which side is the business), `malformed`.
    name: the field's name, never a value.
    """

    kind: str
    name: str


Record = (
    MessageRecord
    | StatusRecord
    | ConsentRecord
    | LinkRecord
    | TemplateRecord
    | CustodianRecord
    | VersionRecord
    | MediaRecord
    | ChannelEventRecord
    | VolumeRecord
    | PlatformMessageRecord
    | SupplementaryRecord
    | UnknownRecord
)
