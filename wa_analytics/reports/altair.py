"""Altair for every chart of the house: `from wa_analytics.reports.altair import alt`.

Imported when a chart is drawn, never before.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["alt"]


@contextmanager
def _without_address_grammar() -> Iterator[None]:
    """Keeps jsonschema, which Altair imports, from building a grammar of web addresses.

    Where JupyterLab is installed, that takes more than half of Altair's import; no chart is checked by it.
    """
    grammar = "rfc3987_syntax"
    if grammar in sys.modules:
        yield
        return
    sys.modules[grammar] = None  # type: ignore[assignment]  # how Python spells "cannot be imported"
    try:
        yield
    finally:
        del sys.modules[grammar]


with _without_address_grammar():
    import altair as alt
