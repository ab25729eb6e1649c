"""Facts and state brought up to the log's end: all of it, or only what new evidence touches.

New facts touch the messages they speak of and everything of the parties they name, since a late
consent event changes every later send. Three facts of the whole (which companies have a register,
which channels inbound, what templates are) and changed rules touch everything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wa_analytics import tables as t
from wa_analytics.database import shadow
from wa_analytics.evidence.disposal import has_statements
from wa_analytics.evidence.log import size
from wa_analytics.pipeline.collecting import uncollected
from wa_analytics.pipeline.disposed import decided_by_people, links_kept, projected_statements
from wa_analytics.pipeline.refreshing.evaluation import Evaluation, state_rules
from wa_analytics.pipeline.refreshing.project import rules_digest
from wa_analytics.pipeline.refreshing.spans import Progress, projected
from wa_analytics.retention.schedule import ScheduleRow
from wa_analytics.settings import Settings

if TYPE_CHECKING:
    from wa_analytics.database import Database
    from wa_analytics.evidence.keys import KeyRing


@dataclass(frozen=True)
class Refreshed:
    """entries: entries read; messages, events: state rows written; was_whole: everything was
    evaluated anew; late: captures read that speak of what was disposed of before."""

    entries: int
    messages: int
    events: int
    was_whole: bool
    late: frozenset[int] = frozenset()


@uncollected()
def refresh(
    database: Database,
    ring: KeyRing,
    settings: Settings,
    schedule: tuple[ScheduleRow, ...],
    *,
    progress: Callable[[str], Progress] | None = None,
) -> Refreshed:
    """Project new entries and evaluate what they touch. The caller holds the refresh lock."""
    marks = {row["name"]: row for row in database.table(t.Watermark).iter_rows(named=True)}
    facts, state = marks.get("facts"), marks.get("state")
    if facts and facts["rules_digest"] != rules_digest(settings):
        return rebuild(database, ring, settings, schedule, progress=progress)
    start, end = (facts["sequence"] if facts else 0), size(database)
    if has_statements(database, start):
        # What a destroyed key told is found nowhere by sequence (who is linked to whom), so all of
        # it is made again from what is left.
        return rebuild(database, ring, settings, schedule, progress=progress)
    read = 0
    late: set[int] = set()
    if start < end:
        advance = progress("evidence") if progress else None
        read = projected(database, ring, settings, start, end, late=late, progress=advance)
    run = Evaluation(database, settings, schedule)
    is_same = state is not None and state["rules_digest"] == run.rules
    done = state["sequence"] if state and is_same else 0
    if state and is_same and done == end:
        return Refreshed(read, 0, 0, False, frozenset(late))
    messages, events, was_whole = run.evaluated(done, end, progress("state") if progress else None)
    return Refreshed(read, messages, events, was_whole, frozenset(late))


@uncollected()
def rebuild(
    database: Database,
    ring: KeyRing,
    settings: Settings,
    schedule: tuple[ScheduleRow, ...],
    *,
    progress: Callable[[str], Progress] | None = None,
) -> Refreshed:
    """Every derived table anew from the evidence alone, beside the old ones, then swapped in."""
    shadow.made(database, t.DERIVED)
    end = size(database)
    refreshed = made_beside(database, ring, settings, schedule, end, progress=progress)
    shadow.swapped(database, t.DERIVED)
    run = Evaluation(database, settings, schedule)
    run.marked("facts", end, rules_digest(settings))
    run.marked("state", end, run.rules)
    return refreshed


def made_beside(
    database: Database,
    ring: KeyRing,
    settings: Settings,
    schedule: tuple[ScheduleRow, ...],
    end: int,
    *,
    progress: Callable[[str], Progress] | None = None,
) -> Refreshed:
    """Fill the `new_` tables (`shadow.made`) from the entries before `end`."""
    projected_statements(database, end, shadow.NEW)
    late: set[int] = set()
    read = projected(
        database,
        ring,
        settings,
        0,
        end,
        prefix=shadow.NEW,
        late=late,
        progress=progress("evidence") if progress else None,
    )
    with database.writing(shadow.NEW, is_derived=True) as writer:
        links_kept(writer)
    run = Evaluation(database, settings, schedule, prefix=shadow.NEW)
    messages, events, _ = run.evaluated(0, end, progress("state") if progress else None)
    return Refreshed(read, messages, events, True, frozenset(late))


def rules_of(database: Database, settings: Settings, schedule: tuple[ScheduleRow, ...]) -> tuple[str, str]:
    """Digests of the rules behind facts and behind state, as the watermarks keep them."""
    return rules_digest(settings), state_rules(settings, schedule, decided_by_people(database))
