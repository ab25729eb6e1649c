"""The closed list of what the platform tells of accounts, numbers, templates, groups and people.

Our event codes on the right, the platform's words on the left, compared in upper case. A word that
is not listed here becomes `<subject>.unlisted`, keeps the word as detail where it can only be a
code, and is counted. Source: Meta, webhooks reference, September 2026.
"""

from __future__ import annotations

EVENTS: dict[str, dict[str, str]] = {
    "account_update": {
        "ACCOUNT_DELETED": "account.deleted",
        "ACCOUNT_OFFBOARDED": "account.offboarded",
        "ACCOUNT_RECONNECTED": "account.reconnected",
        "ACCOUNT_RESTRICTION": "account.restricted",
        "ACCOUNT_VIOLATION": "account.violation",
        "AD_ACCOUNT_LINKED": "account.ad_account_linked",
        "AUTH_INTL_PRICE_ELIGIBILITY_UPDATE": "account.authentication_rate",
        "BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE": "account.country",
        "DISABLED_UPDATE": "account.disabled",
        "MM_LITE_TERMS_SIGNED": "account.marketing_terms_signed",
        "PARTNER_ADDED": "account.partner_added",
        "PARTNER_APP_INSTALLED": "account.partner_app_installed",
        "PARTNER_APP_UNINSTALLED": "account.partner_app_uninstalled",
        "PARTNER_CLIENT_CERTIFICATION_STATUS_UPDATE": "account.partner_certification",
        "PARTNER_REMOVED": "account.partner_removed",
        "VOLUME_BASED_PRICING_TIER_UPDATE": "account.pricing_tier",
    },
    "account_alerts": {
        "CRITICAL": "account.alert_critical",
        "WARNING": "account.alert_warning",
        "INFORMATIONAL": "account.alert_informational",
    },
    "message_template_status_update": {
        "APPROVED": "template.approved",
        "ARCHIVED": "template.archived",
        "UNARCHIVED": "template.unarchived",
        "DELETED": "template.deleted",
        "DISABLED": "template.disabled",
        "FLAGGED": "template.flagged",
        "IN_APPEAL": "template.in_appeal",
        "LIMIT_EXCEEDED": "template.limit_exceeded",
        "LOCKED": "template.locked",
        "PAUSED": "template.paused",
        "PENDING": "template.pending",
        "PENDING_DELETION": "template.pending_deletion",
        "REINSTATED": "template.reinstated",
        "REJECTED": "template.rejected",
    },
    "security": {
        "PIN_CHANGED": "security.pin_changed",
        "PIN_RESET_REQUEST": "security.pin_reset_requested",
        "PIN_REQUEST_SUCCESS": "security.pin_reset",
        "PIN_RESET_SUCCESS": "security.pin_reset",
    },
    "flows": {
        "FLOW_STATUS_CHANGE": "flow.status",
        "CLIENT_ERROR_RATE": "flow.client_error_rate",
        "ENDPOINT_ERROR_RATE": "flow.endpoint_error_rate",
        "ENDPOINT_LATENCY": "flow.endpoint_latency",
        "ENDPOINT_AVAILABILITY": "flow.endpoint_availability",
        "FLOW_VERSION_EXPIRY_WARNING": "flow.version_expiry",
    },
    "partner_solutions": {
        "SOLUTION_CREATED": "partner.solution_created",
        "SOLUTION_UPDATED": "partner.solution_updated",
    },
    "messaging_handovers": {
        "CONTROL_PASSED": "handover.passed",
        "CONTROL_TAKEN": "handover.taken",
    },
    "smb_app_state_sync": {
        "ADD": "contact.added",
        "REMOVE": "contact.removed",
    },
    "calls": {
        "CALL_RECORDING_AVAILABLE": "call.recording_available",
        "CALL_TRANSCRIPTION_AVAILABLE": "call.transcription_available",
        "RINGING": "call.ringing",
        "ACCEPTED": "call.accepted",
        "REJECTED": "call.rejected",
    },
    "history": {
        "2593109": "history.declined",
    },
}

EVENT: dict[str, str] = {
    "account_review_update": "account.review",
    "account_settings_update": "number.settings",
    "automatic_events": "conversion.detected",
    "business_capability_update": "account.capability",
    "business_username_update": "number.username",
    "business_username_updates": "number.username",
    "group_lifecycle_update": "group.lifecycle",
    "group_participants_update": "group.participants",
    "group_settings_update": "group.settings",
    "group_status_update": "group.status",
    "history": "history.chunk",
    "message_template_components_update": "template.components",
    "message_template_quality_update": "template.quality",
    "messages": "number.error",
    "payment_configuration_update": "payment.configuration",
    "phone_number_name_update": "number.name",
    "phone_number_quality_update": "number.quality",
    "template_category_update": "template.category",
    "user_id_update": "contact.user_id_changed",
}
"""Fields that tell one kind of event; what happened is the detail."""

SUBJECTS = {
    "account_update": "account",
    "account_alerts": "account",
    "message_template_status_update": "template",
    "security": "security",
    "flows": "flow",
    "partner_solutions": "partner",
    "messaging_handovers": "handover",
    "smb_app_state_sync": "contact",
    "calls": "call",
    "history": "history",
}

FURTHER = ("number.limit", "template.category_pending", "group.failed")
"""Told beside the event of their field."""

CODES = frozenset(
    (
        *EVENT.values(),
        *FURTHER,
        *(code for codes in EVENTS.values() for code in codes.values()),
        *(f"{subject}.unlisted" for subject in SUBJECTS.values()),
    )
)
"""Every event code a Meta webhook can give."""
