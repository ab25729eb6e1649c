"""How exposed are we, is it getting better, what must I decide today?"""

from __future__ import annotations

import streamlit as st

from dashboard import look, workbench
from dashboard.charts.picture import shown as drawn
from dashboard.charts.picture import trend
from dashboard.frame import framed
from wa_analytics.metrics.catalogue import METRICS
from wa_analytics.reports.checklist import ChecklistLine
from wa_analytics.reports.decision import NO_OWNER, Decision
from wa_analytics.reports.overview import Overview
from wa_analytics.reports.wording import VERDICTS, counted

DECISIONS = ("Decisions", "One decision", "Two decisions", "Three decisions")
TRENDS = ("consent_coverage", "sends_after_withdrawal", "window_breaches_attempted", "body_capture_coverage")


@framed("Overview", "how exposed are we, is it getting better, what must be decided")
def page(screen: workbench.Screen, seen: workbench.Seen) -> None:
    shown = seen.board.overview
    look.cards([_question(line) for line in shown.checklist])
    look.section(DECISIONS[len(shown.decisions)], "the most pressing first" if shown.decisions else "")
    if shown.decisions:
        for rank, (column, each) in enumerate(zip(st.columns(3), shown.decisions, strict=False), 1):
            with column, st.container(border=True, height="stretch", key=f"card_decision_{rank}"):
                _decision(rank, each)
    else:
        look.cards([look.card('<p style="margin:0">Nothing waits for a decision.</p>')])
    left, right = st.columns([7, 6])
    with left, st.container(border=True, height="stretch", key="card_trend"):
        _trend(shown)
    with right, st.container(border=True, height="stretch", key="card_change"):
        _change(shown)
    with st.container(border=True, height="stretch", key="card_controls"):
        _controls(shown, screen.names)
    look.download(
        "Download the scorecard",
        workbench.scorecard_html,
        "scorecard.html",
        note="One HTML file of two printed pages for the whole group, with every control.",
    )


def _question(line: ChecklistLine) -> look.Html:
    figures = "".join(
        f"<div><b>{look.safe(text)}</b><span>{look.safe(name)}</span></div>" for name, text in line.figures
    )
    return look.card(
        f'<div class="head"><h3>{look.safe(line.title)}</h3>{look.verdict(line.outcome, line.label)}</div>'
        f"<p>{look.safe(line.sentence[0].upper() + line.sentence[1:])}.</p>"
        + (
            f'<p class="wb-muted">Did not run: {look.told("; ".join(line.not_run))}.</p>'
            if line.not_run
            else ""
        )
        + (f'<div class="figures">{figures}</div>' if figures else ""),
        look.verdict_class(line.outcome),
    )


def _decision(rank: int, each: Decision) -> None:
    due = look.badge("bad", f"overdue since {each.due_text}") if each.is_overdue else look.safe(each.due_text)
    owner = look.safe(each.owner)
    parts = [f"<span>{owner if each.owner == NO_OWNER else f'owner <b>{owner}</b>'}</span>"]
    parts += [f"<span>by <b>{due}</b></span>"]
    parts += [f"<span>{look.safe(each.company)}</span>"] if each.company else []
    st.html(
        f'<div class="wb-decide"><span class="rank">{rank}</span><p>{look.told(each.text)}</p></div>'
        f'<div class="wb-decide-foot">{"".join(parts)}</div>'
    )
    if each.incident_id and "pages" in st.session_state:
        st.page_link(
            st.session_state["pages"]["incidents"],
            label=f"Open {each.incident_id}",
            query_params={"incident": each.incident_id},
        )


def _trend(shown: Overview) -> None:
    head, choice = st.columns([2, 5], vertical_alignment="center")
    head.html("<h3>Trend by week</h3>")
    with choice, st.container(horizontal=True, horizontal_alignment="right"):
        name = st.selectbox(
            "Trend",
            TRENDS,
            format_func=lambda metric: METRICS[metric].title,
            label_visibility="collapsed",
            key="trend",
            width=300,
        )
    metric = METRICS[name]
    found = shown.figure(name)
    st.html(f'<span class="wb-muted" style="font-size:12.5px">{look.safe(counted(metric))}</span>')
    drawn(
        trend(shown.trend, metric),
        f"{metric.title} by week over the last half year; to date {found.text}",
        empty="not evaluated: nothing was judged in the last half year",
        key="chart_trend",
    )


def _change(shown: Overview) -> None:
    st.html("<h3>Change since last week</h3>")
    rows = [
        (
            found.title,
            found.text,
            look.quiet(found.before_text) if found.is_stock else found.recent_text,
            look.change(found.change_text, found.is_better),
        )
        for found in shown.figures
    ]
    st.html(look.table(("", "to date", "last 7 days", "change"), rows, numeric=(1, 2)))


def _controls(shown: Overview, names: dict[str, str]) -> None:
    counts = shown.verdict_counts
    words = " · ".join(f"{count} {VERDICTS[code]}" for code, count in counts.items())
    st.html(f'<h3>Controls <small class="wb-muted">{words}</small></h3>')
    if not shown.verdicts:
        st.html('<p class="wb-muted">No control of the catalogue binds this company.</p>')
        return
    several = len({found.entity for found in shown.verdicts}) > 1
    rows = [
        (
            look.with_note(
                look.Html(f"<b>{look.safe(found.control)}</b>"),
                names.get(found.entity, found.entity) if several else "",
            ),
            found.citation,
            look.verdict(found.verdict, VERDICTS[found.verdict]),
            look.told(found.reason),
        )
        for found in shown.verdicts
    ]
    st.html(look.table(("control", "citation", "verdict", "why"), rows, height=330))
