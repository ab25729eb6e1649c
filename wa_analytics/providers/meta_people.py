"""Fields that name people beside messages: the Business app's contacts, groups, handovers of a
conversation, changed user ids, conversions.

Names are never read. Source: Meta, webhooks reference (smb_app_state_sync; groups; messaging_handovers,
August 2026; business-scoped user ids, June 2026; automatic_events).
"""

from __future__ import annotations

from typing import Any

from wa_analytics.capture import Capture
from wa_analytics.providers.instants import instant
from wa_analytics.providers.meta_account import listed_event
from wa_analytics.providers.meta_event_codes import EVENT
from wa_analytics.providers.meta_parts import channel_event, code, elements, moment, part, person, text
from wa_analytics.providers.meta_shapes import Account
from wa_analytics.providers.people import people_of
from wa_analytics.records import Identifier, LinkRecord, Record

Value = dict[str, Any]

PARTICIPANTS = (
    "added_participants", "removed_participants", "failed_participants", "participants", "join_requests",
)  # fmt: skip


def contacts_synced(
    records: list[Record], field: str, value: Value, account: Account, capture: Capture
) -> None:
    """A contact that staff added, edited or removed in the Business app; linked by phone."""
    for synced in elements(value, "state_sync"):
        contact = part(synced, "contact")
        people = person(contact, "phone_number")
        if not people:
            continue
        records.append(
            channel_event(
                listed_event(records, field, text(synced, "action")),
                moment(synced, account, capture, "metadata", "timestamp"),
                value,
                account,
                people=people,
            )
        )


def groups(records: list[Record], field: str, value: Value, account: Account, capture: Capture) -> None:
    """One event per participant, or one of the group. A group's id holds a phone number: not told."""
    for group in elements(value, "groups"):
        kind = code(group, "type")
        if kind is None:
            continue
        named = [
            person(one) or people_of(text(one, "input"))
            for name in PARTICIPANTS
            for one in elements(group, name)
        ]
        own = person(group)
        occurred_at = moment(group, account, capture)
        told: list[tuple[str, str | None, tuple[Identifier, ...]]] = [
            (EVENT[field], kind, people) for people in [*named, *([own] if own or not named else [])]
        ]
        told += [("group.failed", code(error, "code"), ()) for error in elements(group, "errors")]
        records.extend(
            channel_event(event, occurred_at, value, account, detail=detail, people=people)
            for event, detail, people in told
        )


def handover(records: list[Record], field: str, value: Value, account: Account, capture: Capture) -> None:
    """Who holds the conversation from now on. The summary and the metadata are words about a person
    and stay in the capture."""
    kind = text(value, "type")
    if kind is None:
        return
    event = listed_event(records, field, kind)
    records.append(
        channel_event(
            event,
            moment(value, account, capture),
            value,
            account,
            channel_id=text(value, "recipient", "phone_number_id"),
            detail=code(value, "type")
            if event.endswith(".unlisted")
            else code(value, kind, "new_owner_role"),
            people=person(part(value, "sender"), "phone_number") or person(part(value, "sender")),
        )
    )


def user_id_changed(
    records: list[Record], field: str, value: Value, account: Account, capture: Capture
) -> None:
    """Not a field one can subscribe to any more (Meta, 11 August 2026), but it was sent."""
    for update in elements(value, "user_id_update"):
        ids = (
            text(update, name, when)
            for when in ("current", "previous")
            for name in ("user_id", "parent_user_id")
        )
        current = people_of(text(update, "wa_id"), text(update, "user_id", "current"))
        people = tuple(dict.fromkeys((*current, *(one for id_ in ids for one in people_of(None, id_)))))
        if not people:
            continue
        occurred_at = moment(update, account, capture)
        if len(people) > 1:
            records.append(LinkRecord(people=people, rule="user_changed_user_id", occurred_at=occurred_at))
        records.append(channel_event(EVENT[field], occurred_at, value, account, people=current or people[:1]))


def conversions(records: list[Record], field: str, value: Value, account: Account, capture: Capture) -> None:
    """A lead or purchase that Meta detected in a message that came from an advertisement."""
    for detected in elements(value, "automatic_events"):
        name = code(detected, "event_name")
        if name is None or instant(part(detected, "timestamp")) is None:
            continue
        records.append(
            channel_event(
                EVENT[field],
                moment(detected, account, capture),
                value,
                account,
                outside_id=text(detected, "id"),
                detail=name,
            )
        )
