"""The catalogue is the folder, and asking for what is not there is answered in one sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import wa_analytics.metrics
from tests.metrics.test_figures import AS_OF, frames_on
from wa_analytics.errors import InputRefused
from wa_analytics.metrics.catalogue import METRICS, metric_named
from wa_analytics.metrics.metric import shown_value

MACHINERY = {"__init__", "cases", "catalogue", "frames", "interval", "metric"}


def test_one_file_per_metric_and_one_metric_per_file() -> None:
    folder = Path(str(wa_analytics.metrics.__file__)).parent
    assert {path.stem for path in folder.glob("*.py")} - MACHINERY == set(METRICS)


def test_every_metric_says_what_it_means() -> None:
    for metric in METRICS.values():
        assert metric.numerator_meaning, metric.name
        assert metric.denominator_meaning, metric.name
        assert metric.source, metric.name
        assert metric.title[0].isupper(), metric.name


def test_unknown_names_are_refused() -> None:
    with pytest.raises(InputRefused, match="consent_coverage"):
        metric_named("coverage")
    with pytest.raises(InputRefused, match="business_unit"):
        METRICS["consent_coverage"].compute(frames_on("polars"), AS_OF, ["party"])


def test_rates_are_multiplied_only_when_shown() -> None:
    assert shown_value("per_10k", 3, 0.0003) == pytest.approx(3.0)
    assert shown_value("ratio", 3, 0.5) == 0.5
    assert shown_value("count", 7, None) == 7
    assert shown_value("ratio", 0, None) is None
    assert shown_value("count", None, None) is None


def test_metrics_import_no_drawing_library() -> None:
    code = (
        "import sys, wa_analytics.metrics.catalogue, wa_analytics.controls, wa_analytics.incidents;"
        "print([m for m in ('altair', 'vl_convert', 'pandas', 'jinja2', 'sqlmodel') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
