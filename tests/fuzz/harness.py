"""One law under atheris: `python tests/fuzz/harness.py LAW CORPUS [libFuzzer options]`."""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[2]))
with atheris.instrument_imports(include=["wa_analytics.providers", "wa_analytics.receiver"]):
    from tests.fuzz.laws import LAWS

law = LAWS[sys.argv.pop(1)]
atheris.Setup(sys.argv, law)
atheris.Fuzz()
