"""When deliveries went elsewhere or nowhere: overrides, lost subscriptions, accounts gone.

Each is a state that an event begins and a later one of its family ends; at the same instant the
beginning counts. Numbers and accounts are apart: what an account says does not undo what one number says.
Source: Meta, webhooks override, subscribed_apps and account_update.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple


class Family(NamedTuple):
    """Events that begin and end one state of a number or account."""

    rule: str
    name: str
    begins: tuple[str, ...]
    ends: tuple[str, ...]


FAMILIES = (
    Family("capture.diverted", "callback", ("webhook.override",), ("webhook.direct",)),
    Family(
        "capture.diverted",
        "subscription",
        ("webhook.unsubscribed",),
        ("webhook.subscribed", "webhook.subscription_offered"),
    ),
    Family(
        "capture.offboarded",
        "account",
        (
            "account.offboarded",
            "account.partner_removed",
            "account.partner_app_uninstalled",
            "account.deleted",
        ),
        ("account.reconnected", "account.partner_added", "account.partner_app_installed"),
    ),
)
EVENTS = tuple(code for family in FAMILIES for code in (*family.begins, *family.ends))
_MEANING = {
    code: (family, code in family.begins) for family in FAMILIES for code in (*family.begins, *family.ends)
}


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
    told: dict[tuple[str, str, str, str], list[tuple[datetime, int, str | None, str | None]]] = {}
    for event in events:
        kind = "channel" if event["channel_id"] else "account" if event["account_id"] else "entity"
        place = event["channel_id"] or event["account_id"] or event["entity"]
        if event["event_code"] in _MEANING and place:
            family, is_begun = _MEANING[event["event_code"]]
            mark = (event["occurred_at"], int(is_begun), event["channel_id"], event["entity"])
            told.setdefault((family.rule, kind, place, family.name), []).append(mark)
    found = []
    for (rule, _, place, _), marks in sorted(told.items()):
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
