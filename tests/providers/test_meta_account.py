"""Fields that tell of an account, a number, a template or a flow: one drawn table."""

from __future__ import annotations

from typing import Any

import pytest

from tests.providers.worlds import ACCOUNT, ANA, AT, CHANNEL, MICROS, RECEIVED, body, only, parsed
from wa_analytics.providers.meta_cloud import FIELDS
from wa_analytics.providers.meta_event_codes import CODES, EVENT, EVENTS, SUBJECTS
from wa_analytics.records import ChannelEventRecord, TemplateRecord, UnknownRecord

WABA = "980198427658004"


def stated(field: str, *, time: Any = AT, **value: Any) -> dict[str, Any]:
    """Without the metadata that these fields never have."""
    made = body(field, time=time, **value)
    del made["entry"][0]["changes"][0]["value"]["metadata"]
    return made


def events(field: str, **value: Any) -> list[tuple[str, str | None, str | None]]:
    records = parsed(stated(field, **value))
    found = [record for record in records if isinstance(record, ChannelEventRecord)]
    assert all(one.occurred_at == MICROS and one.event in CODES for one in found)
    return [(one.event, one.detail, one.subject) for one in found]


# field · value · events as (code, detail, subject)
TABLE: list[tuple[str, dict[str, Any], list[tuple[str, str | None, str | None]]]] = [
    ("account_update", {"event": "ACCOUNT_DELETED"}, [("account.deleted", None, None)]),
    ("account_update", {"event": "ACCOUNT_OFFBOARDED"}, [("account.offboarded", None, None)]),
    ("account_update",
     {"event": "ACCOUNT_OFFBOARDED", "disconnection_info": {"reason": "COMPANION_INACTIVITY"}},
     [("account.offboarded", "COMPANION_INACTIVITY", None)]),
    ("account_update", {"event": "ACCOUNT_RECONNECTED"}, [("account.reconnected", None, None)]),
    ("account_update",
     {"event": "ACCOUNT_RESTRICTION",
      "restriction_info": [
          {"restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING", "expiration": AT},
          {"restriction_type": "RESTRICTED_ADD_PHONE_NUMBER_ACTION", "expiration": str(AT)}]},
     [("account.restricted", "RESTRICTED_BIZ_INITIATED_MESSAGING", None),
      ("account.restricted", "RESTRICTED_ADD_PHONE_NUMBER_ACTION", None)]),
    ("account_update",
     {"event": "ACCOUNT_RESTRICTION", "violation_info": {"violation_type": "SPAM"},
      "restriction_info": [{"restriction_type": "RESTRICTED_DIRECT_SEND_UTILITY_TEMPLATES"}]},
     [("account.restricted", "RESTRICTED_DIRECT_SEND_UTILITY_TEMPLATES", None),
      ("account.violation", "SPAM", None)]),
    ("account_update", {"event": "ACCOUNT_VIOLATION", "violation_info": {"violation_type": "ADULT"}},
     [("account.violation", "ADULT", None)]),
    ("account_update", {"event": "AD_ACCOUNT_LINKED"}, [("account.ad_account_linked", None, None)]),
    ("account_update", {"event": "AUTH_INTL_PRICE_ELIGIBILITY_UPDATE"},
     [("account.authentication_rate", None, None)]),
    ("account_update", {"event": "BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE", "country": "IN"},
     [("account.country", "IN", None)]),
    ("account_update",
     {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "REINSTATE",
                                                "waba_ban_date": "April 17, 2025"}},
     [("account.disabled", "REINSTATE", None)]),
    ("account_update", {"event": "MM_LITE_TERMS_SIGNED"}, [("account.marketing_terms_signed", None, None)]),
    ("account_update", {"event": "PARTNER_ADDED"}, [("account.partner_added", None, None)]),
    ("account_update", {"event": "PARTNER_APP_INSTALLED"}, [("account.partner_app_installed", None, None)]),
    ("account_update", {"event": "PARTNER_APP_UNINSTALLED"},
     [("account.partner_app_uninstalled", None, None)]),
    ("account_update",
     {"event": "PARTNER_CLIENT_CERTIFICATION_STATUS_UPDATE",
      "partner_client_certification_info": {"status": "APPROVED", "rejection_reasons": ["NONE"]}},
     [("account.partner_certification", "APPROVED", None)]),
    ("account_update",
     {"event": "PARTNER_REMOVED", "disconnection_info": {"reason": "PRIMARY_INACTIVITY"}},
     [("account.partner_removed", "PRIMARY_INACTIVITY", None)]),
    ("account_update",
     {"event": "VOLUME_BASED_PRICING_TIER_UPDATE", "volume_tier_info": {"tier": "25000001:50000000"}},
     [("account.pricing_tier", "25000001:50000000", None)]),
    ("account_update", {"event": "A_NEW_ONE"}, [("account.unlisted", "A_NEW_ONE", None)]),
    ("account_update", {"event": f"call {ANA}"}, [("account.unlisted", "other", None)]),
    ("account_update", {"event": ANA}, [("account.unlisted", "other", None)]),
    ("account_alerts", {"entity_type": "BUSINESS", "entity_id": "1",
                        "alert_info": {"alert_severity": "CRITICAL", "alert_status": "NONE",
                                       "alert_type": "OBA_APPROVED", "alert_description": "words"}},
     [("account.alert_critical", "OBA_APPROVED", None)]),
    ("account_alerts", {"alert_info": {"alert_severity": "LOUD", "alert_type": "X"}},
     [("account.unlisted", "X", None)]),
    ("account_review_update", {"decision": "APPROVED"}, [("account.review", "APPROVED", None)]),
    ("account_settings_update",
     {"type": "PHONE_NUMBER_SETTINGS", "timestamp": AT,
      "phone_number_settings": {"phone_number_id": CHANNEL}},
     [("number.settings", "PHONE_NUMBER_SETTINGS", None)]),
    ("business_capability_update", {"max_daily_conversations_per_business": "TIER_100K"},
     [("account.capability", "TIER_100K", None)]),
    ("business_capability_update", {"max_daily_conversations_per_business": 2000},
     [("account.capability", "2000", None)]),
    ("business_capability_update", {"max_daily_conversation_per_phone": 1000,
                                    "max_phone_numbers_per_waba": 20},
     [("account.capability", "1000", None)]),
    ("business_username_update", {"display_phone_number": "15550783881", "username": "lucky_shrub",
                                  "status": "approved"},
     [("number.username", "approved", "lucky_shrub")]),
    ("business_username_updates", {"display_phone_number": "15550783881", "status": "deleted"},
     [("number.username", "deleted", "…3881")]),
    ("flows", {"event": "FLOW_STATUS_CHANGE", "flow_id": "1234", "old_status": "DRAFT",
               "new_status": "PUBLISHED", "message": "words"},
     [("flow.status", "PUBLISHED", "1234")]),
    ("flows",
     {"event": "ENDPOINT_LATENCY", "flow_id": "1234", "alert_state": "ACTIVATED", "p50_latency": 3000},
     [("flow.endpoint_latency", "ACTIVATED", "1234")]),
    ("flows", {"event": "FLOW_VERSION_EXPIRY_WARNING", "flow_id": "x y"},
     [("flow.version_expiry", None, None)]),
    ("flows", {"event": "NEW"}, [("flow.unlisted", "NEW", None)]),
    ("partner_solutions", {"event": "SOLUTION_UPDATED", "solution_id": "303610109049230",
                           "solution_status": "ACTIVE"},
     [("partner.solution_updated", "ACTIVE", "303610109049230")]),
    ("payment_configuration_update", {"configuration_name": "words", "status": "ACTIVE"},
     [("payment.configuration", "ACTIVE", None)]),
    ("phone_number_name_update", {"display_phone_number": "15550783881", "decision": "REJECTED",
                                  "requested_verified_name": "words", "rejection_reason": "NAME_X"},
     [("number.name", "REJECTED", "…3881")]),
    ("phone_number_quality_update",
     {"display_phone_number": "+1 555-078-3881", "event": "THROUGHPUT_UPGRADE",
      "max_daily_conversations_per_business": "TIER_UNLIMITED"},
     [("number.quality", "THROUGHPUT_UPGRADE", "…3881"), ("number.limit", "TIER_UNLIMITED", "…3881")]),
    ("phone_number_quality_update", {"event": "FLAGGED", "old_limit": "TIER_1K", "current_limit": "TIER_250"},
     [("number.quality", "FLAGGED", None), ("number.limit", "TIER_250", None)]),
    ("security", {"display_phone_number": "15550783881", "event": "PIN_RESET_REQUEST", "requester": "61"},
     [("security.pin_reset_requested", None, "…3881")]),
    ("security", {"event": "PIN_CHANGED"}, [("security.pin_changed", None, None)]),
    ("security", {"event": "KEY_CHANGED"}, [("security.unlisted", "KEY_CHANGED", None)]),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value", "expected"), TABLE)
def test_what_a_field_tells(field: str, value: dict[str, Any], expected: list[Any]) -> None:
    assert events(field, **value) == expected
    unlisted = [code for code, _, _ in expected if code.endswith(".unlisted")]
    counted = [one for one in parsed(stated(field, **value)) if isinstance(one, UnknownRecord)]
    assert [one.kind for one in counted] == ["event"] * len(unlisted)
    assert "words" not in repr(parsed(stated(field, **value)))


@pytest.mark.parametrize(
    "field", sorted(FIELDS - {"messages", "calls", "smb_message_echoes", "user_preferences"})
)
def test_a_value_that_tells_nothing_is_counted(field: str) -> None:
    assert parsed(stated(field)) == [UnknownRecord(kind="malformed", name=field)]


def test_the_account_a_partner_event_is_about() -> None:
    portfolio = stated("account_update", event="PARTNER_REMOVED", waba_info={"waba_id": WABA})
    assert only(parsed(portfolio), ChannelEventRecord).account_id == WABA
    own = stated("account_update", event="PARTNER_REMOVED")
    assert only(parsed(own), ChannelEventRecord).account_id == ACCOUNT


def test_an_alert_about_a_number() -> None:
    alert = {"alert_severity": "WARNING", "alert_type": "X"}
    record = only(
        parsed(
            stated("account_alerts", entity_type="PHONE_NUMBER", entity_id=int(CHANNEL), alert_info=alert)
        ),
        ChannelEventRecord,
    )
    assert record.channel_id == CHANNEL


@pytest.mark.parametrize(
    ("time", "at", "counted"),
    [(AT, MICROS, []), (str(AT), MICROS, []), (None, RECEIVED, []), ("soon", RECEIVED, []),
     ([], RECEIVED, ["entry"])],
)  # fmt: skip
def test_when_it_happened(time: Any, at: int, counted: list[str]) -> None:
    made = stated("account_update", time=time, event="ACCOUNT_DELETED")
    assert only(parsed(made), ChannelEventRecord).occurred_at == at
    assert [one.name for one in parsed(made) if isinstance(one, UnknownRecord)] == counted


TEMPLATE = {
    "message_template_id": 1,
    "message_template_name": "order_confirmation",
    "message_template_language": "en_US",
}


def template(**told: Any) -> TemplateRecord:
    given = {"name": "order_confirmation", "observed_at": MICROS, "account_id": ACCOUNT, "language": "en_US"}
    return TemplateRecord(**{**given, **told})


@pytest.mark.parametrize(
    ("field", "value", "told", "events_told"),
    [
        ("message_template_status_update",
         {"event": "APPROVED", "message_template_category": "UTILITY", "reason": "NONE"},
         template(category="utility", status="approved"), [("template.approved", None)]),
        ("message_template_status_update",
         {"event": "REJECTED", "message_template_category": "MARKETING", "reason": "INVALID_FORMAT",
          "rejection_info": {"reason": "words", "recommendation": "words"}},
         template(category="marketing", status="rejected"), [("template.rejected", "INVALID_FORMAT")]),
        ("message_template_status_update", {"event": "PENDING_DELETION", "reason": None},
         template(status="pending_deletion"), [("template.pending_deletion", None)]),
        ("message_template_status_update", {"event": "MELTED"},
         template(status="melted"), [("template.unlisted", "MELTED")]),
        ("template_category_update", {"previous_category": "UTILITY", "new_category": "MARKETING"},
         template(category="marketing"), [("template.category", "MARKETING")]),
        ("template_category_update",
         {"new_category": "MARKETING", "correct_category": "UTILITY", "category_update_timestamp": AT},
         template(category="marketing"), [("template.category", "MARKETING"),
                                          ("template.category_pending", "UTILITY")]),
        ("message_template_components_update",
         {"message_template_title": "Your order", "message_template_element": "Hi {{1}}!",
          "message_template_footer": "Bye",
          "message_template_buttons": [{"message_template_button_text": "Go"}]},
         template(wording="Your order\nHi {{1}}!\nBye"), [("template.components", None)]),
        ("message_template_components_update", {"message_template_element": "Hi {{1}}!"},
         template(wording="Hi {{1}}!"), [("template.components", None)]),
        ("message_template_quality_update", {"previous_quality_score": "GREEN", "new_quality_score": "RED"},
         None, [("template.quality", "RED")]),
        # Meta's own page shows a quality update under the status field's name.
        ("message_template_status_update", {"previous_quality_score": "GREEN", "new_quality_score": "RED"},
         None, [("template.quality", "RED")]),
        ("message_template_quality_update", {"previous_quality_score": "GREEN"}, None,
         [("template.quality", None)]),
    ],
)  # fmt: skip
def test_templates(field: str, value: dict[str, Any], told: TemplateRecord | None, events_told: Any) -> None:
    records = parsed(stated(field, **TEMPLATE, **value))
    assert [one for one in records if isinstance(one, TemplateRecord)] == ([told] if told else [])
    assert [(code, detail) for code, detail, _ in events(field, **TEMPLATE, **value)] == events_told
    assert {subject for _, _, subject in events(field, **TEMPLATE, **value)} == {"order_confirmation"}


def test_every_code_is_reached_by_a_field_that_is_read() -> None:
    assert {*EVENTS, *EVENT} <= FIELDS
    assert set(SUBJECTS) == set(EVENTS)
    assert all(code.count(".") == 1 and code == code.lower() for code in CODES)
