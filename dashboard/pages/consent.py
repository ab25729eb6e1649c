"""Had each person we wrote to agreed, and not said no since?"""

from __future__ import annotations

import streamlit as st

from dashboard import look, workbench
from dashboard.board import DIMENSIONS, Board
from dashboard.charts import consent as pictures
from dashboard.charts.picture import shown as drawn
from dashboard.frame import framed
from dashboard.rules import rule_table
from wa_analytics.reports.wording import whole

WORDS = {"entity": "company", "purpose": "purpose", "country": "country", "template": "template"}


@framed("Consent", "had each person agreed, and not said no since")
def page(screen: workbench.Screen, seen: workbench.Seen) -> None:
    board = seen.board
    shown = board.overview
    tiles = []
    for name in ("consent_coverage", "sends_after_withdrawal", "opt_out_share", "window_breaches_attempted"):
        found = shown.figure(name)
        unit = f"{whole(found.numerator)} of {whole(found.denominator)} · {found.change_text} since last week"
        tiles.append(
            look.number_card(found.title, found.text, unit if found.denominator else "nothing to judge")
        )
    look.cards(tiles)
    left, right = st.columns([6, 5])
    with left, st.container(border=True, height="stretch", key="card_sends"):
        _sends(board)
    with right:
        with st.container(border=True, key="card_coverage"):
            _coverage(board, screen.names)
        with st.container(border=True, height="stretch", key="card_opt_outs"):
            st.html("<h3>People saying no, by week</h3>")
            drawn(
                pictures.opt_outs(board.opt_outs, shown.as_of),
                "Withdrawals, refusals and stops per week by the way they came",
                empty="no withdrawal, refusal or stop was captured in the last half year"
                if screen.freshness["last_capture_at"]
                else "not evaluated: nothing was captured",
                key="chart_opt_outs",
            )
    with st.container(border=True, key="card_rules"):
        st.html("<h3>Findings by rule</h3>")
        st.html(rule_table(board.consent_rules))
        rules = tuple(line.rule for line in board.consent_rules)
        look.download(
            "Download findings (CSV, keys only)",
            lambda: workbench.findings_csv(board.company, rules),
            "consent-findings.csv",
        )


def _sends(board: Board) -> None:
    st.html("<h3>Sends without consent, by state and week</h3>")
    drawn(
        pictures.sends_without_consent(board.sends, board.overview.as_of),
        "Bars of sends without consent per week, by consent state",
        empty="no send without consent in the last half year"
        if board.sends.height
        else "not evaluated: no send was judged in the last half year",
        key="chart_states",
    )
    if board.sends.height:
        st.html(
            '<span class="wb-muted" style="font-size:12.5px">of all sends whose consent was judged</span>'
        )
        drawn(
            pictures.judged_sends(board.sends, board.overview.as_of),
            "Judged sends per week",
            key="chart_judged",
        )


def _coverage(board: Board, names: dict[str, str]) -> None:
    head, choice = st.columns([2, 5], vertical_alignment="center")
    head.html("<h3>Coverage</h3>")
    with choice, st.container(horizontal=True, horizontal_alignment="right"):
        dimension = st.segmented_control(
            "Coverage by",
            DIMENSIONS,
            default="template" if board.company else "entity",
            format_func=WORDS.__getitem__,
            key=f"dimension_{bool(board.company)}",
            required=True,
            label_visibility="collapsed",
        )
    overall = board.overview.figure("consent_coverage")
    drawn(
        pictures.coverage(board.coverage[dimension or "entity"], names, overall.ratio),
        f"Consent coverage by {WORDS[dimension or 'entity']}; overall {overall.text}",
        empty="not evaluated: no send could be judged",
        key="chart_coverage",
    )
