"""Infobip: one WhatsApp webhook body as records.

Reads inbound messages, delivery and seen reports (`results`), a person's stop or resume, payments
and identity changes (`content`), and template updates (`change`). A channel is the business number's
digits: the `channels` of an entity hold it as such. A delivery report names no sender, so its
company is that of the message it speaks of. Source: Infobip, WhatsApp API (OpenAPI 3.163), webhooks.
"""

from __future__ import annotations

from typing import Any

from wa_analytics.capture import Capture
from wa_analytics.errors import CaptureUnreadable
from wa_analytics.providers import media
from wa_analytics.providers.bodies import (
    OWN_READING,
    decoded,
    first_records,
    json_of,
    listed,
    number_of,
    part_of,
    person_of,
    place_of,
    text_of,
    time_of,
)
from wa_analytics.providers.people import safe_name
from wa_analytics.records import (
    ChannelEventRecord,
    ConsentRecord,
    Identifier,
    MediaRecord,
    MessageRecord,
    Record,
    StatusRecord,
    TemplateRecord,
    UnknownRecord,
)
from wa_analytics.settings import Settings

EXPECTED = "one Infobip webhook body per .json file or per .ndjson line"
# Their message types in Meta's words, so that a type is called the same whoever delivered it.
TYPES = {
    "TEXT": "text", "IMAGE": "image", "DOCUMENT": "document", "AUDIO": "audio", "VIDEO": "video",
    "VOICE": "audio", "STICKER": "sticker", "LOCATION": "location", "CONTACT": "contacts",
    "BUTTON": "button", "ORDER": "order", "REACTION": "reaction", "UNSUPPORTED": "unsupported",
    "INFECTED_CONTENT": "infected_content", "INTERACTIVE_BUTTON_REPLY": "interactive",
    "INTERACTIVE_LIST_REPLY": "interactive", "INTERACTIVE_FLOW_REPLY": "interactive",
    "INTERACTIVE_CALL_PERMISSION_REPLY": "interactive",
    "INTERACTIVE_PAYMENT_CONFIRMATION": "interactive",
    "INTERACTIVE_PAYMENT_ACKNOWLEDGEMENT": "interactive",
}  # fmt: skip
WITHOUT_CONTENT = ("UNSUPPORTED", "INFECTED_CONTENT")
MEDIA = ("IMAGE", "DOCUMENT", "AUDIO", "VIDEO", "VOICE", "STICKER")
_WORDS = {
    "TEXT": "text",
    "BUTTON": "text",
    "INTERACTIVE_BUTTON_REPLY": "title",
    "INTERACTIVE_LIST_REPLY": "title",
}
GROUPS = {
    "PENDING": "sent",
    "DELIVERED": "delivered",
    "UNDELIVERABLE": "failed",
    "EXPIRED": "failed",
    "REJECTED": "failed",
}
_GROUP_IDS = {"1": "PENDING", "2": "UNDELIVERABLE", "3": "DELIVERED", "4": "EXPIRED", "5": "REJECTED"}


def parse(capture: Capture, settings: Settings) -> list[Record]:
    """Every fact in one body; at least one record.

    Raises CaptureUnreadable: not JSON, or JSON that is no Infobip webhook body.
    """
    if capture.headers.get("kind") == "file":
        return []
    if capture.headers.get("source") == media.SOURCE:
        return media.media_records(capture)
    stated = json_of(capture, EXPECTED)
    records = first_records(capture)
    results = listed(stated, "results")
    if results is not None:
        for result in results:
            _result(records, result, settings)
        return records or [UnknownRecord(kind="malformed", name="results")]
    if part_of(stated, "content") and text_of(stated, "createdAt"):
        _notification(records, stated, settings)
    elif part_of(stated, "change"):
        _template(records, stated, settings)
    else:
        raise CaptureUnreadable(f"{place_of(capture)}: is JSON but no Infobip webhook body; give {EXPECTED}.")
    return records


def surely_read(capture: Capture) -> bool:
    """Whether `parse` reads the body for certain: whatever stands in `results` gives a record."""
    if not OWN_READING.isdisjoint(capture.headers):
        return False
    try:
        return listed(decoded(capture.body), "results") is not None
    except ValueError:
        return False


def _result(records: list[Record], result: Any, settings: Settings) -> None:
    if part_of(result, "message"):
        _inbound(records, result, settings)
    elif text_of(result, "seenAt"):
        _seen(records, result, settings)
    elif part_of(result, "status"):
        _delivery(records, result, settings)
    else:
        records.append(UnknownRecord(kind="malformed", name="results"))


def _inbound(records: list[Record], result: Any, settings: Settings) -> None:
    kind = text_of(result, "integrationType")
    if kind is not None and kind != "WHATSAPP":
        records.append(UnknownRecord(kind="channel", name=safe_name(kind.lower())))
        return
    message = part_of(result, "message")
    message_id = text_of(result, "messageId")
    sent_at = time_of(result, "receivedAt", settings, records)
    if message_id is None or sent_at is None:
        records.append(UnknownRecord(kind="malformed", name="message"))
        return
    stated = text_of(message, "type") or "missing"
    type_ = TYPES.get(stated)
    if type_ is None:
        records.append(UnknownRecord(kind="type", name=safe_name(stated)))
    channel_id = number_of(text_of(result, "to"))
    words = _WORDS.get(stated)
    records.append(
        MessageRecord(
            source="inbound",
            outside_id=message_id,
            sent_at=sent_at,
            people=person_of(result, "from"),
            direction="inbound",
            channel_id=channel_id,
            type=type_ or safe_name(stated.lower()),
            text=text_of(message, words) if words else None,
            has_body=stated not in WITHOUT_CONTENT,
            group_id=text_of(message, "groupId"),
        )
    )
    url = text_of(message, "url")
    if url is not None and stated in MEDIA:
        records.append(
            MediaRecord(
                source="announced",
                media_id=url.rsplit("/media/", 1)[-1],
                occurred_at=sent_at,
                outside_id=message_id,
                type=type_,
                channel_id=channel_id,
            )
        )


def _delivery(records: list[Record], result: Any, settings: Settings) -> None:
    """Two statuses of one report: when the message was taken, and what became of it.

    DELIVERED_TO_OPERATOR is of the group DELIVERED, yet the person does not have the message.
    """
    status = part_of(result, "status")
    group = text_of(status, "groupName") or _GROUP_IDS.get(text_of(status, "groupId") or "", "missing")
    outcome = GROUPS.get(group)
    if text_of(status, "name") == "DELIVERED_TO_OPERATOR":
        outcome = "sent"
    message_id = text_of(result, "messageId")
    sent_at = time_of(result, "sentAt", settings, records)
    done_at = time_of(result, "doneAt", settings, records)
    if outcome is None:
        records.append(UnknownRecord(kind="status", name=safe_name(group)))
    if message_id is None or (sent_at is None and done_at is None):
        records.append(UnknownRecord(kind="malformed", name="status"))
        return
    people = person_of(result, "to")
    if sent_at is not None and group != "REJECTED":
        records.append(StatusRecord(outside_id=message_id, status="sent", occurred_at=sent_at, people=people))
    at = sent_at if done_at is None else done_at
    if outcome is None or at is None or (outcome == "sent" and sent_at is not None):
        return
    code = text_of(part_of(result, "error"), "id")
    records.append(
        StatusRecord(
            outside_id=message_id,
            status=outcome,
            occurred_at=at,
            people=people,
            error_code=int(code) if outcome == "failed" and code and _is_code(code) else None,
        )
    )


def _is_code(code: str) -> bool:
    return code.isascii() and code.isdigit() and len(code) < 10 and int(code) > 0


def _seen(records: list[Record], result: Any, settings: Settings) -> None:
    """Which of `from` and `to` is the business is told differently by their schema and their prose:
    the channels of the settings decide. Where they do not, nobody is named rather than the wrong one.
    """
    message_id = text_of(result, "messageId")
    seen_at = time_of(result, "seenAt", settings, records)
    if message_id is None or seen_at is None:
        records.append(UnknownRecord(kind="malformed", name="seenAt"))
        return
    channel_id, people = _business_and_person(result, settings)
    if channel_id is None:
        records.append(UnknownRecord(kind="sender", name="seen"))
    moments = {"sent": time_of(result, "sentAt", settings, records), "read": seen_at}
    records.extend(
        StatusRecord(
            outside_id=message_id, status=status, occurred_at=at, people=people, channel_id=channel_id
        )
        for status, at in moments.items()
        if at is not None
    )


def _business_and_person(result: Any, settings: Settings) -> tuple[str | None, tuple[Identifier, ...]]:
    own = settings.channels
    for business, person in (("from", "to"), ("to", "from")):
        number = number_of(text_of(result, business))
        if number is not None and number in own:
            return number, person_of(result, person)
    return None, ()


def _notification(records: list[Record], stated: Any, settings: Settings) -> None:
    content = part_of(stated, "content")
    occurred_at = time_of(stated, "createdAt", settings, records)
    kind = text_of(content, "type") or "missing"
    choice = text_of(content, "notificationMessagesStatus")
    channel_id = number_of(text_of(content, "sender") or text_of(stated, "from"))
    if occurred_at is None:
        records.append(UnknownRecord(kind="malformed", name="content"))
    elif choice is not None:
        people = person_of(content, "from")
        if choice.lower() not in ("stop", "resume"):
            records.append(UnknownRecord(kind="preference", name=safe_name(choice)))
        elif not people:
            records.append(UnknownRecord(kind="malformed", name="content"))
        else:
            records.append(
                ConsentRecord(
                    source="preference",
                    people=people,
                    purpose="marketing",
                    action=choice.lower(),
                    occurred_at=occurred_at,
                    channel_id=channel_id,
                )
            )
    elif kind == "user_identity_changed":
        records.append(
            ChannelEventRecord(
                event="identity.key_changed",
                occurred_at=occurred_at,
                channel_id=channel_id,
                people=person_of(content, "userNumber"),
            )
        )
    elif kind == "payment":
        records.append(
            ChannelEventRecord(
                event="payment.status",
                occurred_at=occurred_at,
                channel_id=channel_id,
                detail=safe_name(text_of(content, "paymentStatus")),
                people=person_of(content, "from"),
            )
        )
    else:
        records.append(UnknownRecord(kind="type", name=safe_name(kind)))


def _template(records: list[Record], stated: Any, settings: Settings) -> None:
    """A template update names neither account nor number: it holds for every company."""
    change = part_of(stated, "change")
    name = text_of(stated, "messageTemplateName")
    at = time_of(stated, "timestamp", settings, records)
    kind = text_of(change, "type")
    if name is None or at is None:
        records.append(UnknownRecord(kind="malformed", name="change"))
    elif kind == "TEMPLATE_QUALITY_UPDATE":
        records.append(
            ChannelEventRecord(
                event="template.quality",
                occurred_at=at,
                detail=safe_name(text_of(change, "newQualityScore")),
                subject=name,
            )
        )
    elif kind in ("TEMPLATE_STATUS_UPDATE", "TEMPLATE_CATEGORY_UPDATE"):
        category, status = text_of(change, "newCategory"), text_of(change, "newStatus")
        records.append(
            TemplateRecord(
                name=name,
                observed_at=at,
                language=text_of(stated, "messageTemplateLanguage"),
                category=category.lower() if category else None,
                status=status.lower() if status else None,
            )
        )
    else:
        records.append(UnknownRecord(kind="type", name=safe_name(kind)))
