"""One control asked of one company, and what counting answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import narwhals as nw

from wa_analytics.controls.calendar import countries, is_within
from wa_analytics.controls.control import Control
from wa_analytics.metrics.frames import Lazy, MetricFrames, row_counts
from wa_analytics.normalise.purposes import PURPOSES
from wa_analytics.settings import Entity

if TYPE_CHECKING:
    from wa_analytics.retention.schedule import ScheduleRow


@dataclass(frozen=True)
class Counted:
    """`exceptions` of `total`; `unjudged` could not be said; `noun` names what was counted."""

    noun: str
    exceptions: int = 0
    total: int = 0
    unjudged: int = 0


@dataclass(frozen=True)
class Question:
    """One control asked of one company at a moment."""

    control: Control
    entity: Entity
    frames: MetricFrames
    schedule: Sequence[ScheduleRow]
    as_of: datetime

    def is_of_country(self) -> nw.Expr:
        """Whether the person is known to be of a country that the control speaks of."""
        scope = self.control.scope
        if not scope.countries or is_within(self.entity.jurisdiction, scope.seats):
            return nw.lit(True)
        return nw.col("country_code").is_in(sorted(countries(scope.countries))).fill_null(False)

    def scoped(self, frame: Lazy, unknown: nw.Expr | None = None, *, with_unplaced: bool = False) -> Lazy:
        """Rows the control speaks of, by country, purpose and lawful basis.

        unknown: rows that may be of the purpose and basis asked for, and stay to be counted as unjudged.
        with_unplaced: people of no known country stay too.
        """
        scope = self.control.scope
        maybe = nw.lit(False) if unknown is None else unknown
        is_unplaced = nw.col("country_code").is_null() & nw.lit(with_unplaced)
        frame = frame.filter(self.is_of_country() | is_unplaced)
        if scope.purposes:
            is_of_purpose = nw.col("purpose_code").is_in([*scope.purposes, "all"]).fill_null(False)
            frame = frame.filter(is_of_purpose | maybe)
        if scope.relies_on_consent:
            basis = nw.col("lawful_basis_code").fill_null("")
            is_marketing = nw.col("purpose_code").is_in(["marketing", "all"]).fill_null(False)
            frame = frame.filter((basis == "consent") | (is_marketing & (basis == "")) | maybe)
        return frame

    def sends(self) -> Lazy:
        """The company's sends in scope, with those to people of no known country, who may be of it."""
        return self.messages(with_unplaced=True).filter(nw.col("direction_code") == "outbound")

    def messages(self, *, with_unplaced: bool = False) -> Lazy:
        """The company's messages in scope, up to the moment, with the sends of unknown purpose."""
        is_known = nw.col("purpose_code").is_in(PURPOSES).fill_null(False)
        return self.scoped(
            self.frames.lazy("messages").filter(
                nw.col("entity") == self.entity.key, nw.col("sent_at") <= self.as_of
            ),
            (nw.col("consent_code") == "not_evaluated") & ~is_known,
            with_unplaced=with_unplaced,
        )

    def grants(self) -> Lazy:
        """Register events in scope that give consent to the company."""
        return self.scoped(self.register()).filter(nw.col("action_code").is_in(["granted", "confirmed"]))

    def register(self) -> Lazy:
        """Register events that govern the company, up to the moment."""
        return self.frames.lazy("consent_events").filter(
            nw.col("source_code") == "register",
            nw.col("is_any_entity") | (nw.col("entity") == self.entity.key).fill_null(False),
            nw.col("occurred_at") <= self.as_of,
        )


def counted(noun: str, frame: Lazy, **conditions: nw.Expr) -> Counted:
    """How many rows meet each condition: `exceptions`, `total`, `unjudged`, as far as they are given."""
    return Counted(noun, **row_counts(frame, **conditions))
