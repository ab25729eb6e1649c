"""What can be counted for a piece of evidence: exceptions, of how many, and what could not be judged.

Every measure only selects on state columns that a rule already computed. Counting is done on
Narwhals lazy frames; what comes back is three numbers. A file per subject; the catalogue names a
measure by its function.
"""

from __future__ import annotations

from collections.abc import Callable

from wa_analytics.controls.measures import completeness, consent, evidence, retention, window
from wa_analytics.controls.question import Counted, Question

MEASURES: dict[str, Callable[[Question], Counted]] = {
    measure.__name__: measure
    for subject in (consent, window, retention, completeness, evidence)
    for measure in subject.MEASURES
}
