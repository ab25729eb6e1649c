"""Whether every entry still has its key, or was disposed of by an entry that says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from wa_analytics.errors import EvidenceBroken
from wa_analytics.evidence.broken import Findings
from wa_analytics.evidence.layout import unpacked
from wa_analytics.evidence.stored import stored_rows

if TYPE_CHECKING:
    from wa_analytics.database import Database

DISPOSAL = "disposal"


class DisposalBody(msgspec.Struct, frozen=True):
    """What a verifier reads of a disposal entry, which is kept in clear (`sealing.cleared`): whose
    keys were destroyed. The rest (message ids, class, dates, rule, actor, decision) is for people
    and for `refresh`."""

    sequences: tuple[int, ...]


class KeyPresence:
    """Follows the stream of entries; one bit per entry that has no key."""

    def __init__(self, database: Database, findings: Findings) -> None:
        self._database = database
        self._findings = findings
        self._unkeyed = bytearray()
        self._next = 0
        self.disposed_count = 0
        self.unfinished_count = 0

    def take(self, rows: list[tuple[Any, ...]]) -> None:
        """rows: one batch in order; sequence first, kind second, ciphertext last.

        The keys are read after the entries: a disposal commits its entry together with the loss
        of the key, so the entry that explains a missing key is always still to come.
        """
        if not rows:
            return
        span = (self._next, rows[-1][0])
        is_whole = rows[0][0] == self._next and span[1] - span[0] + 1 == len(rows)
        self._next = span[1] + 1
        disposals = [row for row in rows if row[1] == DISPOSAL]
        count = "SELECT count(*) FROM entry_key WHERE sequence BETWEEN ? AND ?"
        if disposals or not is_whole or stored_rows(self._database, count, span)[0][0] != len(rows):
            self._compare(rows, span)
        for row in disposals:
            self._explained(row[0], row[-1])

    def _compare(self, rows: list[tuple[Any, ...]], span: tuple[int, int]) -> None:
        keyed = {
            row[0]
            for row in stored_rows(
                self._database, "SELECT sequence FROM entry_key WHERE sequence BETWEEN ? AND ?", span
            )
        }
        for row in rows:
            sequence = row[0]
            if sequence in keyed:
                keyed.remove(sequence)
            elif sequence >= 0 and row[1] != DISPOSAL:
                byte = sequence >> 3
                if byte >= len(self._unkeyed):
                    self._unkeyed.extend(bytes(byte + 1 - len(self._unkeyed)))
                self._unkeyed[byte] |= 1 << (sequence & 7)
        for sequence in sorted(keyed):
            self._findings.at("key_without_entry", sequence)

    def _explained(self, sequence: int, container: Any) -> None:
        try:
            body = msgspec.json.decode(unpacked(bytes(container))[1], type=DisposalBody)
        except (EvidenceBroken, msgspec.DecodeError, TypeError, ValueError):
            self._findings.at("entry_unreadable", sequence)
            return
        for named in body.sequences:
            byte, bit = named >> 3, 1 << (named & 7)
            if not 0 <= named < sequence:
                self._findings.at("entry_unreadable", sequence)
            elif byte < len(self._unkeyed) and self._unkeyed[byte] & bit:
                self._unkeyed[byte] &= ~bit
                self.disposed_count += 1
            else:
                self.unfinished_count += 1

    def ended(self) -> None:
        """Report keys lost without a word, and keys of entries that the log does not hold."""
        for byte, bits in enumerate(self._unkeyed):
            for bit in range(8) if bits else ():
                if bits >> bit & 1:
                    self._findings.at("key_missing", byte * 8 + bit)
        for (sequence,) in stored_rows(
            self._database,
            "SELECT k.sequence FROM entry_key k LEFT JOIN entry e ON e.sequence = k.sequence"
            " WHERE e.sequence IS NULL AND (k.sequence >= ? OR k.sequence < 0)"
            " ORDER BY k.sequence LIMIT 1000",
            (self._next,),
        ):
            self._findings.at("key_without_entry", sequence)
