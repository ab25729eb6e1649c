"""What becomes of each record of a person who asks for erasure.

A legal hold keeps it for claims (GDPR Art. 17(3)(e)); a floor of Union or Member-State law that still
runs keeps it (Art. 17(3)(b)); where only another law's floor stands against it, a person decides,
since the Regulation does not know that exception; everything else goes. Proof of consent follows
the sends it is needed for (Art. 7(1)).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

import msgspec

ERASE, KEEP_DUTY, KEEP_CLAIMS, KEEP_DECIDED, NEEDS_DECISION = (
    "erase",
    "keep_duty",
    "keep_claims",
    "keep_decided",
    "needs_decision",
)
ForeignDuty = Literal["ask", "erase", "keep"]
# What weighs more among the sends that a proof of consent is kept for.
WEIGHT = (KEEP_CLAIMS, KEEP_DUTY, KEEP_DECIDED, NEEDS_DECISION)


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What stands against erasing one message. union_until: latest floor of Union or Member-State
    law; retain_until: latest floor of all."""

    hold_id: str | None = None
    union_until: datetime | None = None
    union_rule: str | None = None
    retain_until: datetime | None = None
    retain_rule: str | None = None


class Decision(msgspec.Struct, frozen=True):
    """code: erase, keep_duty, keep_claims, keep_decided (by a person, against another law's floor
    or for it) or needs_decision. rule: what stands against it; keep_until: when that ends."""

    code: str
    rule: str | None = None
    keep_until: datetime | None = None


def message_decision(standing: Standing, as_of: datetime, foreign_duty: ForeignDuty = "ask") -> Decision:
    """Whether one message goes. foreign_duty: what a person decided where only a floor that is not
    of Union or Member-State law stands against it."""
    if standing.hold_id is not None:
        return Decision(KEEP_CLAIMS, standing.hold_id)
    union, until = standing.union_until, standing.retain_until
    if union is not None and until is not None and min(union, until) > as_of:
        return Decision(KEEP_DUTY, standing.union_rule, min(union, until))
    if until is not None and until > as_of:
        code = {"ask": NEEDS_DECISION, "erase": ERASE, "keep": KEEP_DECIDED}[foreign_duty]
        return Decision(code, standing.retain_rule, until)
    return Decision(ERASE)


def strictest(decisions: Iterable[Decision]) -> Decision:
    """What weighs most: a consent record stays as long as a send of its company stays that it speaks for,
    and what may be any company's record as long as one of them must keep it."""
    kept = [decision for decision in decisions if decision.code != ERASE]
    if not kept:
        return Decision(ERASE)
    strongest = min(kept, key=lambda decision: WEIGHT.index(decision.code))
    ends = [decision.keep_until for decision in kept if decision.keep_until is not None]
    return Decision(strongest.code, strongest.rule, max(ends) if ends else None)
