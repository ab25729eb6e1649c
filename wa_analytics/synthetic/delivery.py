"""What becomes of a send: its steps, in the order and company in which they are told."""

from __future__ import annotations

import random
from typing import NamedTuple

UNDELIVERABLE = 131026
GIVEN_UP_SECONDS = 2 * 86_400


class Step(NamedTuple):
    """name: sent, delivered, read, failed or expired. priced: the platform's category, where told."""

    name: str
    at: int
    priced: str = ""
    code: int | None = None


def deliveries(
    rng: random.Random, at: int, fate: str, priced: str, code: int | None, end: int
) -> list[tuple[list[Step], float]]:
    """(steps told together, when they arrive).

    fate: sent, delivered, read, read_only (read without delivered), failed or untold. A price comes with
    `sent` and with one of delivered and read. Some come two in a body, some after a later one;
    what would happen after `end` has not happened.
    """
    if fate == "untold":
        return []
    sent_at = at + 1
    delivered_at = sent_at + 1 + int(rng.random() * 40)
    read_at = delivered_at + 5 + int(rng.random() ** 3 * 6_000)
    if fate == "failed":
        return [([Step("failed", sent_at, code=code or UNDELIVERABLE)], sent_at + 1)]
    steps = [Step("sent", sent_at, priced)]
    if fate in ("delivered", "read"):
        steps.append(Step("delivered", delivered_at, priced))
    if fate in ("read", "read_only"):
        steps.append(Step("read", read_at, priced if fate == "read_only" else ""))
    if fate == "sent":
        steps.append(Step("expired", sent_at + GIVEN_UP_SECONDS))
    steps = [step for step in steps if step.at < end]
    found: list[tuple[list[Step], float]] = []
    chance = rng.random()
    if chance < 0.15 and len(steps) > 1:
        found.append((steps[:2], steps[1].at + 1.2))
        steps = steps[2:]
    for step in steps:
        arrived_at = step.at + 0.3 + rng.random() * 2
        if chance > 0.97:
            latest = steps[-1].at
            arrived_at = latest + (latest - step.at) * 0.5 + rng.random() * 3
        found.append(([step], min(arrived_at, end)))
    return found
