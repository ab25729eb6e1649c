"""Who held a phone number when: numbers that changed hands, and what that does to parties.

Decision: a number changed hands where, within one company, platform evidence shows it with two user ids
that nothing but the number links. Nobody can tell whether another person got the number or its holder
registered anew, so a person decides; until then the number is read as another identifier, an *epoch*,
from the first evidence of the later user id on. Compared within one company, because a user id belongs to
one business portfolio: the same person has another one elsewhere. A user id is placed in the epoch of its
holder; anything else the number is linked with, in the epoch of the time at which it was told.

Source: Meta, business-scoped user ids (June 2026).
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple

import narwhals as nw

from wa_analytics.normalise.identity import parties

HOLDING = ("contact", "same_message", "one_recipient")
SAME = "same"

Frame = nw.LazyFrame[Any]


class Told(NamedTuple):
    """One row of identity_event."""

    left: str
    right: str
    rule: str
    entity: str
    at: datetime | None


class Change(NamedTuple):
    """A number's later holder. left, right: user ids of the earlier and the later holder; where they are
    gone, the number's epochs. decision: same, different or None."""

    number: str
    left: str
    right: str
    entity: str
    at: datetime
    decision: str | None


class Epoch(NamedTuple):
    """A phone (any form of a number) in the time of one holder; half-open, None is without end."""

    phone: str
    digest: str
    start: datetime | None
    end: datetime | None


class Holders(NamedTuple):
    """changes: every question, decided ones too. epochs: of the numbers read apart. links: those that
    hold, with epochs in place of phones."""

    changes: list[Change]
    epochs: list[Epoch]
    links: list[tuple[str, str]]


class Holding(NamedTuple):
    """The user ids of one person on one number: the earliest of them, and since when."""

    at: datetime
    user_id: str


def epoch_digest(phone: str, holder: str) -> str:
    """The identifier digest of a phone from a holder on; made of keyed digests alone."""
    return hashlib.sha256(f"{phone}@{holder}".encode()).hexdigest()[:32]


def holders(
    numbers: Collection[str],
    told: Sequence[Told],
    links: Sequence[tuple[str, str]],
    user_ids: Collection[str],
    decisions: Sequence[tuple[str, str, str]] = (),
    kept: Iterable[tuple[str, str, datetime]] = (),
) -> Holders:
    """numbers: canonical digests of phones with several user ids. told, links: everything of the parties
    they belong to. decisions: (one, other, code), the latest last. kept: (number, epoch, since when) of
    evidence that is disposed of."""
    return _Holders(numbers, told, links, user_ids, decisions, kept).found()


class _Holders:
    def __init__(
        self,
        numbers: Collection[str],
        told: Sequence[Told],
        links: Sequence[tuple[str, str]],
        user_ids: Collection[str],
        decisions: Sequence[tuple[str, str, str]],
        kept: Iterable[tuple[str, str, datetime]],
    ) -> None:
        self.told = [row for row in told if not row.rule.startswith("phone.")]
        self.edges = [*links, *((row.left, row.right) for row in self.told)]
        self.decisions = decisions
        self.forms: dict[str, set[str]] = defaultdict(set)
        for row in told:
            if row.rule.startswith("phone."):
                self.forms[row.left].add(row.right)
        self.seen: dict[str, list[Told]] = defaultdict(list)
        for row in self.told:
            if row.rule in HOLDING and row.right in user_ids:
                self.seen[row.left].append(row)
        self.kept: dict[str, list[tuple[str, datetime]]] = defaultdict(list)
        for number, epoch, at in kept:
            # Of whom evidence tells since an earlier holder, evidence decides.
            later = {row.right for row in self.seen[number]} - {row.right for row in self._first(number)}
            if epoch not in {epoch_digest(number, user_id) for user_id in later}:
                self.kept[number].append((epoch, at))
        self.numbers = set(numbers)

    def _first(self, number: str) -> list[Told]:
        """The earliest row that shows the number with a user id, if any."""
        return sorted(self.seen[number], key=lambda row: (row.at, row.right))[:1]

    def found(self) -> Holders:
        apart = self._apart()
        plain = self._persons(apart)
        same = [
            (one, other)
            for one, other, code in self.decisions
            if code == SAME and one in plain and other in plain and self._last(one, other, plain) == SAME
        ]
        decided = self._persons(apart, same)
        changes: list[Change] = []
        starts: dict[str, list[tuple[datetime, str]]] = {}
        for number in sorted(apart | set(self.kept)):
            asked = [c for c in self._changes(number, plain) if c.decision == SAME]
            standing = [c for c in self._changes(number, decided) if c.decision != SAME]
            gone = [(*pair, self._kept_decision(number, pair[0])) for pair in self.kept.get(number, ())]
            begun = sorted(
                {(c.at, epoch_digest(number, c.right)) for c in standing}
                | {(at, epoch) for epoch, at, decision in gone if decision != SAME}
            )
            for epoch, at, decision in gone:
                earlier = [digest for start, digest in begun if (start, digest) < (at, epoch)]
                before = earlier[-1] if earlier else epoch_digest(number, "")
                standing.append(Change(number, before, epoch, "", at, decision))
            changes += [*asked, *standing]
            if begun:
                starts[number] = begun
        epochs = [epoch for number in starts for epoch in self._epochs(number, starts[number])]
        return Holders(changes, epochs, self._links(starts, decided, same))

    def _apart(self) -> set[str]:
        """The numbers without which their user ids are several persons. Numbers are taken out together
        and those that turn out to have one holder are put back, which may join others' holders."""
        apart = self.numbers
        while True:
            persons = self._persons(apart)
            still = {number for number in apart if self._changes(number, persons)}
            if still == apart:
                return apart
            apart = still

    def _persons(self, apart: Iterable[str], same: Iterable[tuple[str, str]] = ()) -> dict[str, str]:
        """Identifier → person, as linked by everything but these numbers and those kept apart."""
        out = {form for number in {*apart, *self.kept} for form in (number, *self.forms[number])}
        edges = [edge for edge in self.edges if edge[0] not in out and edge[1] not in out]
        return parties([*edges, *same], (row.right for rows in self.seen.values() for row in rows))

    def _holdings(self, number: str, persons: Mapping[str, str]) -> dict[str, Holding]:
        """Person → the earliest of their user ids on the number."""
        found: dict[str, Holding] = {}
        for row in self.seen[number]:
            holding, person = Holding(row.at, row.right), persons[row.right]  # type: ignore[arg-type]
            if person not in found or holding < found[person]:
                found[person] = holding
        return found

    def _changes(self, number: str, persons: Mapping[str, str]) -> list[Change]:
        holdings = self._holdings(number, persons)
        found: dict[tuple[str, str], Change] = {}
        for entity in sorted({row.entity for row in self.seen[number]}):
            here = {persons[row.right] for row in self.seen[number] if row.entity == entity}
            order = sorted(here, key=holdings.__getitem__)
            for one, other in pairwise(order):
                left, right = holdings[one], holdings[other]
                decision = self._last(left.user_id, right.user_id, persons)
                change = Change(number, left.user_id, right.user_id, entity, right.at, decision)
                found.setdefault((one, other), change)
        return list(found.values())

    def _last(self, one: str, other: str, persons: Mapping[str, str]) -> str | None:
        """The latest decision on the persons of two identifiers."""
        asked = {persons.get(one, one), persons.get(other, other)}
        codes = [
            code
            for left, right, code in self.decisions
            if {persons.get(left, left), persons.get(right, right)} == asked
        ]
        return codes[-1] if codes else None

    def _kept_decision(self, number: str, epoch: str) -> str | None:
        """The latest decision on an epoch whose holder is gone."""
        codes = [
            code
            for left, right, code in self.decisions
            if epoch in (left, right, epoch_digest(number, left), epoch_digest(number, right))
        ]
        return codes[-1] if codes else None

    def _epochs(self, number: str, starts: list[tuple[datetime, str]]) -> list[Epoch]:
        digests = [epoch_digest(number, ""), *(digest for _, digest in starts)]
        moments = [None, *(at for at, _ in starts), None]
        return [
            Epoch(phone, _of_form(phone, number, digest), moments[place], moments[place + 1])
            for phone in (number, *sorted(self.forms[number]))
            for place, digest in enumerate(digests)
        ]

    def _links(
        self,
        starts: Mapping[str, list[tuple[datetime, str]]],
        persons: Mapping[str, str],
        same: Iterable[tuple[str, str]],
    ) -> list[tuple[str, str]]:
        number_of = {form: number for number in starts for form in (number, *self.forms[number])}
        found = [edge for edge in self.edges if edge[0] not in number_of and edge[1] not in number_of]
        found += same
        since = {number: self._holdings(number, persons) for number in starts}

        def placed(one: str, other: str, at: datetime | None) -> str:
            number = number_of.get(one)
            if number is None:
                return one
            moments = [start for start, _ in starts[number]]
            holding = since[number].get(persons.get(other, other))
            if holding is None:
                place = 0 if at is None else bisect_right(moments, at)
            else:
                own = epoch_digest(number, holding.user_id)
                if any(own == digest for _, digest in starts[number]):
                    return own
                # At the very start of another's epoch it is still the one before.
                place = bisect_left(moments, holding.at)
            return starts[number][place - 1][1] if place else epoch_digest(number, "")

        for row in self.told:
            if row.left in number_of or row.right in number_of:
                found.append((placed(row.left, row.right, row.at), placed(row.right, row.left, row.at)))
        for number, begun in starts.items():
            for digest in (epoch_digest(number, ""), *(digest for _, digest in begun)):
                found += [(_of_form(form, number, digest), digest) for form in self.forms[number]]
        return found


def _of_form(phone: str, number: str, digest: str) -> str:
    return digest if phone == number else epoch_digest(phone, digest)


def in_epochs(rows: Frame, epochs: Frame | None, at: str) -> Frame:
    """`identifier_digest` of phones that changed hands becomes that of their epoch at the column `at`.

    epochs: identifier_digest, epoch_digest, from_at, to_at (null: without end).
    """
    if epochs is None:
        return rows
    columns = rows.collect_schema().names()
    return (
        rows.join(epochs, on="identifier_digest", how="left")
        .filter(
            nw.col("epoch_digest").is_null()
            | (
                (nw.col("from_at").is_null() | (nw.col("from_at") <= nw.col(at)))
                & (nw.col("to_at").is_null() | (nw.col("to_at") > nw.col(at)))
            )
        )
        .with_columns(identifier_digest=nw.coalesce("epoch_digest", "identifier_digest"))
        .select(*columns)
    )


def undecided(changes: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """(earlier party, later party) over every chain of undecided changes. changes: pairs of parties."""
    after: dict[str, set[str]] = defaultdict(set)
    for one, other in changes:
        after[one].add(other)
    found: set[tuple[str, str]] = set()
    for first in list(after):
        waiting = [first]
        while waiting:
            for later in after.get(waiting.pop(), ()):
                if later != first and (first, later) not in found:
                    found.add((first, later))
                    waiting.append(later)
    return sorted(found)
