"""The declared-gap ledger and what reconciliation knows of each number's days."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import SQLModel

from wa_analytics.tables.column import clear, instant


class ChannelDay(SQLModel, table=True):
    """One UTC day of one business number: the archive's counts beside the platform's."""

    __tablename__ = "channel_day"

    channel_id: str = clear("phone number id of the company's number", primary_key=True)
    day_on: str = clear("UTC day, YYYY-MM-DD", primary_key=True)
    entity: str | None = clear("company the channel belongs to", nullable=True)
    inbound_count: int = clear("inbound messages and calls, held or lawfully disposed of")
    outbound_count: int = clear(
        "outbound messages held, known from statuses, or lawfully disposed of; failed ones too"
    )
    delivered_count: int = clear("outbound messages held that were delivered")
    edge_count: int = clear("outbound within five minutes before or after the day")
    platform_sent_count: int | None = clear("the platform's own count of sent", nullable=True)
    platform_delivered_count: int | None = clear("the platform's own count of delivered", nullable=True)
    platform_observed_at: datetime | None = instant("when the platform counted so", nullable=True)
    day_from: datetime = instant("start of the day")
    day_to: datetime = instant("end of the day, exclusive")
    is_silent: bool | None = clear(
        "no inbound although the number's weekly pattern expects some; null: too little known", nullable=True
    )
    expected_count: float | None = clear("inbound that the weekly pattern expects", nullable=True)
    silent_on: str | None = clear("first day of the silent stretch it is part of, YYYY-MM-DD", nullable=True)


class DeclaredGap(SQLModel, table=True):
    """What we know we lack: since when, until when, why, and who declared it."""

    __tablename__ = "declared_gap"

    gap_id: str = clear("GAP- and a number", primary_key=True)
    subject_code: str = clear("messages, statuses, bodies, media, inbound, everything")
    entity: str | None = clear("company, null for all", nullable=True)
    channel_id: str | None = clear("phone number id, null for all of the company", nullable=True)
    gap_from: datetime = instant("since when")
    gap_to: datetime | None = instant("until when, exclusive; null: still open", nullable=True)
    reason: str = clear("why, in words without a person")
    declared_by: str = clear("who declared it")
    declared_at: datetime = instant("when it was declared")
    withdrawn_at: datetime | None = instant("when the declaration was taken back", nullable=True)
    withdrawn_by: str | None = clear("who took it back", nullable=True)
