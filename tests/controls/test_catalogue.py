"""The catalogue says for every control where it stands, what it asks, and every piece it needs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wa_analytics.controls.assess import assess
from wa_analytics.controls.control import catalogue
from wa_analytics.controls.measures import MEASURES
from wa_analytics.incidents.detect import TITLES

DOZEN = [
    "WAP-01", "WAP-02", "WAP-03", "GDP-02", "GDP-05", "GDP-06",
    "PEC-01", "LGP-01", "SEC-01", "FIN-01", "TCP-01", "MDM-07",
]  # fmt: skip


def test_the_dozen() -> None:
    assert [control.id for control in catalogue()] == DOZEN


def test_every_piece_is_computed_or_says_what_is_missing() -> None:
    used = set()
    for control in catalogue():
        assert control.evidence, control.id
        for evidence in control.evidence:
            assert bool(evidence.measure) != bool(evidence.missing), (control.id, evidence.piece)
            if evidence.measure:
                used.add(evidence.measure)
                assert evidence.measure in MEASURES, evidence.measure
                assert not evidence.at_most or evidence.at_most in control.parameters, evidence.piece
            assert set(evidence.checks) <= set(TITLES), evidence.checks
    assert used == set(MEASURES)


def test_ids_and_parameters_agree_with_the_reference_list(shared_folder: Path) -> None:
    reference = {
        row["id"]: row for row in json.loads((shared_folder / "reference/controls.json").read_text())
    }
    for control in catalogue():
        assert control.id in reference
    assert "retain_years=3" in reference["SEC-01"]["parameters"]
    by_id = {control.id: control for control in catalogue()}
    assert by_id["SEC-01"].parameters["retain_years"] == 3
    assert by_id["FIN-01"].parameters["retain_years"] == 6
    assert by_id["TCP-01"].parameters["business_days"] == 10
    assert by_id["WAP-03"].parameters["hours"] == 24


@pytest.mark.parametrize("verdict_word", ["compliant"])
def test_no_verdict_calls_anyone_compliant(verdict_word: str) -> None:
    text = " ".join([assess.__doc__ or "", *(control.paraphrase for control in catalogue())])
    assert verdict_word not in text.lower()
