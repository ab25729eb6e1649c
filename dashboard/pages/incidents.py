"""What went wrong, who deals with it, and which clock runs?"""

from __future__ import annotations

from datetime import datetime

import streamlit as st

import wa_analytics as wa
from dashboard import look, workbench
from dashboard.frame import framed
from dashboard.incident import Incident
from wa_analytics.incidents.deadlines import Clock
from wa_analytics.reports.decision import NO_OWNER
from wa_analytics.reports.wording import last_day, moment, period, span, whole

KIND = {"compliance_failure": "compliance failure", "personal_data_breach": "personal-data breach"}
BREACH = {"undecided": "breach? undecided", "yes": "personal-data breach", "no": "decided: no breach"}
CLOCK = {
    "running": ("open", "running"),
    "overdue": ("bad", "✕ past"),
    "undecided": ("open", "? undecided"),
    "not_required": ("calm", "none"),
    "stopped": ("calm", "stopped"),
}


@framed("Incidents", "what went wrong, who deals with it, which clock runs")
def page(screen: workbench.Screen, seen: workbench.Seen) -> None:
    at = wa.now()
    mine = seen.incidents
    running = [each for each in mine if each.state.status_code != "closed"]
    if not mine:
        _none(has_run=bool(screen.freshness["last_check_at"]))
        return
    _numbers(running, at)
    left, right = st.columns([7, 6])
    with left, st.container(border=True, height="stretch", key="card_list"):
        st.html("<h3>Incidents</h3>")
        st.html(_list(mine, at))
        look.download("Download the scorecard", workbench.scorecard_html, "scorecard.html")
    with right, st.container(border=True, height="stretch", key="card_detail"):
        _detail(mine, at)


def _none(*, has_run: bool) -> None:
    words = (
        "No incident was ever opened here. A check run groups what it finds into incidents by cause; "
        "<code>wa incidents open</code> reports one by hand."
        if has_run
        else "Not evaluated: no check has run. <code>wa run</code> runs them, and groups what they find "
        "into incidents by cause."
    )
    look.cards([look.card(f'<p style="margin:0">{words}</p>', "" if has_run else "open")])


def _numbers(running: list[Incident], at: datetime) -> None:
    legal = [clock for each in running for clock in each.clocks(at) if clock.regime != "policy"]
    ticking = [clock for clock in legal if clock.state in ("running", "overdue")]
    late = [each for each in running if each.state.policy_due_at and each.state.policy_due_at <= at]
    undecided = [
        each
        for each in running
        if each.state.breach_code == "undecided" and each.state.severity_code == "critical"
    ]
    worst = sum(each.state.severity_code == "critical" for each in running)
    nearest = min((clock.margin for clock in ticking if clock.margin is not None), default=None)
    look.cards(
        [
            look.number_card("Open incidents", whole(len(running)), f"{worst} of them critical"),
            look.number_card(
                "Legal clocks", whole(len(ticking)),
                f"nearest: {span(nearest)}" if ticking else "none was started by a person",
                "bad" if any(clock.state == "overdue" for clock in ticking) else "open" if ticking else "",
            ),
            look.number_card(
                "Past the policy's date", whole(len(late)), "the company's own policy, no legal deadline",
                "bad" if late else "",
            ),
            look.number_card(
                "Breach? undecided", whole(len(undecided)), "critical ones that wait for a person's answer",
                "open" if undecided else "",
            ),
        ]
    )  # fmt: skip


def _list(mine: tuple[Incident, ...], at: datetime) -> look.Html:
    rows = []
    for each in mine:
        state = each.state
        late = state.status_code != "closed" and state.policy_due_at and state.policy_due_at <= at
        due = last_day(state.policy_due_at, each.time_zone)
        rows.append(
            (
                look.Html(f"<b>{look.safe(state.incident_id)}</b>"),
                look.with_note(state.title, f"{BREACH[state.breach_code]} · {_owned(each)}"),
                look.severity(state.severity_code),
                whole(state.finding_count) if state.rule else "–",
                state.status_code,
                look.badge("bad", f"✕ {due}") if late else look.whole_line(due),
            )
        )
    head = ("", "what happened", "severity", "findings", "status", "policy date")
    return look.table(head, rows, numeric=(3,), height=560)


def _owned(each: Incident) -> str:
    return each.owner if each.owner == NO_OWNER else f"owner {each.owner}"


def _detail(mine: tuple[Incident, ...], at: datetime) -> None:
    by_id = {each.state.incident_id: each for each in mine}
    ids = list(by_id)
    linked = st.query_params.get("incident")
    chosen = st.selectbox(
        "Incident",
        ids,
        index=ids.index(linked) if linked in by_id else 0,
        format_func=lambda key: f"{key} · {by_id[key].state.title}",
    )
    each = by_id[chosen]
    state, zone = each.state, each.time_zone
    kind = look.badge("bad" if state.breach_code == "yes" else "open", BREACH[state.breach_code])
    st.html(
        f'<h3>{look.safe(state.title)}</h3><div style="display:flex;gap:6px;margin:8px 0 2px;flex-wrap:wrap">'
        f"{look.severity(state.severity_code)}{kind}{look.badge('calm', state.status_code)}</div>"
    )
    facts = [
        ("kind", KIND[state.kind_code]),
        ("company", each.company),
        ("owner", each.owner),
        ("opened", moment(state.opened_at, zone)),
        (
            "findings",
            f"{whole(state.finding_count)} of {state.rule}" if state.rule else "none: reported by a person",
        ),
        ("happened", _extent(each)),
    ]
    st.html(look.facts(facts))
    st.html("<h3>Clocks</h3>")
    rows = [_clock(clock, zone) for clock in each.clocks(at)]
    st.html(look.table(("deadline", "state", "until"), rows))
    st.html("<h3>History</h3>")
    steps = [
        (moment(step.at, zone), step.action_code, look.with_note(step.note or "–", f"by {step.actor}"))
        for step in each.steps
    ]
    st.html(look.table(("when", "step", ""), steps, height=220))
    look.download(
        f"Download the report on {chosen}",
        lambda: workbench.incident_html(chosen),
        f"{chosen}.html",
        is_primary=True,
    )


def _extent(each: Incident) -> str:
    first, last = each.state.occurred_from, each.state.occurred_to
    if first is None or last is None:
        return "not told"
    return period(moment(first, each.time_zone), moment(last, each.time_zone))


def _clock(clock: Clock, zone: str) -> tuple[object, ...]:
    kind, words = CLOCK[clock.state]
    until = look.with_note(moment(clock.due_at, zone), span(clock.margin)) if clock.due_at else "–"
    return look.with_note(clock.citation, clock.reason), look.badge(kind, words), until
