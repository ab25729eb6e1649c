"""The controls report: per control what it asks, and per company every piece of its evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from wa_analytics.controls.control import Control, Verdict, catalogue
from wa_analytics.reports.overview import Freshness


def controls_report(
    verdicts: Sequence[Verdict],
    companies: Mapping[str, str],
    freshness: Freshness,
    as_of: datetime,
) -> str:
    """The verdicts as a self-contained HTML document; `companies` maps entity to the name shown."""
    from wa_analytics.reports.page import page

    binding: list[tuple[Control, list[Verdict]]] = [
        (control, [verdict for verdict in verdicts if verdict.control == control.id])
        for control in catalogue()
    ]
    return page(
        "controls.html",
        title="WhatsApp compliance controls",
        controls=[(control, found) for control, found in binding if found],
        unbound=[control.id for control, found in binding if not found],
        counts={
            code: sum(v.verdict == code for v in verdicts)
            for code in ("effective", "deficient", "not_evaluated")
        },
        companies=companies,
        freshness=freshness,
        as_of=as_of,
    )
