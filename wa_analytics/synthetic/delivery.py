"""What becomes of a send: its statuses, in the order and company in which the platform tells them."""

from __future__ import annotations

import random

from wa_analytics.synthetic import bodies
from wa_analytics.synthetic.people import Person

UNDELIVERABLE = 131026


def deliveries(
    rng: random.Random,
    person: Person,
    at: int,
    message_id: str,
    fate: str,
    priced: str,
    code: int | None,
    end: int,
) -> list[tuple[str, float]]:
    """(`"statuses":[…]` with its contacts, when it arrives), each one webhook.

    fate: sent, delivered, read, read_only (read without delivered) or failed. A price comes with
    `sent` and with one of delivered and read. Some come two in a body, some after a later one;
    what would happen after `end` has not happened.
    """
    sent_at = at + 1
    delivered_at = sent_at + 1 + int(rng.random() * 40)
    read_at = delivered_at + 5 + int(rng.random() ** 3 * 6_000)
    if fate == "failed":
        told = bodies.status(person, sent_at, message_id, "failed", "", code or UNDELIVERABLE)
        return [(f'"statuses":[{told}]', sent_at + 1)]
    steps = [("sent", sent_at, priced)]
    if fate in ("delivered", "read"):
        steps.append(("delivered", delivered_at, priced))
    if fate in ("read", "read_only"):
        steps.append(("read", read_at, priced if fate == "read_only" else ""))
    objects = [
        (bodies.status(person, when, message_id, name, category, None), when)
        for name, when, category in steps
        if when < end
    ]
    who = bodies.contacts(person, sent_at)
    found: list[tuple[str, float]] = []
    chance = rng.random()
    if chance < 0.15 and len(objects) > 1:
        both = ",".join(one for one, _ in objects[:2])
        found.append((f'{who},"statuses":[{both}]', objects[1][1] + 1.2))
        objects = objects[2:]
    for one, when in objects:
        arrived_at = when + 0.3 + rng.random() * 2
        if chance > 0.97:
            latest = objects[-1][1]
            arrived_at = latest + (latest - when) * 0.5 + rng.random() * 3
        found.append((f'{who},"statuses":[{one}]', min(arrived_at, end)))
    return found
