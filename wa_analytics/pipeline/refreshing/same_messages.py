"""Links between the identifiers that the sources of one message name for its recipient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw
import polars as pl

from wa_analytics import tables as t
from wa_analytics.database.bulk import Writer, rows_of, written
from wa_analytics.normalise.recipients import recipients
from wa_analytics.pipeline.disposed import links_kept
from wa_analytics.pipeline.refreshing.number_holders import Tables

if TYPE_CHECKING:
    from wa_analytics.database import Database

LINK_COLUMNS = ("left_digest", "right_digest", "rule_code")
IDENTITY_COLUMNS = ("left_digest", "right_digest", "rule_code", "entity", "occurred_at", "sequence")
FROM_STATUSES = "one_recipient"
_PAIR = ["left_digest", "right_digest"]


def same_messages_linked(database: Database, prefix: str, touched: list[str] | None) -> bool:
    """Link the recipients of these messages, of all where None; whether a link was taken back."""
    tables = Tables(database, prefix)
    _sources_linked(tables, touched)
    return _statuses_linked(tables, touched)


def _sources_linked(tables: Tables, touched: list[str] | None) -> None:
    """The send log's or echo's recipient and the statuses' recipient of one message are one person; the
    participants of a group are not."""
    condition, params = "1 = 1", dict[str, Any]()
    if touched is not None:
        condition, params = tables.database.matching("m.message_id", touched)
    pairs = tables.frame(
        "SELECT one, other, entity, occurred_at, sequence FROM ("
        "SELECT m.identifier_digest AS one, s.identifier_digest AS other, "
        "coalesce(s.entity, m.entity, '') AS entity, s.occurred_at, "
        "CASE WHEN m.sequence > s.sequence THEN m.sequence ELSE s.sequence END AS sequence, "
        "ROW_NUMBER() OVER (PARTITION BY m.identifier_digest, s.identifier_digest, "
        "coalesce(s.entity, m.entity, '') ORDER BY s.occurred_at, "
        "CASE WHEN m.sequence > s.sequence THEN m.sequence ELSE s.sequence END) AS place "
        "FROM {message_fact} m JOIN {status_fact} s ON s.message_id = m.message_id "
        "WHERE m.direction_code = 'outbound' AND m.identifier_digest <> s.identifier_digest "
        f"AND NOT s.is_group AND {condition}) AS pairs WHERE place = 1",
        **params,
    )
    rows = sorted({(min(pair), max(pair), "same_message") for pair in pairs.select("one", "other").rows()})
    if rows:
        told = _told_pairs(tables, pairs)
        with tables.database.writing(tables.prefix, is_derived=True) as writer:
            writer.append(t.IdentifierLink, LINK_COLUMNS, rows, skip_known=True)
            writer.append(t.IdentityEvent, IDENTITY_COLUMNS, told, earliest_by=("occurred_at", "sequence"))


def _told_pairs(tables: Tables, pairs: pl.DataFrame) -> list[tuple[Any, ...]]:
    """Rows of identity_event of the recipients that one message's sources name.

    pairs: one, other (identifier digests), entity, occurred_at, sequence.
    """
    named, params = tables.database.matching("identifier_digest", {*pairs["one"], *pairs["other"]})
    phones = set(
        tables.frame(
            f"SELECT identifier_digest FROM {{identifier}} WHERE kind_code = 'phone' AND {named}", **params
        )["identifier_digest"]
    )
    forms, params = tables.database.matching("right_digest", phones)
    canonical = dict(
        tables.frame(
            "SELECT right_digest, left_digest FROM {identity_event} "
            f"WHERE rule_code LIKE 'phone.%' AND {forms}",
            **params,
        ).iter_rows()
    )
    phones.update(canonical.values())  # a canonical form may stand in none of these pairs
    found: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for one, other, entity, at, sequence in written(pairs).rows():
        ends = sorted(
            {canonical.get(one, one), canonical.get(other, other)}, key=lambda end: (end not in phones, end)
        )
        if len(ends) == 2:
            key = (*ends, "same_message", entity)
            found[key] = min(found.get(key, (at, sequence)), (at, sequence))
    return [(*key, *when) for key, when in found.items()]


def _statuses_linked(tables: Tables, touched: list[str] | None) -> bool:
    """The phone and the user id that a message's statuses name are one person, where they name no other.

    A later status may name another one; what then stands is what the other messages tell.
    """
    # Few statuses go without a phone, so that over everything they are looked for first.
    users = "SELECT identifier_digest FROM {identifier} WHERE kind_code = 'user_id'"
    condition = f"message_id IN (SELECT message_id FROM {{status_fact}} WHERE identifier_digest IN ({users}))"
    params: dict[str, Any] = {}
    if touched is not None:
        condition, params = tables.database.matching("message_id", touched)
    one, apart = _recipients(tables, condition, params)
    back = one.clear()
    if touched is not None and not apart.is_empty():
        left, lefts = tables.database.matching("left_digest", apart["left_digest"].unique(), "lefts")
        right, rights = tables.database.matching("right_digest", apart["right_digest"].unique(), "rights")
        back = tables.frame(
            "SELECT DISTINCT left_digest, right_digest FROM {identity_event} "
            f"WHERE rule_code = '{FROM_STATUSES}' AND {left} AND {right}",
            **lefts,
            **rights,
        ).join(apart, on=_PAIR, how="semi")
    if not back.is_empty():
        named, people = tables.database.matching("identifier_digest", back["right_digest"].unique(), "people")
        condition += f" OR message_id IN (SELECT message_id FROM {{status_fact}} WHERE {named})"
        one, _ = _recipients(tables, condition, params | people)
    if one.is_empty() and back.is_empty():
        return False
    with tables.database.writing(tables.prefix, is_derived=True) as writer:
        if not back.is_empty():
            _taken_back(writer, back)
        _appended(writer, one)
    return not back.is_empty()


def _recipients(tables: Tables, condition: str, params: dict[str, Any]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What the statuses of the messages that they name several recipients of tell; see `recipients`."""
    statuses = tables.frame(
        "SELECT s.message_id, coalesce(c.left_digest, s.identifier_digest) AS identifier_digest, "
        "i.kind_code, s.is_group, coalesce(s.entity, '') AS entity, s.occurred_at, s.sequence "
        "FROM {status_fact} s "
        "LEFT JOIN {identifier} i ON i.identifier_digest = s.identifier_digest "
        "LEFT JOIN {identity_event} c ON c.right_digest = s.identifier_digest AND c.rule_code LIKE 'phone.%' "
        f"WHERE s.message_id IN (SELECT message_id FROM {{status_fact}} WHERE {condition} "
        "GROUP BY message_id HAVING min(identifier_digest) <> max(identifier_digest))",
        **params,
    )
    one, apart = (
        frame.collect("polars").to_native() for frame in recipients(nw.from_native(statuses.lazy()))
    )
    return one, apart


def _taken_back(writer: Writer, pairs: pl.DataFrame) -> None:
    for left, right in pairs.rows():
        ends = {"left": left, "right": right, "smaller": min(left, right), "larger": max(left, right)}
        for table, condition in (
            ("identity_event", "left_digest = :left AND right_digest = :right"),
            ("identifier_link", "left_digest = :smaller AND right_digest = :larger"),
        ):
            writer.execute(
                f"DELETE FROM \"{writer.prefix}{table}\" WHERE rule_code = '{FROM_STATUSES}' AND {condition}",
                {name: end for name, end in ends.items() if f":{name}" in condition},
            )
    links_kept(writer)  # of messages that are disposed of


def _appended(writer: Writer, one: pl.DataFrame) -> None:
    links = sorted({(min(pair), max(pair), FROM_STATUSES) for pair in one.select(_PAIR).rows()})
    writer.append(t.IdentifierLink, LINK_COLUMNS, links, skip_known=True)
    told = one.with_columns(rule_code=pl.lit(FROM_STATUSES)).select(IDENTITY_COLUMNS)
    writer.append(t.IdentityEvent, IDENTITY_COLUMNS, rows_of(told), earliest_by=("occurred_at", "sequence"))
