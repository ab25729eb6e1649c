"""The service window: free-form sends only within 24 hours of the person's last inbound message."""

from __future__ import annotations

from data_checks.check import Check
from data_checks.subjects import ANY_SEND, MESSAGE_SEEN, MESSAGES, SEND_CONTEXT

CHECKS = (
    Check(
        key="window.free_form_outside",
        suite="window",
        title="Free-form message outside the service window",
        meaning="A message without a template, sent 24 hours or more after the person's last inbound "
        "message or call on that channel, or without any.",
        severity="high",
        rows=MESSAGES,
        population=f"{MESSAGE_SEEN} AND window_code IN ('inside', 'outside')",
        violation="window_code = 'outside'",
        not_evaluated=f"{MESSAGE_SEEN} AND window_code = 'not_evaluated'",
        unjudged_by="CASE WHEN kind_code IS NULL THEN 'kind' WHEN message_id IN "
        "(SELECT message_id FROM status_fact WHERE is_group) THEN 'group' ELSE 'silent' END",
        unjudged={
            "kind": "the send log does not say whether a template or free form",
            "group": "it went to a group",
            "silent": "no inbound message captured on the channel",
        },
        needs=(ANY_SEND,),
        nothing="no free-form send is known up to this moment",
        context=SEND_CONTEXT,
    ),
)
