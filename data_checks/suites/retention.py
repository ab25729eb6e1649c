"""Retention: what should be gone, what two rules disagree on, what no rule covers."""

from __future__ import annotations

from data_checks.check import Check, Rows
from data_checks.subjects import ANY_MESSAGE, MESSAGE_CONTEXT, MESSAGE_SEEN, MESSAGES

CHECKS = (
    Check(
        key="retention.overdue",
        suite="retention",
        title="Kept longer than allowed",
        meaning="The body is held although the ceiling that ends first has passed. Messages whose "
        "rules are in conflict are not evaluated until a person has decided.",
        severity="high",
        rows=MESSAGES,
        population=f"{MESSAGE_SEEN} AND has_body AND retention_code = 'scheduled' AND dispose_by IS NOT NULL",
        violation="dispose_by <= :as_of",
        not_evaluated=f"{MESSAGE_SEEN} AND has_body AND retention_code = 'conflict'",
        unjudged={"": "the rules are in conflict"},
        needs=(ANY_MESSAGE,),
        nothing="no held message has a date by which it must be disposed of",
        context=MESSAGE_CONTEXT,
    ),
    Check(
        key="retention.disposed_early",
        suite="retention",
        title="Destroyed before its time",
        meaning="A message was disposed of before the floor that ends last, and no decision on a "
        "person's request for erasure is recorded for it (17 CFR 240.17a-4, GDPR Art. 17(3)(b)).",
        severity="critical",
        rows=Rows("disposed_message", "'message'", "message_id", "disposed_at"),
        population="disposed_at <= :as_of",
        violation="disposed_at < retain_until AND NOT EXISTS (SELECT 1 FROM erasure_decision d "
        "WHERE d.subject_code = 'message' AND d.subject_id = message_id AND d.decision_code = 'erase')",
        nothing="nothing was disposed of up to this moment",
        context={"channel_id": "channel_id"},
    ),
    Check(
        key="retention.conflict",
        suite="retention",
        title="Two retention rules contradict each other",
        meaning="A ceiling ends before a floor does: one rule says destroy, another says keep. One "
        "finding per pair of schedule rows, for a person to decide.",
        severity="medium",
        rows=Rows("message", "'retention_pair'", "retain_rule || '|' || dispose_rule", "sent_at"),
        population=f"{MESSAGE_SEEN} AND retention_code IN ('scheduled', 'held', 'conflict')",
        violation="retention_code = 'conflict'",
        needs=(ANY_MESSAGE,),
        nothing="no message falls under a row of the retention schedule",
        context={"entity": "entity"},
        is_grouped=True,
    ),
    Check(
        key="retention.unscheduled",
        suite="retention",
        title="No retention rule",
        meaning="No row of the retention schedule was in force for the message, so nothing says how "
        "long to keep it.",
        severity="low",
        rows=MESSAGES,
        population=MESSAGE_SEEN,
        violation="retention_code = 'unscheduled'",
        needs=(ANY_MESSAGE,),
        nothing="no message is known up to this moment",
        context=MESSAGE_CONTEXT,
    ),
)
