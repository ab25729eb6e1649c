"""The parts of a Meta webhook body that the parser reads, as typed structs.

Everything is optional that Meta has ever left out; the rest of a body is skipped by the decoder
and stays in the capture's bytes. Source: Meta, webhooks reference (messages, statuses,
user_preferences, calls, smb_message_echoes). What comes seldom is read as plain JSON instead.
"""

from __future__ import annotations

from typing import Any

import msgspec

Text = str | int | None
"""An id or number: a string in every documented body, an int in some senders' tests."""


class TextPart(msgspec.Struct, gc=False):
    body: str | None = None


class ButtonPart(msgspec.Struct, gc=False):
    text: str | None = None


class Reply(msgspec.Struct, gc=False):
    title: str | None = None


class InteractivePart(msgspec.Struct):
    type: str | None = None
    button_reply: Reply | None = None
    list_reply: Reply | None = None


class SystemPart(msgspec.Struct, gc=False):
    type: str | None = None
    wa_id: Text = None
    user_id: Text = None
    parent_user_id: Text = None
    previous_user_id: Text = None
    previous_parent_user_id: Text = None


class MediaPart(msgspec.Struct, gc=False):
    """Of `image`, `video`, `document`, `audio` and `sticker`."""

    id: Text = None
    mime_type: str | None = None
    sha256: str | None = None


class EditedMessage(msgspec.Struct):
    """What a message says after an edit: its content alone."""

    type: str = "missing"
    text: TextPart | None = None
    button: ButtonPart | None = None
    interactive: InteractivePart | None = None
    image: MediaPart | None = None
    video: MediaPart | None = None
    document: MediaPart | None = None
    audio: MediaPart | None = None
    sticker: MediaPart | None = None


class ChangePart(msgspec.Struct):
    """Of `edit` and `revoke`."""

    original_message_id: str | None = None
    message: EditedMessage | None = None


class HistoryPart(msgspec.Struct, gc=False):
    status: str | None = None


class Message(msgspec.Struct, rename={"sender": "from"}):
    """Of `messages[]` and `message_echoes[]`."""

    id: str
    timestamp: str | int
    type: str = "missing"
    sender: Text = None
    from_user_id: Text = None
    to: Text = None
    to_user_id: Text = None
    group_id: Text = None
    text: TextPart | None = None
    button: ButtonPart | None = None
    interactive: InteractivePart | None = None
    context: dict[str, Any] | None = None
    image: MediaPart | None = None
    video: MediaPart | None = None
    document: MediaPart | None = None
    audio: MediaPart | None = None
    sticker: MediaPart | None = None
    system: SystemPart | None = None
    edit: ChangePart | None = None
    revoke: ChangePart | None = None
    referral: dict[str, Any] | None = None
    history_context: HistoryPart | None = None


Content = Message | EditedMessage


class Pricing(msgspec.Struct, gc=False):
    category: str | None = None
    type: str | None = None
    pricing_model: str | None = None
    billable: bool | None = None


class Failure(msgspec.Struct, gc=False):
    code: Text = None


class Status(msgspec.Struct):
    id: str
    status: str
    timestamp: str | int
    recipient_id: Text = None
    recipient_user_id: Text = None
    recipient_type: str | None = None
    recipient_participant_id: Text = None
    recipient_participant_user_id: Text = None
    pricing: Pricing | None = None
    errors: list[Failure] | None = None


class Call(msgspec.Struct, rename={"sender": "from"}):
    id: str
    timestamp: str | int
    event: str | None = None
    direction: str | None = None
    sender: Text = None
    from_user_id: Text = None
    to: Text = None
    to_user_id: Text = None
    start_time: Text = None
    call_recording: Any = None
    call_transcript: Any = None


class Preference(msgspec.Struct, gc=False):
    value: str
    timestamp: str | int
    category: str | None = None
    wa_id: Text = None
    user_id: Text = None
    detail: str | None = None
    signup_id: Text = None


class Profile(msgspec.Struct, gc=False):
    username: str | None = None


class Contact(msgspec.Struct, gc=False):
    wa_id: Text = None
    user_id: Text = None
    profile: Profile | None = None


class Metadata(msgspec.Struct, gc=False):
    phone_number_id: Text = None
    display_phone_number: Text = None


class Value(msgspec.Struct):
    """Of one change; which lists it holds depends on the field."""

    metadata: Metadata | None = None
    contacts: list[Contact] | None = None
    messages: list[Message] | None = None
    statuses: list[Status] | None = None
    message_echoes: list[Message] | None = None
    calls: list[Call] | None = None
    user_preferences: list[Preference] | None = None
    errors: Any = None


class Change(msgspec.Struct):
    field: str
    value: Value


class Account(msgspec.Struct, rename={"time_at": "time"}):
    """One element of `entry`."""

    id: Text = None
    time_at: Text = None
    changes: list[Change] = []


class Envelope(msgspec.Struct):
    object: str
    entry: list[Account]


envelope = msgspec.json.Decoder(Envelope)
entry = msgspec.json.Decoder(Account)
