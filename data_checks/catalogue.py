"""What the workbench checks, measures and keeps, as pages for people: `docs/catalogue.md` and the
lists in README.md, written from the code that decides.

    python -m data_checks.catalogue          # in a checkout; `make docs` calls it

Every function is pure text; only `main` writes. A test fails when a page no longer says what the
code does.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

from data_checks.check import Check
from data_checks.columns import inputs, tables
from data_checks.markdown import code, grid
from data_checks.reference import command_list, settings
from data_checks.suites import CATALOGUE
from wa_analytics.controls.control import Control, Evidence, Scope, catalogue
from wa_analytics.metrics.catalogue import METRICS
from wa_analytics.metrics.metric import Metric
from wa_analytics.retention.schedule import SHIPPED, ScheduleRow, read_schedule

UNITS = {"ratio": "share", "per_10k": "per 10,000", "count": "count"}
TRIGGERS = {
    "sent_at": "the message was sent",
    "last_entry_at": "the last entry of that class, of the same person and company",
    "created_at": "the record was made",
}
HEAD = ("record class", "entity kind", "jurisdiction", "authority", "floor", "ceiling", "from", "in force")


def main(folder: Path) -> None:
    """Write the pages of a checkout. Raises SystemExit where `folder` is none."""
    readme = folder / "README.md"
    if not readme.is_file():
        raise SystemExit(f"{folder} holds no README.md; run this in a checkout.")
    (folder / "docs").mkdir(exist_ok=True)
    (folder / "docs" / "catalogue.md").write_text(page(), encoding="utf-8")
    readme.write_text(renewed(readme.read_text(encoding="utf-8")), encoding="utf-8")


def renewed(text: str) -> str:
    """`text` with each list between `<!-- generated: NAME -->` and `<!-- end -->` made anew.

    Raises KeyError for a name that SECTIONS does not know.
    """

    def again(found: re.Match[str]) -> str:
        return f"{found[1]}\n{SECTIONS[found[2]]()}\n{found[3]}"

    marked = re.compile(r"(<!-- generated: ([a-z-]+) -->)\n.*?(<!-- end -->)", re.DOTALL)
    return marked.sub(again, text)


def page() -> str:
    """The whole of `docs/catalogue.md`."""
    return (
        "\n\n".join(
            [
                "# Catalogue",
                "Written by `make docs` from the code that decides; a test fails when it drifts.",
                "[Checks](#checks) · [Metrics](#metrics) · [Controls](#controls) · "
                "[Retention schedule](#retention-schedule) · [Input columns](#input-columns) · "
                "[Tables](#tables) · [Settings](#settings)",
                checks(),
                metrics(),
                controls(),
                retention(),
                inputs(),
                tables(),
                settings(),
            ]
        )
        + "\n"
    )


def checks() -> str:
    """Every check with what makes a row a finding."""
    parts = [
        "## Checks",
        "A check selects rows on which a rule's state column says that something is wrong. Its key is the "
        "rule of its findings. A check that could judge no row is *not evaluated*, and says why.",
    ]
    for suite in dict.fromkeys(check.suite for check in CATALOGUE):
        own = [check for check in CATALOGUE if check.suite == suite]
        parts += [f"### {suite}", *(_check(check) for check in own)]
    return "\n\n".join(parts)


def _check(check: Check) -> str:
    is_fixed = check.rows.subject.startswith("'")
    subject = code(check.rows.subject.strip("'")) if is_fixed else "named by the row"
    per = "id of the subject" if check.is_grouped else "row"
    unable = [reason for key, reason in check.unjudged.items() if key or len(check.unjudged) == 1]
    nothing = dict.fromkeys([*(need.reason for need in check.needs), check.nothing])
    lines = [
        f"**`{check.key}`** · {check.title} · {check.severity}",
        "",
        f"{check.meaning} Subject: {subject}; one finding per {per}.",
        "",
    ]
    if unable:
        lines.append(f"- Cannot judge a row where: {'; '.join(unable)}.")
    return "\n".join([*lines, f"- Not evaluated where: {'; '.join(nothing)}."])


def metrics() -> str:
    """Every metric with what it divides by what."""
    return "\n\n".join(
        [
            "## Metrics",
            "Every figure keeps its numerator and denominator; where nothing stands below the line the "
            "ratio is empty, never zero.",
            grid(
                ("metric", "unit", "counted", "of", "better", "at", "source"),
                (_metric(metric) for metric in METRICS.values()),
            ),
        ]
    )


def _metric(metric: Metric) -> tuple[str, ...]:
    return (
        f"`{metric.name}`<br>{metric.title}",
        UNITS[metric.unit],
        metric.numerator_meaning,
        metric.denominator_meaning or "–",
        metric.direction,
        "a moment" if metric.is_stock else "an interval",
        metric.source,
    )


def controls() -> str:
    """Every control with all the evidence its citation needs, and what is missing."""
    return "\n\n".join(
        [
            "## Controls",
            "Effective: every piece of evidence was evaluated and is within its threshold. Deficient: one "
            "is not. Not evaluated: anything else. A piece marked *missing* cannot be shown yet, so its "
            "control cannot be effective.",
            *(_control(control) for control in catalogue()),
        ]
    )


def _control(control: Control) -> str:
    parameters = ", ".join(f"`{name}` {value}" for name, value in control.parameters.items())
    lines = [
        f"### {control.id}",
        "",
        f"{control.framework} · {control.citation}",
        "",
        control.paraphrase,
        "",
        f"- Binds: {_binds(control)}",
        f"- Judges: {_judges(control.scope)}",
        f"- Parameters: {parameters or 'none'}",
    ]
    if control.needs_setting:
        lines.append(f"- Waits for the setting `{control.needs_setting}`")
    head = ("evidence", "measure", "at most", "checks that must have run")
    shown = grid(head, map(_piece, control.evidence))
    return "\n".join([*lines, "", shown])


def _binds(control: Control) -> str:
    kinds = f"companies of kind {code(*control.entity_kinds)}" if control.entity_kinds else "every company"
    scope = control.scope
    if not scope.countries:
        return kinds
    seats = f" seated in {code(*scope.seats)} or" if scope.seats else ""
    return f"{kinds}{seats} writing to people in {code(*scope.countries)}"


def _judges(scope: Scope) -> str:
    purposes = f"sends of purpose {code(*scope.purposes)}" if scope.purposes else "sends of every purpose"
    return purposes + (" that rely on consent" if scope.relies_on_consent else "")


def _piece(piece: Evidence) -> tuple[str, ...]:
    if piece.missing:
        return (piece.piece, f"**missing**: {piece.missing}", "–", "–")
    return (
        piece.piece,
        code(piece.measure),
        code(piece.at_most) if piece.at_most else "–",
        code(*piece.checks) if piece.checks else "–",
    )


def retention() -> str:
    """The shipped schedule, row by row."""
    return "\n\n".join(
        [
            "## Retention schedule",
            "As shipped; `retention.csv` in the workspace replaces it. Of the rows in force when the "
            "trigger happened, the floor that ends last and the ceiling that ends first count. A fallback "
            "floor counts only where no other floor applies.",
            grid(HEAD, map(_row, read_schedule(SHIPPED.parent))),
        ]
    )


def _row(row: ScheduleRow) -> tuple[str, ...]:
    start = row.effective_from.date().isoformat() if row.effective_from else ""
    end = row.effective_to.date().isoformat() if row.effective_to else ""
    return (
        row.record_class or "any",
        row.entity_kind or "any",
        row.jurisdiction or "any",
        row.authority,
        (row.floor + (" (fallback)" if row.is_fallback else "")) or "–",
        row.ceiling or "–",
        TRIGGERS[row.trigger],
        f"{start or '…'} to {end or '…'}" if start or end else "always",
    )


def check_list() -> str:
    """The README's list of checks."""
    rows = ((f"`{check.key}`", check.severity, check.title) for check in CATALOGUE)
    return grid(("check", "severity", "finds"), rows)


def metric_list() -> str:
    """The README's list of metrics."""
    rows = (
        (f"`{metric.name}`", metric.numerator_meaning, metric.denominator_meaning or "–")
        for metric in METRICS.values()
    )
    return grid(("metric", "counted", "of"), rows)


def control_list() -> str:
    """The README's list of controls."""
    rows = (
        (
            f"`{control.id}`",
            control.citation,
            control.paraphrase,
            str(sum(bool(piece.missing) for piece in control.evidence) or "–"),
        )
        for control in catalogue()
    )
    return grid(("control", "citation", "asks", "pieces missing"), rows)


SECTIONS: dict[str, Callable[[], str]] = {
    "commands": command_list,
    "checks": check_list,
    "metrics": metric_list,
    "controls": control_list,
}


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
