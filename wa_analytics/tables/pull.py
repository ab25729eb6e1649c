"""What was last pulled through a provider's API."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import SQLModel

from wa_analytics.tables.column import WHOLE, clear, instant


class LastPull(SQLModel, table=True):
    """How the last pull of something ended."""

    __tablename__ = "last_pull"

    provider: str = clear("provider", primary_key=True)
    what_code: str = clear("templates, phone-numbers, media …", primary_key=True)
    last_at: datetime = instant("when it was asked")
    outcome_code: str = clear("complete, partial (some of it failed) or failed")
    captured_count: int = clear("new captures", sa_type=WHOLE)
    known_count: int = clear("captures known already", sa_type=WHOLE)
    lost_count: int = clear("media files that the provider no longer has", sa_type=WHOLE)
    failed_count: int = clear("things that could not be had", sa_type=WHOLE)
