"""The verifier's own Merkle tree, folded while the entries stream by.

It shares no code with `merkle` and `tiles`, which made what is being verified.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

TILE = 256
TileSeen = Callable[[int, int, list[bytes]], None]


class Fold:
    """Takes leaf hashes in order; holds at most 256 hashes per level.

    seen(level, place, hashes): called for every full tile.
    """

    def __init__(self, seen: TileSeen) -> None:
        self.size = 0
        self._levels: list[list[bytes]] = [[]]
        self._places = [0]
        self._seen = seen

    def take(self, hashes: list[bytes]) -> None:
        self.size += len(hashes)
        at = TILE - len(self._levels[0])
        self._levels[0] += hashes[:at]
        while len(self._levels[0]) == TILE:
            self._close(0)
            self._levels[0] = hashes[at : at + TILE]
            at += TILE

    def _close(self, level: int) -> None:
        tile = self._levels[level]
        self._seen(level, self._places[level], tile)
        self._levels[level] = []
        self._places[level] += 1
        if level + 1 == len(self._levels):
            self._levels.append([])
            self._places.append(0)
        above = self._levels[level + 1]
        above.append(_folded(tile))
        if len(above) == TILE:
            self._close(level + 1)

    def root(self) -> bytes:
        """RFC 6962 root over everything taken so far."""
        carried: list[bytes] = []
        for level in self._levels:
            if nodes := level + carried:
                carried = [_folded(nodes)]
        return carried[0] if carried else sha256(b"").digest()

    def unfinished(self) -> list[tuple[int, int, list[bytes]]]:
        """The tiles at the right edge that are not full."""
        return [
            (level, place, hashes)
            for level, (place, hashes) in enumerate(zip(self._places, self._levels, strict=True))
            if hashes
        ]


def _folded(nodes: list[bytes]) -> bytes:
    while len(nodes) > 1:
        rest = nodes[-1:] if len(nodes) & 1 else []
        pairs = iter(nodes)
        nodes = [sha256(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs, strict=False)]
        nodes += rest
    return nodes[0]
