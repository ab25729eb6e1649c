"""The oracle's parties with time: numbers that changed hands. Brute force, no code of the product's.

DECISION (README, "Who is who"): "Two user ids on one number, and nothing but the number links them … they
are two: what names the number alone belongs to the later holder from the first evidence of them on."
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from tests.oracle_facts import (
    Identifier,
    business,
    canonical,
    entity_of,
    evidence_of_sameness,
    identifier,
    people,
    register_people,
)
from tests.worlds import World

Node = tuple[str, str]


@dataclass(frozen=True)
class Pair:
    """Evidence that two identifiers are one person: where, and when first."""

    one: Identifier
    other: Identifier
    rule: str
    entity: str
    at: datetime


def pairs(world: World) -> list[Pair]:
    """Of every two identifiers, rule and company only the earliest evidence counts."""
    told: list[Pair] = []

    def tell(found: list[Identifier], rule: str, entity: str | None, at: datetime) -> None:
        same = [canonical(one) for one in found]
        told.extend(
            Pair(*sorted((one, other)), rule, entity or "", at)
            for place, one in enumerate(same)
            for other in same[place + 1 :]
            if one != other
        )

    for rows in (
        world.inbound, world.preferences, world.calls, world.echoes, world.statuses, world.versions,
    ):  # fmt: skip
        for row in rows:
            tell(people(row.phone, row.user_id), "contact", entity_of(world, row.channel_id), row.at)
    for message in world.inbound:
        if message.type == "system":
            rule = "number" if message.new_phone else "user id"
            everyone = people(message.phone, message.user_id)
            everyone += people(message.new_phone, message.new_user_id)
            tell(everyone, rule, entity_of(world, message.channel_id), message.at)
    for record in world.register:
        companies = business(world, record.business_name)
        entity = "default" if not world.entities else min(companies or {""})
        tell(register_people(record), "register", entity, record.occurred_at)
    for status in world.statuses:
        if status.group_id:
            continue
        sent = [identifier(row.to) for row in world.sends if row.message_id == status.message_id]
        for echo in world.echoes:
            if echo.message_id == status.message_id:
                sent += people(echo.phone, echo.user_id)[:1]
        for to in sent:
            both = [to, *people(status.phone, status.user_id)[:1]]
            tell(both, "message", entity_of(world, status.channel_id), status.at)
    for message_id in {row.message_id for row in world.statuses}:
        rows = [row for row in world.statuses if row.message_id == message_id]
        # By what a status names its recipient: the phone where there is one.
        named = {canonical(one) for row in rows for one in people(row.phone, row.user_id)[:1]}
        if sorted(kind for kind, _ in named) == ["phone", "user_id"] and not any(r.group_id for r in rows):
            for row in rows:
                entity = entity_of(world, row.channel_id)
                tell(sorted(named), "recipient", entity, min(one.at for one in rows))
    first: dict[tuple[Identifier, Identifier, str, str], Pair] = {}
    for pair in told:
        key = (pair.one, pair.other, pair.rule, pair.entity)
        if key not in first or pair.at < first[key].at:
            first[key] = pair
    return list(first.values())


def connected(sets: list[set[Node]]) -> dict[Node, int]:
    """Number of the connected set of each node."""
    groups: list[set[Node]] = []
    for one in sets:
        touching = [group for group in groups if group & one]
        groups = [group for group in groups if not group & one]
        groups.append(set(one).union(*touching))
    return {node: number for number, group in enumerate(groups) for node in group}


def shown_with(told: list[Pair], number: Identifier) -> list[tuple[datetime, Identifier, str]]:
    """(when first, user id, company) of each user id the platform showed with a number."""
    return [
        (pair.at, user, pair.entity)
        for pair in told
        if pair.rule in ("contact", "message", "recipient")
        for phone, user in ((pair.one, pair.other), (pair.other, pair.one))
        if phone == number and user[0] == "user_id"
    ]


@dataclass
class Holding:
    """A number, one of its persons, since when, by which user ids."""

    since: datetime
    first: Identifier
    person: int


@dataclass
class Parties:
    """Identifier and moment → number of the party. `later`: party → parties that hold a number after it.
    `asked`: party of a later holder → when the number came to it."""

    fixed: dict[Node, int] = field(default_factory=dict)
    changes: dict[Identifier, list[tuple[datetime, str]]] = field(default_factory=dict)
    later: dict[int, set[int]] = field(default_factory=dict)
    asked: dict[int, datetime] = field(default_factory=dict)

    def at(self, one: Identifier, moment: datetime) -> int:
        return self.fixed[self.node(one, moment)]

    def __getitem__(self, one: Identifier) -> int:
        return self.fixed[one]

    def name(self, party: int) -> str:
        """The smallest user id of a party."""
        return min(one[1] for one, number in self.fixed.items() if number == party and one[0] == "user_id")

    def node(self, one: Identifier, moment: datetime) -> Node:
        number = canonical(one)
        if number not in self.changes:
            return one
        begun = [name for at, name in self.changes[number] if at <= moment]
        return ("epoch", f"{number[1]} {begun[-1] if begun else ''}")

    def before(self, party: int | None) -> set[int]:
        """Parties that held a number before this one did, however often it changed since."""
        found: set[int] = set()
        while True:
            more = {one for one, others in self.later.items() if others & ({party} | found)}
            if more <= found:
                return found - {party}  # type: ignore[arg-type]
            found |= more


def holdings(told: list[Pair], number: Identifier, persons: dict[Node, int]) -> list[tuple[Holding, str]]:
    """(holding, company): one per person and company that saw them on the number."""
    shown = shown_with(told, number)
    found = []
    for person in {persons[user] for _, user, _ in shown}:
        since, first = min((at, user) for at, user, _ in shown if persons[user] == person)
        companies = {company for _, user, company in shown if persons[user] == person}
        found += [(Holding(since, first, person), company) for company in companies]
    return found


def split(told: list[Pair]) -> tuple[set[Identifier], dict[Node, int]]:
    """The numbers that changed hands, and who is one person by everything but them."""
    numbers = {one for pair in told for one in (pair.one, pair.other) if one[0] == "phone"}
    users = {user for number in numbers for _, user, _ in shown_with(told, number)}
    apart = numbers
    while True:
        sets: list[set[Node]] = [{pair.one, pair.other} for pair in told] + [{user} for user in users]
        persons = connected([one for one in sets if not one & apart])
        still = {
            number
            for number in apart
            for company in {company for _, _, company in shown_with(told, number)}
            if len({h.person for h, where in holdings(told, number, persons) if where == company}) > 1
        }
        if still == apart:
            return apart, persons
        apart = still


def parties(world: World) -> Parties:
    links = evidence_of_sameness(world)
    told = pairs(world)
    apart, persons = split(told)
    found = Parties()
    asked: list[tuple[Node, Node, datetime]] = []
    for number in apart:
        begun: set[tuple[datetime, str]] = set()
        seen = holdings(told, number, persons)
        for company in {where for _, where in seen}:
            here = sorted((h for h, where in seen if where == company), key=lambda h: (h.since, h.first))
            for one, other in pairwise(here):
                begun.add((other.since, other.first[1]))
                asked.append((one.first, other.first, other.since))
        found.changes[number] = sorted(begun)

    def placed(one: Identifier, other: Identifier, at: datetime) -> Node:
        """The epoch of a number that a link speaks of."""
        if one not in found.changes:
            return one
        mine = [h for h, _ in holdings(told, one, persons) if h.person == persons.get(other)]
        if not mine:
            return found.node(one, at)
        name = mine[0].first[1]
        if any(name == begun for _, begun in found.changes[one]):
            return ("epoch", f"{one[1]} {name}")
        earlier = [begun for start, begun in found.changes[one] if start < mine[0].since]
        return ("epoch", f"{one[1]} {earlier[-1] if earlier else ''}")

    sets: list[set[Node]] = [
        {placed(pair.one, pair.other, pair.at), placed(pair.other, pair.one, pair.at)} for pair in told
    ]
    sets += [{one, canonical(one)} for link in links for one in link if canonical(one) not in found.changes]
    for number, begun in found.changes.items():
        sets += [{("epoch", f"{number[1]} {name}")} for name in ("", *(name for _, name in begun))]
    found.fixed = connected(sets)
    for left, right, at in asked:
        before, after = found.fixed[left], found.fixed[right]
        found.later.setdefault(before, set()).add(after)
        found.asked[after] = min(at, found.asked.get(after, at))
    return found
