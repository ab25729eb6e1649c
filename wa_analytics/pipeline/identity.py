"""Who is who, as people ask: the identifiers of a party with dates, numbers that changed hands, and
what a person decides about them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from wa_analytics import tables as t
from wa_analytics.errors import InputRefused, ReasonRequired
from wa_analytics.pipeline.holds import Voice, identifier_digests, instant_or_none

if TYPE_CHECKING:
    from wa_analytics.database import Database
    from wa_analytics.evidence.keys import KeyRing

DECISIONS = ("same", "different")
CHAIN: dict[str, Any] = {
    "identifier_digest": pl.String,
    "kind_code": pl.String,
    "since_at": pl.Datetime("us", "UTC"),
    "until_at": pl.Datetime("us", "UTC"),
    "rule_code": pl.String,
    "sequence": pl.Int64,
}


def hand_overs(database: Database, *, is_every: bool = False) -> pl.DataFrame:
    """Numbers that changed hands and nobody decided about, or all; columns of `hand_over`."""
    condition = "" if is_every else "decision_code IS NULL"
    return database.table(t.HandOver, condition).sort("changed_at", "number_digest", "right_digest")


def identity_decided(
    database: Database,
    ring: KeyRing,
    left: str,
    right: str,
    decision: str,
    *,
    reason: str,
    actor: str,
    at: datetime,
) -> list[int]:
    """Record whether the earlier and the later holder of a number are one person; returns the numbers of
    the decisions. left, right: party ids, identifier digests or outside ids. The latest decision governs.
    The caller holds the refresh lock. Raises ReasonRequired, InputRefused."""
    if not reason.strip():
        raise ReasonRequired("A decision about a person needs a reason; say why with --reason.")
    if decision not in DECISIONS:
        raise InputRefused("Decide with --same or --different, one of the two.")
    one, other = (_known_as(database, ring, text) for text in (left, right))
    pairs = set()
    for row in hand_overs(database, is_every=True).iter_rows(named=True):
        earlier = {row["left_digest"], row["left_party_id"]}
        later = {row["right_digest"], row["right_party_id"]}
        if (earlier & one and later & other) or (earlier & other and later & one):
            pairs.add(tuple(sorted((row["left_digest"], row["right_digest"]))))
    if not pairs:
        raise InputRefused("No number changed hands between these two; `wa identity list` tells which did.")
    say = Voice(database, ring, actor, at)
    with database.writing() as writer:
        last = int(writer.rows("SELECT coalesce(max(decision_id), 0) FROM identity_decision")[0][0])
        rows = [
            (last + number, *pair, decision, instant_or_none(at), actor)
            for number, pair in enumerate(sorted(pairs), 1)
        ]
        writer.append(
            t.IdentityDecision,
            ("decision_id", "left_digest", "right_digest", "decision_code", "decided_at", "actor"),
            rows,
        )
        told = {"pairs": sorted(pairs), "decision": decision}
        say(writer, "journal", "identity.decide", reason, told)
    return [row[0] for row in rows]


def _known_as(database: Database, ring: KeyRing, text: str) -> set[str]:
    """Digests of the identifier, and the party it belongs to."""
    digests = set(identifier_digests(database, ring, text))
    condition, params = database.matching("identifier_digest", digests)
    found = database.frame(f"SELECT party_id FROM identifier WHERE {condition}", **params)
    return digests | set(found["party_id"])


def chain_of(database: Database, party_id: str) -> pl.DataFrame:
    """The identifiers of a party with dates and proof; columns of CHAIN, earliest first.

    since_at: earliest time that evidence gives for the link under rule_code; sequence: the entry that
    gives it. until_at: when the number got its next holder. A username is told here and joins nobody.
    """
    mine = database.frame(
        "SELECT i.identifier_digest, i.kind_code, n.identifier_digest AS phone, n.from_at, n.to_at "
        "FROM identifier i LEFT JOIN number_epoch n ON n.epoch_digest = i.identifier_digest "
        "WHERE i.party_id = :party",
        party=party_id,
    )
    known = {row["phone"] or row["identifier_digest"]: row for row in mine.iter_rows(named=True)}
    left, params = database.matching("left_digest", known)
    right, _ = database.matching("right_digest", known)
    events = database.frame(
        "SELECT left_digest, right_digest, rule_code, occurred_at, sequence FROM identity_event "
        f"WHERE {left} OR {right} ORDER BY occurred_at, sequence, rule_code",
        **params,
    )
    first: dict[str, tuple[Any, ...]] = {}
    names: dict[str, tuple[Any, ...]] = {}
    for one, other, *told in events.iter_rows():
        if told[0] == "username":
            names.setdefault(other if one in known else one, tuple(told))
        elif one in known and other in known:
            for end in (one, other):
                # A form of a number has no date; what is dated tells more.
                if end not in first or (first[end][1] is None and told[1] is not None):
                    first[end] = tuple(told)
    rows = []
    for digest, row in known.items():
        rule, at, sequence = first.get(digest, (None, None, None))
        since = max(filter(None, (at, row["from_at"])), default=None)
        rows.append((digest, row["kind_code"], since, row["to_at"], rule, sequence))
    rows += [(digest, "username", at, None, rule, number) for digest, (rule, at, number) in names.items()]
    return pl.DataFrame(rows, schema=CHAIN, orient="row").sort(
        "since_at", "identifier_digest", nulls_last=True
    )
