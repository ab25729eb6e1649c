"""What a person sends, before any provider has put it into a form of its own."""

from __future__ import annotations

import base64
import hashlib
import random
from typing import NamedTuple

MIME = {
    "image": "image/jpeg",
    "video": "video/mp4",
    "document": "application/pdf",
    "audio": "audio/ogg; codecs=opus",
    "sticker": "image/webp",
}
QUICK_REPLY, LIST_ROW = "Call me back", "Other times"


class Media(NamedTuple):
    """A file that a message announces. media_id: as the provider names it. sha256: hex of its bytes."""

    media_id: str
    mime_type: str
    sha256: str

    @property
    def sha256_base64(self) -> str:
        return base64.b64encode(bytes.fromhex(self.sha256)).decode()


class Content(NamedTuple):
    """type_: text, button, button_reply, list_reply, image, video, document, audio, sticker, location,
    contacts, order, reaction or unsupported. words: the text, title or caption. about: id of the
    message it answers or reacts to. number: what a location or an order is made of."""

    type_: str
    words: str = ""
    about: str = ""
    media: Media | None = None
    number: int = 0


def media_bytes(media_id: str) -> bytes:
    """The made-up file behind a media id, a few hundred bytes."""
    return b"made-up file " + media_id.encode() * 16


def media(rng: random.Random, type_: str, caption: str) -> Content:
    """An image, video, document, audio or sticker; only the caption is text."""
    media_id = str(rng.randrange(10**14, 10**15))
    digest = hashlib.sha256(media_bytes(media_id)).hexdigest()
    words = caption if type_ in ("image", "video", "document") else ""
    return Content(type_, words, media=Media(media_id, MIME[type_], digest))


def rare(rng: random.Random, type_: str, about: str) -> Content:
    """One of the rarer messages; `about` is the id of an earlier message."""
    words = {"button": QUICK_REPLY, "list_reply": LIST_ROW}.get(type_, "")
    return Content(type_, words, about, number=rng.randrange(10**9, 10**10))
