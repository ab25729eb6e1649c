# ruff: noqa: E501 (drawn tables are wide)
"""The pages: self-contained, nobody in them, the right sections, two sheets of paper."""

from __future__ import annotations

import io
import re
import subprocess
from dataclasses import replace
from datetime import timedelta
from html import unescape
from pathlib import Path

import polars as pl
import pytest
from msgspec import structs
from rich.console import Console

from tests.reports.world import AS_OF, COMPANIES, SETTINGS, World
from tests.spec.drawn_table import drawn
from wa_analytics.incidents.lifecycle import IncidentState
from wa_analytics.reports.controls_report import controls_report
from wa_analytics.reports.incident_report import extent, incident_findings, incident_report
from wa_analytics.reports.scorecard import scorecard, scorecard_text
from wa_analytics.reports.wording import period, several
from wa_analytics.tables import ConsentEvent, Finding, MediaFact, Message

SECTIONS = [
    "Summary",
    "Timeline",
    "Scope, with numbers and how they were counted",
    "Kinds of personal data",
    "Devices and channels",
    "Controls concerned",
    "Evidence",
    "Declared gaps",
    "Likely consequences",
    "Measures",
    "Clocks and margins",
    "Notices sent",
    "Lessons",
]


def report(world: World, state: IncidentState) -> str:
    steps = world.steps[state.incident_id]
    return incident_report(state, steps, world.frames.findings, world.frames, world.verdicts, SETTINGS, AS_OF)


def test_report_says_what_the_last_verification_said_and_which_gaps_are_declared(world: World) -> None:
    state = incident(world, "consent.withdrawn", "nordwind")
    found = extent(incident_findings(state, world.frames.findings), world.frames)
    assert found.first_at is not None
    gap = {
        "gap_id": "GAP-0001", "subject_code": "bodies", "entity": state.entity, "channel_id": None,
        "gap_from": found.first_at, "gap_to": None, "reason": "send log down for maintenance",
    }  # fmt: skip
    elsewhere = gap | {"gap_id": "GAP-0002", "entity": "another"}
    over = gap | {"gap_id": "GAP-0003", "gap_from": AS_OF - timedelta(days=9000), "gap_to": found.first_at}
    steps = world.steps[state.incident_id]
    given = (steps, world.frames.findings, world.frames, world.verdicts, SETTINGS, AS_OF)
    html = incident_report(state, *given, proof="the log was proven", declared=[gap, elsewhere, over])
    assert "GAP-0001: contents of messages, nordwind, " in html
    assert "to now: send log down for maintenance" in html
    assert "GAP-0002" not in html
    assert "GAP-0003" not in html
    assert "<dd>the log was proven</dd>" in html
    plain = incident_report(state, *given)
    assert "No gap is declared for this company and time." in plain
    assert "not evaluated: nobody has verified the log yet" in plain


def incident(world: World, rule: str, entity: str) -> IncidentState:
    return next(state for state in world.incidents if (state.rule, state.entity) == (rule, entity))


@pytest.fixture(scope="module")
def card(world: World) -> str:
    return scorecard(world.overview(), [world.overview(company.key) for company in COMPANIES])


@pytest.fixture(scope="module")
def verdicts(world: World) -> str:
    names = {company.key: company.name for company in COMPANIES}
    return controls_report(world.verdicts, names, world.overview().freshness, AS_OF)


@pytest.fixture(scope="module")
def breach(world: World) -> str:
    return report(world, world.incidents[-1])


@pytest.fixture(scope="module")
def withdrawn(world: World) -> str:
    return report(world, incident(world, "consent.withdrawn", "nordwind"))


@pytest.mark.parametrize("name", ["card", "verdicts", "breach", "withdrawn"])
def test_nothing_is_loaded_and_nothing_runs(name: str, request: pytest.FixtureRequest) -> None:
    page = request.getfixturevalue(name)
    assert "http:" not in page
    assert "https:" not in page
    assert not re.search(r"<(script|link|iframe|object|embed|img)\b", page)
    assert not re.search(r"@import|url\((?!#)|\bsrc=|\bhref=(?!\"#)", page)
    assert "not legal advice" in page
    assert "{{" not in page
    assert "None" not in page


@pytest.mark.parametrize("name", ["card", "verdicts", "breach", "withdrawn"])
def test_nobody_is_named(name: str, request: pytest.FixtureRequest, world: World) -> None:
    page = request.getfixturevalue(name)
    for column in ("message_id", "party_id"):
        for value in world.frames.messages[column].unique():
            assert value not in page


def test_the_scorecard_says_what_the_overview_says(card: str, world: World) -> None:
    group = world.overview()
    for found in group.figures:
        assert found.text.replace("<", "&lt;").replace(">", "&gt;") in card
    for line in group.checklist:
        assert line.sentence in card
    for decision in group.decisions:
        assert decision.text.split(" (")[0] in card
        assert decision.due_text in card
    assert card.count("<svg") == 2
    assert not re.search(r"(?<!is )(?<!not )\bcompliant\b", card)


def test_the_controls_report_shows_every_piece_of_every_verdict(verdicts: str, world: World) -> None:
    assert verdicts.count("<tr") == sum(1 + len(verdict.evidence) for verdict in world.verdicts) + len(
        {verdict.control for verdict in world.verdicts}
    )
    for code, words in (("deficient", "deficient"), ("not_evaluated", "not evaluated")):
        count = sum(verdict.verdict == code for verdict in world.verdicts)
        assert f"{count} {words}" in verdicts
    assert "17 CFR 240.17a-4(b)(4)" in verdicts


def test_words_of_people_are_escaped(world: World) -> None:
    hostile = replace(world.overview(), title="<b>Harbour</b> & sons")
    assert "&lt;b&gt;Harbour&lt;/b&gt; &amp; sons" in scorecard(hostile)


def test_one_is_no_plural_and_one_moment_no_period() -> None:
    assert [several(number, "finding") for number in (0, 1, 1200)] == [
        "0 findings",
        "1 finding",
        "1,200 findings",
    ]
    assert several(2, "entry", "entries") == "2 entries"
    assert period("1 Mar", "3 Mar") == "1 Mar to 3 Mar"
    assert period("1 Mar", "1 Mar") == "1 Mar"


def test_a_company_alone(world: World) -> None:
    alone = scorecard(world.overview("harbour"))
    assert "Harbour Securities" in alone
    assert "Nordwind" not in alone


def test_the_sections_stand_in_the_house_s_order(withdrawn: str, breach: str) -> None:
    for page in (withdrawn, breach):
        assert re.findall(r"<h2>([^<]*)</h2>", page) == SECTIONS


def test_the_report_counts_what_the_findings_say(world: World, withdrawn: str) -> None:
    state = incident(world, "consent.withdrawn", "nordwind")
    own = incident_findings(state, world.frames.findings)
    counted = extent(own, world.frames)
    assert own.height == counted.finding_count == state.finding_count > 5
    people = world.frames.messages.filter(pl.col("message_id").is_in(own["subject_id"].to_list()))
    assert counted.people == str(people["party_id"].n_unique())
    assert f"{own.height} open findings" in withdrawn
    assert "WAP-02" in withdrawn
    assert "GDP-06" in withdrawn
    assert "breach? undecided" in withdrawn
    assert withdrawn.count("<svg") == 1
    for breakdown in counted.breakdowns:
        for _, findings, persons in breakdown.rows:
            assert findings not in ("1", "2", "3", "4")
            assert persons not in ("1", "2", "3", "4")


def test_a_breach_by_hand_runs_its_legal_clock(breach: str) -> None:
    assert "LGPD Art. 48" in breach
    assert "running" in breach
    assert "3 Jul 2026, 00:00 UTC-03" in breach
    assert "GDPR" not in breach
    assert "no finding of a rule stands behind it" in breach


def test_the_terminal_says_the_same(world: World) -> None:
    stream = io.StringIO()
    companies = [world.overview(company.key) for company in COMPANIES]
    Console(file=stream, width=240).print(scorecard_text(world.overview(), companies))
    text = stream.getvalue()
    for company in companies:
        for line in company.checklist:
            assert line.sentence in text
    assert "[INC-0100]" in text
    assert "not legal advice" in text


def test_the_scorecard_prints_on_two_pages(card: str, browser_executable: str, tmp_path: Path) -> None:
    page, pdf = tmp_path / "scorecard.html", tmp_path / "scorecard.pdf"
    page.write_text(card, encoding="utf-8")
    subprocess.run(
        [
            browser_executable, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", f"--user-data-dir={tmp_path / 'profile'}",
            "--no-pdf-header-footer", f"--print-to-pdf={pdf}", page.as_uri(),
        ],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    pages = len(re.findall(rb"/Type\s*/Page\b", pdf.read_bytes()))
    assert 1 <= pages <= 2


PEOPLE_S = """
message_id | party_id | sent_at
m1         | p1       | 2026-06-01 10:00
m2         | p2       | 2026-06-01 10:00
m3         |          | 2026-06-01 10:00
"""


@pytest.mark.parametrize(
    ("subject", "ids", "extent_told", "cells"),
    [
        ("message", "m1 m2 m3", "3 open findings of R about < 5 people; for 1 of them nobody is known", ("< 5", "< 5")),
        ("consent_event", "e1 e2 e3", "3 open findings of R about < 5 people<", ("< 5", "< 5")),
        ("media", "f1 f2", "2 open findings of R about < 5 people<", ("< 5", "< 5")),
        ("party", "p1", "1 open finding of R about < 5 people<", ("< 5", "< 5")),
        ("capture", "c1 c2", "2 open findings of R; how many people are concerned is not known<", ("2", "not known")),
        ("message", "", "no open finding of R is left<", None),
    ],
)  # fmt: skip
def test_the_report_counts_people_of_whatever_a_finding_is_about(
    world: World, subject: str, ids: str, extent_told: str, cells: tuple[str, str] | None
) -> None:
    state = structs.replace(incident(world, "consent.withdrawn", "nordwind"), rule="capture.unreadable")
    lines = "".join(f"{number} | {subject} | {one}\n" for number, one in enumerate(ids.split()))
    fixed = {"rule": state.rule, "entity": state.entity, "status_code": "open", "severity_code": "high"}
    findings = drawn(Finding, f"finding_id | subject | subject_id\n{lines}", **fixed)
    events = "event_id | party_id\ne1 | p1\ne2 | p2\ne3 | p2\n"
    files = "media_digest | message_id\nf1 | m1\nf2 | m2\n"
    frames = replace(
        world.frames,
        messages=drawn(Message, PEOPLE_S),
        consent_events=drawn(ConsentEvent, events),
        media=drawn(MediaFact, files),
    )
    html = incident_report(state, [], findings, frames, world.verdicts, SETTINGS, AS_OF)
    assert extent_told.replace("R", f"<code>{state.rule}</code>") in unescape(html)
    counted = extent(findings, frames)
    assert [rows.rows for rows in counted.breakdowns] == ([(("not known", *cells),)] * 4 if cells else [])
