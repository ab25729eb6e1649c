"""Is each record kept as long as it must be, and no longer?"""

from __future__ import annotations

import polars as pl
import streamlit as st

from dashboard import look, workbench
from dashboard.board import Board
from dashboard.charts import retention as pictures
from dashboard.charts.picture import shown as drawn
from dashboard.frame import framed
from dashboard.rules import rule_table
from wa_analytics.reports.wording import whole

TRIGGER = {
    "sent_at": "the message",
    "last_entry_at": "the last entry of the person's record",
    "created_at": "the making of the record",
}


@framed("Retention", "is each record kept as long as it must be, and no longer")
def page(screen: workbench.Screen, seen: workbench.Seen) -> None:
    board = seen.board
    held = board.overview.figure("retention_overdue").denominator
    is_empty = board.classes.is_empty()
    nothing = "not evaluated: no content is held" if is_empty else ""
    if is_empty:
        look.cards([look.card('<p style="margin:0">Not evaluated: no content is held.</p>', "open")])
    else:
        _numbers(board, held)
    left, right = st.columns([1, 1])
    names = screen.names
    with left, st.container(border=True, height="stretch", key="card_due"):
        st.html("<h3>Dates of disposal by month</h3>")
        drawn(
            pictures.due_dates(board.due, board.overview.as_of),
            "Messages by the month in which they must be disposed of, two years back to two years ahead",
            empty=nothing or "no content held has a date of disposal within two years",
            key="chart_due",
        )
    with right, st.container(border=True, height="stretch", key="card_classes"):
        st.html("<h3>What needs a hand, by record class</h3>")
        drawn(
            pictures.retention_classes(board.classes, names, has_company=board.company is None),
            "Messages overdue, due within 90 days, in conflict or unscheduled by record class",
            empty=nothing or "nothing is overdue, due within 90 days, in conflict or unscheduled",
            key="chart_classes",
        )
    left, right = st.columns([1, 1])
    with left, st.container(border=True, height="stretch", key="card_rules"):
        st.html("<h3>Findings by rule</h3>")
        st.html(rule_table(board.retention_rules, has_recent=False))
        look.download(
            "Download what is due, overdue, in conflict or unscheduled (CSV)",
            lambda: workbench.retention_csv(board.company),
            "retention.csv",
            note="One line per message, by our own keyed id.",
        )
    with right, st.container(border=True, height="stretch", key="card_schedule"):
        st.html("<h3>The schedule in force</h3>")
        st.html(_schedule(seen.schedule, board.bound))


def _numbers(board: Board, held: int | None) -> None:
    overdue, due, conflict, unscheduled, kept = (
        board.retention_count(state)
        for state in ("overdue", "due in 90 days", "in conflict", "unscheduled", "under legal hold")
    )
    more = f"; {whole(kept)} more under legal hold" if kept else ""
    look.cards(
        [
            look.number_card(
                "Overdue", whole(overdue), f"of {whole(held)} contents held under a schedule{more}",
                "bad" if overdue else "",
            ),
            look.number_card("Due within 90 days", whole(due), "must be disposed of, or put on legal hold"),
            look.number_card(
                "In conflict", whole(conflict), "not evaluated until a person decides which rule prevails",
                "open" if conflict else "",
            ),
            look.number_card(
                "Unscheduled", whole(unscheduled), "no row of the schedule covers them",
                "open" if unscheduled else "",
            ),
        ]
    )  # fmt: skip


def _schedule(schedule: pl.DataFrame, bound: pl.DataFrame) -> look.Html:
    counts = dict(bound.select("rule", "messages").rows())

    def side(row: dict[str, object], length: str, key: str) -> look.Html:
        if not row[length]:
            return look.Html('<span class="wb-muted">–</span>')
        return look.with_note(_duration(str(row[length])), f"decides {counts.get(row[key], 0):,}")

    rows = [
        (
            look.with_note(
                str(row["record_class"]).replace("_", " ") + (" (fallback)" if row["is_fallback"] else ""),
                f"{str(row['entity_kind']).replace('_', '-')}, {row['jurisdiction']}",
            ),
            row["authority"],
            side(row, "floor", "floor_key"),
            side(row, "ceiling", "ceiling_key"),
            TRIGGER[str(row["trigger"])],
        )
        for row in schedule.to_dicts()
    ]
    return look.table(
        ("record class", "authority", "keep at least", "dispose by", "counted from"), rows, height=300
    )


def _duration(iso: str) -> str:
    """`P3Y` as `3 years`; shapes other than one number and a unit stay as they are."""
    unit = {"Y": "year", "M": "month", "W": "week", "D": "day"}.get(iso[-1])
    number = iso[1:-1]
    if unit is None or not number.isdigit() or iso[0] != "P":
        return iso
    return f"{number} {unit}{'' if number == '1' else 's'}"
