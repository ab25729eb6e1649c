"""Entries → rows of facts: decrypt, parse, project; the one decrypt pass.

 Text exists only inside `Reader.rows_of`; what leaves it are keyed digests,
codes and times.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from wa_analytics.capture import Capture
from wa_analytics.consent.words import opt_out_test
from wa_analytics.errors import CaptureUnreadable
from wa_analytics.evidence.sealing import EntryRow, Opener, together
from wa_analytics.normalise.project import Projection
from wa_analytics.providers import parser
from wa_analytics.providers.table_rows import file_facts
from wa_analytics.records import Record, UnknownRecord
from wa_analytics.settings import Settings

if TYPE_CHECKING:
    from wa_analytics.database import Database

Rows = dict[str, list[tuple[Any, ...]]]

# Raise it when a parser or the projection changes: the next refresh then re-reads the evidence.
RULES_VERSION = 5
REMEMBERED = 1 << 16
NULS = (b"\0", b"\\u0000", b"%00")
"""How a NUL is written: as it is, in JSON at any depth, in a form."""


def rules_digest(settings: Settings) -> str:
    """Tells whether facts were made under these settings."""
    stated = {
        "version": RULES_VERSION,
        "entities": [entity.model_dump(mode="json") for entity in settings.entities],
        "words": {key: list(words) for key, words in settings.consent.opt_out_words.items()},
        "time_zone": settings.imports.time_zone,
        "topics": settings.aws_social.topics,
        "callback": [settings.meta_cloud.callback_url, settings.meta_cloud.app_id],
    }
    return hashlib.sha256(json.dumps(stated, sort_keys=True).encode()).hexdigest()


class Reader:
    """Opens, parses and projects entries. Picklable."""

    def __init__(self, opener: Opener, settings: Settings) -> None:
        self._opener = opener
        self._settings = settings
        # One message is told of several times, mostly in a row.
        self._projection = Projection(
            lru_cache(maxsize=REMEMBERED)(opener.digests.digest),
            settings.entities,
            opt_out_test(settings.consent.opt_out_words),
            has_default_entity=settings.has_default_entity,
        )

    def __reduce__(self) -> Any:
        return Reader, (self._opener, self._settings)

    def rows_of(self, entries: Iterable[EntryRow]) -> Rows:
        has_nul = False
        for batch in together(entries):
            captures = self._opener.captures(batch)
            has_nul = has_nul or any(map(_has_nul, captures))
            told = [self._records_of(capture) for capture in captures]
            for entry, capture, records in zip(batch, captures, told, strict=True):
                self._project(entry[0], capture, records)
        rows = self._projection.taken(is_stream=True)
        return {name: list(map(_storable, found)) for name, found in rows.items()} if has_nul else rows

    def _records_of(self, capture: Capture) -> list[Record] | None:
        """None where the capture cannot be read."""
        try:
            return parser(capture.provider)(capture, self._settings)
        except CaptureUnreadable:
            return None

    def _project(self, sequence: int, capture: Capture, records: list[Record] | None) -> None:
        projection, provider = self._projection, capture.provider
        file = file_facts(capture) if capture.headers.get("kind") == "file" else None
        if file is not None:
            projection.file(sequence, provider, int(file.get("record_count", 0)))
            return
        recognition = self._opener.digests.recognition
        name = recognition(capture).hex() if capture.signature_code == "invalid" else ""
        if name:
            projection.note(sequence, name, provider, "signature_invalid", provider)
        if records is None:
            projection.note(sequence, recognition(capture).hex(), provider, "unreadable", provider)
            return
        if not name:
            for record in records:
                if type(record) is UnknownRecord:
                    name = recognition(capture).hex()
                    break
        projection.add(sequence, name, provider, records)


def _has_nul(capture: Capture) -> bool:
    return any(nul in capture.body for nul in NULS) or any("\0" in text for text in capture.headers.values())


def _storable(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """PostgreSQL's text holds no NUL, and one code with it in it would stop every refresh."""
    return tuple(cell.replace("\0", "\ufffd") if isinstance(cell, str) else cell for cell in row)


def between(database: Database, start: int, end: int) -> Iterator[EntryRow]:
    """The captures from `start` to before `end` that still have their key; never many bytes at once."""
    from wa_analytics.evidence.log import entries

    while start < end and (rows := entries(database, start, end - start, kind="capture")):
        yield from (row for row in rows if row.sequence < end)
        start = rows[-1].sequence + 1
