"""The made-up world's answer key in our own ids, so that findings can be compared with it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from wa_analytics.evidence.log import entries
from wa_analytics.evidence.sealing import Opener
from wa_analytics.pipeline.lookup import looked_up

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wa_analytics.database import Database
    from wa_analytics.evidence.keys import KeyRing

Subject = tuple[str, str, str]


def planted_subjects(database: Database, ring: KeyRing, answer: Iterable[Mapping[str, str]]) -> set[Subject]:
    """(rule, subject, our id) of each answer; one that nothing answers to keeps its outside id."""
    rows = list(answer)
    outside = list(
        dict.fromkeys(
            row["outside_id"] for row in rows if row["subject"] in ("message", "consent_event", "party")
        )
    )
    found = looked_up(database, ring.digest, outside)
    ours = dict(zip(found["outside_id"], found["id"], strict=True))
    # What the platform alone knows of, and media, stand in no table that a look-up reads.
    for row in rows:
        if row["rule"] == "capture.unknown_message":
            ours[row["outside_id"]] = ring.digest("message", row["outside_id"])
        elif row["subject"] == "media":
            ours[row["outside_id"]] = ring.digest("media", row["outside_id"])
    ours |= _noted_captures(database, ring)
    return {(row["rule"], row["subject"], ours.get(row["outside_id"]) or row["outside_id"]) for row in rows}


def told_subject(rule: str, subject: str, subject_id: str) -> Subject:
    """A finding's subject as the key names it: a retention pair by the authorities of its rows."""
    if subject == "retention_pair":
        subject_id = "|".join(side.split("/")[0] for side in subject_id.split("|"))
    return rule, subject, subject_id


def _noted_captures(database: Database, ring: KeyRing) -> dict[str, str]:
    """SHA-256 of the bytes → recognition digest, of captures that a note speaks of."""
    notes = database.frame(
        "SELECT DISTINCT sequence, recognition_digest FROM capture_note "
        "WHERE note_code IN ('unreadable', 'signature_invalid') ORDER BY sequence"
    )
    opener = Opener(ring.wrapping_keys(database), ring.digest_key)
    known: dict[str, str] = {}
    for sequence, recognition in notes.iter_rows():
        for _, capture in opener.opened(entries(database, sequence, 1)):
            known[hashlib.sha256(capture.body).hexdigest()] = recognition
    return known
