"""The declared-gap ledger: recorded, and said in the evidence log as an entry of our own."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from wa_analytics import tables as t
from wa_analytics.completeness.diversion import EVENTS, stretches
from wa_analytics.completeness.gaps import SUBJECTS, WHY, Gap, proposals
from wa_analytics.errors import InputRefused, ReasonRequired
from wa_analytics.pipeline.holds import Voice, instant_or_none
from wa_analytics.settings import Settings

if TYPE_CHECKING:
    from wa_analytics.database import Database
    from wa_analytics.evidence.keys import KeyRing

COLUMNS = (
    "gap_id", "subject_code", "entity", "channel_id", "gap_from", "gap_to", "reason", "declared_by",
    "declared_at",
)  # fmt: skip
IN_FORCE = "withdrawn_at IS NULL"


def gaps(database: Database, *, is_every: bool = False) -> pl.DataFrame:
    """Declared gaps in force, or withdrawn ones too; columns of `declared_gap`."""
    return database.table(t.DeclaredGap, "" if is_every else IN_FORCE).sort("gap_id")


def proposed(database: Database) -> list[Gap]:
    """Gaps that the open findings of the latest checks, and the events of numbers and accounts, show."""
    condition, rules = database.matching("rule", WHY, "rules")
    findings = database.frame(
        "SELECT rule, subject_id, entity, channel_id, occurred_at FROM finding "
        f"WHERE status_code = 'open' AND {condition}",
        **rules,
    )
    days = database.frame(
        "SELECT channel_day.channel_id, entity, day_from, day_to, silent_on, "
        "CASE WHEN day_on = newest_on THEN 1 ELSE 0 END AS open_count FROM channel_day JOIN "
        "(SELECT channel_id, max(day_on) AS newest_on FROM channel_day GROUP BY channel_id) AS newest "
        "ON newest.channel_id = channel_day.channel_id WHERE is_silent"
    ).with_columns(is_open=pl.col("open_count") == 1)
    condition, codes = database.matching("event_code", EVENTS, "codes")
    events = database.frame(
        "SELECT event_code, occurred_at, channel_id, account_id, entity FROM channel_event "
        f"WHERE {condition}",
        **codes,
    )
    return proposals(
        findings.iter_rows(named=True),
        days.iter_rows(named=True),
        stretches(events.iter_rows(named=True)),
        gaps(database).iter_rows(named=True),
    )


def declared(
    database: Database,
    ring: KeyRing,
    settings: Settings,
    *,
    subject_code: str,
    gap_from: datetime,
    gap_to: datetime | None,
    reason: str,
    actor: str,
    at: datetime,
    entity: str | None = None,
    channel_id: str | None = None,
    proposal_id: str | None = None,
) -> str:
    """Declare a gap; returns its id. The next check counts what lies in it as declared.

    Raises ReasonRequired; InputRefused for an unknown subject, company or channel, and for an end that
    is not after the start.
    """
    if not reason.strip():
        raise ReasonRequired("A declared gap needs a reason; say why with --reason, without naming a person.")
    if subject_code not in SUBJECTS:
        raise InputRefused(f"A gap cannot be of {subject_code!r}; choose from {', '.join(SUBJECTS)}.")
    if gap_to is not None and gap_to <= gap_from:
        raise InputRefused("--until must be later than --since; leave it out while the gap lasts.")
    if entity is not None and settings.entity_by_key(entity) is None:
        raise InputRefused(f"There is no company {entity!r} in settings.toml.")
    if channel_id is not None and not _is_known(database, settings, channel_id):
        raise InputRefused(f"No channel {channel_id!r} is known; `wa doctor` and settings.toml name them.")
    say = Voice(database, ring, actor, at)
    with database.writing() as writer:
        number = int(writer.rows("SELECT count(*) + 1 FROM declared_gap")[0][0])
        row = (
            f"GAP-{number:04}", subject_code, entity, channel_id, instant_or_none(gap_from),
            instant_or_none(gap_to), reason.strip(), actor, instant_or_none(at),
        )  # fmt: skip
        writer.append(t.DeclaredGap, COLUMNS, [row])
        told = {name: cell for name, cell in zip(COLUMNS, row, strict=True) if cell is not None}
        if proposal_id:
            told["proposal_id"] = proposal_id
        say(writer, "journal", "gap.declare", reason, told)
    return str(row[0])


def proposal(database: Database, proposal_id: str) -> Gap:
    """The proposal of this id. Raises InputRefused."""
    for gap in proposed(database):
        if gap.proposal_id == proposal_id:
            return gap
    raise InputRefused("No gap of this id is proposed (any more); see `wa gaps propose`.")


def withdrawn(
    database: Database, ring: KeyRing, gap_id: str, *, reason: str, actor: str, at: datetime
) -> None:
    """Take a declaration back; what lay in it is a finding again. Raises ReasonRequired, InputRefused."""
    if not reason.strip():
        raise ReasonRequired("Taking a declared gap back needs a reason; say why with --reason.")
    say = Voice(database, ring, actor, at)
    with database.writing() as writer:
        changed = writer.execute(
            "UPDATE declared_gap SET withdrawn_at = :at, withdrawn_by = :actor "
            f"WHERE gap_id = :id AND {IN_FORCE}",
            {"at": at, "actor": actor, "id": gap_id},
        )
        if not changed:
            raise InputRefused("No declared gap of this number is in force; see `wa gaps list`.")
        say(writer, "journal", "gap.withdraw", reason, {"gap_id": gap_id})


def proposal_rows(found: list[Gap]) -> list[dict[str, Any]]:
    """Proposals as plain rows."""
    return [asdict(gap) for gap in found]


def _is_known(database: Database, settings: Settings, channel_id: str) -> bool:
    named = {channel for entity in settings.entities for channel in entity.channels}
    return channel_id in named or bool(
        database.scalar(
            "SELECT 1 FROM channel WHERE channel_id = :id UNION "
            "SELECT 1 FROM channel_day WHERE channel_id = :id UNION "
            "SELECT 1 FROM channel_event WHERE channel_id = :id",
            id=channel_id,
        )
    )
