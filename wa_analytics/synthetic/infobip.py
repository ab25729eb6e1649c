"""Infobip's WhatsApp webhooks, as its OpenAPI description (3.163.0) gives them.

They know no business-scoped user ids, no price categories and no system messages; a delivery report
does not name the sender, a seen report does (`to`). Times are ISO 8601 with `+0000`.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

from wa_analytics.synthetic.bodies import place_of
from wa_analytics.synthetic.companies import Channel, Template
from wa_analytics.synthetic.contents import Content
from wa_analytics.synthetic.people import Person

MEDIA_URL = "https://made-up.api.infobip.com/whatsapp/1/senders/{sender}/media/{media_id}"
NO_PRICE = '"price":{"pricePerMessage":0,"currency":"EUR"}'
PRICE = '"price":{"pricePerMessage":0.041,"currency":"EUR"}'
TYPES = {
    "text": "TEXT",
    "button": "BUTTON",
    "button_reply": "INTERACTIVE_BUTTON_REPLY",
    "list_reply": "INTERACTIVE_LIST_REPLY",
    "image": "IMAGE",
    "video": "VIDEO",
    "document": "DOCUMENT",
    "audio": "VOICE",
    "sticker": "STICKER",
    "location": "LOCATION",
    "contacts": "CONTACT",
    "order": "ORDER",
    "reaction": "REACTION",
    "unsupported": "UNSUPPORTED",
}


def clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "+0000")


def inbound(person: Person, channel: Channel, at: int, message_id: str, content: Content) -> str:
    message = _message(content, channel, person)
    return (
        f'{{"results":[{{"from":"{person.wa_id}","to":"{channel.phone}","integrationType":"WHATSAPP",'
        f'"receivedAt":"{clock(at)}","messageId":"{message_id}","message":{message},'
        f'"contact":{{"name":{_quoted(person.name)}}},{NO_PRICE}}}],'
        '"messageCount":1,"pendingMessageCount":0}'
    )


def _message(content: Content, channel: Channel, person: Person) -> str:
    parts = [_typed(content, channel, person)] if content.type_ != "unsupported" else []
    if content.about:
        parts.append(f'"context":{{"id":"{content.about}"}}')
    parts.append(f'"type":"{TYPES[content.type_]}"')
    return f"{{{','.join(parts)}}}"


def _typed(content: Content, channel: Channel, person: Person) -> str:
    type_, words = content.type_, _quoted(content.words)
    if content.media is not None:
        url = MEDIA_URL.format(sender=channel.phone, media_id=content.media.media_id)
        return f'"url":"{url}"' + (f',"caption":{words}' if content.words else "")
    if type_ == "button":
        return f'"text":{words},"payload":"reply"'
    if type_ == "button_reply":
        return f'"id":"b1","title":{words}'
    if type_ == "list_reply":
        return f'"id":"row_2","title":{words},"description":"Later this week"'
    if type_ == "location":
        latitude, longitude = place_of(content)
        return f'"latitude":{latitude},"longitude":{longitude}'
    if type_ == "reaction":
        return '"emoji":"\\ud83d\\udc4d","action":"ADDED"'
    if type_ == "contacts":
        name = _quoted(person.name)
        return (
            f'"contacts":[{{"name":{{"firstName":{name},"formattedName":{name}}},'
            f'"phones":[{{"phone":"{person.wa_id}","type":"CELL","waId":"{person.wa_id}"}}]}}]'
        )
    if type_ == "order":
        return (
            f'"catalogId":"{content.number}","productItems":[{{"currency":"EUR","itemPrice":19.5,'
            '"productRetailerId":"seat-upgrade","quantity":1}],"text":""'
        )
    return f'"text":{words}'


# Ids and names of Infobip's status and error lists.
OUTCOMES = {
    "delivered": (
        '"status":{"id":5,"groupId":3,"groupName":"DELIVERED","name":"DELIVERED_TO_HANDSET",'
        '"description":"Message delivered to handset"}',
        '"error":{"id":0,"name":"NO_ERROR","description":"No Error","groupId":0,"groupName":"OK",'
        '"permanent":false}',
    ),
    "failed": (
        '"status":{"id":9,"groupId":2,"groupName":"UNDELIVERABLE","name":"UNDELIVERABLE_NOT_DELIVERED",'
        '"description":"Message sent not delivered"}',
        '"error":{"id":1,"name":"EC_UNKNOWN_SUBSCRIBER","description":"Unknown Subscriber","groupId":1,'
        '"groupName":"HANDSET_ERRORS","permanent":true}',
    ),
    "expired": (
        '"status":{"id":15,"groupId":4,"groupName":"EXPIRED","name":"EXPIRED_EXPIRED",'
        '"description":"Message expired"}',
        '"error":{"id":27,"name":"EC_ABSENT_SUBSCRIBER","description":"Absent Subscriber","groupId":1,'
        '"groupName":"HANDSET_ERRORS","permanent":false}',
    ),
}


def reported(person: Person, sent_at: float, done_at: float, message_id: str, outcome: str) -> str:
    """A delivery report; `outcome` is one of OUTCOMES. It does not say who sent the message."""
    status, error = OUTCOMES[outcome]
    price = PRICE if outcome == "delivered" else NO_PRICE
    return (
        f'{{"results":[{{"bulkId":"",{price},{status},{error},"messageId":"{message_id}",'
        f'"doneAt":"{clock(done_at)}","messageCount":1,"sentAt":"{clock(sent_at)}","to":"{person.wa_id}"}}]}}'
    )


def seen(person: Person, channel: Channel, sent_at: float, seen_at: float, message_id: str) -> str:
    return (
        f'{{"results":[{{"messageId":"{message_id}","from":"{person.wa_id}","to":"{channel.phone}",'
        f'"sentAt":"{clock(sent_at)}","seenAt":"{clock(seen_at)}"}}]}}'
    )


def marketing_update(person: Person, channel: Channel, at: int, value: str) -> str:
    """The person asked for no more marketing, or for it again: `value` is stop or resume."""
    return (
        f'{{"from":"{channel.phone}","content":{{"sender":"{channel.phone}","from":"{person.wa_id}",'
        f'"notificationMessagesStatus":"{value}","description":"User requested to {value} marketing '
        f'messages"}},"createdAt":"{clock(at)}"}}'
    )


def template_category(template: Template, at: int, number: int) -> str:
    """Only a change of category tells the category; the earlier one was the other of the two."""
    category = template.purpose.upper()
    before = "UTILITY" if category != "UTILITY" else "MARKETING"
    return (
        f'{{"messageTemplateId":{number},"messageTemplateName":"{template.name}",'
        f'"messageTemplateLanguage":"en","timestamp":"{clock(at)}","change":{{'
        f'"type":"TEMPLATE_CATEGORY_UPDATE","previousCategory":"{before}","newCategory":"{category}"}}}}'
    )


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
