"""Data Docs: what Great Expectations found, as one page that loads nothing and shows no value.

Great Expectations' own pages load sixteen assets and a tracking logo from other hosts, so its
validation results are rendered here: `index.html` for people, `validation_results.json` for
machines. Both hold counts, rule texts and SQL (whose only literals are instants and closed words).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from data_checks.check import Check
from data_checks.outcome import RunOutcome
from wa_analytics.errors import WorkbenchError
from wa_analytics.reports.wording import moment

OUTCOME_WORDS = {
    "pass": "✓ no exception found",
    "fail": "✕ exceptions found",
    "not_evaluated": "? not evaluated",
    "error": "! could not run",
}


def write_docs(
    folder: Path,
    outcome: RunOutcome,
    checks: Sequence[Check],
    parts: Mapping[str, Sequence[Mapping[str, Any]]],
) -> Path:
    """Write both files to `folder`, replacing those of the run before; returns the page.

    parts: check key → one row per expectation (`expectation, column, query, success,
    unexpected_count`).
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters.update(moment=moment, told=_told)
    template = environment.from_string(
        (files("data_checks") / "data_docs.html.j2").read_text(encoding="utf-8")
    )
    by_key = {check.key: check for check in checks}
    suites: dict[str, list[dict[str, Any]]] = {}
    for result in outcome.results:
        suites.setdefault(result.suite, []).append(
            {"check": by_key[result.check], "result": result, "parts": parts[result.check]}
        )
    ran = sum(result.outcome in ("pass", "fail") for result in outcome.results)
    page = template.render(
        outcome=outcome,
        suites=suites,
        words=OUTCOME_WORDS,
        ran=ran,
        failed=sum(result.outcome == "fail" for result in outcome.results),
        total=len(outcome.results),
    )
    document = outcome.document()
    for row in document["results"]:
        row["expectations"] = list(parts[row["check"]])
    place = folder / "index.html"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        place.write_text(page, encoding="utf-8")
        (folder / "validation_results.json").write_text(
            json.dumps(document, indent=1) + "\n", encoding="utf-8"
        )
    except OSError as error:
        raise WorkbenchError(
            f"Data Docs cannot be written to {folder} ({type(error).__name__}); the checks are "
            "recorded, name another folder with --docs."
        ) from None
    return place


def _told(text: str) -> Markup:
    """A sentence in which words between backticks are a name."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704  # escaped before
