"""Which kind of identifier a text is: decided here and nowhere else.

`+` or 8-15 digits (spaces, dots, dashes and brackets aside) is a phone, `CC.…` a business-scoped
user id, anything else an id of the company's own customer system. Whether the numbering plan
knows a phone is not judged here; an odd one is kept.
"""

from __future__ import annotations

import re

from wa_analytics.records import Identifier

_PUNCTUATION = str.maketrans("", "", " \t\u00a0\u202f-.()[]/\u2010\u2011\u2012\u2013")
_PHONE = re.compile(r"(?:\+[0-9]+|[0-9]{8,15})\Z")
_USER_ID = re.compile(r"[A-Z]{2}(?:\.ENT)?\.[A-Za-z0-9]+\Z")
_SAFE_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}\Z")


def identifier_of(text: str) -> Identifier:
    """The identifier a person typed or a register holds."""
    text = text.strip()
    if text[:1] == "+" and text[1:].isdecimal() and text.isascii():
        return Identifier("phone", text)  # as below, and most of what registers hold
    if _USER_ID.match(text):
        return Identifier("user_id", text)
    bare = text.removeprefix("whatsapp:").translate(_PUNCTUATION)
    if _PHONE.match(bare):
        return Identifier("phone", bare if bare[0] == "+" else "+" + bare)
    return Identifier("crm_id", text)


def platform_identifier(text: str) -> Identifier:
    """The identifier in a place where the platform puts phones (`from`, `wa_id`, `recipient_id`).

    Digits are a phone whatever their number.
    """
    if text.isdigit() and text.isascii():
        return Identifier("phone", "+" + text)
    return identifier_of(text)


def people_of(number: str | int | None, user_id: str | int | None = None) -> tuple[Identifier, ...]:
    """One person's identifiers in a platform body: where a phone stands, where a user id stands.

    Both may be absent or blank; the number's place may hold a user id.
    """
    if user_id is None:
        if number is None or number == "":
            return ()
        return (platform_identifier(number if type(number) is str else str(number)),)
    people = people_of(number)
    text = str(user_id).strip()
    if text and not (people and people[0].value == text):
        people = (*people, Identifier("user_id", text))
    return people


def safe_name(name: object) -> str:
    """`name` where it can only be a name, else `other`: a counter must never hold a value."""
    return name if isinstance(name, str) and _SAFE_NAME.match(name) else "other"
