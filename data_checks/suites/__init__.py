"""The catalogue: every `CHECKS` of the files in this folder, in the order of their names."""

from __future__ import annotations

import importlib
import pkgutil

from data_checks.check import Check


def _gathered() -> tuple[Check, ...]:
    found: dict[str, Check] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        for check in importlib.import_module(f"{__name__}.{module.name}").CHECKS:
            if check.key in found:
                raise ValueError(f"two checks are called {check.key}; rename one")
            found[check.key] = check
    return tuple(found.values())


CATALOGUE: tuple[Check, ...] = _gathered()
SUITES: tuple[str, ...] = tuple(dict.fromkeys(check.suite for check in CATALOGUE))
