"""Verification from stored bytes alone, without any decryption key.

It reads every entry once, in order, and holds it to its own digest, to the stored tree, and at
every checkpoint's size to the signed root, wherever that checkpoint is kept. It shares the formats
(`layout`, `note`) with the writer and none of its code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from wa_analytics.evidence.broken import Findings
from wa_analytics.evidence.copy_check import check_copies
from wa_analytics.evidence.fold import TILE, Fold
from wa_analytics.evidence.guards import check_guards
from wa_analytics.evidence.heads import SignedHeads, signed_heads
from wa_analytics.evidence.key_presence import KeyPresence
from wa_analytics.evidence.layout import leaf_bytes, microseconds_of
from wa_analytics.evidence.note import VerifierKey
from wa_analytics.evidence.repetition import ID_BYTES, Spool
from wa_analytics.evidence.stored import stored_rows
from wa_analytics.evidence.timestamp import check_timestamps
from wa_analytics.evidence.verification import Verification

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from wa_analytics.database import Database
    from wa_analytics.evidence.key_copies import KeyCopies
    from wa_analytics.evidence.places import Place

Progress = Callable[[int, int], None]

BATCH = 16 * TILE
LARGEST_HOLE = 1_000_000
_BEFORE_ALL = -(2**62)
_UNKNOWN_LEAF = bytes(32)

_ENTRIES = (
    "SELECT sequence, kind, capture_id, provider, received_at, signature_code, ciphertext_digest,"
    " ciphertext FROM entry WHERE sequence >= ? ORDER BY sequence LIMIT ?"
)


def verify(
    database: Database,
    places: Sequence[Place],
    progress: Progress | None = None,
    *,
    trusted: Iterable[VerifierKey] = (),
    roots: Sequence[Certificate] = (),
    copies: KeyCopies | None = None,
) -> Verification:
    """Hold the log to every signed head in the database and in `places` (`places.places_of`).

    progress: called with (entries done, entries in all). trusted: public keys known from
    elsewhere; without any, those on which database and places agree. roots: certificates of the
    timestamping authority (`timestamp.trusted_roots`); without any, timestamps are not judged.
    copies: the second place of the keys (`key_copies.copies_of`).
    Memory: a batch of 4,096 entries, one bit per entry without a key, some hundred bytes per
    checkpoint; 16 bytes per entry go to temporary files.
    """
    return _Verifier(database, progress or (lambda done, total: None)).run(places, trusted, roots, copies)


class _Verifier:
    def __init__(self, database: Database, progress: Progress) -> None:
        self.database = database
        self.progress = progress
        self.findings = Findings()
        self.fold = Fold(self._compared)
        self.keys = KeyPresence(database, self.findings)
        self.tiles: dict[tuple[int, int], bytes] = {}
        self.differing: set[tuple[int, int]] = set()
        self.tiled = 0
        self.sealed = 0
        self.held = 0
        self.previous = 0
        self.has_differed = False

    def run(
        self,
        places: Sequence[Place],
        trusted: Iterable[VerifierKey],
        roots: Sequence[Certificate],
        copies: KeyCopies | None,
    ) -> Verification:
        # Heads and the stored tree's size first: entries may be appended meanwhile, never go.
        heads = signed_heads(self.database, places, self.findings, trusted)
        timestamps = check_timestamps(places, heads.digests, roots, self.findings, self._is_recorded)
        check_guards(self.database, self.findings)
        self.tiled = self._tiled()
        with Spool() as spool:
            self._stream(heads, spool)
            self._repetitions(spool)
        self._end_of_tree()
        self._tails(heads)
        self.keys.ended()
        copied_count = check_copies(self.database, copies, self.findings) if copies else None
        return Verification(
            findings=self.findings.all(),
            entry_count=self.fold.size,
            sealed_count=self.sealed,
            checkpoint_count=self.held,
            empty_places=heads.empty_places,
            disposed_count=self.keys.disposed_count,
            unfinished_disposal_count=self.keys.unfinished_count,
            timestamps=timestamps,
            copied_count=copied_count,
        )

    def _is_recorded(self, size: int) -> bool:
        return bool(stored_rows(self.database, "SELECT 1 FROM checkpoint WHERE tree_size = ?", (size,)))

    def _stream(self, heads: SignedHeads, spool: Spool) -> None:
        last = stored_rows(self.database, "SELECT max(sequence) FROM entry")[0][0]
        total = 0 if last is None else last + 1
        sizes = sorted(heads.roots, reverse=True)
        self._held(sizes, heads)
        start = _BEFORE_ALL
        while rows := stored_rows(self.database, _ENTRIES, (start, BATCH)):
            start = rows[-1][0] + 1
            base = self.fold.size
            leaves, ids = self._leaves(rows)
            self._tiles_of(base, base + len(leaves))
            spool.take(ids)
            at = 0
            while sizes and sizes[-1] <= base + len(leaves):
                cut = sizes[-1] - base
                self.fold.take(leaves[at:cut])
                at = cut
                self._held(sizes, heads)
            self.fold.take(leaves[at:])
            self.keys.take(rows)
            self.progress(min(self.fold.size, total), total)
            if self.fold.size < start:
                return

    def _leaves(self, rows: list[tuple[Any, ...]]) -> tuple[list[bytes], list[bytes]]:
        """Leaf hashes and ids of a batch."""
        return _leaves_of_sound(rows, self.fold.size) or self._leaves_one_by_one(rows)

    def _leaves_one_by_one(self, rows: list[tuple[Any, ...]]) -> tuple[list[bytes], list[bytes]]:
        """The same, telling what is wrong where. A missing or unreadable entry counts as a hash of zeros,
        so that those behind it are still compared with their own place."""
        leaves: list[bytes] = []
        ids: list[bytes] = []
        expected = self.fold.size
        digest_of, moment_of, leaf_of = sha256, microseconds_of, leaf_bytes
        for sequence, kind, capture_id, provider, at, code, digest, ciphertext in rows:
            if sequence != expected:
                if sequence < expected:
                    self.findings.at("entry_misplaced", sequence)
                    continue
                self.findings.at("entry_missing", expected, sequence - 1)
                if sequence - expected > LARGEST_HOLE:
                    break
                leaves += [_UNKNOWN_LEAF] * (sequence - expected)
                expected = sequence
            expected += 1
            try:
                if digest_of(ciphertext).digest() != digest:
                    self.findings.at("ciphertext_changed", sequence)
                leaf = leaf_of(sequence, kind, capture_id, provider, moment_of(at), code, digest)
                if len(capture_id) != ID_BYTES:
                    raise ValueError
            except (ValueError, TypeError, AttributeError):
                self.findings.at("entry_unreadable", sequence)
                leaves.append(_UNKNOWN_LEAF)
                continue
            ids.append(capture_id)
            leaves.append(digest_of(b"\x00" + leaf).digest())
        return leaves, ids

    def _held(self, sizes: list[int], heads: SignedHeads) -> None:
        """Compare the root with the heads of the size reached, if there are any."""
        if not sizes or sizes[-1] != self.fold.size:
            return
        size = sizes.pop()
        roots = heads.roots[size]
        if self.fold.root() in roots:
            self.held += 1
            self.sealed = self.previous = size
        elif not self.has_differed:
            # Every later root differs too; the first one bounds where it happened.
            self.has_differed = True
            where = ", ".join(sorted({name for names in roots.values() for name in names}))
            self.findings.at("root_differs", self.previous, max(size - 1, 0), where)

    def _repetitions(self, spool: Spool) -> None:
        for capture_id in spool.repeated():
            for (sequence,) in stored_rows(
                self.database,
                "SELECT sequence FROM entry WHERE capture_id = ? ORDER BY sequence",
                (capture_id,),
            ):
                self.findings.at("entry_repeated", sequence)

    def _tiled(self) -> int:
        rows = stored_rows(
            self.database,
            "SELECT tile_index, length(hashes) FROM merkle_tile WHERE level = 0"
            " ORDER BY tile_index DESC LIMIT 1",
        )
        return int(rows[0][0]) * TILE + int(rows[0][1]) // 32 if rows else 0

    def _tiles_of(self, start: int, end: int) -> None:
        """Fetch the stored tiles that the leaves [start, end) may complete."""
        self.tiles.clear()
        level = 0
        while level == 0 or start < end:
            start, end = start // TILE, end // TILE
            for place, hashes in stored_rows(
                self.database,
                "SELECT tile_index, hashes FROM merkle_tile WHERE level = ? AND tile_index BETWEEN ? AND ?",
                (level, start, end),
            ):
                self.tiles[level, place] = bytes(hashes)
            level += 1

    def _compared(self, level: int, place: int, hashes: list[bytes]) -> None:
        """Compare a tile with the stored one, as far as the stored tree reached at the start."""
        stored = self.tiles.get((level, place), b"")
        if stored == b"".join(hashes):
            return
        width = TILE**level
        for offset, value in enumerate(hashes):
            first = (place * TILE + offset) * width
            if first + width > self.tiled:
                return
            kept = stored[offset * 32 : offset * 32 + 32]
            if kept == value:
                continue
            self.differing.add((level, place))
            # What differs below differs above; it was reported where it happened.
            is_below = (level - 1, place * TILE + offset) in self.differing
            if value != _UNKNOWN_LEAF and not is_below:
                code = "entry_changed" if level == 0 and len(kept) == 32 else "tile_changed"
                self.findings.at(code, first, first + width - 1)

    def _end_of_tree(self) -> None:
        for level, place, hashes in self.fold.unfinished():
            for (stored,) in stored_rows(
                self.database,
                "SELECT hashes FROM merkle_tile WHERE level = ? AND tile_index = ?",
                (level, place),
            ):
                self.tiles[level, place] = bytes(stored)
            self._compared(level, place, hashes)

    def _tails(self, heads: SignedHeads) -> None:
        size = self.fold.size
        if self.tiled > size:
            self.findings.at("tail_missing", size, self.tiled - 1, "stored tree")
        for tree_size, roots in heads.roots.items():
            if tree_size > size:
                for where in sorted({name for names in roots.values() for name in names}):
                    self.findings.at("tail_missing", size, tree_size - 1, where)


def _leaves_of_sound(rows: list[tuple[Any, ...]], expected: int) -> tuple[list[bytes], list[bytes]] | None:
    """Leaf hashes and ids of a batch in which nothing is wrong; None if anything is."""
    if rows[0][0] != expected or rows[-1][0] - expected + 1 != len(rows):
        return None
    moment_of, leaf_of = microseconds_of, leaf_bytes
    try:
        if [sha256(row[7]).digest() for row in rows] != [row[6] for row in rows]:
            return None
        ids = [row[2] for row in rows]
        if set(map(len, ids)) != {ID_BYTES}:
            return None
        leaves = [
            sha256(
                b"\x00" + leaf_of(sequence, kind, capture_id, provider, moment_of(at), code, digest)
            ).digest()
            for sequence, kind, capture_id, provider, at, code, digest, _ in rows
        ]
    except (ValueError, TypeError, AttributeError):
        return None
    return leaves, ids
