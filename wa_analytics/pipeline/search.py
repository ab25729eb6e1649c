"""Search in clear text: every readable capture is opened, looked at and forgotten again.

There is no index of words, since it would say what the encryption hides; a search costs one pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

from wa_analytics.errors import InputRefused
from wa_analytics.evidence.log import entries, size
from wa_analytics.evidence.sealing import Opener
from wa_analytics.pipeline.record_ids import RecordIds
from wa_analytics.pipeline.told_of import said
from wa_analytics.providers import PARSERS
from wa_analytics.providers.facts import facts_of
from wa_analytics.settings import Settings

if TYPE_CHECKING:
    from wa_analytics.database import Database
    from wa_analytics.evidence.keys import KeyRing

Match = Callable[[str], object]
Progress = Callable[[int, int], None]
CHUNK = 2_000


def match_of(text: str, *, is_regex: bool) -> Match:
    """Whether a message's text is meant: all the words of `text`, whole and in any order, or the
    regular expression `text`; case never counts. Raises InputRefused."""
    if is_regex:
        try:
            return re.compile(text, re.IGNORECASE).search
        except re.error as error:
            raise InputRefused(f"The regular expression cannot be read ({error.msg}); correct it.") from None
    wanted = set(_words(text))
    if not wanted:
        raise InputRefused("Give at least one word to search for, or --regex for signs.")
    return lambda told: wanted <= set(_words(told))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def found(
    database: Database,
    ring: KeyRing,
    settings: Settings,
    match: Match,
    *,
    progress: Progress | None = None,
) -> pl.DataFrame:
    """Messages whose text, or an edit of it, matches, and lines of exported chats: message_id, sent_at,
    source; oldest first."""
    opener = Opener(ring.wrapping_keys(database), ring.digest_key)
    ids = RecordIds(ring.digest, settings)
    total, place = size(database), 0
    rows: set[tuple[str, datetime, str]] = set()
    while chunk := entries(database, place, CHUNK, kind="capture"):
        for _, capture in opener.opened(row for row in chunk if row.provider in PARSERS):
            if capture.headers.get("kind") == "file":
                continue
            for record in facts_of(capture, settings):
                told = said(record)
                if told is not None and told.text and match(told.text):
                    rows.add((str(ids.id_of(record)), told.at, told.source))
        place = chunk[-1].sequence + 1
        if progress:
            progress(min(place, total), total)
    return pl.DataFrame(
        sorted(rows, key=lambda row: (row[1], row[0], row[2])),
        schema={"message_id": pl.String, "sent_at": pl.Datetime("us", "UTC"), "source": pl.String},
        orient="row",
    )
