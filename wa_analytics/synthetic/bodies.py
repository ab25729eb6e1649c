"""Webhook bodies, byte for byte as the platform sends them.

The platform sends compact JSON in ASCII (`\\u00e9` for é, `\\/` for /) and signs exactly that.
Shapes: `messages`, `statuses`, `user_preferences`, `smb_message_echoes`, `calls` and
`message_template_status_update` of the Cloud API webhook reference.
"""

from __future__ import annotations

import json

from wa_analytics.synthetic.companies import Channel, Template
from wa_analytics.synthetic.contents import Content, Media
from wa_analytics.synthetic.people import Person

HREF = r"https:\/\/developers.facebook.com\/docs\/whatsapp\/cloud-api\/support\/error-codes\/"
ERROR_TITLES = {
    131026: "Message undeliverable",
    131047: "Re-engagement message",
    131049: "This message was not delivered to maintain healthy ecosystem engagement.",
    131050: "User has stopped marketing messages from this business",
}


def quoted(text: str) -> str:
    """`text` as a JSON string the way the platform escapes it."""
    return json.dumps(text).replace("/", "\\/")


def entry(channel: Channel, inner: str, field: str = "messages") -> str:
    """One change of one account about one business number."""
    return (
        f'{{"id":"{channel.waba_id}","changes":[{{"value":'
        f'{{"messaging_product":"whatsapp","metadata":{{"display_phone_number":"{channel.phone}",'
        f'"phone_number_id":"{channel.channel_id}"}},{inner}}},"field":"{field}"}}]}}'
    )


def account_entry(waba_id: str, at: int, field: str, value: str) -> str:
    """One change of one account; `value` is its JSON object."""
    return f'{{"id":"{waba_id}","time":{at},"changes":[{{"value":{value},"field":"{field}"}}]}}'


def contacts(person: Person, at: int) -> str:
    """`"contacts":[…]`; the phone is absent once the person hides it."""
    who = f'"profile":{{"name":{quoted(person.name)}}}'
    if not person.is_hidden(at):
        who += f',"wa_id":"{person.wa_id}"'
    if user_id := person.shown_user_id(at):
        who += f',"user_id":"{user_id}"'
    return f'"contacts":[{{{who}}}]'


def inbound(person: Person, channel: Channel, at: int, message_id: str, content: Content) -> str:
    """`"contacts":[…],"messages":[…]` of one message from the person."""
    sender = "" if person.is_hidden(at) else f'"from":"{person.wa_id}",'
    if user_id := person.shown_user_id(at):
        sender += f'"from_user_id":"{user_id}",'
    answered = context(channel, content.about) if content.about and content.type_ != "reaction" else ""
    type_, part = typed(content, person)
    return (
        f'{contacts(person, at)},"messages":[{{{answered}{sender}"id":"{message_id}","timestamp":"{at}",'
        f'"type":"{type_}",{part}}}]'
    )


def text(words: str) -> str:
    return f'"text":{{"body":{quoted(words)}}}'


def context(channel: Channel, message_id: str) -> str:
    return f'"context":{{"from":"{channel.phone}","id":"{message_id}"}},'


def typed(content: Content, person: Person) -> tuple[str, str]:
    """`type` of a message and its typed part."""
    type_, words = content.type_, quoted(content.words)
    if type_ == "text":
        return type_, text(content.words)
    if type_ == "button":
        return type_, f'"button":{{"payload":"reply","text":{words}}}'
    if type_ == "button_reply":
        reply = f'"button_reply":{{"id":"b1","title":{words}}}'
        return "interactive", f'"interactive":{{"type":"button_reply",{reply}}}'
    if type_ == "list_reply":
        reply = f'"list_reply":{{"id":"row_2","title":{words},"description":"Later this week"}}'
        return "interactive", f'"interactive":{{"type":"list_reply",{reply}}}'
    if content.media is not None:
        return type_, _media(content, content.media)
    return type_, _rare(content, person)


def _media(content: Content, media: Media) -> str:
    parts = [f'"mime_type":{quoted(media.mime_type)},"sha256":{quoted(media.sha256_base64)}']
    parts.append(f'"id":"{media.media_id}"')
    if content.type_ == "document":
        parts.append('"filename":"attachment.pdf"')
    if content.type_ == "audio":
        parts.append('"voice":true')
    if content.type_ == "sticker":
        parts.append('"animated":false')
    if content.words:
        parts.append(f'"caption":{quoted(content.words)}')
    return f'"{content.type_}":{{{",".join(parts)}}}'


def _rare(content: Content, person: Person) -> str:
    if content.type_ == "location":
        latitude, longitude = place_of(content)
        return f'"location":{{"latitude":{latitude},"longitude":{longitude}}}'
    if content.type_ == "reaction":
        return f'"reaction":{{"message_id":"{content.about}","emoji":"\\ud83d\\udc4d"}}'
    if content.type_ == "contacts":
        name = quoted(person.name)
        return (
            f'"contacts":[{{"name":{{"formatted_name":{name},"first_name":{name}}},'
            f'"phones":[{{"phone":"+{person.wa_id}","wa_id":"{person.wa_id}","type":"CELL"}}]}}]'
        )
    if content.type_ == "order":
        return (
            f'"order":{{"catalog_id":"{content.number}","product_items":[{{'
            f'"product_retailer_id":"seat-upgrade","quantity":1,"item_price":19.5,"currency":"EUR"}}]}}'
        )
    return (
        '"errors":[{"code":131051,"title":"Message type unknown","message":"Message type unknown",'
        '"error_data":{"details":"Message type is currently not supported."}}],'
        '"unsupported":{"type":"poll_creation"}'
    )


def place_of(content: Content) -> tuple[str, str]:
    """Latitude and longitude, somewhere between the polar circles."""
    north, east = content.number // 100_000 % 120_000 - 60_000, content.number % 120_000 - 60_000
    return f"{north / 1000:.6f}", f"{east / 1000:.6f}"


def changed_number(old: Person, new: Person, at: int, wamid: str) -> str:
    """A system message: the person writes from another number now. It brings no contacts."""
    words = quoted(f"User {old.name} changed from {old.wa_id} to {new.wa_id}")
    return (
        f'"messages":[{{"from":"{old.wa_id}","id":"{wamid}","timestamp":"{at}","type":"system",'
        f'"system":{{"body":{words},"wa_id":"{new.wa_id}","type":"user_changed_number"}}}}]'
    )


def changed_user_id(old: Person, new: Person, at: int, wamid: str) -> str:
    """A system message: the person goes by another user id now."""
    words = quoted(f"User {old.name} has another user id")
    return (
        f'"messages":[{{"from":"{old.wa_id}","id":"{wamid}","timestamp":"{at}","type":"system",'
        f'"system":{{"body":{words},"user_id":"{new.user_id}","previous_user_id":"{old.user_id}",'
        '"type":"user_changed_user_id"}}]'
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


def template_approved(template: Template, number: int) -> str:
    """`message_template_status_update`: the only place where a webhook tells a template's category."""
    return (
        f'{{"event":"APPROVED","message_template_id":{number},'
        f'"message_template_name":"{template.name}","message_template_language":"en",'
        f'"reason":"NONE","message_template_category":"{template.purpose.upper()}"}}'
    )
