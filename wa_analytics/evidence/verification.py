"""What one verification of the log found and proved."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from wa_analytics.evidence.broken import Broken
from wa_analytics.evidence.timestamp import TimestampProof


@dataclass(frozen=True)
class Verification:
    """Outcome of one verification.

    entry_count: entries read; sealed_count: entries under the largest head that held;
    checkpoint_count: distinct sizes whose signed root was found again; empty_places: places that
    were asked and keep no checkpoint (not mounted?), so prove nothing; disposed_count: entries
    without a key whose disposal entry was found; unfinished_disposal_count: entries named as
    disposed of whose key is still there; copied_count: keys that stand in both of their places, None
    where none was copied yet or the copies were not asked for; timestamps: what they prove.
    """

    findings: tuple[Broken, ...]
    entry_count: int
    sealed_count: int
    checkpoint_count: int
    empty_places: tuple[str, ...]
    disposed_count: int
    unfinished_disposal_count: int
    timestamps: TimestampProof = field(default_factory=TimestampProof)
    copied_count: int | None = None

    @property
    def outcome(self) -> Literal["pass", "fail", "not_evaluated"]:
        """not_evaluated: nothing is broken, but no signed head stands to prove it by."""
        if self.findings:
            return "fail"
        return "pass" if self.checkpoint_count else "not_evaluated"
