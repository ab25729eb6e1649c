"""What metrics and controls are computed from: the workbench's tables as frames of one engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

import narwhals as nw
import polars as pl

Lazy = nw.LazyFrame[Any]

FrameName = Literal[
    "messages", "consent_events", "custodians", "findings", "verify_runs", "channel_days",
    "platform_messages", "media", "versions", "known", "disposals",
]  # fmt: skip
#: optional frames of one company each, and their time
TIMED: dict[FrameName, str] = {
    "channel_days": "day_from",
    "platform_messages": "observed_at",
    "media": "occurred_at",
    "versions": "occurred_at",
}


@dataclass(frozen=True)
class MetricFrames:
    """The frames metrics are computed from, with the columns of `wa_analytics.tables`.

    Each is anything Narwhals reads (Polars, DuckDB relation, Spark …), all of one engine, instants as
    UTC; a DuckDB connection must have `SET TimeZone = 'UTC'`. `findings` is None where no check ever
    ran: what it would say is then unknown, not zero; so with the frames below it. `verify_runs`: runs of
    `wa verify`, None where nobody reads them. `zones`: entity → IANA time zone. `channel_days`,
    `platform_messages`, `media`, `versions`: tables channel_day, platform_message, media_fact and
    message_version. `known`: `message_id, has_body` of every message held or lawfully disposed of,
    whatever the interval. `disposals`: `entity, disposed_at, retain_until, is_erasure` (a person's
    right, decided) of what was disposed of.
    """

    messages: Any
    consent_events: Any
    custodians: Any
    findings: Any = None
    zones: Mapping[str, str] = field(default_factory=dict)
    settle_hours: int = 168
    verify_runs: Any = None
    channel_days: Any = None
    platform_messages: Any = None
    media: Any = None
    versions: Any = None
    known: Any = None
    disposals: Any = None

    def lazy(self, name: FrameName) -> Lazy:
        """One of the frames as a Narwhals lazy frame."""
        native = getattr(self, name)
        frame = native if isinstance(native, nw.LazyFrame | nw.DataFrame) else nw.from_native(native)
        return frame.lazy()

    def of_entity(self, entity: str) -> MetricFrames:
        """The same frames for one company; consent events that govern every company stay."""
        is_own = nw.col("entity") == entity
        return replace(
            self,
            messages=self.lazy("messages").filter(is_own),
            consent_events=self.lazy("consent_events").filter(
                nw.col("is_any_entity") | is_own.fill_null(False)
            ),
            findings=None if self.findings is None else self.lazy("findings").filter(is_own),
            **self._optional(lambda name: is_own),
        )

    def open_findings(self, as_of: datetime) -> Lazy:
        """Findings of what happened by then (`at`) that no run up to then saw mended.

        What a run of an earlier moment saw counts from that moment on, though its file was received later;
        what was first seen later, and mended since, was no finding then.
        """
        was_open = (nw.col("first_seen_at") <= as_of) & (nw.col("resolved_at") > as_of)
        is_open = (nw.col("status_code") == "open") | was_open.fill_null(False)
        return (
            self.lazy("findings")
            .with_columns(at=nw.min_horizontal("occurred_at", "first_seen_at", "last_seen_at"))
            .filter(is_open, nw.col("at") <= as_of)
        )

    def since(self, start: datetime) -> MetricFrames:
        """The same frames with only what happened after `start` (findings stay as they are)."""
        return replace(
            self,
            messages=self.lazy("messages").filter(nw.col("sent_at") > start),
            consent_events=self.lazy("consent_events").filter(nw.col("occurred_at") > start),
            **self._optional(lambda name: _happened(name) > start),
        )

    def _optional(self, condition: Callable[[FrameName], nw.Expr]) -> dict[str, Any]:
        """The optional frames that are there, filtered."""
        return {
            name: self.lazy(name).filter(condition(name)) for name in TIMED if getattr(self, name) is not None
        }


def _happened(name: FrameName) -> nw.Expr:
    if name == "platform_messages":
        return nw.coalesce("occurred_at", "observed_at")
    return nw.col(TIMED[name])


def flag(condition: nw.Expr) -> nw.Expr:
    """A condition as 0 or 1, unknown counting as 0 (engines differ in summing booleans)."""
    return condition.fill_null(False).cast(nw.Int64)


def collected(frame: Lazy) -> pl.DataFrame:
    """The rows, computed by the engine the frame came from; for few rows, or for Polars."""
    found: pl.DataFrame = frame.collect("polars").to_native()
    return found


def row_counts(frame: Lazy, **conditions: nw.Expr) -> dict[str, int]:
    """How many rows meet each condition."""
    row = collected(frame.select(**{name: flag(condition).sum() for name, condition in conditions.items()}))
    return {name: int(count or 0) for name, count in row.to_dicts()[0].items()}
