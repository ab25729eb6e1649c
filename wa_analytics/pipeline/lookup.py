"""Between outside ids and ours: look-ups by keyed digest, and the reveal of a message."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from wa_analytics.evidence.log import entries
from wa_analytics.evidence.sealing import Opener
from wa_analytics.normalise.identity import canonical_phone
from wa_analytics.pipeline.record_ids import RecordIds
from wa_analytics.pipeline.told_of import said
from wa_analytics.providers.facts import facts_of
from wa_analytics.providers.people import identifier_of
from wa_analytics.settings import Settings

if TYPE_CHECKING:
    from wa_analytics.database import Database
    from wa_analytics.evidence.keys import KeyRing

Digest = Callable[[str, str], str]
CHUNK = 20_000


def looked_up(
    database: Database, digest: Digest, outside_ids: Sequence[str], as_of: datetime | None = None
) -> pl.DataFrame:
    """Rows (outside_id, kind, id) in input order; unknown ones with null kind and id. The id of an edit
    or a revocation is answered with the message it changed; an id that only the platform's message history
    names is one too, so that `capture.unknown_message` can be traced to it.

    as_of: whose a number that changed hands, or a username, was then; without it, whose it is.
    """
    asked: dict[str, list[tuple[str, str, str]]] = {}
    for outside in dict.fromkeys(outside_ids):
        text = outside.strip()
        person = identifier_of(text)
        people = {digest(person.kind, person.value), digest("crm_id", text), digest("username", text)}
        if person.kind == "phone" and (canonical := canonical_phone(person.value)):
            people.add(digest("phone", canonical[0]))
        asked[outside] = [
            ("message", "message", digest("message", text)),
            ("message", "message_version", digest("message", text)),
            ("message", "platform_message", digest("message", text)),
            *(("party", "identifier", one) for one in sorted(people)),
            ("consent_event", "consent_event", digest("consent_event", text)),
            ("custodian", "custodian_id", text),
            ("custodian", "phone_digest", digest("phone", person.value)),
            ("custodian", "email_digest", digest("text", text)),
        ]
    known = {
        "message": _known(database, "message", "message_id", "message_id", asked),
        "message_version": _known(database, "message_version", "version_digest", "message_id", asked),
        "platform_message": _known(database, "platform_message", "message_id", "message_id", asked),
        "identifier": _known(database, "identifier", "identifier_digest", "party_id", asked),
        "consent_event": _known(database, "consent_event", "event_id", "event_id", asked),
        **{
            column: _known(database, "custodian", column, "custodian_id", asked)
            for column in ("custodian_id", "phone_digest", "email_digest")
        },
    }
    people = {key for candidates in asked.values() for _, where, key in candidates if where == "identifier"}
    known["identifier"] |= _of_usernames(database, people - known["identifier"].keys(), as_of)
    if as_of is not None:
        known["identifier"] |= _holders(database, people, as_of)
    rows = []
    for outside in outside_ids:
        hit = next(
            ((kind, known[place][key]) for kind, place, key in asked[outside] if key in known[place]),
            (None, None),
        )
        rows.append((outside, *hit))
    schema = {"outside_id": pl.String, "kind": pl.String, "id": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _holders(database: Database, phones: Iterable[str], as_of: datetime) -> dict[str, str]:
    """Phone → party that held it at `as_of`, of the numbers that changed hands."""
    condition, params = database.matching("n.identifier_digest", phones)
    found = database.frame(
        "SELECT n.identifier_digest AS asked, i.party_id AS answer FROM number_epoch n "
        f"JOIN identifier i ON i.identifier_digest = n.epoch_digest WHERE {condition} "
        "AND (n.from_at IS NULL OR n.from_at <= :as_of) AND (n.to_at IS NULL OR n.to_at > :as_of)",
        as_of=as_of,
        **params,
    )
    return dict(found.iter_rows())


def _of_usernames(database: Database, names: Iterable[str], as_of: datetime | None) -> dict[str, str]:
    """Username → party that had it last, up to `as_of`."""
    condition, params = database.matching("{end}_digest", names)
    until = "" if as_of is None else "AND occurred_at <= :as_of"
    told = database.frame(
        " UNION ALL ".join(
            f"SELECT e.{end}_digest AS asked, i.party_id AS answer, e.occurred_at AS told_at "
            f"FROM identity_event e JOIN identifier i ON i.identifier_digest = e.{other}_digest "
            f"WHERE e.rule_code = 'username' AND {condition.format(end=end)} {until}"
            for end, other in (("left", "right"), ("right", "left"))
        )
        + " ORDER BY told_at, answer",
        **params,
        **({} if as_of is None else {"as_of": as_of}),
    )
    return dict(zip(told["asked"], told["answer"], strict=True))


def _known(
    database: Database,
    table: str,
    column: str,
    answer: str,
    asked: dict[str, list[tuple[str, str, str]]],
) -> dict[str, str]:
    place = column if table == "custodian" else table
    keys = sorted({key for candidates in asked.values() for _, where, key in candidates if where == place})
    found: dict[str, str] = {}
    for at in range(0, len(keys), CHUNK):
        condition, params = database.matching(column, keys[at : at + CHUNK])
        frame = database.frame(
            f"SELECT {column} AS asked, {answer} AS answer FROM {table} WHERE {condition}", **params
        )
        found.update(zip(frame["asked"], frame["answer"], strict=True))
    return found


def revealed(
    database: Database, ring: KeyRing, settings: Settings, message_ids: Iterable[str]
) -> pl.DataFrame:
    """What the sources hold of each message, its versions too, and of lines of exported chats, in clear:
    message_id, source, sent_at, outside_id, people, text. An edit or revocation is the source of its own
    row."""
    wanted = set(message_ids)
    condition, params = database.matching("message_id", wanted)
    lines, _ = database.matching("content_digest", wanted)
    places = database.frame(
        f"SELECT sequence FROM message_fact WHERE {condition}"
        f" UNION SELECT sequence FROM message_version WHERE {condition}"
        f" UNION SELECT sequence FROM supplementary_message WHERE {lines}",
        **params,
    )
    ids = RecordIds(ring.digest, settings)
    opener = Opener(ring.wrapping_keys(database), ring.digest_key)
    rows: list[tuple[Any, ...]] = []
    for sequence in sorted(places["sequence"]):
        for _, capture in opener.opened(
            row for row in entries(database, sequence, 1) if row.sequence == sequence
        ):
            for record in facts_of(capture, settings):
                told = said(record)
                if told is None:
                    continue
                if (message_id := ids.id_of(record)) in wanted:
                    rows.append((message_id, told.source, told.at, told.outside_id, told.people, told.text))
    return pl.DataFrame(
        rows,
        schema={
            "message_id": pl.String,
            "source": pl.String,
            "sent_at": pl.Datetime("us", "UTC"),
            "outside_id": pl.String,
            "people": pl.String,
            "text": pl.String,
        },
        orient="row",
    ).sort("sent_at", "message_id", "source")
