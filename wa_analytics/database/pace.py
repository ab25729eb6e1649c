"""How many rows a transaction may take: on SQLite nobody else writes meanwhile."""

from __future__ import annotations

LONG_SECONDS = 0.06


class Pace:
    """Rows per transaction, learnt from how long the last ones took, so that each stays under 100 ms
    on any machine and with any size of index.

    rows: to begin with; it goes down to a quarter of that and up to `most`.
    """

    def __init__(self, rows: int, most: int) -> None:
        self.rows = rows
        self._least, self._most = max(1, rows // 4), max(rows, most)

    def learn(self, rows: int, seconds: float) -> None:
        """One transaction of so many rows held the lock so long."""
        if seconds > LONG_SECONDS:
            self.rows = max(self._least, self.rows * 2 // 3)
        elif rows >= self.rows and seconds < LONG_SECONDS / 2:
            self.rows = min(self._most, self.rows * 4 // 3 + 1)
