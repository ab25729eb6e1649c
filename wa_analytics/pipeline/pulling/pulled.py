"""What came of pulling one thing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wa_analytics.pipeline.intake import Captured


@dataclass
class Pulled(Captured):
    """lost: media files that the provider no longer has; altered: those fetched of which the SHA-256 is
    not the announced one; failed: sentences of what could not be had."""

    what: str = ""
    lost: int = 0
    altered: int = 0
    failed: list[str] = field(default_factory=list)

    @property
    def outcome(self) -> str:
        """complete, partial or failed."""
        if not self.failed and not self.refused:
            return "complete"
        return "partial" if self.stored or self.repeated else "failed"

    def document(self) -> dict[str, Any]:
        """What `wa pull --json` tells of it."""
        return {
            "what": self.what,
            "captured": self.stored,
            "known": self.repeated,
            "lost": self.lost,
            "altered": self.altered,
            "already_disposed": self.already_disposed,
            "failed": self.failed + self.refused,
        }
