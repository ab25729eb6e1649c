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

    source: `inbound` (webhook), `send_log`, `echo` (Business app), `history`, `call`.
    people: identifiers of the one outside person, the most direct first.
    kind: `template`, `free_form`, or None where the source does not say.
    text: the words, only for rules that read text; never stored.
    has_body: whether the content itself is held by this source.
    """

    source: Literal["inbound", "send_log", "echo", "history", "call"]
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
    """One delivery status. `category` is the raw `pricing.category`."""

    outside_id: str
    status: str
    occurred_at: int
    people: tuple[Identifier, ...] = ()
    channel_id: str | None = None
    account_id: str | None = None
    category: str | None = None
    error_code: int | None = None
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


class UnknownRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Something kept but not understood: counted by name, shown by `wa doctor`.

    kind: `object`, `field` (webhook field), `type` (message type), `status`, `column`,
        `preference`, `zoneless_time`, `invalid_phone`.
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
    | UnknownRecord
)
