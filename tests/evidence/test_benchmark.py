"""The benchmark runs and measures what it says, at sizes that mean nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_evidence_benchmark_runs() -> None:
    command = [sys.executable, "benchmarks/evidence.py", "--sizes", "300,600", "--json"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert [run["entries"] for run in told["runs"]] == [300, 600]
    for run in told["runs"]:
        assert all(value > 0 for part in ("seconds", "ceilings", "ratios") for value in run[part].values())
    assert set(told["exponents"]) >= {"append", "seal", "verify", "prove", "bundle"}
