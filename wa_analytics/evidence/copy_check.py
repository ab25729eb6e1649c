"""Whether both places of the keys still hold them: the table `entry_key` and its copies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from wa_analytics.errors import PlaceUnavailable
from wa_analytics.evidence.broken import Findings
from wa_analytics.evidence.key_copies import KeyCopies, copied_until
from wa_analytics.evidence.stored import stored_rows

if TYPE_CHECKING:
    from wa_analytics.database import Database

_SUM = "SELECT count(*), coalesce(sum(sequence), 0) FROM entry_key WHERE wrapping_key_id = ? AND sequence < ?"
_KEYED = "SELECT sequence FROM entry_key WHERE wrapping_key_id = ? AND sequence < ?"
_STANDING = "SELECT wrapping_key_id FROM wrapping_key WHERE wrapped IS NOT NULL ORDER BY wrapping_key_id"


def check_copies(database: Database, copies: KeyCopies, findings: Findings) -> int | None:
    """Finds each key that the table has and the copies lack, and wrapping keys that either lacks;
    returns how many entries' keys stand in both, None where it could not be seen.

    That the table lacks an entry's key is for `KeyPresence`. What a copy says is held against the
    table by its sequence alone; whether it opens the entry shows when it is put back.
    """
    end = copied_until(database)
    if end is None:
        return None
    standing = [int(row[0]) for row in stored_rows(database, _STANDING)]
    try:
        copied_wrapping = {key.number for key in copies.wrapping_keys()}
        count = sum(_compared(database, copies, number, end, findings) for number in standing)
    except PlaceUnavailable:
        findings.of("place_unreadable", "key copies")
        return None
    known = {int(row[0]) for row in stored_rows(database, "SELECT wrapping_key_id FROM wrapping_key")}
    used = {int(row[0]) for row in stored_rows(database, "SELECT DISTINCT wrapping_key_id FROM entry_key")}
    for number in sorted((copied_wrapping | used) - known):
        findings.of("wrapping_key_missing", f"wrapping key {number}")
    # Asked for again: one that was destroyed meanwhile has left the copies first.
    still = {int(row[0]) for row in stored_rows(database, _STANDING)}
    for number in sorted(set(standing) & used & still - copied_wrapping):
        if stored_rows(database, _SUM, (number, end))[0][0]:
            findings.of("key_copy_missing", f"wrapping key {number}")
    return count


def _compared(database: Database, copies: KeyCopies, number: int, end: int, findings: Findings) -> int:
    copied = copies.sequences(number)
    if copied and max(copied) >= end:
        copied = {sequence for sequence in copied if sequence < end}
    (keyed, total) = stored_rows(database, _SUM, (number, end))[0]
    if (int(keyed), int(total)) == (len(copied), sum(copied)):
        return len(copied)
    # Keys move to another wrapping key before the copies under the old one go; so ask afterwards.
    table = _sequences(database, number, end)
    lacking = (table - copied) & _sequences(database, number, end)
    _found(findings, lacking)
    return len(table & copied)


def _sequences(database: Database, number: int, end: int) -> set[int]:
    return {int(row[0]) for row in stored_rows(database, _KEYED, (number, end))}


def _found(findings: Findings, sequences: Iterable[int]) -> None:
    for sequence in sorted(sequences):
        findings.at("key_copy_missing", sequence, where="key copies")
