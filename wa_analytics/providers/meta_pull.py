"""What the Graph API tells of accounts and numbers, as captures: each page or answer is one.

The same bytes are stored once, so a capture's context says what was asked and when: by the moment
for what is a state (numbers, subscriptions), where the newest answer counts even if it was given
before; by the UTC day for what is a list.
Source: Meta, WhatsApp Business Account and phone number nodes, analytics, message_history.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Literal, NamedTuple

import msgspec

from wa_analytics.capture import Capture
from wa_analytics.providers.graph import Graph
from wa_analytics.providers.http_api import Answer, json_object

TEMPLATE_FIELDS = "id,name,language,status,category,components"
NUMBER_FIELDS = (
    "id,display_phone_number,verified_name,status,quality_rating,code_verification_status,account_mode"
)
# Without them the API tells ids alone, and nobody knows when a message was.
HISTORY_FIELDS = "id,message_id,events{delivery_status,timestamp}"
PAGE_SIZE = 100
PROVIDER = "meta-cloud"
Granularity = Literal["half_hour", "day", "month"]
GRANULARITIES: tuple[Granularity, ...] = ("half_hour", "day", "month")


class Number(NamedTuple):
    """A business number of an account. digits: as displayed, without punctuation; may be empty."""

    channel_id: str
    digits: str


class Asked(NamedTuple):
    """Whom a pull asks, of which account, and when (microseconds since 1970 UTC)."""

    graph: Graph
    waba_id: str
    at: int

    def capture(self, answer: Answer, source: str, *, by_moment: bool = False, **told: str) -> Capture:
        """The answer as evidence. told: headers that say what was asked, part of its identity."""
        asked = {"source": source, "waba_id": self.waba_id, **told}
        stamp = str(self.at) if by_moment else datetime.fromtimestamp(self.at / 1e6, UTC).date().isoformat()
        headers = {**asked, "redacted": "access_token"} if answer.is_redacted else asked
        return Capture(
            body=answer.body,
            headers=headers,
            provider=PROVIDER,
            received_at=self.at,
            context=msgspec.json.encode([stamp, sorted(asked.items())]),
        )


def templates(asked: Asked, *, page_size: int = PAGE_SIZE) -> Iterator[Capture]:
    """Every message template, with category, status and wording."""
    for page in asked.graph.pages(
        asked.waba_id, "message_templates", fields=TEMPLATE_FIELDS, limit=str(page_size)
    ):
        yield asked.capture(page, "message_templates")


def phone_numbers(asked: Asked) -> Iterator[Capture]:
    """Every business number with its status and quality."""
    for page in asked.graph.pages(asked.waba_id, "phone_numbers", fields=NUMBER_FIELDS, limit=str(PAGE_SIZE)):
        yield asked.capture(page, "phone_numbers", by_moment=True)


def subscribed_apps(asked: Asked) -> Iterator[Capture]:
    """Which apps get the account's webhooks, and where an override sends them."""
    for place, page in enumerate(asked.graph.pages(asked.waba_id, "subscribed_apps")):
        yield asked.capture(page, "subscribed_apps", by_moment=True, page=str(place))


def webhook_configuration(asked: Asked, number: Number) -> Capture:
    """Where a number's webhooks go."""
    answer = asked.graph.node(number.channel_id, fields="id,webhook_configuration")
    return asked.capture(answer, "webhook_configuration", by_moment=True, phone_number_id=number.channel_id)


def analytics(asked: Asked, number: Number, start: int, end: int, granularity: Granularity) -> Capture:
    """The platform's own counts of a number. start, end: seconds since 1970 UTC, half-open."""
    field = (
        f"analytics.start({start}).end({end}).granularity({granularity.upper()})"
        f'.phone_numbers(["{number.digits}"])'
    )
    return asked.capture(
        asked.graph.node(asked.waba_id, fields=field),
        "analytics",
        phone_number_id=number.channel_id,
        phone_digits=number.digits,
        granularity=granularity,
        start=str(start),
        end=str(end),
    )


def message_history(asked: Asked, number: Number) -> Iterator[Capture]:
    """Ids of a number's messages and their delivery events, without any content."""
    pages = asked.graph.pages(
        number.channel_id, "message_history", fields=HISTORY_FIELDS, limit=str(PAGE_SIZE)
    )
    for page in pages:
        yield asked.capture(page, "message_history", phone_number_id=number.channel_id)


def numbers_of(pages: list[Capture]) -> list[Number]:
    """The numbers that pages of `phone_numbers` name, each once."""
    found: dict[str, Number] = {}
    for page in pages:
        stated = json_object(page.body)
        for row in (stated or {}).get("data", ()):
            channel_id = row.get("id") if isinstance(row, dict) else None
            if isinstance(channel_id, str) and channel_id:
                shown = row.get("display_phone_number")
                found[channel_id] = Number(channel_id, digits_of(shown if isinstance(shown, str) else ""))
    return list(found.values())


def digits_of(shown: str) -> str:
    return "".join(character for character in shown if character in "0123456789")
