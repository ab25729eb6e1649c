"""Is everything there: what the archive holds, day by day, beside the platform's own word."""

from __future__ import annotations

import streamlit as st

from dashboard import look, workbench
from dashboard.capture import Capture
from dashboard.charts import completeness as pictures
from dashboard.charts.picture import shown as drawn
from dashboard.frame import framed
from dashboard.rules import rule_table
from wa_analytics.completeness.gaps import SUBJECTS
from wa_analytics.reports.wording import day, last_day, whole


@framed("Completeness", "is everything captured, and what is known to be missing")
def page(screen: workbench.Screen, seen: workbench.Seen) -> None:
    board, captured = seen.board, seen.capture
    look.cards(
        [
            look.number_card(found.title, found.text, found.note, "bad" if found.is_bad else "")
            for found in captured.figures
        ]
    )
    with st.container(border=True, key="card_days"):
        st.html(
            "<h3>Every number, day by day</h3>"
            '<span class="wb-muted" style="font-size:12.5px">UTC days; a blank day has nothing held and '
            "nothing expected. <i>Not reconciled</i>: the platform's own count is not known, or not final "
            "yet.</span>"
        )
        drawn(
            pictures.number_days(captured.days, screen.names, has_company=board.company is None),
            "A strip per number with each day's state: declared gap, silent, fewer than sent, agrees, not "
            "reconciled",
            empty="not evaluated: no whole day of a number is captured",
            key="chart_days",
        )
    names = screen.names
    left, right = st.columns([1, 1])
    with left:
        with st.container(border=True, key="card_totals"):
            st.html("<h3>Sent: held beside the platform's count</h3>")
            drawn(
                pictures.held_beside_told(captured.totals),
                "Messages per day held in the archive and sent by the platform's own count",
                empty="not evaluated: the platform's own counts were never captured "
                "(<code>wa pull meta-cloud</code> fetches them)",
                key="chart_totals",
            )
        with st.container(border=True, height="stretch", key="card_gaps"):
            st.html("<h3>Declared gaps</h3>")
            st.html(_ledger(captured, names))
    with right, st.container(border=True, height="stretch", key="card_capture_rules"):
        st.html("<h3>Open findings of capture</h3>")
        st.html(rule_table(board.capture_rules, has_recent=False))
        rules = tuple(line.rule for line in board.capture_rules)
        look.download(
            "Download findings of capture (CSV)",
            lambda: workbench.findings_csv(board.company, rules),
            "capture-findings.csv",
            note="One line per finding, by our own keyed id.",
        )
    if captured.proposals:
        with st.container(border=True, key="card_proposals"):
            st.html(
                "<h3>To declare or to mend</h3>"
                '<span class="wb-muted" style="font-size:12.5px">Stretches that open findings show. Only a '
                "person declares: <code>wa gaps declare ID --reason …</code></span>"
            )
            st.html(_proposals(captured, names))


def _place(channel: str | None, entity: str | None, names: dict[str, str]) -> str:
    return channel or names.get(entity or "", entity or "")


def _ledger(captured: Capture, names: dict[str, str]) -> look.Html | str:
    rows = [
        (
            look.with_note(gap["gap_id"], _place(gap["channel_id"], gap["entity"], names) or "all companies"),
            SUBJECTS[gap["subject_code"]].meaning,
            look.whole_line(day(gap["gap_from"])),
            look.whole_line(last_day(gap["gap_to"])) if gap["gap_to"] else look.badge("open", "still open"),
            gap["reason"],
            look.with_note(gap["declared_by"], look.whole_line(day(gap["declared_at"]))),
        )
        for gap in captured.gaps
    ]
    if not rows:
        words = "No gap is declared. What is missing shows as findings."
        return f'<p class="wb-empty">{words}</p>'
    return look.table(("gap", "what is lacking", "since", "until", "why", "declared by"), rows, height=260)


def _proposals(captured: Capture, names: dict[str, str]) -> look.Html:
    rows = [
        (
            look.with_note(one.proposal_id, one.rule),
            _place(one.channel_id, one.entity, names),
            one.why,
            look.whole_line(day(one.gap_from)),
            look.whole_line(last_day(one.gap_to)) if one.gap_to else look.badge("open", "still open"),
            "–" if one.finding_count is None else whole(one.finding_count),
        )
        for one in captured.proposals
    ]
    return look.table(
        ("proposal", "number or company", "what the findings show", "since", "until", "findings"),
        rows,
        numeric=(5,),
        height=260,
    )
