"""Self-contained pages: templates with the house style, no script, nothing loaded from anywhere."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from wa_analytics.reports import wording

if TYPE_CHECKING:
    from jinja2 import Environment

#: outcome or verdict → class of the badge and the sign before its words (colour is never alone)
BADGES = {
    "pass": ("good", "✓"),
    "effective": ("good", "✓"),
    "fail": ("bad", "✕"),
    "deficient": ("bad", "✕"),
    "not_evaluated": ("open", "?"),
}


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The templates of this room, escaping everything, refusing undefined names."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("wa_analytics.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        moment=wording.moment,
        day=wording.day,
        last_day=wording.last_day,
        whole=wording.whole,
        span=wording.span,
        several=wording.several,
        period=wording.period,
        counted=wording.counted,
    )
    made.globals.update(
        badges=BADGES,
        verdicts=wording.VERDICTS,
        pieces=wording.PIECES,
        legal_footer=wording.LEGAL_FOOTER,
    )
    return made


def page(template: str, **values: Any) -> str:
    """The filled template as one HTML document."""
    return environment().get_template(template).render(**values)
