"""Rules and their open findings, as several pages list them."""

from __future__ import annotations

from dashboard import look
from dashboard.board import RuleLine
from wa_analytics.reports.wording import whole


def rule_table(lines: tuple[RuleLine, ...], *, has_recent: bool = True) -> look.Html:
    """Rules with severity, open findings and the three-valued outcome; `has_recent`: those of the
    last week, too."""
    words = {"pass": "no exception found", "fail": "exceptions found", "not_evaluated": "not evaluated"}
    head = ["rule", "severity", "open", "of the last 7 days", "outcome"]
    rows = []
    for line in lines:
        counts = [line.open_count, line.recent_count]
        rows.append(
            [
                look.with_note(line.title, look.told(line.reason) if line.reason else line.rule),
                look.severity(line.severity),
                *("–" if line.outcome == "not_evaluated" else whole(count) for count in counts),
                look.verdict(line.outcome, words[line.outcome]),
            ]
        )
    if not has_recent:
        for cells in (head, *rows):
            del cells[3]
    return look.table(head, rows, numeric=(2, 3) if has_recent else (2,))
