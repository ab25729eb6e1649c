"""The overview's numbers against the frames they come from, and what it says when it cannot say."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest
from msgspec import structs

from tests.reports.world import AS_OF, COMPANIES, SETTINGS, World, check_results
from wa_analytics.incidents.lifecycle import closed
from wa_analytics.reports.overview import Freshness, Overview, overview


def again(world: World, entity: str | None = None, **given: object) -> Overview:
    values = {
        "frames": world.frames,
        "settings": SETTINGS,
        "verdicts": world.verdicts,
        "incidents": world.incidents,
        "check_results": check_results(),
        "freshness": world.freshness,
        "as_of": AS_OF,
    }
    return overview(**(values | given), entity=entity)  # type: ignore[arg-type]


@pytest.mark.parametrize("entity", [None, *(company.key for company in COMPANIES)])
def test_figures_equal_a_plain_count(world: World, entity: str | None) -> None:
    found = again(world, entity)
    is_own = pl.lit(True) if entity is None else pl.col("entity") == entity
    own = world.frames.messages.filter(is_own)
    judged = own.filter(~pl.col("consent_code").is_in(["not_judged", "not_evaluated"]))
    coverage = found.figure("consent_coverage")
    assert coverage.denominator == judged.height > 100
    assert coverage.numerator == judged.filter(pl.col("consent_code") == "granted").height
    week = judged.filter(pl.col("sent_at") > AS_OF - timedelta(days=7))
    share = week.filter(pl.col("consent_code") == "granted").height / week.height
    assert coverage.recent_text in (f"{share * 100:.1f} %", "100.0 %")
    findings = world.frames.findings.filter(is_own)
    assert found.figure("open_findings").numerator == findings.height
    assert sum(line.exception_count for line in found.checklist) == findings.height


def test_four_lines_in_order_and_the_last_is_not_evaluated(world: World) -> None:
    lines = again(world).checklist
    assert [line.title for line in lines] == [
        "Official API",
        "Consent",
        "Security and retention",
        "Business and personal devices",
    ]
    assert lines[3].sentence == "not evaluated: no inventory connected"
    assert lines[3].outcome == "not_evaluated"
    assert lines[0].sentence == "no exception found, 11 of 11 tests ran"
    assert (lines[0].outcome, lines[0].label) == ("pass", "no exception found")
    assert lines[1].outcome == "fail"


def test_nothing_is_good_when_no_check_ran_or_nothing_was_captured(world: World) -> None:
    unchecked = again(world, frames=replace(world.frames, findings=None), check_results=[])
    assert {line.outcome for line in unchecked.checklist} == {"not_evaluated"}
    assert unchecked.checklist[1].sentence == "not evaluated: no check has run"
    assert unchecked.figure("open_findings").text == "not evaluated"
    empty = again(
        world,
        frames=replace(
            world.frames, messages=world.frames.messages.clear(), findings=world.frames.findings.clear()
        ),
    )
    assert {line.outcome for line in empty.checklist} == {"not_evaluated"}
    assert empty.checklist[0].sentence == "not evaluated: nothing was captured"
    assert empty.figure("consent_coverage").text == "not evaluated"
    assert empty.figure("consent_coverage").change_text == "no comparison"


def test_a_company_whose_sends_could_not_be_judged_is_not_good(world: World) -> None:
    blind = world.frames.messages.with_columns(
        pl.when(pl.col("entity") == "vita")
        .then(pl.lit("not_evaluated"))
        .otherwise(pl.col("consent_code"))
        .alias("consent_code")
    )
    findings = world.frames.findings.filter(pl.col("entity") != "vita")
    found = again(world, "vita", frames=replace(world.frames, messages=blind, findings=findings))
    assert found.checklist[1].outcome == "not_evaluated"
    assert found.checklist[1].sentence == "not evaluated: no send could be judged"


def test_a_crashed_check_is_not_counted_as_run(world: World) -> None:
    clean = replace(world.frames, findings=world.frames.findings.clear())
    found = again(world, frames=clean, check_results=check_results(crashed=("consent.withdrawn",)))
    assert found.checklist[1].sentence == "no exception found, 11 of 12 tests ran"
    assert found.checklist[1].outcome == "not_evaluated"
    assert found.checklist[1].not_run == ("messages sent to people who had withdrawn",)
    whole = again(world, frames=clean)
    assert whole.checklist[1].outcome == "pass"
    assert whole.checklist[1].not_run == ()
    assert whole.checklist[3].not_run == ()


def test_a_stock_says_of_which_moment_it_is(world: World) -> None:
    stock = again(world).figure("open_findings")
    assert stock.is_stock
    assert stock.recent_text == f"{stock.text} now"
    assert stock.before_text.endswith(" a week ago")
    assert not again(world).figure("consent_coverage").is_stock


def test_of_equal_severity_and_date_the_larger_incident_is_decided_first(world: World) -> None:
    state = next(found for found in world.incidents if found.rule == "consent.withdrawn")
    small, large, other = (
        structs.replace(state, incident_id=name, finding_count=count, rule=rule)
        for name, count, rule in (
            ("INC-1", 12, "consent.withdrawn"),
            ("INC-2", 14, "consent.withdrawn"),
            ("INC-3", 1, "consent.refused"),
        )
    )
    decided = again(world, incidents=[small, large, other]).decisions
    assert [found.incident_id for found in decided] == ["INC-2", "INC-3", "INC-1"]
    assert "(14 findings)" in decided[0].text
    assert "(1 finding)" in decided[1].text


def test_decisions_have_owner_and_date_and_clocks_come_first(world: World) -> None:
    first, second, third = again(world).decisions
    assert first.incident_id == "INC-0100"
    assert "LGPD" in first.text
    assert (first.owner, first.due_text) == ("no owner named", "2 Jul 2026")
    assert second.owner == "Chief Compliance Officer"
    assert "is it a personal-data breach? undecided" in second.text
    assert third.due_at is not None


def test_without_incidents_the_missing_evidence_is_to_decide(world: World) -> None:
    found = again(world, "harbour", incidents=[])
    assert len(found.decisions) == 2
    assert all(decision.text.startswith("Bring the missing evidence") for decision in found.decisions)
    ended = [closed(state, at=AS_OF, actor="a", note="done")[0] for state in world.incidents[:-1]]
    assert again(world, "harbour", incidents=ended).open_incidents == ()


def test_weeks_of_a_company_are_its_own(world: World) -> None:
    trend = again(world, "harbour").trend
    starts = trend["interval_start"].dt.convert_time_zone("America/New_York")
    assert set(starts.dt.weekday()) == {1}
    assert set(starts.dt.hour()) == {0}
    assert trend.filter(pl.col("metric") == "consent_coverage").height in (26, 27)


@pytest.mark.parametrize(("hours", "is_overdue"), [(1, False), (24, False), (25, True), (None, True)])
def test_freshness(hours: int | None, is_overdue: bool) -> None:
    last = None if hours is None else AS_OF - timedelta(hours=hours)
    fresh = Freshness(AS_OF, last)
    assert fresh.is_check_overdue(AS_OF) is is_overdue
    assert ("check overdue" in fresh.sentence(AS_OF)) is is_overdue
    assert ("last check never" in fresh.sentence(AS_OF)) is (hours is None)
