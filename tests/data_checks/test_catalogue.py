"""The catalogue is complete, documented and cheap to import."""

from __future__ import annotations

import subprocess
import sys

import pytest

from data_checks.check import CONTEXT_COLUMNS, Check
from data_checks.suites import CATALOGUE, SUITES

SEVERITIES = {
    "consent.withdrawn": "critical",
    "consent.refused": "critical",
    "consent.never_asked": "high",
    "consent.expired": "high",
    "consent.wrong_purpose": "high",
    "consent.unconfirmed": "high",
    "consent.recorded_late": "medium",
    "consent.incomplete_record": "medium",
    "consent.asked_again": "medium",
    "consent.purpose_mismatch": "medium",
    "consent.unknown_business": "low",
    "window.free_form_outside": "high",
    "capture.body_missing": "high",
    "capture.conflicting": "medium",
    "capture.signature_invalid": "critical",
    "capture.unreadable": "high",
    "capture.volume_gap": "high",
    "capture.unknown_message": "high",
    "capture.status_missing": "medium",
    "capture.silence": "high",
    "capture.media_missing": "high",
    "capture.diverted": "critical",
    "capture.offboarded": "critical",
    "capture.unsupported": "low",
    "retention.overdue": "high",
    "retention.conflict": "medium",
    "retention.unscheduled": "low",
    "retention.disposed_early": "critical",
    "freshness.capture": "high",
    "identity.ambiguous": "high",
    "integrity.message_columns": "high",
    "integrity.consent_event_columns": "high",
    "integrity.message_party": "high",
    "integrity.consent_event_party": "high",
    "integrity.status_message": "high",
    "integrity.message_entry": "critical",
}


def test_the_catalogue_is_what_was_agreed() -> None:
    assert {check.key: check.severity for check in CATALOGUE} == SEVERITIES
    assert len(CATALOGUE) == len(SEVERITIES), "two checks share a key"
    assert SUITES == (
        "capture",
        "completeness",
        "consent",
        "freshness",
        "identity",
        "integrity",
        "retention",
        "window",
    )


@pytest.mark.parametrize("check", CATALOGUE, ids=lambda check: check.key)
def test_a_check_is_documented(check: Check) -> None:
    assert check.key.split(".")[0] == {"completeness": "capture"}.get(check.suite, check.suite)
    assert check.title == check.title.strip()
    assert 0 < len(check.title) <= 60
    assert len(check.meaning) > 40
    assert check.meaning.endswith(".")
    assert check.nothing
    assert set(check.context) <= set(CONTEXT_COLUMNS)
    assert bool(check.not_evaluated) == bool(check.unjudged), "rows not judged need their reason"


def test_the_commands_cost_no_heavy_import() -> None:
    script = (
        "import sys, data_checks.commands; "
        "print([name for name in ('great_expectations', 'pandas', 'polars', 'sqlmodel', 'sqlalchemy') "
        "if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_checks_begin_without_the_grammar_of_addresses() -> None:
    """Great Expectations imports Altair, whose jsonschema builds it where JupyterLab is installed."""
    script = (
        "import sys\n"
        "from data_checks.context import Context\n"
        "from wa_analytics.database import Database\n"
        "Context(Database('sqlite://'))\n"
        "print('great_expectations' in sys.modules, 'altair' in sys.modules, 'rfc3987_syntax' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert shown.stdout.split() == ["True", "True", "False"]
