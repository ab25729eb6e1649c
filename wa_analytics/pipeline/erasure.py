"""`wa erase`: decide on every record of a person, record the decisions, destroy what goes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import narwhals as nw
import polars as pl

from wa_analytics import tables as t
from wa_analytics.consent.ledger import PURPOSES, spread, states
from wa_analytics.errors import InputRefused, ReasonRequired
from wa_analytics.pipeline.beside import NO_DIRECTION, beside_of, kept_until
from wa_analytics.pipeline.destruction import SUPPRESSION_COLUMNS, Destroyed, Target, destroyed
from wa_analytics.pipeline.disposal import settled
from wa_analytics.pipeline.disposed import decided_by_people, parties_of
from wa_analytics.pipeline.holds import Voice, identifier_digests, instant_or_none
from wa_analytics.pipeline.project import Progress
from wa_analytics.pipeline.refresh import refresh
from wa_analytics.providers.chat_lines import plain
from wa_analytics.retention.erasure import (
    ERASE,
    Decision,
    ForeignDuty,
    Standing,
    message_decision,
    strictest,
)
from wa_analytics.retention.holds import with_hold
from wa_analytics.retention.schedule import ScheduleRow, scheduled
from wa_analytics.settings import Settings

if TYPE_CHECKING:
    from wa_analytics.database import Database
    from wa_analytics.evidence.keys import KeyRing

DECISION = "erasure"
# Events of these sources go with a message, or have no evidence of their own.
NOT_RECORDS = ("opt_out_word", "platform_error", "suppression")
DECISION_COLUMNS = (
    "request_id", "subject_code", "subject_id", "decision_code", "rule", "keep_until", "decided_at", "actor",
)  # fmt: skip


@dataclass(frozen=True)
class Request:
    """A person's request, decided record by record.

    people: digests of every identifier linked to the person. decisions: (subject, id) → decision.
    messages, events: rows of `message` and `consent_event` of the person.
    """

    party_ids: tuple[str, ...]
    people: tuple[str, ...]
    decisions: dict[tuple[str, str], Decision]
    messages: pl.DataFrame
    events: pl.DataFrame

    @property
    def frame(self) -> pl.DataFrame:
        """(subject, subject_id, decision, rule, keep_until), one row per record."""
        rows = [(*key, found.code, found.rule, found.keep_until) for key, found in self.decisions.items()]
        schema: dict[str, Any] = {
            "subject": pl.String,
            "subject_id": pl.String,
            "decision": pl.String,
            "rule": pl.String,
            "keep_until": pl.Datetime("us", "UTC"),
        }
        return pl.DataFrame(rows, schema=schema, orient="row")

    def going(self, subject: str) -> list[str]:
        return [
            id_ for (kind, id_), found in self.decisions.items() if kind == subject and found.code == ERASE
        ]


@dataclass(frozen=True)
class Erasure:
    """What an erasure did. suppressions: rows by which a "no" outlives it; left: identifiers of the
    person that kept records, or captures that no fact leads to, still tell."""

    request_id: str
    request: Request
    destroyed: Destroyed
    wrapping_keys: int
    suppressions: int
    left: int


def erasure_request(
    database: Database,
    ring: KeyRing,
    settings: Settings,
    schedule: tuple[ScheduleRow, ...],
    person: str,
    at: datetime,
    foreign_duty: ForeignDuty = "ask",
    names: Sequence[str] = (),
) -> Request:
    """Decide on every record of the person; writes nothing. Refresh first. Raises InputRefused.

    names: by which exported chats call the person.
    """
    condition, params = database.matching("identifier_digest", identifier_digests(database, ring, person))
    parties = database.frame(f"SELECT DISTINCT party_id FROM identifier WHERE {condition}", **params)
    if parties.is_empty():
        raise InputRefused("Nobody is known under this identifier; `wa lookup` tells who is.")
    by_party, params = database.matching("party_id", parties["party_id"])
    people = database.frame(
        f"SELECT identifier_digest FROM identifier WHERE {by_party} UNION "
        "SELECT n.identifier_digest FROM number_epoch n JOIN identifier i "
        f"ON i.identifier_digest = n.epoch_digest WHERE {by_party}",
        **params,
    ).sort("identifier_digest")
    senders = [ring.digest("text", plain(name).strip()) for name in names]
    beside = beside_of(
        database, settings, schedule, parties["party_id"], people["identifier_digest"], senders
    )
    messages = pl.concat([database.table(t.Message, by_party, **params), beside], how="diagonal")
    messages = messages.sort("sent_at", "message_id")
    events = database.table(t.ConsentEvent, by_party, **params).sort("occurred_at", "event_id")
    decisions: dict[tuple[str, str], Decision] = {}
    sends: list[tuple[str | None, Decision]] = []
    judged: dict[str, list[Decision]] = defaultdict(list)
    for frame in _by_company(messages, settings, schedule):
        for row in _standings(database, settings, schedule, frame).iter_rows(named=True):
            standing = Standing(**{name: row[name] for name in Standing.__struct_fields__})
            found = message_decision(standing, at, foreign_duty)
            judged[row["message_id"]].append(found)
            if row["direction_code"] == "outbound":
                sends.append((row["entity"], found))
    decisions.update((("message", id_), strictest(found)) for id_, found in judged.items())
    for row in events.filter(~pl.col("source_code").is_in(NOT_RECORDS)).iter_rows(named=True):
        theirs = [found for entity, found in sends if row["entity"] is None or entity == row["entity"]]
        decisions["consent_event", row["event_id"]] = strictest(theirs)
    return Request(
        tuple(parties["party_id"]), tuple(people["identifier_digest"]), decisions, messages, events
    )


def _by_company(
    messages: pl.DataFrame, settings: Settings, schedule: tuple[ScheduleRow, ...]
) -> Iterator[pl.DataFrame]:
    """The records; then those that name no company once as each company's, since they may be any's."""
    is_anyones = pl.col("entity").is_null() & (pl.col("direction_code") == NO_DIRECTION)
    anyones = messages.filter(is_anyones)
    if anyones.is_empty() or not settings.entities:
        yield messages
        return
    yield messages.filter(~is_anyones)
    told = ("message_id", "channel_id", "direction_code", "sent_at", "party_id", "purpose_code",
            "template_name", "custodian_id")  # fmt: skip
    for entity in settings.entities:
        theirs = anyones.select(*told, entity=pl.lit(entity.key))
        yield kept_until(theirs, settings, schedule)


def _standings(
    database: Database, settings: Settings, schedule: tuple[ScheduleRow, ...], messages: pl.DataFrame
) -> pl.DataFrame:
    """The messages with hold_id, union_until and union_rule."""
    union = [row for row in schedule if row.is_union_law]
    bound = scheduled(nw.from_native(messages.lazy()), union, settings.entities)
    floors = bound.select(
        "message_id", nw.col("retain_until").alias("union_until"), nw.col("retain_rule").alias("union_rule")
    )
    # All of the person's conversations are here, so that this says what `messages_held` says.
    decided = decided_by_people(database)
    holds = decided.holds_in_force(parties_of(database, decided.holds["identifier_digest"].drop_nulls()))
    held = with_hold(nw.from_native(messages.lazy()), holds).collect("polars").to_native()
    standings: pl.DataFrame = held.join(floors.collect("polars").to_native(), on="message_id", how="left")
    return standings


def erased(
    database: Database,
    ring: KeyRing,
    settings: Settings,
    schedule: tuple[ScheduleRow, ...],
    person: str,
    *,
    reason: str,
    actor: str,
    at: datetime,
    foreign_duty: ForeignDuty = "ask",
    names: Sequence[str] = (),
    progress: Callable[[str], Progress] | None = None,
) -> Erasure:
    """Carry out a request. The caller holds the refresh lock. Decisions are recorded and journalled
    before anything is destroyed; after a kill the same call decides on what is left.

    Raises ReasonRequired, InputRefused.
    """
    if not reason.strip():
        raise ReasonRequired("An erasure needs a reason; say why with --reason.")
    refresh(database, ring, settings, schedule, progress=progress)
    request = erasure_request(database, ring, settings, schedule, person, at, foreign_duty, names)
    suppressions = _suppressions(database, ring, settings, request, at)
    request_id = _recorded(database, ring, request, suppressions, reason, actor, at)
    target = Target(
        messages=request.messages.filter(pl.col("message_id").is_in(request.going("message"))).with_columns(
            rule=pl.lit(f"erasure {request_id}")
        ),
        decision=DECISION,
        actor=actor,
        events=frozenset(request.going("consent_event")),
        people=frozenset(request.people),
        keeps_refusals=False,
    )
    outcome = destroyed(
        database, ring, settings, target, at, progress=progress("destroy") if progress else None
    )
    wrapping_keys = settled(database, ring, settings, schedule, at, progress=progress)
    condition, params = database.matching("identifier_digest", request.people)
    # A number that others held too stays known through them.
    shared = "identifier_digest NOT IN (SELECT {} FROM number_epoch)"
    left = int(
        database.scalar(
            f"SELECT count(*) FROM identifier WHERE {condition} AND "
            f"{shared.format('identifier_digest')} AND {shared.format('epoch_digest')}",
            **params,
        )
    )
    return Erasure(request_id, request, outcome, wrapping_keys, len(suppressions), left)


def _suppressions(
    database: Database, ring: KeyRing, settings: Settings, request: Request, at: datetime
) -> list[tuple[Any, ...]]:
    """Each "no" in force at `at`, once per identifier of the person, if anything goes at all."""
    if not (request.going("message") or request.going("consent_event")) or request.events.is_empty():
        return []
    keys = tuple(entity.key for entity in settings.entities)
    spoken = spread(nw.from_native(request.events.lazy()), keys)
    asked = pl.DataFrame({"party_id": list(request.party_ids)}).join(
        pl.DataFrame({"entity": list(keys)}), how="cross"
    )
    asked = asked.join(pl.DataFrame({"purpose_code": list(PURPOSES)}), how="cross").with_columns(
        message_id=pl.concat_str("party_id", "entity", "purpose_code", separator="|"),
        sent_at=pl.lit(at).cast(pl.Datetime("us", "UTC")),
    )
    judged = states(nw.from_native(asked.lazy()), spoken).collect("polars").to_native()
    condition, params = database.matching("identifier_digest", request.people)
    countries = dict(
        database.frame(
            f"SELECT identifier_digest, country_code FROM identifier WHERE {condition}", **params
        ).iter_rows()
    )
    rows = []
    for row in judged.filter(pl.col("consent_code").is_in(["withdrawn", "refused"])).iter_rows(named=True):
        action = "stop" if row["consent_event_id"] is None else row["governing_action"]
        said_at = instant_or_none(row["withdrawn_at"])
        for person in request.people:
            made_of = (person, row["entity"], row["purpose_code"], action, said_at)
            rows.append(
                (
                    ring.digest("consent_event", "\x1f".join(("suppression", *map(str, made_of)))),
                    person, countries.get(person), row["entity"], False, None, row["purpose_code"],
                    action, said_at, instant_or_none(at),
                )
            )  # fmt: skip
    return rows


def _recorded(
    database: Database,
    ring: KeyRing,
    request: Request,
    suppressions: list[tuple[Any, ...]],
    reason: str,
    actor: str,
    at: datetime,
) -> str:
    say = Voice(database, ring, actor, at)
    with database.writing() as writer:
        number = int(writer.rows("SELECT count(DISTINCT request_id) + 1 FROM erasure_decision")[0][0])
        request_id = f"ERASE-{number:04}"
        moment = instant_or_none(at)
        writer.append(
            t.ErasureDecision,
            DECISION_COLUMNS,
            [
                (request_id, *key, found.code, found.rule, instant_or_none(found.keep_until), moment, actor)
                for key, found in request.decisions.items()
            ],
        )
        writer.append(t.Suppression, SUPPRESSION_COLUMNS, suppressions, skip_known=True)
        counts = dict(request.frame["decision"].value_counts().iter_rows())
        say(writer, "journal", "erase", reason, {"request_id": request_id, "decisions": counts})
    return request_id
