"""Recorded outcomes: check runs, their results, findings, passes."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import SQLModel

from wa_analytics.tables.column import WHOLE, clear, instant


class CheckRun(SQLModel, table=True):
    """One run of suites at one `as_of`."""

    __tablename__ = "check_run"

    check_run_id: str = clear("random id of the run", primary_key=True)
    as_of: datetime = instant("moment it speaks of")
    started_at: datetime = instant("when it started")
    finished_at: datetime | None = instant("when it ended", nullable=True)
    outcome_code: str = clear("pass, fail, not_evaluated or error")
    suites: str = clear("suites that ran, comma separated")


class CheckResult(SQLModel, table=True):
    """One check of one run: counts only."""

    __tablename__ = "check_result"

    check_run_id: str = clear("run", primary_key=True)
    check_key: str = clear("subject.rule", primary_key=True)
    suite: str = clear("suite")
    outcome_code: str = clear("pass, fail, not_evaluated or error")
    severity_code: str = clear("critical, high, medium, low")
    evaluated_count: int = clear("rows the check could judge")
    not_evaluated_count: int = clear("rows it could not judge")
    finding_count: int = clear("rows that violate it")
    reason: str | None = clear("why it was not evaluated, or what went wrong", nullable=True)


class Finding(SQLModel, table=True):
    """A fact that a rule states about one subject; unique per rule and subject."""

    __tablename__ = "finding"

    finding_id: str = clear("derived from rule, subject and subject id", primary_key=True)
    rule: str = clear("subject.rule", index=True)
    subject: str = clear("message, consent_event, capture, channel, entity, retention_pair …")
    subject_id: str = clear("our id of the subject, a keyed digest where it is a person's", index=True)
    severity_code: str = clear("critical, high, medium, low")
    status_code: str = clear("open or resolved", index=True)
    entity: str | None = clear("company", nullable=True)
    channel_id: str | None = clear("channel", nullable=True)
    purpose_code: str | None = clear("purpose", nullable=True)
    country_code: str | None = clear("ISO country of the outside person", nullable=True)
    template_name: str | None = clear("template", nullable=True)
    outcome_code: str | None = clear("delivered, failed or unknown, for sends", nullable=True)
    was_known: bool | None = clear("the deciding events were recorded in time", nullable=True)
    occurred_at: datetime | None = instant("when the subject happened", nullable=True)
    first_seen_at: datetime = instant("as_of of the run that found it first")
    last_seen_at: datetime = instant("as_of of the run that saw it last")
    resolved_at: datetime | None = instant("as_of of the run that no longer saw it", nullable=True)
    reopened_at: datetime | None = instant("as_of of the run that saw it again", nullable=True)
    noticed_at: datetime | None = instant(
        "when the run began that found it, or found it again, whatever its as_of", nullable=True
    )
    check_run_id: str = clear("run that saw it last")


class Pass(SQLModel, table=True):
    """One scheduled pass (`wa run`)."""

    __tablename__ = "pass"

    pass_id: str = clear("random id", primary_key=True)
    started_at: datetime = instant("when it started")
    finished_at: datetime | None = instant("when it ended", nullable=True)
    outcome_code: str = clear("running, done or failed")
    reason: str | None = clear("what went wrong", nullable=True)


class VerifyRun(SQLModel, table=True):
    """One verification of the evidence (`wa verify`)."""

    __tablename__ = "verify_run"

    verify_run_id: str = clear("random id of the run", primary_key=True)
    started_at: datetime = instant("when it started")
    finished_at: datetime = instant("when it ended", index=True)
    outcome_code: str = clear("pass, fail or not_evaluated")
    entry_count: int = clear("entries read", sa_type=WHOLE)
    sealed_count: int = clear("entries under the largest signed head that held", sa_type=WHOLE)
    checkpoint_count: int = clear("sizes whose signed root was found again")
    finding_count: int = clear("findings of evidence.broken")
    derived_code: str | None = clear(
        "derived tables against a rebuild: pass, fail or not_evaluated; null: not asked", nullable=True
    )


class Watermark(SQLModel, table=True):
    """How far the derived tables reach, and under which rules they were made; also how far the copies
    of keys reach, and which disposals were done again after a restore."""

    __tablename__ = "watermark"

    name: str = clear("facts, state, key_copies or replayed", primary_key=True)
    sequence: int = clear("first entry not yet projected or copied", sa_type=WHOLE)
    rules_digest: str = clear("SHA-256 of the rules and settings they were made under; id of a disposal")


class ImportCount(SQLModel, table=True):
    """What imports met, added up per provider and outcome (stored, repeated, refused …)."""

    __tablename__ = "import_count"

    provider: str = clear("provider", primary_key=True)
    outcome_code: str = clear("stored, repeated, refused, already_disposed", primary_key=True)
    count: int = clear("captures", sa_type=WHOLE)
    last_at: datetime = instant("when it last happened")
