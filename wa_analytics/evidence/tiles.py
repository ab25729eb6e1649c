"""The stored tree: tiles of 256 hashes, so that sealing n entries costs O(n) and a proof reads a
few rows.

Tile `tile_index` of level t holds the hashes of the complete subtrees over 256**t leaves each. A
tile only ever grows at its end, and of two writers the longer tile stays, so sealing twice at once
is harmless. Tiles are a copy of what `entry` says: `rebuilt` makes them again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from wa_analytics.errors import EvidenceBroken
from wa_analytics.evidence.layout import leaf_bytes, leaf_hash, microseconds_of
from wa_analytics.evidence.merkle import HASH_BYTES, root_of
from wa_analytics.evidence.stored import stored_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from wa_analytics.database import Database
    from wa_analytics.evidence.sealing import Sealed

LEVEL_BITS = 8
WIDTH = 1 << LEVEL_BITS
_CHUNK = 64 * WIDTH

_WRITE = (
    "INSERT INTO merkle_tile (level, tile_index, hashes) VALUES (:level, :place, :hashes)"
    " ON CONFLICT (level, tile_index) DO UPDATE SET hashes = excluded.hashes"
    " WHERE length(excluded.hashes) > length(merkle_tile.hashes)"
)
_READ = "SELECT hashes FROM merkle_tile WHERE level = :level AND tile_index = :place"


class TileReader:
    """Nodes of the stored tree: `reader(level, index)` is the `node` that proofs ask for."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._tiles: dict[tuple[int, int], bytes] = {}

    def tile(self, level: int, place: int) -> bytes:
        key = (level, place)
        if key not in self._tiles:
            found = self._connection.execute(text(_READ), {"level": level, "place": place}).scalar()
            self._tiles[key] = bytes(found) if found is not None else b""
        return self._tiles[key]

    def __call__(self, level: int, index: int) -> bytes:
        tile_level, rest = divmod(level, LEVEL_BITS)
        place, offset = divmod(index << rest, WIDTH)
        hashes = split(self.tile(tile_level, place))[offset : offset + (1 << rest)]
        if len(hashes) != 1 << rest:
            raise EvidenceBroken(
                "The stored Merkle tree is shorter than asked; run `wa checkpoint`, then try again."
            )
        return root_of(hashes)

    def size(self) -> int:
        """Leaves in the stored tree."""
        row = self._connection.execute(
            text(
                "SELECT tile_index, length(hashes) FROM merkle_tile WHERE level = 0"
                " ORDER BY tile_index DESC LIMIT 1"
            )
        ).fetchone()
        return 0 if row is None else int(row[0]) * WIDTH + int(row[1]) // HASH_BYTES


def split(tile: bytes) -> list[bytes]:
    return [tile[at : at + HASH_BYTES] for at in range(0, len(tile), HASH_BYTES)]


class GrowingTree:
    """The stored tree as an import grows it, so that sealing need not read back what was just
    appended. Other writers may append meanwhile; what they brought is read from the log."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._edges: list[list[bytes]] = []
        self._size = -1
        self._leaves: list[bytes] = []

    def appended(self, first: int, leaves: bytes) -> None:
        """Take the hashes (`leaves_of`) of rows that stand in the log from sequence `first` on."""
        size = self._size + len(self._leaves)
        hashes = split(leaves)
        if first > size or self._size < 0:
            self._size, self._edges = _brought_up(self._database)
            self._leaves.clear()
            return
        self._leaves += hashes[size - first :]
        if len(self._leaves) >= _CHUNK:
            self._size = _written(self._database, self._edges, self._size, self._leaves)
            self._leaves.clear()


def leaves_of(first: int, rows: Sequence[Sealed]) -> bytes:
    """The leaf hashes of rows that stand in the log from sequence `first` on, one behind the other."""
    return b"".join(
        leaf_hash(leaf_bytes(sequence, row[1], row[0], row[2], row[3], row[4], row[5]))
        for sequence, row in enumerate(rows, first)
    )


def grown(database: Database) -> int:
    """Bring the stored tree up to the log's end; returns its size.

    Reads and hashes outside, writes in short transactions of some ten tiles.
    """
    return _brought_up(database)[0]


def _brought_up(database: Database) -> tuple[int, list[list[bytes]]]:
    """Size and right edges of the stored tree, brought up to the log's end."""
    with database.reading() as connection:
        reader = TileReader(connection)
        size = reader.size()
        edges = _right_edges(reader, size)
    if edges is None:
        rebuilt(database)
        return _brought_up(database)
    while leaves := _leaf_hashes(database, size, _CHUNK - size % WIDTH):
        size = _written(database, edges, size, leaves)
    return size, edges


def _written(database: Database, edges: list[list[bytes]], size: int, leaves: list[bytes]) -> int:
    """The tree with `leaves` behind the first `size`, stored; returns its size."""
    tiles: dict[tuple[int, int], bytes] = {}
    size = _extended(edges, size, leaves, tiles)
    with database.writing() as writer:
        for (level, place), hashes in tiles.items():
            writer.execute(_WRITE, {"level": level, "place": place, "hashes": hashes})
    return size


def rebuilt(database: Database) -> int:
    """Drop the stored tree and make it again from the entries; returns its size."""
    with database.writing() as writer:
        writer.execute("DELETE FROM merkle_tile")
    return _brought_up(database)[0]


def _right_edges(reader: TileReader, size: int) -> list[list[bytes]] | None:
    """The unfinished tile of every level, lowest first; empty where a level ends with a full one.
    None if a tile is not as long as the tree's size says."""
    edges: list[list[bytes]] = []
    count, level = size, 0
    while count:
        full, rest = divmod(count, WIDTH)
        tile = split(reader.tile(level, full))[:rest] if rest else []
        if len(tile) != rest or (tile and len(tile[-1]) != HASH_BYTES):
            return None
        edges.append(tile)
        count, level = full, level + 1
    return edges


def _extended(
    edges: list[list[bytes]], size: int, leaves: list[bytes], tiles: dict[tuple[int, int], bytes]
) -> int:
    """Add leaves; `tiles` takes every tile that changed, `edges` the new right edge."""
    for leaf in leaves:
        value, level, count = leaf, 0, size
        while True:
            if level == len(edges):
                edges.append([])
            edge = edges[level]
            edge.append(value)
            if len(edge) < WIDTH:
                break
            tiles[level, count // WIDTH] = b"".join(edge)
            value = root_of(edge)
            edge.clear()
            count, level = count // WIDTH, level + 1
        size += 1
    count = size
    for level, edge in enumerate(edges):
        if edge:
            tiles[level, count // WIDTH] = b"".join(edge)
        count //= WIDTH
    return size


def _leaf_hashes(database: Database, start: int, limit: int) -> list[bytes]:
    """Hashes of the leaves from sequence `start` on. Raises EvidenceBroken at a gap."""
    hashes = []
    rows = stored_rows(
        database,
        "SELECT sequence, kind, capture_id, provider, received_at, signature_code, ciphertext_digest"
        " FROM entry WHERE sequence >= ? ORDER BY sequence LIMIT ?",
        (start, limit),
    )
    for expected, row in enumerate(rows, start):
        if row[0] != expected:
            raise EvidenceBroken(
                f"Entry {expected} is missing from the log; run `wa verify`. Nothing was sealed."
            )
        moment = microseconds_of(row[4])
        leaf = leaf_bytes(row[0], row[1], row[2], row[3], moment, row[5], row[6])
        hashes.append(leaf_hash(leaf))
    return hashes
