"""What must go, and what it is bound up with: the captures that tell of it, its files, its witnesses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from wa_analytics.normalise.identity import parties
from wa_analytics.pipeline.told_of import told_of

if TYPE_CHECKING:
    from wa_analytics.database import Database

BATCH_CAPTURES = 200
WINDOW = "24h"


@dataclass(frozen=True)
class Target:
    """What must go.

    messages: rows of `message`, and of what stands beside, with a column `rule` (why). events: consent
    events. people: identifier digests of which touched captures must keep no trace. keeps_refusals: a
    "no" among what goes lives on as a suppression.
    """

    messages: pl.DataFrame
    decision: str
    actor: str
    events: frozenset[str] = frozenset()
    people: frozenset[str] = frozenset()
    keeps_refusals: bool = True


class Group(NamedTuple):
    """Records that go together, and the captures that speak of them."""

    ids: list[str]
    sequences: list[int]


def groups_of(database: Database, target: Target) -> list[Group]:
    """Target records and captures, connected by who speaks of whom."""
    told = told_of(database, target.messages["message_id"])
    pairs: list[tuple[str, int]] = list(told.select("message_id", "sequence").unique().iter_rows())
    condition, params = database.matching("event_id", target.events)
    events = database.frame(
        f"SELECT DISTINCT event_id, sequence FROM consent_fact WHERE {condition}", **params
    )
    pairs.extend(events.iter_rows())
    roots = parties(((id_, f"~{sequence}") for id_, sequence in pairs), ())
    ids_by_root: dict[str, set[str]] = defaultdict(set)
    sequences_by_root: dict[str, set[int]] = defaultdict(set)
    for id_, sequence in pairs:
        ids_by_root[roots[id_]].add(id_)
        sequences_by_root[roots[id_]].add(sequence)
    groups = [Group(sorted(ids), sorted(sequences_by_root[root])) for root, ids in ids_by_root.items()]
    return sorted(groups, key=lambda group: group.sequences)


def batches(groups: list[Group]) -> Iterator[list[Group]]:
    """Groups that go in one transaction each; a large one alone."""
    batch: list[Group] = []
    volume = 0
    for group in groups:
        if batch and volume + len(group.sequences) > BATCH_CAPTURES:
            yield batch
            batch, volume = [], 0
        batch.append(group)
        volume += len(group.sequences)
    if batch:
        yield batch


def media_of(database: Database, target: Target) -> frozenset[str]:
    """Digests of the files that only messages of the target announce."""
    condition, params = database.matching("message_id", target.messages["message_id"])
    found = database.frame(
        f"SELECT media_digest FROM media_fact WHERE {condition} EXCEPT SELECT media_digest"
        f" FROM media_fact WHERE message_id IS NOT NULL AND NOT ({condition})",
        **params,
    )
    return frozenset(found["media_digest"])


def witnesses_of(database: Database, target: Target) -> dict[str, list[str]]:
    """Inbound message that goes → sends that stay and were inside its service window."""
    gone = target.messages.filter(pl.col("direction_code") == "inbound")
    if gone.is_empty():
        return {}
    parties_, params = database.matching("party_id", gone["party_id"].drop_nulls().unique())
    sends = database.frame(
        "SELECT message_id AS send_id, party_id, channel_id, sent_at AS first_sent_at FROM message"
        f" WHERE window_code = 'inside' AND {parties_}",
        **params,
    ).rename({"first_sent_at": "at"})
    sends = sends.filter(~pl.col("send_id").is_in(target.messages["message_id"].to_list()))
    pairs = gone.join(sends, on=["party_id", "channel_id"]).filter(
        (pl.col("at") >= pl.col("sent_at")) & (pl.col("at") < pl.col("sent_at").dt.offset_by(WINDOW))
    )
    found: dict[str, list[str]] = defaultdict(list)
    for message_id, send_id in pairs.select("message_id", "send_id").iter_rows():
        found[message_id].append(send_id)
    return found
