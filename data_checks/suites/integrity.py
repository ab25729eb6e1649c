"""Integrity: the derived tables refer to each other and hold only words they may hold.

A violation here is a fault of the workbench or of the database, not of the company.
"""

from __future__ import annotations

from data_checks.check import Check, ColumnRule, Need, Rows
from data_checks.subjects import CONSENT_EVENTS, EVENT_SEEN, MESSAGE_SEEN, MESSAGES

STATES = ("granted", "withdrawn", "refused", "expired", "unconfirmed", "wrong_purpose",
          "never_asked", "not_judged", "not_evaluated")  # fmt: skip


def _unreferenced(column: str, table: str, key: str) -> str:
    """Rows whose `column` is no `key` of `table`. The inner rename keeps the outer column in reach
    without a prefix, and both planners turn it into an anti-join."""
    return (
        f"NOT EXISTS (SELECT 1 FROM (SELECT {key} AS known_key FROM {table}) AS known "
        f"WHERE known_key = {column})"
    )


def _filled(table: str) -> Need:
    return Need(
        f"SELECT 1 FROM {table} LIMIT 1",
        f"table {table} is empty: nothing captured, or `wa refresh` has not run",
    )


def _columns(
    table: str, subject: str, subject_id: str, occurred_at: str, rules: tuple[ColumnRule, ...]
) -> Check:
    return Check(
        key=f"integrity.{table}_columns",
        suite="integrity",
        title=f"Columns of table {table}",
        meaning=f"Table {table} has rows, its needed columns are filled, its keys are unique and its "
        "codes are of the closed lists.",
        severity="high",
        rows=Rows(table, f"'{subject}'", subject_id, occurred_at),
        population="1 = 1",
        violation=" OR ".join(rule.violation(table) for rule in rules),
        needs=(_filled(table),),
        nothing=f"table {table} is empty",
        is_grouped=True,
        column_rules=rules,
    )


CHECKS = (
    _columns(
        "message",
        "message",
        "message_id",
        "sent_at",
        (
            ColumnRule("unique", "message_id"),
            ColumnRule("not_null", "sent_at"),
            ColumnRule("in_set", "direction_code", ("inbound", "outbound")),
            ColumnRule("in_set", "consent_code", STATES),
            ColumnRule("in_set", "window_code", ("inside", "outside", "not_judged", "not_evaluated")),
            ColumnRule("in_set", "body_code", ("held", "not_required", "missing_log", "statuses_only")),
            ColumnRule("in_set", "retention_code", ("scheduled", "held", "conflict", "unscheduled")),
        ),
    ),
    _columns(
        "consent_event",
        "consent_event",
        "event_id",
        "occurred_at",
        (
            ColumnRule("unique", "event_id"),
            ColumnRule("not_null", "occurred_at"),
            ColumnRule(
                "in_set",
                "source_code",
                ("register", "preference", "opt_out_word", "platform_error", "suppression"),
            ),
        ),
    ),
    Check(
        key="integrity.message_party",
        suite="integrity",
        title="Messages' persons are known",
        meaning="Every party that a message names has an identifier.",
        severity="high",
        rows=MESSAGES,
        population=f"{MESSAGE_SEEN} AND party_id IS NOT NULL",
        violation=_unreferenced("party_id", "identifier", "party_id"),
        not_evaluated=f"{MESSAGE_SEEN} AND party_id IS NULL",
        unjudged={"": "no person is known"},
        needs=(_filled("message"),),
        nothing="no message names a person up to this moment",
        context={"entity": "entity", "channel_id": "channel_id"},
    ),
    Check(
        key="integrity.consent_event_party",
        suite="integrity",
        title="Consent events' persons are known",
        meaning="Every party that a consent event names has an identifier.",
        severity="high",
        rows=CONSENT_EVENTS,
        population=f"{EVENT_SEEN} AND party_id IS NOT NULL",
        violation=_unreferenced("party_id", "identifier", "party_id"),
        not_evaluated=f"{EVENT_SEEN} AND party_id IS NULL",
        unjudged={"": "no person is known"},
        needs=(_filled("consent_event"),),
        nothing="no consent event names a person up to this moment",
        context={"entity": "entity"},
    ),
    Check(
        key="integrity.status_message",
        suite="integrity",
        title="Statuses' messages are known",
        meaning="Every delivery status belongs to a message of table message.",
        severity="high",
        rows=Rows("status_fact", "'message'", "message_id", "occurred_at"),
        population=EVENT_SEEN,
        violation=_unreferenced("message_id", "message", "message_id"),
        needs=(_filled("status_fact"),),
        nothing="no delivery status is known up to this moment",
        context={"entity": "entity", "channel_id": "channel_id"},
        is_grouped=True,
    ),
    Check(
        key="integrity.message_entry",
        suite="integrity",
        title="Messages rest on evidence",
        meaning="Every message fact comes from an entry of the evidence log.",
        severity="critical",
        rows=Rows("message_fact", "'message'", "message_id", "sent_at"),
        population=MESSAGE_SEEN,
        violation=_unreferenced("sequence", "entry", "sequence"),
        needs=(_filled("message_fact"),),
        nothing="no message fact is known up to this moment",
        context={"entity": "entity", "channel_id": "channel_id"},
        is_grouped=True,
    ),
)
