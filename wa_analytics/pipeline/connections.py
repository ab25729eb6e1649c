"""Each provider: configured, connected, when last heard, what of it nobody understands, what is declared.

Three-valued: a provider of files that people import needs no settings, and one never heard is not
connected, whatever is configured.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from wa_analytics.pipeline.gaps import IN_FORCE
from wa_analytics.providers import PARSERS
from wa_analytics.settings import Settings
from wa_analytics.tables import DeclaredGap

if TYPE_CHECKING:
    from wa_analytics.database import Database

# Notes that are no field, type or column nobody knows.
TROUBLE = ("unreadable", "signature_invalid")
# Captures are pulled or delivered without end; the others are files that somebody imports.
LIVE = ("meta-cloud", "infobip", "aws-social", "twilio")


def connections(database: Database, settings: Settings, at: datetime) -> list[dict[str, Any]]:
    """One row per provider: `provider, is_configured, missing, connection, captures, last_capture_at,
    repeated, refused, unreadable, unknown, declared_gaps`.

    is_configured: null where nothing needs to be. connection: connected, quiet (nothing within
    `checks.capture_hours`), imported, or never. unknown: different fields, types or columns that no
    parser knows.
    """
    seen = {
        row["provider"]: row
        for row in database.frame(
            "SELECT provider, count(*) AS captures, max(received_at) AS received_at FROM entry "
            "WHERE kind = 'capture' GROUP BY provider"
        ).iter_rows(named=True)
    }
    counts: dict[tuple[str, str], int] = {
        (row["provider"], row["outcome_code"]): row["count"]
        for row in database.frame("SELECT provider, outcome_code, count FROM import_count").iter_rows(
            named=True
        )
    }
    quoted = ", ".join(f"'{code}'" for code in TROUBLE)
    unknown = dict(
        database.frame(
            "SELECT provider, count(*) AS names FROM (SELECT DISTINCT provider, note_code, name FROM "
            f"capture_note WHERE note_code NOT IN ({quoted})) AS noted GROUP BY provider"
        ).rows()
    )
    gaps = _gaps(database)
    since = at - timedelta(hours=settings.checks.capture_hours)
    rows = []
    for provider in sorted({*PARSERS, *seen}):
        last = seen[provider]["received_at"] if provider in seen else None
        rows.append(
            {
                **_configured(provider, settings),
                "connection": _connection(provider, last, since),
                "captures": seen[provider]["captures"] if provider in seen else 0,
                "last_capture_at": last,
                "repeated": counts.get((provider, "repeated"), 0),
                "refused": counts.get((provider, "refused"), 0),
                "unreadable": counts.get((provider, "unreadable"), 0),
                "unknown": unknown.get(provider, 0),
                "declared_gaps": gaps[provider],
            }
        )
    return rows


def unasked(settings: Settings) -> list[dict[str, Any]]:
    """The rows of `connections` as far as the settings tell; the rest is null, the connection `unknown`."""
    counts = ("captures", "last_capture_at", "repeated", "refused", "unreadable", "unknown", "declared_gaps")
    return [
        {**_configured(provider, settings), "connection": "unknown", **dict.fromkeys(counts)}
        for provider in sorted(PARSERS)
    ]


def _configured(provider: str, settings: Settings) -> dict[str, Any]:
    missing = _missing(provider, settings)
    return {
        "provider": provider,
        "is_configured": None if missing is None else not missing,
        "missing": missing or "",
    }


def _connection(provider: str, last: datetime | None, since: datetime) -> str:
    if last is None:
        return "never"
    if provider not in LIVE:
        return "imported"
    return "connected" if last > since else "quiet"


def _missing(provider: str, settings: Settings) -> str | None:
    """What the settings lack for the provider to deliver by itself; None where it needs none."""
    meta, infobip, twilio, aws = (
        settings.meta_cloud, settings.infobip, settings.twilio, settings.aws_social
    )  # fmt: skip
    wanted: dict[str, tuple[tuple[str, Any], ...]] = {
        "meta-cloud": (
            ("meta_cloud.app_secret", meta.app_secret),
            ("meta_cloud.verify_token", meta.verify_token),
            ("meta_cloud.access_token", meta.access_token),
        ),
        "infobip": (
            (
                "infobip.webhook_password, secret or hmac_secret",
                infobip.webhook_password or infobip.secret or infobip.hmac_secret,
            ),
            ("infobip.api_key", infobip.api_key),
            ("infobip.api_url", infobip.api_url),
        ),
        "twilio": (
            ("twilio.account_sid", twilio.account_sid),
            ("twilio.auth_token", twilio.auth_token),
            ("twilio.public_url", twilio.public_url),
        ),
        "aws-social": (("aws_social.topic_arns or queue_url", aws.topic_arns or aws.queue_url),),
    }
    if provider not in wanted:
        return None
    return ", ".join(name for name, value in wanted[provider] if not value)


def _gaps(database: Database) -> Counter[str]:
    """Provider → declared gaps in force on numbers or companies that it has told of."""
    declared = database.table(DeclaredGap, IN_FORCE)
    found: Counter[str] = Counter()
    if declared.is_empty():
        return found
    told = database.frame(
        "SELECT DISTINCT entry.provider, fact.channel_id, fact.entity FROM "
        "(SELECT sequence, channel_id, entity FROM message_fact UNION ALL "
        "SELECT sequence, channel_id, entity FROM status_fact UNION ALL "
        "SELECT sequence, channel_id, entity FROM message_version UNION ALL "
        "SELECT sequence, channel_id, entity FROM channel_event) AS fact "
        "JOIN entry ON entry.sequence = fact.sequence"
    ).rows()
    for gap in declared.iter_rows(named=True):
        found.update(
            {
                provider
                for provider, channel, entity in told
                if gap["channel_id"] in (None, channel) and gap["entity"] in (None, entity)
            }
        )
    return found
