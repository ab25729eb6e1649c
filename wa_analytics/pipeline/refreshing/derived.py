"""Whether the derived tables are what the evidence gives: made again beside them, held against
them, dropped. Nothing is repaired here; `wa rebuild` does that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sqlmodel import SQLModel

from wa_analytics import tables as t
from wa_analytics.database import shadow
from wa_analytics.errors import EvidenceBroken
from wa_analytics.evidence.broken import Broken, Findings
from wa_analytics.evidence.log import entries
from wa_analytics.evidence.sealing import Opener
from wa_analytics.pipeline.refreshing.refresh import made_beside, rules_of
from wa_analytics.pipeline.refreshing.spans import Progress, unvouched_removed
from wa_analytics.retention.schedule import ScheduleRow
from wa_analytics.settings import Settings

if TYPE_CHECKING:
    from wa_analytics.database import Database
    from wa_analytics.evidence.keys import KeyRing

CHUNK = 2_000


@dataclass(frozen=True)
class DerivedProof:
    """outcome of the comparison; reason: why it could not be made."""

    outcome: Literal["pass", "fail", "not_evaluated"]
    reason: str | None = None
    findings: tuple[Broken, ...] = ()


def derived_proof(
    database: Database,
    ring: KeyRing,
    settings: Settings,
    schedule: tuple[ScheduleRow, ...],
    *,
    progress: Callable[[str], Progress] | None = None,
) -> DerivedProof:
    """Compare every derived table with a rebuild up to the entry it reaches.

    Rows are compared as sets, with their number; `fact_id` is left out, as it says only in which
    order rows were written. The caller holds the refresh lock.
    """
    marks = {row["name"]: row for row in database.table(t.Watermark).iter_rows(named=True)}
    facts, state = marks.get("facts"), marks.get("state")
    if facts is None or state is None or facts["sequence"] != state["sequence"]:
        return DerivedProof("not_evaluated", "the derived tables are not finished; run `wa refresh`")
    if (facts["rules_digest"], state["rules_digest"]) != rules_of(database, settings, schedule):
        return DerivedProof("not_evaluated", "rules or settings changed since; run `wa refresh`")
    if database.scalar(
        "SELECT count(*) FROM entry WHERE kind = 'disposal' AND kind <> 'capture' AND sequence >= :reached",
        reached=facts["sequence"],
    ):
        return DerivedProof("not_evaluated", "disposals wait for `wa refresh`")
    unvouched_removed(database, facts["sequence"])
    try:
        with _beside(database):
            made_beside(database, ring, settings, schedule, facts["sequence"], progress=progress)
            findings = Findings()
            for table in t.DERIVED:
                _compared(database, table, findings)
    except EvidenceBroken:
        findings = _closed_entries(database, ring)
    found = findings.all()
    return DerivedProof("fail" if found else "pass", None, found)


@contextmanager
def _beside(database: Database) -> Iterator[None]:
    shadow.made(database, t.DERIVED)
    try:
        yield
    finally:
        shadow.dropped(database, t.DERIVED)


def _compared(database: Database, table: type[SQLModel], findings: Findings) -> None:
    name = str(table.__tablename__)
    names = [column.name for column in table.__table__.columns if column.name != "fact_id"]  # type: ignore[attr-defined]
    columns = ", ".join(f'"{column}"' for column in names)
    standing, made = f'"{name}"', f'"{shadow.NEW}{name}"'
    place = "sequence" if "sequence" in names else "NULL"
    is_different = False
    with database.reading() as connection:
        for one, other in ((standing, made), (made, standing)):
            sql = (
                f"SELECT DISTINCT {place} FROM (SELECT {columns} FROM {one} "
                f"EXCEPT SELECT {columns} FROM {other}) AS different ORDER BY 1"
            )
            for (sequence,) in connection.exec_driver_sql(sql):
                is_different = True
                if sequence is not None:
                    findings.at("derived_differs", int(sequence), where=f"table {name}")
    if place == "NULL" and is_different:
        findings.of("derived_differs", f"table {name}")
    if not is_different:
        counts = {database.scalar(f"SELECT count(*) FROM {one}") for one in (standing, made)}
        if len(counts) > 1:
            findings.of("derived_differs", f"table {name}")


def _closed_entries(database: Database, ring: KeyRing) -> Findings:
    """Which entries no longer open, when one was met."""
    findings = Findings()
    opener = Opener(ring.wrapping_keys(database), ring.digest_key)
    place = 0
    while chunk := entries(database, place, CHUNK):
        for row in chunk:
            if not opener.opens(row):
                findings.at("entry_does_not_open", row.sequence)
        place = chunk[-1].sequence + 1
    return findings
