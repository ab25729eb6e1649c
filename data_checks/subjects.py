"""What the checks of several suites share: the subjects they speak of and what they need."""

from __future__ import annotations

from data_checks.check import Need, Rows
from wa_analytics.completeness.gaps import SUBJECTS

MESSAGE_SEEN = "sent_at <= :as_of"
EVENT_SEEN = "occurred_at <= :as_of"

MESSAGES = Rows("message", "'message'", "message_id", "sent_at")
CONSENT_EVENTS = Rows("consent_event", "'consent_event'", "event_id", "occurred_at")

EVENT_CONTEXT = {
    "entity": "entity",
    "channel_id": "channel_id",
    "purpose_code": "purpose_code",
    "country_code": "country_code",
}

MESSAGE_CONTEXT = {**EVENT_CONTEXT, "template_name": "template_name"}

SEND_CONTEXT = {
    **MESSAGE_CONTEXT,
    "outcome_code": "CASE WHEN direction_code <> 'outbound' THEN NULL "
    "WHEN delivered_at <= :as_of THEN 'delivered' "
    "WHEN failed_at <= :as_of THEN 'failed' ELSE 'unknown' END",
}

CONSENT_CONTEXT = {**SEND_CONTEXT, "was_known": "was_known"}

ANY_MESSAGE = Need(
    "SELECT 1 FROM message WHERE sent_at <= :as_of LIMIT 1",
    "no message is known up to this moment: none captured, or `wa refresh` has not run",
)
ANY_SEND = Need(
    "SELECT 1 FROM message WHERE sent_at <= :as_of AND direction_code = 'outbound' LIMIT 1",
    "no outbound message is known up to this moment: no send log and no statuses captured",
)
ANY_REGISTER_EVENT = Need(
    "SELECT 1 FROM consent_event WHERE source_code = 'register' AND occurred_at <= :as_of LIMIT 1",
    "no consent register captured up to this moment",
)
ANY_CAPTURE = Need("SELECT 1 FROM entry WHERE kind = 'capture' LIMIT 1", "nothing has been captured yet")


def in_declared_gap(rule: str, start: str, end: str = "") -> str:
    """Condition of a row whose time, from `start` to before `end` (or the instant `start`), touches a
    declared gap of a subject that takes the rule's findings out, in its company and channel."""
    subjects = [code for code, subject in SUBJECTS.items() if rule in subject.rules or code == "everything"]
    codes = ", ".join(f"'{code}'" for code in subjects)
    begins = f"gap_from < {end}" if end else f"gap_from <= {start}"
    return (
        "EXISTS (SELECT 1 FROM (SELECT entity AS gap_entity, channel_id AS gap_channel, gap_from, gap_to "
        f"FROM declared_gap WHERE withdrawn_at IS NULL AND subject_code IN ({codes})) AS gap "
        "WHERE (gap_entity IS NULL OR gap_entity = entity) "
        "AND (gap_channel IS NULL OR gap_channel = channel_id) "
        f"AND {begins} AND (gap_to IS NULL OR gap_to > {start}))"
    )
