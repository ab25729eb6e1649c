"""Capture completeness: bodies that are missing, records that contradict each other, captures that
cannot be trusted or read."""

from __future__ import annotations

from data_checks.check import Check, Rows, Severity
from data_checks.subjects import (
    ANY_CAPTURE,
    ANY_SEND,
    EVENT_CONTEXT,
    MESSAGE_SEEN,
    MESSAGES,
    SEND_CONTEXT,
    in_declared_gap,
)

# Providers whose deliveries are signed; tables that a company exports itself never are.
SIGNING_PROVIDERS = "'meta-cloud'"

CONFLICTS = (
    "SELECT 'message' AS subject, message_id AS subject_id, sent_at AS happened_at, entity, "
    "channel_id, purpose_code, country_code, is_conflicting FROM message WHERE has_send_log "
    "UNION ALL "
    "SELECT 'consent_event' AS subject, event_id AS subject_id, occurred_at AS happened_at, entity, "
    "channel_id, purpose_code, country_code, is_conflicting FROM consent_event "
    "WHERE source_code = 'register'"
)


def _captures(note: str) -> str:
    """Captures with the recognition digest of those that carry the note."""
    return (
        "SELECT entry.provider, entry.received_at, entry.signature_code, noted.recognition_digest "
        "FROM entry LEFT JOIN (SELECT sequence, MIN(recognition_digest) AS recognition_digest "
        f"FROM capture_note WHERE note_code = '{note}' GROUP BY sequence) AS noted "
        "ON noted.sequence = entry.sequence WHERE entry.kind = 'capture'"
    )


def _noted(
    rule: str,
    severity: Severity,
    title: str,
    meaning: str,
    population: str,
    nothing: str,
    *,
    not_evaluated: str = "",
    unjudged: str = "",
) -> Check:
    return Check(
        key=f"capture.{rule}",
        suite="capture",
        title=title,
        meaning=meaning,
        severity=severity,
        rows=Rows(_captures(rule), "'capture'", "recognition_digest", "received_at"),
        population=population,
        violation="recognition_digest IS NOT NULL",
        not_evaluated=not_evaluated,
        unjudged={"": unjudged} if unjudged else {},
        needs=(ANY_CAPTURE,),
        nothing=nothing,
        is_grouped=True,
    )


CHECKS = (
    Check(
        key="capture.body_missing",
        suite="capture",
        title="Message without its content",
        meaning="A send known from its statuses alone, once `completeness.settle_hours` have passed "
        "since the earliest, or a send-log row that has neither a body nor a template.",
        severity="high",
        rows=MESSAGES,
        population=f"{MESSAGE_SEEN} AND direction_code = 'outbound' "
        "AND (body_code <> 'statuses_only' OR first_status_at <= :settle_before)",
        violation="body_code IN ('missing_log', 'statuses_only')",
        declared=in_declared_gap("capture.body_missing", "sent_at"),
        not_evaluated=f"{MESSAGE_SEEN} AND direction_code = 'outbound' "
        "AND body_code = 'statuses_only' AND first_status_at > :settle_before",
        unjudged={"": "not settled yet"},
        needs=(ANY_SEND,),
        nothing="no outbound message is known up to this moment",
        context=SEND_CONTEXT,
    ),
    Check(
        key="capture.conflicting",
        suite="capture",
        title="Records contradict each other",
        meaning="Two send-log rows with one message id, or two register rows with one record id, "
        "tell different things; both are kept and the earliest governs.",
        severity="medium",
        rows=Rows(CONFLICTS, "subject", "subject_id", "happened_at"),
        population="happened_at <= :as_of",
        violation="is_conflicting",
        needs=(),
        nothing="neither a send log nor a consent register is known up to this moment",
        context=EVENT_CONTEXT,
    ),
    _noted(
        "signature_invalid",
        "critical",
        "Signature does not match",
        "A capture whose signature is not the one its exact bytes give under the app secret. "
        "Captures without a signature, or imported without a secret, are not judged.",
        "signature_code IN ('valid', 'invalid') OR recognition_digest IS NOT NULL",
        "no capture carries a signature that could be checked",
        not_evaluated=f"signature_code = 'absent' AND provider IN ({SIGNING_PROVIDERS}) "
        "AND recognition_digest IS NULL",
        unjudged="no signature, or no app secret when they were imported",
    ),
    _noted(
        "unreadable",
        "high",
        "Capture cannot be read",
        "A capture that no parser understands; its bytes are kept and read again when a parser is mended.",
        "1 = 1",
        "nothing has been captured yet",
    ),
)
