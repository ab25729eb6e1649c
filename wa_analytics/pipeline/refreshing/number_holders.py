"""Numbers that changed hands, between the tables and the rule (`normalise.holders`).

The usual case, no number with two user ids, costs one query of the new evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl
from sqlmodel import SQLModel

from wa_analytics import tables as t
from wa_analytics.normalise.holders import HOLDING, Holders, Told, holders, undecided
from wa_analytics.normalise.identity import parties

if TYPE_CHECKING:
    from wa_analytics.database import Database
    from wa_analytics.pipeline.disposed import Decided

_HOLDING = ", ".join(f"'{rule}'" for rule in HOLDING)


@dataclass(frozen=True)
class NumberHolders:
    """epochs: columns of number_epoch. later: (party_id, later_party_id) of undecided changes. touched:
    parties, as they are and were, of numbers that changed hands."""

    epochs: pl.DataFrame | None = None
    later: pl.DataFrame | None = None
    touched: set[str] = field(default_factory=set)


class Tables:
    """One set of tables."""

    def __init__(self, database: Database, prefix: str) -> None:
        self.database = database
        self.prefix = prefix

    def frame(self, sql: str, **params: Any) -> pl.DataFrame:
        names = {str(table.__tablename__): f'"{self.prefix}{table.__tablename__}"' for table in t.TABLES}
        return self.database.frame(sql.format(**names), **params)

    def table(self, table: type[SQLModel]) -> pl.DataFrame:
        return self.database.table(table, prefix=self.prefix)


def holders_settled(
    database: Database, prefix: str, done: int, found: dict[str, str], links: pl.DataFrame, decided: Decided
) -> NumberHolders:
    """Split what numbers that changed hands hold together, and write it.

    done: evidence from this entry on is new. found: identifier → party as all links have it, epochs left
    out; it is brought up to date. links: left_digest, right_digest of identifier_link.
    """
    tables = Tables(database, prefix)
    before = tables.table(t.NumberEpoch)
    numbers = _numbers(tables, done)
    kept = [row for row in database.table(t.KeptHandOver).rows() if row[0] in found]
    if not numbers and not kept and before.is_empty():
        return NumberHolders()
    known = tables.frame(
        "SELECT identifier_digest, party_id FROM {identifier} WHERE identifier_digest IN "
        "(SELECT epoch_digest FROM {number_epoch})"
    )
    settled, members = _held(tables, {*numbers, *(row[0] for row in kept)}, found, links, decided, kept)
    digests = {epoch.digest for epoch in settled.epochs}
    found.update(_named(settled.links, members, digests))
    for epoch in settled.epochs:  # the last one is whose number it is now
        found[epoch.phone] = found[epoch.digest]
    written = _written(tables, settled, before, dict(known.iter_rows()), found)
    open_ = [
        (found[change.left], found[change.right]) for change in settled.changes if change.decision is None
    ]
    later = undecided(open_)
    parties_now = {found[digest] for digest in digests}
    for digest in digests:
        del found[digest]  # written already
    if written.is_empty():
        return NumberHolders(touched=set(known["party_id"]))
    return NumberHolders(
        written,
        pl.DataFrame(later, schema=["party_id", "later_party_id"], orient="row") if later else None,
        parties_now | set(known["party_id"]),
    )


def _numbers(tables: Tables, done: int) -> set[str]:
    """Canonical digests of the numbers with several user ids in one company."""
    condition = "" if done == 0 else (
        "AND (left_digest IN (SELECT left_digest FROM {identity_event} WHERE sequence >= :done)"
        " OR left_digest IN (SELECT number_digest FROM {hand_over}))"
    )  # fmt: skip
    params = {"done": done} if done else {}
    several = tables.frame(
        f"SELECT DISTINCT left_digest FROM {{identity_event}} WHERE rule_code IN ({_HOLDING}) {condition} "
        "GROUP BY left_digest, entity HAVING COUNT(DISTINCT right_digest) > 1",
        **params,
    )
    if several.is_empty():
        return set()
    matching, params = tables.database.matching("e.left_digest", several["left_digest"])
    return set(
        tables.frame(
            "SELECT DISTINCT e.left_digest FROM {identity_event} e "
            "JOIN {identifier} l ON l.identifier_digest = e.left_digest AND l.kind_code = 'phone' "
            "JOIN {identifier} r ON r.identifier_digest = e.right_digest AND r.kind_code = 'user_id' "
            f"WHERE e.rule_code IN ({_HOLDING}) AND {matching} "
            "GROUP BY e.left_digest, e.entity HAVING COUNT(DISTINCT e.right_digest) > 1",
            **params,
        )["left_digest"]
    )


def _held(
    tables: Tables,
    numbers: set[str],
    found: Mapping[str, str],
    links: pl.DataFrame,
    decided: Decided,
    kept: list[Any],
) -> tuple[Holders, set[str]]:
    """What the rule says of these numbers, and the identifiers of all parties that it may part."""
    wanted = {found[number] for number in numbers if number in found}
    members = {digest for digest, party in found.items() if party in wanted}
    here = links.filter(pl.col("left_digest").is_in(members)).select("left_digest", "right_digest")
    left, params = tables.database.matching("left_digest", members)
    right, _ = tables.database.matching("right_digest", members)
    told = tables.frame(
        "SELECT left_digest, right_digest, rule_code, entity, occurred_at FROM {identity_event} "
        f"WHERE rule_code <> 'username' AND ({left} OR {right})",
        **params,
    )
    any_of, params = tables.database.matching("identifier_digest", members)
    user_ids = tables.frame(
        f"SELECT identifier_digest FROM {{identifier}} WHERE kind_code = 'user_id' AND {any_of}", **params
    )
    rows = sorted((Told(*row) for row in told.iter_rows()), key=str)
    settled = holders(
        numbers & members,
        rows,
        sorted(here.rows()),
        frozenset(user_ids["identifier_digest"]),
        decided.identities,
        kept,
    )
    return settled, members


def _named(links: Iterable[tuple[str, str]], members: Iterable[str], epochs: set[str]) -> dict[str, str]:
    """Identifier → party: its smallest identifier, an epoch only where there is no other."""
    roots = parties(links, [*members, *epochs])
    smallest: dict[str, str] = {}
    for digest, root in roots.items():
        if digest not in epochs:
            smallest[root] = min(smallest.get(root, digest), digest)
    return {digest: smallest.get(root, root) for digest, root in roots.items()}


def _written(
    tables: Tables, settled: Holders, before: pl.DataFrame, known: dict[str, str], found: dict[str, str]
) -> pl.DataFrame:
    """Make the tables what the rule says; returns number_epoch."""
    epochs = pl.DataFrame(
        [(epoch.phone, epoch.digest, epoch.start, epoch.end) for epoch in settled.epochs],
        schema=before.schema,
        orient="row",
    ).sort("identifier_digest", "epoch_digest")
    stood = tables.table(t.HandOver)
    changes = pl.DataFrame(
        [
            (
                change.number, change.left, change.right, change.entity, change.at, change.decision,
                found[change.left], found[change.right],
            )
            for change in settled.changes
        ],
        schema=stood.schema,
        orient="row",
    ).sort("number_digest", "left_digest", "right_digest")  # fmt: skip
    identifiers = {epoch.digest: found[epoch.digest] for epoch in settled.epochs}
    phones = {epoch.digest: epoch.phone for epoch in settled.epochs}
    keys = ("number_digest", "left_digest", "right_digest")
    same = epochs.equals(before.sort("identifier_digest", "epoch_digest")) and changes.equals(
        stood.sort(keys)
    )
    if same and identifiers == known:
        return epochs
    gone, params = tables.database.matching("identifier_digest", known)
    with tables.database.writing(tables.prefix, is_derived=True) as writer:
        for table, frame in ((t.NumberEpoch, epochs), (t.HandOver, changes)):
            writer.execute(f'DELETE FROM "{tables.prefix}{table.__tablename__}"')
            writer.append_frame(table, frame)
        if known:
            writer.execute(f'DELETE FROM "{tables.prefix}identifier" WHERE {gone}', params)
        for digest, party in sorted(identifiers.items()):
            writer.execute(
                f'INSERT INTO "{tables.prefix}identifier" '
                "(identifier_digest, kind_code, country_code, is_valid, party_id) "
                f'SELECT :digest, kind_code, country_code, is_valid, :party FROM "{tables.prefix}identifier" '
                "WHERE identifier_digest = :phone",
                {"digest": digest, "party": party, "phone": phones[digest]},
            )
    return epochs
