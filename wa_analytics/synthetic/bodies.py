"""Webhook bodies, byte for byte as the platform sends them.

The platform sends compact JSON in ASCII (`\\u00e9` for é, `\\/` for /) and signs exactly that.
Shapes: `messages`, `statuses`, `user_preferences`, `smb_message_echoes`, `calls` and
`message_template_status_update` of the Cloud API webhook reference.
"""

from __future__ import annotations

import json
import random

from wa_analytics.synthetic.companies import Channel, Template
from wa_analytics.synthetic.people import Person

HREF = r"https:\/\/developers.facebook.com\/docs\/whatsapp\/cloud-api\/support\/error-codes\/"
ERROR_TITLES = {
    131026: "Message undeliverable",
    131047: "Re-engagement message",
    131049: "This message was not delivered to maintain healthy ecosystem engagement.",
    131050: "User has stopped marketing messages from this business",
}
QUICK_REPLY, LIST_ROW = "Call me back", "Other times"


def quoted(text: str) -> str:
    """`text` as a JSON string the way the platform escapes it."""
    return json.dumps(text).replace("/", "\\/")


def envelope(channel: Channel, inner: str, field: str = "messages") -> str:
    """One change of one account about one business number."""
    return (
        f'{{"object":"whatsapp_business_account","entry":[{{"id":"{channel.waba_id}","changes":[{{"value":'
        f'{{"messaging_product":"whatsapp","metadata":{{"display_phone_number":"{channel.phone}",'
        f'"phone_number_id":"{channel.channel_id}"}},{inner}}},"field":"{field}"}}]}}]}}'
    )


def contacts(person: Person, at: int) -> str:
    """`"contacts":[…]`; the phone is absent once the person hides it."""
    who = f'"profile":{{"name":{quoted(person.name)}}}'
    if not person.is_hidden(at):
        who += f',"wa_id":"{person.wa_id}"'
    if user_id := person.shown_user_id(at):
        who += f',"user_id":"{user_id}"'
    return f'"contacts":[{{{who}}}]'


def inbound(person: Person, at: int, wamid: str, type_: str, content: str, context: str = "") -> str:
    """`"contacts":[…],"messages":[…]` of one message from the person; `content` is the typed part."""
    sender = "" if person.is_hidden(at) else f'"from":"{person.wa_id}",'
    if user_id := person.shown_user_id(at):
        sender += f'"from_user_id":"{user_id}",'
    return (
        f'{contacts(person, at)},"messages":[{{{context}{sender}"id":"{wamid}","timestamp":"{at}",'
        f'"type":"{type_}",{content}}}]'
    )


def text(words: str) -> str:
    return f'"text":{{"body":{quoted(words)}}}'


def button(words: str) -> str:
    """A tapped quick-reply button of a template."""
    return f'"button":{{"payload":"reply","text":{quoted(words)}}}'


def button_reply(words: str) -> str:
    """A tapped button of an interactive message."""
    return f'"interactive":{{"type":"button_reply","button_reply":{{"id":"b1","title":{quoted(words)}}}}}'


def context(channel: Channel, wamid: str) -> str:
    return f'"context":{{"from":"{channel.phone}","id":"{wamid}"}},'


def media(rng: random.Random, type_: str, caption: str) -> str:
    """An image, video, document, audio or sticker; only the caption is text."""
    mime = {
        "image": "image/jpeg",
        "video": "video/mp4",
        "document": "application/pdf",
        "audio": "audio/ogg; codecs=opus",
        "sticker": "image/webp",
    }[type_]
    parts = [f'"mime_type":{quoted(mime)},"sha256":"{rng.getrandbits(256):064x}"']
    parts.append(f'"id":"{rng.randrange(10**14, 10**15)}"')
    if type_ == "document":
        parts.append('"filename":"attachment.pdf"')
    if type_ == "audio":
        parts.append('"voice":true')
    if type_ == "sticker":
        parts.append('"animated":false')
    if caption and type_ in ("image", "video", "document"):
        parts.append(f'"caption":{quoted(caption)}')
    return f'"{type_}":{{{",".join(parts)}}}'


def other_content(rng: random.Random, type_: str, person: Person, about: str) -> str:
    """The typed part of the rarer messages; `about` is the id of an earlier message."""
    if type_ == "location":
        return f'"location":{{"latitude":{rng.uniform(-60, 60):.6f},"longitude":{rng.uniform(-60, 60):.6f}}}'
    if type_ == "reaction":
        return f'"reaction":{{"message_id":"{about}","emoji":"\\ud83d\\udc4d"}}'
    if type_ == "contacts":
        name = quoted(person.name)
        return (
            f'"contacts":[{{"name":{{"formatted_name":{name},"first_name":{name}}},'
            f'"phones":[{{"phone":"+{person.wa_id}","wa_id":"{person.wa_id}","type":"CELL"}}]}}]'
        )
    if type_ == "order":
        return (
            f'"order":{{"catalog_id":"{rng.randrange(10**9, 10**10)}","product_items":[{{'
            f'"product_retailer_id":"seat-upgrade","quantity":1,"item_price":19.5,"currency":"EUR"}}]}}'
        )
    if type_ == "interactive":
        return (
            '"interactive":{"type":"list_reply","list_reply":{"id":"row_2",'
            f'"title":{quoted(LIST_ROW)},"description":"Later this week"}}}}'
        )
    if type_ == "button":
        return button(QUICK_REPLY)
    return (
        '"errors":[{"code":131051,"title":"Message type unknown","message":"Message type unknown",'
        '"error_data":{"details":"Message type is currently not supported."}}],'
        '"unsupported":{"type":"poll_creation"}'
    )


def changed_number(old: Person, new: Person, at: int, wamid: str) -> str:
    """A system message: the person writes from another number now. It brings no contacts."""
    words = quoted(f"User {old.name} changed from {old.wa_id} to {new.wa_id}")
    return (
        f'"messages":[{{"from":"{old.wa_id}","id":"{wamid}","timestamp":"{at}","type":"system",'
        f'"system":{{"body":{words},"wa_id":"{new.wa_id}","type":"user_changed_number"}}}}]'
    )


def call(person: Person, channel: Channel, at: int, wacid: str) -> str:
    return (
        f'{contacts(person, at)},"calls":[{{"id":"{wacid}","to":"{channel.phone}","from":"{person.wa_id}",'
        f'"event":"connect","timestamp":"{at}","direction":"USER_INITIATED",'
        '"session":{"sdp":"v=0","sdp_type":"offer"}}]'
    )


def echo(person: Person, channel: Channel, at: int, wamid: str, words: str) -> str:
    """A message that staff wrote in the WhatsApp Business app."""
    return (
        f'{contacts(person, at)},"message_echoes":[{{"from":"{channel.phone}","to":"{person.wa_id}",'
        f'"id":"{wamid}","timestamp":"{at}","type":"text",{text(words)}}}]'
    )


def preference(person: Person, at: int, value: str) -> str:
    """`user_preferences`: stop or resume; here the timestamp is a number."""
    who = "" if person.is_hidden(at) else f'"wa_id":"{person.wa_id}",'
    if user_id := person.shown_user_id(at):
        who += f'"user_id":"{user_id}",'
    return (
        f'{contacts(person, at)},"user_preferences":[{{{who}"detail":"User requested to {value} marketing '
        f'messages","category":"marketing_messages","value":"{value}","timestamp":{at}}}]'
    )


def status(person: Person, at: int, wamid: str, name: str, category: str, code: int | None) -> str:
    """One object of `statuses`; pricing only where a category is given, errors only where a code is."""
    who = "" if person.is_hidden(at) else f',"recipient_id":"{person.wa_id}"'
    user_id = person.shown_user_id(at)
    if user_id and (code is None or not who):
        who += f',"recipient_user_id":"{user_id}"'
    told = f'{{"id":"{wamid}","status":"{name}","timestamp":"{at}"{who}'
    if category:
        billed = "false" if category == "service" else "true"
        type_ = "free_customer_service" if category == "service" else "regular"
        told += (
            f',"pricing":{{"billable":{billed},"pricing_model":"PMP","type":"{type_}",'
            f'"category":"{category}"}}'
        )
    if code is not None:
        title = quoted(ERROR_TITLES[code])
        told += (
            f',"errors":[{{"code":{code},"title":{title},"message":{title},'
            f'"error_data":{{"details":{title}}},"href":"{HREF}"}}]'
        )
    return told + "}"


def template_approved(waba_id: str, template: Template, at: int, number: int) -> str:
    """`message_template_status_update`: the only place where a webhook tells a template's category."""
    return (
        f'{{"object":"whatsapp_business_account","entry":[{{"id":"{waba_id}","time":{at},"changes":[{{'
        f'"value":{{"event":"APPROVED","message_template_id":{number},'
        f'"message_template_name":"{template.name}","message_template_language":"en",'
        f'"reason":"NONE","message_template_category":"{template.purpose.upper()}"}},'
        '"field":"message_template_status_update"}]}]}'
    )
