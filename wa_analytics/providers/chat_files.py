"""A chat export in chunks: which layout the file has, its messages, and the files sent in it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import nullcontext
from itertools import chain, groupby
from operator import itemgetter

import msgspec

from wa_analytics.providers.chat_split import ChatSplitter, surveyed
from wa_analytics.providers.chunks import (
    Contextual,
    RawChunk,
    Tallied,
    ahead,
    all_of,
    recorded,
    refusal,
    whole,
)
from wa_analytics.providers.file_head import FileHead, refused_head
from wa_analytics.providers.record_split import LineTooLong, Readable, blocks
from wa_analytics.providers.streams import READ_ERRORS, Refusal, Source, sentence_of
from wa_analytics.providers.survey import survey
from wa_analytics.settings import Imports

CHAT_FILES = frozenset(
    (
        ".jpg", ".jpeg", ".png", ".webp", ".gif", ".mp4", ".3gp", ".mov", ".opus", ".ogg", ".mp3", ".m4a",
        ".aac", ".amr", ".wav", ".vcf", ".pdf",
    )
)  # fmt: skip


def chat_chunks(source: Source, imports: Imports) -> Iterator[RawChunk | Refusal]:
    """A chat's messages; a file that came with a chat, whole."""
    place = source.place
    try:
        if not source.is_repeatable:
            with source.open() as stream:
                text = all_of(stream)
            if text is None:
                yield refusal(place, None, "is too long for a pipe; save it and import the file.")
                return
            source = msgspec.structs.replace(source, open=lambda: nullcontext(io.BytesIO(text)))
        with source.open() as stream:
            start = ahead(stream)
        companion = FileHead("chat-export", "whole", place, imports.time_zone, chat=())
        if source.ending not in (".txt", ""):
            if source.is_member or source.ending in CHAT_FILES:
                with source.open() as stream:
                    yield from whole(stream, companion)
            else:
                what = f"chat-export takes no {source.ending} files; export the chat as .txt or .zip."
                yield refusal(place, None, what)
            return
        if (fault := refused_head(start)) is not None:
            yield refusal(place, None, fault)
            return
        seen = survey(source, must_be_utf8=True)
        if seen.line_not_utf8 is not None:
            yield refusal(place, seen.line_not_utf8, "is not UTF-8; export the chat again and import it.")
            return
        with source.open() as stream:
            dates = surveyed(stream)
        order = dates.order(imports.day_first)
        if dates.style is None and source.is_member:
            # A text that was sent in the chat.
            with source.open() as stream:
                yield from whole(stream, companion)
        elif dates.style is None:
            yield refusal(place, None, "no line of it begins a message of a WhatsApp chat; export it again.")
        elif order is None:
            yield refusal(
                place,
                None,
                "its dates do not tell whether the day or the month comes first; set imports.day_first in "
                "settings.toml to true or false and import it again.",
            )
        else:
            head = FileHead("chat-export", "chat", place, imports.time_zone, seen.digest)
            head = msgspec.structs.replace(head, chat=(order, dates.style))
            with source.open() as stream:
                tally = Tallied(stream, is_seen=True)
                yield from recorded(head, _messages(tally, dates.style), tally, seen)
    except LineTooLong as error:
        yield refusal(place, error.line, "is longer than any message can be; export the chat again.")
    except READ_ERRORS as error:
        yield refusal(place, None, sentence_of(error))


def _messages(stream: Readable, style: str) -> Iterator[Contextual]:
    splitter = ChatSplitter(style)
    for found in chain((splitter.records(block) for block in blocks(stream)), (splitter.rest() for _ in "1")):
        for times, messages in groupby(found, key=itemgetter(1)):
            yield str(times or "").encode(), [message for message, _ in messages]
