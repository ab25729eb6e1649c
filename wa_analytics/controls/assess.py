"""From state to verdicts: every control asked of every company it binds.

Decision: a control is effective only when every piece its citation needs was evaluated and is within
its threshold; one failing piece makes it deficient; anything else is not evaluated, showing what
passed and what is missing. A control binds a company by kind, by seat, or because it writes to people
of the country; where it binds nobody there is no verdict. One that only people of no known country might
bring under it is not evaluated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import narwhals as nw

from wa_analytics.controls.calendar import countries, is_within
from wa_analytics.controls.control import Control, Evidence, PieceVerdict, Verdict, VerdictCode, catalogue
from wa_analytics.controls.measures import MEASURES
from wa_analytics.controls.question import Question, counted
from wa_analytics.metrics.frames import MetricFrames, collected
from wa_analytics.settings import Settings

if TYPE_CHECKING:
    from wa_analytics.retention.schedule import ScheduleRow


def assess(
    frames: MetricFrames,
    settings: Settings,
    schedule: Sequence[ScheduleRow],
    check_results: Iterable[Mapping[str, Any]],
    as_of: datetime,
) -> list[Verdict]:
    """One verdict per control and company it binds, in the order of catalogue and settings.

    `check_results`: rows of the latest check run (`check_key`, `outcome_code`, `reason`); a piece
    whose checks did not run or crashed is not evaluated.
    """
    ran = {str(row["check_key"]): row for row in check_results}
    written_to = _written_to(frames, as_of)
    verdicts = []
    for control in catalogue():
        for entity in settings.entities:
            question = Question(control, entity, frames, schedule, as_of)
            unclear = _unclear(question, written_to)
            if unclear is not None:
                verdicts.append(_verdict(question, _blocked(control, settings) or unclear, ran))
    return verdicts


def _written_to(frames: MetricFrames, as_of: datetime) -> set[tuple[str, str | None]]:
    """(company, country or none known) of every message up to the moment."""
    messages = frames.lazy("messages").filter(nw.col("sent_at") <= as_of)
    pairs = collected(messages.select("entity", "country_code").unique())
    return {(entity, country or None) for entity, country in pairs.rows() if entity}


def _unclear(question: Question, written_to: set[tuple[str, str | None]]) -> str | None:
    """Why nobody can say whether the control binds the company; empty where it does, None where it does
    not."""
    control, entity, scope = question.control, question.entity, question.control.scope
    if control.entity_kinds and entity.kind not in control.entity_kinds:
        return None
    if not scope.countries or is_within(entity.jurisdiction, scope.seats):
        return ""
    if any((entity.key, country) in written_to for country in countries(scope.countries)):
        return ""
    if (entity.key, None) not in written_to:
        return None
    unplaced = counted("sends", question.sends(), total=~nw.col("sent_at").is_null()).total
    return (
        f"sends to people of no known country, who may be of one in scope: {unplaced:,}" if unplaced else None
    )


def _verdict(question: Question, blocked: str, ran: Mapping[str, Mapping[str, Any]]) -> Verdict:
    control = question.control
    pieces = tuple(
        PieceVerdict(evidence.piece, "not_evaluated", None, None, blocked)
        if blocked
        else _piece(question, evidence, ran)
        for evidence in control.evidence
    )
    verdict, reason = _concluded(pieces, blocked)
    return Verdict(
        control=control.id,
        framework=control.framework,
        citation=control.citation,
        entity=question.entity.key,
        verdict=verdict,
        reason=reason,
        evidence=pieces,
    )


def _blocked(control: Control, settings: Settings) -> str:
    """Why the whole control waits for a person's decision; empty if it does not."""
    if not control.needs_setting:
        return ""
    value: Any = settings
    for part in control.needs_setting.split("."):
        value = getattr(value, part)
    if value is None:
        return f"settings do not say {control.needs_setting}; counsel decides whether the rule applies"
    return "" if value else f"settings say {control.needs_setting} = false; counsel holds it not to apply"


def _piece(question: Question, evidence: Evidence, ran: Mapping[str, Mapping[str, Any]]) -> PieceVerdict:
    def unsaid(reason: str, numerator: int | None = None, denominator: int | None = None) -> PieceVerdict:
        return PieceVerdict(evidence.piece, "not_evaluated", numerator, denominator, reason)

    if evidence.missing:
        return unsaid(evidence.missing)
    for check in evidence.checks:
        result = ran.get(check)
        if result is None:
            return unsaid(f"check {check} has not run")
        if result["outcome_code"] not in ("pass", "fail"):
            return unsaid(f"check {check}: {result.get('reason') or result['outcome_code']}")
    counted = MEASURES[evidence.measure](question)
    limit = question.control.parameters[evidence.at_most] if evidence.at_most else 0
    share = f"{counted.exceptions:,} of {counted.total:,} {counted.noun}"
    if counted.exceptions > limit:
        return PieceVerdict(evidence.piece, "fail", counted.exceptions, counted.total, share)
    if counted.unjudged:
        asked = counted.total + counted.unjudged
        return unsaid(
            f"{counted.unjudged:,} of {asked:,} {counted.noun} could not be judged",
            counted.exceptions,
            counted.total,
        )
    if not counted.total:
        return unsaid(f"there are no {counted.noun} to judge", 0, 0)
    return PieceVerdict(evidence.piece, "pass", counted.exceptions, counted.total, share)


def _concluded(pieces: Sequence[PieceVerdict], blocked: str) -> tuple[VerdictCode, str]:
    failed = [piece for piece in pieces if piece.outcome == "fail"]
    passed = sum(piece.outcome == "pass" for piece in pieces)
    if failed:
        return "deficient", "; ".join(f"{piece.piece}: not so for {piece.reason}" for piece in failed)
    if blocked:
        return "not_evaluated", blocked
    if passed == len(pieces):
        return "effective", f"no exception found, {passed} of {passed} tests ran"
    missing = dict.fromkeys(piece.reason for piece in pieces if piece.outcome == "not_evaluated")
    return "not_evaluated", f"no exception found, {passed} of {len(pieces)} tests ran; {'; '.join(missing)}"
