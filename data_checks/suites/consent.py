"""Consent: every send that needs it, against the state the consent room computed at `sent_at`."""

from __future__ import annotations

from data_checks.check import Check, Severity
from data_checks.subjects import (
    ANY_REGISTER_EVENT,
    ANY_SEND,
    CONSENT_CONTEXT,
    CONSENT_EVENTS,
    EVENT_CONTEXT,
    EVENT_SEEN,
    MESSAGE_SEEN,
    MESSAGES,
    SEND_CONTEXT,
)

JUDGED = f"{MESSAGE_SEEN} AND consent_code NOT IN ('not_judged', 'not_evaluated')"
UNJUDGED = f"{MESSAGE_SEEN} AND consent_code = 'not_evaluated'"

UNJUDGED_BY = "consent_reason_code"
UNJUDGED_WORDS = {
    "kind_unknown": "the send log does not say whether a template or free form",
    "purpose_unknown": "no purpose is known",
    "purpose_service": "a template declared as service",
    "no_register": "no consent register captured",
    "no_party": "no person is known",
    "group": "it went to a group",
    "no_entity": "the channel belongs to no company of the settings",
    "": "no reason recorded",
}
PURPOSES_TOLD = (
    "(CASE WHEN declared_purpose_code IS NULL THEN 0 ELSE 1 END"
    " + CASE WHEN priced_purpose_code IS NULL THEN 0 ELSE 1 END"
    " + CASE WHEN template_purpose_code IS NULL THEN 0 ELSE 1 END)"
)
NOTHING_SENT = "no send that needs consent is known up to this moment"


def _state(code: str, severity: Severity, title: str, meaning: str) -> Check:
    return Check(
        key=f"consent.{code}",
        suite="consent",
        title=title,
        meaning=meaning,
        severity=severity,
        rows=MESSAGES,
        population=JUDGED,
        violation=f"consent_code = '{code}'",
        not_evaluated=UNJUDGED,
        unjudged_by=UNJUDGED_BY,
        unjudged=UNJUDGED_WORDS,
        needs=(ANY_SEND,),
        nothing=NOTHING_SENT,
        context=CONSENT_CONTEXT,
    )


def _register(
    rule: str,
    severity: Severity,
    title: str,
    meaning: str,
    *,
    population: str,
    violation: str,
    nothing: str,
) -> Check:
    return Check(
        key=f"consent.{rule}",
        suite="consent",
        title=title,
        meaning=meaning,
        severity=severity,
        rows=CONSENT_EVENTS,
        population=f"{EVENT_SEEN} AND source_code = 'register' AND {population}",
        violation=violation,
        needs=(ANY_REGISTER_EVENT,),
        nothing=nothing,
        context=EVENT_CONTEXT,
    )


CHECKS = (
    _state(
        "withdrawn",
        "critical",
        "Sent after a withdrawal",
        "A template or marketing message to a person whose withdrawal or stop was in force when it "
        "was sent, whatever became of the message.",
    ),
    _state(
        "refused",
        "critical",
        "Sent after a refusal",
        "A message to a person whose latest answer for this purpose was a refusal.",
    ),
    _state(
        "never_asked",
        "high",
        "No record of consent",
        "A message to a person of whom no consent for any purpose is recorded by then.",
    ),
    _state(
        "expired",
        "high",
        "Sent on expired consent",
        "A message on a consent that had ended by its own date when it was sent.",
    ),
    _state(
        "wrong_purpose",
        "high",
        "Consent was for another purpose",
        "A message for a purpose the person never agreed to, though they did agree to another.",
    ),
    _state(
        "unconfirmed",
        "high",
        "Consent asked for, never confirmed",
        "A message to a person who had been asked, and of whom no answer is recorded by then.",
    ),
    Check(
        key="consent.recorded_late",
        suite="consent",
        title="Consent recorded after the send",
        meaning="The consent covers the send, but the register did not hold it yet when the message "
        "went out. Sends whose events have no recording time are not evaluated.",
        severity="medium",
        rows=MESSAGES,
        population=f"{MESSAGE_SEEN} AND consent_code = 'granted' AND is_recorded_late IS NOT NULL",
        violation="is_recorded_late",
        not_evaluated=f"{MESSAGE_SEEN} AND consent_code IN ('granted', 'not_evaluated') "
        "AND is_recorded_late IS NULL",
        unjudged_by=f"CASE WHEN consent_code = 'granted' THEN 'no_time' ELSE {UNJUDGED_BY} END",
        unjudged={**UNJUDGED_WORDS, "no_time": "the deciding events have no recording time"},
        needs=(ANY_SEND,),
        nothing="no send on a granted consent is known up to this moment",
        context=CONSENT_CONTEXT,
    ),
    _register(
        "incomplete_record",
        "medium",
        "Consent record incomplete",
        "A grant or confirmation in the register without method, without wording or its version, or "
        "without the name of the business.",
        population="action_code IN ('granted', 'confirmed')",
        violation="is_incomplete",
        nothing="no grant or confirmation is recorded up to this moment",
    ),
    _register(
        "asked_again",
        "medium",
        "Asked again after a withdrawal",
        "A request for consent made while a withdrawal or stop for that purpose was in force.",
        population="action_code = 'requested'",
        violation="is_asked_again",
        nothing="no request for consent is recorded up to this moment",
    ),
    Check(
        key="consent.purpose_mismatch",
        suite="consent",
        title="Purposes disagree",
        meaning="The send log's purpose, the price category and the template's category of one "
        "message differ; it is judged as marketing if any of them says so.",
        severity="medium",
        rows=MESSAGES,
        population=f"{MESSAGE_SEEN} AND direction_code = 'outbound' "
        f"AND (has_purpose_mismatch OR {PURPOSES_TOLD} > 1)",
        violation="has_purpose_mismatch",
        not_evaluated=f"{MESSAGE_SEEN} AND direction_code = 'outbound' "
        f"AND NOT has_purpose_mismatch AND {PURPOSES_TOLD} < 2",
        unjudged={"": "fewer than two sources tell the purpose"},
        needs=(ANY_SEND,),
        nothing="no outbound message is known up to this moment",
        context=SEND_CONTEXT,
    ),
    _register(
        "unknown_business",
        "low",
        "Consent given to an unknown business",
        "A register event names a business that no company of the settings answers to; it governs no send.",
        population="1 = 1",
        violation="has_unknown_business",
        nothing="no consent register captured up to this moment",
    ),
)
