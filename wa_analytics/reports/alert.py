"""Tells people that something needs them, wherever the settings say (mail, chat, webhook …).

Numbers and rule names only. Without `alerts.urls` nothing is sent; a channel that fails is counted
as not sent and never stops the pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wa_analytics.incidents.lifecycle import IncidentState
from wa_analytics.settings import Settings


def alert_text(checks: Mapping[str, Any], incidents: Sequence[IncidentState]) -> str | None:
    """The words of an alert, or None where nothing needs anybody."""
    failing = [row for row in checks["results"] if row["outcome"] in ("fail", "error")]
    urgent = [state for state in incidents if state.severity_code in ("critical", "high")]
    crashed = [row["check"] for row in failing if row["outcome"] == "error"]
    if not urgent and not crashed:
        return None
    lines = [f"{state.incident_id} {state.severity_code}: {state.title}" for state in urgent]
    if crashed:
        lines.append(f"could not run: {', '.join(crashed)}")
    lines.append(f"{sum(row['finding_count'] for row in failing):,} findings in {len(failing)} checks")
    return "\n".join(lines)


def alerted(settings: Settings, checks: Mapping[str, Any], incidents: Sequence[IncidentState]) -> int:
    """Send the alert to every address of the settings; returns how many took it."""
    text = alert_text(checks, incidents)
    if text is None or not settings.alerts.urls:
        return 0
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import apprise

    sent = 0
    for url in settings.alerts.urls:
        channel = apprise.Apprise()
        channel.add(url.get_secret_value())
        sent += bool(channel.notify(title="WhatsApp compliance: attention needed", body=text))
    return sent
