"""What a verification can find, in words, and how its findings add up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

RULE: Final = "evidence.broken"

CODES: Final = {
    "ciphertext_changed": "the stored bytes do not match their SHA-256",
    "entry_changed": "the entry differs from what was sealed",
    "entry_missing": "an entry is missing from the sequence",
    "entry_misplaced": "an entry stands outside the sequence",
    "entry_unreadable": "the entry's columns hold values that no leaf can be made of",
    "entry_repeated": "the same entry stands in the log more than once",
    "key_missing": "the key is gone and no disposal entry says so",
    "key_without_entry": "a key stands for an entry that the log does not hold",
    "key_copy_missing": "the second place of the keys lost what the database still has",
    "wrapping_key_missing": "the database lost a wrapping key under which keys stand",
    "root_differs": "the entries do not give the root that was signed",
    "tail_missing": "a checkpoint seals more entries than the log holds",
    "checkpoint_forged": "a checkpoint bears no valid signature of this log's key",
    "checkpoint_altered": "a checkpoint's columns or name differ from its signed text",
    "checkpoint_missing": "a checkpoint that a place keeps is missing from the database",
    "checkpoint_forked": "two signed checkpoints of one size have different roots",
    "disposal_forged": "a note of disposals bears no valid signature of this log's key",
    "disposal_missing": "the log lacks a disposal that a place knows: it was put back to an older copy",
    "timestamp_invalid": "a timestamp is not over its checkpoint, or no trusted authority signed it",
    "timestamp_orphaned": "a timestamp stands for a checkpoint that is kept nowhere",
    "verifier_key_unknown": "a public key is known to one place and not to another",
    "tile_changed": "the stored Merkle tree differs from the entries",
    "trigger_missing": "a trigger that refuses changes is missing or was altered",
    "place_unreadable": "a place for checkpoints cannot be read",
    "entry_does_not_open": "the entry does not open with the key that stands for it",
    "derived_differs": "the derived table is not what the evidence gives",
    "bundle_unsigned": "no trusted key of the log has signed what the bundle says",
    "bundle_malformed": "the bundle lacks what a bundle says, or says it in another form",
    "bundle_file_changed": "the file was changed, removed or added since the bundle was signed",
    "proof_invalid": "the proof does not lead to the signed root",
    "original_differs": "the original is not what the log sealed",
    "disposal_unproven": "it is said to be disposed of and no disposal entry says so",
}


@dataclass(frozen=True)
class Broken:
    """One finding of rule `evidence.broken`.

    code: one of CODES. first_sequence, last_sequence: the entries concerned, None where the
    finding is about none in particular. where: database, a place, a trigger …; names no person.
    """

    code: str
    first_sequence: int | None = None
    last_sequence: int | None = None
    where: str = "database"

    @property
    def subject_id(self) -> str:
        """The finding, told apart from others of its rule: code, entries, place."""
        if self.first_sequence is None:
            return f"{self.code}|{self.where}"
        return f"{self.code}|{self.first_sequence}-{self.last_sequence}|{self.where}"

    @property
    def sentence(self) -> str:
        """Where and what, for people."""
        words = CODES[self.code]
        if self.first_sequence is None:
            return f"{self.where}: {words}"
        if self.first_sequence == self.last_sequence:
            return f"entry {self.first_sequence} ({self.where}): {words}"
        return f"entries {self.first_sequence}–{self.last_sequence} ({self.where}): {words}"

    def row(self) -> dict[str, Any]:
        """As `wa verify --json` prints it."""
        return {
            "rule": RULE,
            "code": self.code,
            "first_sequence": self.first_sequence,
            "last_sequence": self.last_sequence,
            "where": self.where,
            "sentence": self.sentence,
        }


@dataclass
class Findings:
    """Collects findings; neighbours of one kind become one range."""

    _ranges: list[Broken] = field(default_factory=list)
    _open: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)

    def at(self, code: str, first: int, last: int | None = None, where: str = "database") -> None:
        """A finding about the entries from `first` to `last`, both included."""
        last = first if last is None else last
        key = (code, where)
        current = self._open.get(key)
        if current is not None and current[0] <= first <= current[1] + 1:
            self._open[key] = (current[0], max(current[1], last))
            return
        if current is not None:
            self._ranges.append(Broken(code, *current, where))
        self._open[key] = (first, last)

    def of(self, code: str, where: str) -> None:
        """A finding about no entry in particular; once."""
        found = Broken(code, where=where)
        if found not in self._ranges:
            self._ranges.append(found)

    def all(self) -> tuple[Broken, ...]:
        """What was found, by entry, then in the order of CODES."""
        ranges = [Broken(code, *span, where) for (code, where), span in self._open.items()]
        order = list(CODES)
        return tuple(
            sorted(
                {*self._ranges, *ranges},
                key=lambda f: (
                    -1 if f.first_sequence is None else f.first_sequence,
                    order.index(f.code),
                    f.where,
                    f.last_sequence or 0,
                ),
            )
        )
