"""Fields that tell of an account, a number, a template or a flow. They name no person.

Source: Meta, webhooks reference (account_update and message_template_status_update read 11
September 2026; the others November 2025 to August 2026).
"""

from __future__ import annotations

import re
from typing import Any

from wa_analytics.capture import Capture
from wa_analytics.providers.meta_event_codes import EVENT, EVENTS, SUBJECTS
from wa_analytics.providers.meta_parts import (
    channel_event,
    code,
    code_of,
    elements,
    moment,
    part,
    text,
    text_of,
)
from wa_analytics.providers.meta_shapes import Account
from wa_analytics.providers.people import safe_name
from wa_analytics.records import ChannelEventRecord, Record, TemplateRecord, UnknownRecord

Value = dict[str, Any]

# Where each event of `account_update` keeps its own code.
_ACCOUNT_DETAILS: dict[str, tuple[str, ...]] = {
    "ACCOUNT_VIOLATION": ("violation_info", "violation_type"),
    "ACCOUNT_OFFBOARDED": ("disconnection_info", "reason"),
    "PARTNER_REMOVED": ("disconnection_info", "reason"),
    "DISABLED_UPDATE": ("ban_info", "waba_ban_state"),
    "PARTNER_CLIENT_CERTIFICATION_STATUS_UPDATE": ("partner_client_certification_info", "status"),
    "BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE": ("country",),
    "VOLUME_BASED_PRICING_TIER_UPDATE": ("volume_tier_info", "tier"),
}
_CAPABILITIES = (
    "max_daily_conversations_per_business",
    "max_daily_conversation_per_phone",
    "max_phone_numbers_per_waba",
    "max_phone_numbers_per_business",
)
_NAME = re.compile(r"[a-z0-9_]{1,512}\Z")
_LOGIN = re.compile(r"[a-z0-9._]{3,40}\Z")


def listed_event(records: list[Record], field: str, stated: str | None) -> str:
    """Our code of the platform's word; a word that is not in the list is counted."""
    found = EVENTS[field].get((stated or "").upper())
    if found is None:
        records.append(UnknownRecord(kind="event", name=safe_name(code_of(stated))))
        return f"{SUBJECTS[field]}.unlisted"
    return found


def account_update(
    records: list[Record], field: str, value: Value, account: Account, capture: Capture
) -> None:
    """`entry.id` of PARTNER_* events may be the portfolio; `waba_info.waba_id` is the account then."""
    stated = text(value, "event")
    if stated is None:
        return
    account_id = text(value, "waba_info", "waba_id") or text_of(account.id)
    occurred_at = moment(value, account, capture)
    event = listed_event(records, field, stated)
    details: list[str | None] = [code(one, "restriction_type") for one in elements(value, "restriction_info")]
    if not details:
        details = [code(value, *_ACCOUNT_DETAILS.get(stated.upper(), ("disconnection_info", "reason")))]
    if event.endswith(".unlisted"):
        details = [code(value, "event")]
    records.extend(
        ChannelEventRecord(event=event, occurred_at=occurred_at, account_id=account_id, detail=detail)
        for detail in details
    )
    violation = code(value, "violation_info", "violation_type")
    if violation is not None and event != "account.violation":
        records.append(
            ChannelEventRecord(
                event="account.violation", occurred_at=occurred_at, account_id=account_id, detail=violation
            )
        )


def account_alerts(
    records: list[Record], field: str, value: Value, account: Account, capture: Capture
) -> None:
    alert = part(value, "alert_info") or value
    if text(alert, "alert_severity") is None:
        return
    kind, named = (text(value, "entity_type") or "").upper(), text(value, "entity_id")
    records.append(
        ChannelEventRecord(
            event=listed_event(records, field, text(alert, "alert_severity")),
            occurred_at=moment(value, account, capture),
            channel_id=named if kind == "PHONE_NUMBER" else None,
            account_id=text_of(account.id),
            detail=code(alert, "alert_type"),
        )
    )


def one_event(records: list[Record], field: str, value: Value, account: Account, capture: Capture) -> None:
    """Fields that tell a single code of the account or of one of its numbers."""
    detail = next((found for name in _DETAILS[field] if (found := code(value, name)) is not None), None)
    if detail is None:
        return
    _number_event(records, EVENT[field], detail, value, account, capture)


_DETAILS: dict[str, tuple[str, ...]] = {
    "account_review_update": ("decision",),
    "business_capability_update": _CAPABILITIES,
    "payment_configuration_update": ("status",),
    "phone_number_name_update": ("decision",),
    "business_username_update": ("status",),
    "business_username_updates": ("status",),
}


def _number_event(
    records: list[Record], event: str, detail: str | None, value: Value, account: Account, capture: Capture
) -> None:
    """The platform names the number only as people read it: its last four digits tell which of the
    account's numbers it is. A business's user name is public."""
    shown = re.sub(r"[^0-9]", "", text(value, "display_phone_number") or "")[-4:]
    login = text(value, "username")
    subject = login if login and _LOGIN.match(login) else f"…{shown}" if shown else None
    records.append(
        channel_event(event, moment(value, account, capture), value, account, detail=detail, subject=subject)
    )


def number_quality(
    records: list[Record], field: str, value: Value, account: Account, capture: Capture
) -> None:
    """The event, and the limit in force as a second one. `current_limit` went in February 2026."""
    if (stated := code(value, "event")) is not None:
        _number_event(records, EVENT[field], stated, value, account, capture)
    for name in ("max_daily_conversations_per_business", "current_limit"):
        if (limit := code(value, name)) is not None:
            _number_event(records, "number.limit", limit, value, account, capture)
            break


def number_settings(
    records: list[Record], field: str, value: Value, account: Account, capture: Capture
) -> None:
    detail = code(value, "type")
    if detail is not None:
        records.append(
            ChannelEventRecord(
                event=EVENT[field],
                occurred_at=moment(value, account, capture),
                channel_id=text(value, "phone_number_settings", "phone_number_id"),
                account_id=text_of(account.id),
                detail=detail,
            )
        )


def security(records: list[Record], field: str, value: Value, account: Account, capture: Capture) -> None:
    """Two-step verification. Who asked (`requester`) is an employee and stays in the capture."""
    stated = text(value, "event")
    if stated is not None:
        event = listed_event(records, field, stated)
        detail = code(value, "event") if event.endswith(".unlisted") else None
        _number_event(records, event, detail, value, account, capture)


def flows(records: list[Record], field: str, value: Value, account: Account, capture: Capture) -> None:
    stated = text(value, "event")
    if stated is None:
        return
    event = listed_event(records, field, stated)
    names = ("event",) if event.endswith(".unlisted") else ("new_status", "alert_state")
    records.append(
        ChannelEventRecord(
            event=event,
            occurred_at=moment(value, account, capture),
            account_id=text_of(account.id),
            detail=next((found for name in names if (found := code(value, name)) is not None), None),
            subject=_digits(value, "flow_id"),
        )
    )


def partner_solutions(
    records: list[Record], field: str, value: Value, account: Account, capture: Capture
) -> None:
    """`entry.id` is the business portfolio here, which is no account."""
    stated = text(value, "event")
    if stated is None:
        return
    records.append(
        ChannelEventRecord(
            event=listed_event(records, field, stated),
            occurred_at=moment(value, account, capture),
            account_id=text_of(account.id),
            detail=code(value, "solution_status"),
            subject=_digits(value, "solution_id"),
        )
    )


def _digits(value: Value, name: str) -> str | None:
    found = text(value, name)
    return found if found is not None and found.isascii() and found.isdigit() else None


def template_update(
    records: list[Record], field: str, value: Value, account: Account, capture: Capture
) -> None:
    """A template's status, quality, category or wording as of then.

    Meta's page for quality updates shows them under the status field's name; the quality score
    tells them apart. In a category update `new_category` is the category in force, also while a
    correction is only announced.
    """
    name = text(value, "message_template_name")
    if name is None:
        return
    observed_at = moment(value, account, capture)
    account_id = text_of(account.id)
    subject = name if _NAME.match(name) else None

    def told(event: str, detail: str | None) -> None:
        records.append(
            ChannelEventRecord(
                event=event, occurred_at=observed_at, account_id=account_id, detail=detail, subject=subject
            )
        )

    if "new_quality_score" in value or "previous_quality_score" in value:
        told(EVENT["message_template_quality_update"], code(value, "new_quality_score"))
        return
    stated = text(value, "event")
    category = text(value, "new_category") or text(value, "message_template_category")
    records.append(
        TemplateRecord(
            name=name,
            observed_at=observed_at,
            account_id=account_id,
            language=text(value, "message_template_language"),
            category=category.lower() if category else None,
            status=stated.lower() if stated else None,
            wording=_wording(value),
        )
    )
    if field == "message_template_status_update":
        event = listed_event(records, field, stated)
        reason = code(value, "event" if event.endswith(".unlisted") else "reason")
        told(event, None if reason == "NONE" else reason)
    elif field == "template_category_update":
        told(EVENT[field], code(value, "new_category"))
        if (pending := code(value, "correct_category")) is not None:
            told("template.category_pending", pending)
    else:
        told(EVENT[field], None)


def _wording(value: Value) -> str | None:
    """Header, body and footer, joined as for a fetched template."""
    names = ("message_template_title", "message_template_element", "message_template_footer")
    return "\n".join(found for name in names if (found := text(value, name)) is not None) or None
