"""When deliveries went elsewhere or nowhere: overrides, lost subscriptions, accounts gone.

Each is a state that an event begins and a later one ends; at the same instant the beginning counts.
Numbers and accounts are apart: what an account says does not undo what one number says.
Source: Meta, webhooks override and account_update.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

WEBHOOK = "webhook."
# Any other event of the webhook family says that deliveries arrive here.
DIVERTING = ("webhook.override", "webhook.unsubscribed")
STOPPING = (
    "account.offboarded",
    "account.partner_removed",
    "account.partner_app_uninstalled",
    "account.disconnected",
    "account.deleted",
)
RESUMING = ("account.reconnected", "account.partner_added", "account.partner_app_installed")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which deliveries of one number or account did not arrive. end: None while it lasts."""

    rule: str
    place: str
    channel_id: str | None
    entity: str | None
    start: datetime
    end: datetime | None


def stretches(events: Iterable[Mapping[str, Any]]) -> list[Stretch]:
    """Every stretch, in the order of rule, place and time.

    events: `event_code, occurred_at, channel_id, account_id, entity` of table channel_event.
    """
    told: dict[tuple[str, str, str], list[tuple[datetime, int, str | None, str | None]]] = {}
    for event in events:
        rule, is_begun = _meaning(event["event_code"])
        kind = "channel" if event["channel_id"] else "account" if event["account_id"] else "entity"
        place = event["channel_id"] or event["account_id"] or event["entity"]
        if rule and place:
            mark = (event["occurred_at"], int(is_begun), event["channel_id"], event["entity"])
            told.setdefault((rule, kind, place), []).append(mark)
    found = []
    for (rule, _, place), marks in sorted(told.items()):
        start: datetime | None = None
        channel_id: str | None = None
        entity: str | None = None
        for at, begun, channel, company in sorted(marks, key=lambda mark: mark[:2]):
            channel_id, entity = channel or channel_id, company or entity
            if begun and start is None:
                start = at
            elif not begun and start is not None:
                found.append(Stretch(rule, place, channel_id, entity, start, at))
                start = None
        if start is not None:
            found.append(Stretch(rule, place, channel_id, entity, start, None))
    return found


def _meaning(event_code: str) -> tuple[str, bool]:
    """(rule, whether it begins); an empty rule for an event that says nothing of delivery."""
    if event_code.startswith(WEBHOOK):
        return "capture.diverted", event_code in DIVERTING
    if event_code in STOPPING or event_code in RESUMING:
        return "capture.offboarded", event_code in STOPPING
    return "", False
