"""Great Expectations on the tables: what the evidence lacks, as findings.

    import data_checks
    outcome = data_checks.run("postgresql://…")     # or run(home="wa-home")

`data_checks.run` is the module and may be called as the function of its name. Nothing here imports
Great Expectations before a run begins.
"""

from __future__ import annotations

import importlib
from types import ModuleType


def __getattr__(name: str) -> ModuleType:
    if name == "run":
        return importlib.import_module("data_checks.run")
    raise AttributeError(name)
