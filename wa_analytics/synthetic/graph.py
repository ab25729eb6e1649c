"""What the Graph API would answer of the made-up group: counts, message ids, callbacks, templates, media.

    answer = Graph(…).answer("/v26.0/208000000000100/subscribed_apps", {})

The platform knows every message, also those of which no webhook arrived. Shapes: Graph API v26.0,
WhatsApp Business Account and phone number nodes, analytics, message_history, media.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from wa_analytics.synthetic.companies import Channel, Company
from wa_analytics.synthetic.contents import Media, media_bytes

DAY = 86_400
# Message ids are told for as long as Meta keeps messages.
HISTORY_DAYS = 30
# A media id from a webhook can be fetched for so long.
MEDIA_DAYS = 7
PAGE = 100
CALLBACK = "https://hooks.example.com/webhooks/meta-cloud"
ELSEWHERE = "https://crm.example.net/whatsapp"
APP_ID = "670000000000001"
APP = {"link": "https://www.example.com/", "name": "Capture", "id": APP_ID}
GRANULARITY = {"HALF_HOUR": 1_800, "DAY": DAY}


class Sent(NamedTuple):
    """One outbound message as the platform knows it. at: seconds since 1970."""

    message_id: str
    channel_id: str
    at: int
    is_accepted: bool
    is_delivered: bool


class Answer(NamedTuple):
    """code: HTTP status. content: bytes of `mime_type`."""

    code: int
    mime_type: str
    content: bytes


@dataclass(slots=True)
class Known:
    """What the platform knows of one company beside what its webhooks told.

    media: media id → the file and when it was announced; altered: ids whose bytes are not what was
    announced; overrides: channel → the callback that governs it instead of the company's own.
    """

    company: Company
    end: int
    sent: list[Sent] = field(default_factory=list)
    media: dict[str, tuple[Media, int]] = field(default_factory=dict)
    altered: set[str] = field(default_factory=set)
    overrides: dict[str, str] = field(default_factory=dict)


class Graph:
    """Answers of the Graph API about the accounts of several companies."""

    def __init__(self, known: Iterable[Known]) -> None:
        self._known = [one for one in known if one.company.waba_ids]
        self._accounts = {waba: one for one in self._known for waba in one.company.waba_ids}
        self._channels = {channel.channel_id: one for one in self._known for channel in one.company.channels}
        # The address under which media is downloaded; known once a server listens.
        self.address = ""

    def answer(self, path: str, query: Mapping[str, str]) -> Answer:
        """Of `/<version>/<node>[/<edge>]`, or of a download address `/media/<id>`."""
        parts = [part for part in path.split("/") if part]
        if len(parts) == 2 and parts[0] == "media":
            return self._download(parts[1])
        node, edge = (parts[1] if len(parts) > 1 else ""), (parts[2] if len(parts) > 2 else "")
        if node in self._accounts:
            return self._account(self._accounts[node], node, edge, query)
        if node in self._channels:
            return self._channel(self._channels[node], node, edge, query)
        for one in self._known:
            if node in one.media:
                return self._media(one, node)
        return _refused(node)

    def _account(self, known: Known, waba_id: str, edge: str, query: Mapping[str, str]) -> Answer:
        channels = [channel for channel in known.company.channels if channel.waba_id == waba_id]
        if edge == "phone_numbers":
            return _told({"data": [self._number(known, channel) for channel in channels]})
        if edge == "subscribed_apps":
            return _told({"data": [{"whatsapp_business_api_data": APP}]})
        if edge == "message_templates":
            return _told(
                {"data": [_template(known.company, at) for at in range(len(known.company.templates))]}
            )
        if not edge and "analytics" in query.get("fields", ""):
            return _told({"analytics": self._analytics(known, channels, query["fields"]), "id": waba_id})
        if not edge:
            return _told({"id": waba_id, "name": known.company.name, "currency": known.company.currency})
        return _refused(waba_id)

    def _channel(self, known: Known, channel_id: str, edge: str, query: Mapping[str, str]) -> Answer:
        channel = known.company.channel(channel_id)
        if edge == "message_history":
            return self._history(known, channel_id, query)
        if edge:
            return _refused(channel_id)
        return _told(self._number(known, channel))

    def _number(self, known: Known, channel: Channel) -> dict[str, Any]:
        override = known.overrides.get(channel.channel_id)
        callbacks = {"application": CALLBACK} | ({"phone_number": override} if override else {})
        return {
            "id": channel.channel_id,
            "display_phone_number": "+" + channel.phone,
            "verified_name": known.company.business_names[0],
            "status": "CONNECTED",
            "quality_rating": "GREEN",
            "code_verification_status": "VERIFIED",
            "account_mode": "LIVE",
            "platform_type": "CLOUD_API",
            "throughput": {"level": "STANDARD"},
            "webhook_configuration": callbacks,
        }

    def _analytics(self, known: Known, channels: list[Channel], fields: str) -> dict[str, Any]:
        """Of `analytics.start(…).end(…).granularity(…).phone_numbers([…])`."""
        start, end = (int(_argument(fields, name) or 0) for name in ("start", "end"))
        granularity = _argument(fields, "granularity") or "DAY"
        asked = set(re.findall(r"\d{6,}", _argument(fields, "phone_numbers")))
        wanted = {channel.channel_id for channel in channels if not asked or channel.phone in asked}
        points = []
        for at, (sent, delivered) in sorted(self._counts(granularity, known, wanted).items()):
            if start <= at and at + GRANULARITY[granularity] <= (end or known.end + DAY):
                until = at + GRANULARITY[granularity]
                points.append({"start": at, "end": until, "sent": sent, "delivered": delivered})
        phones = [channel.phone for channel in channels if channel.channel_id in wanted]
        return {"phone_numbers": phones, "granularity": granularity, "data_points": points}

    def _counts(self, granularity: str, known: Known, wanted: set[str]) -> dict[int, tuple[int, int]]:
        """Start of an interval → messages sent and delivered in it, over the last year."""
        length = GRANULARITY[granularity]
        counts: dict[int, list[int]] = defaultdict(lambda: [0, 0])
        for one in known.sent:
            if one.channel_id in wanted and one.at >= known.end - 365 * DAY:
                count = counts[one.at // length * length]
                count[0] += 1
                count[1] += one.is_delivered
        return {at: (sent, delivered) for at, (sent, delivered) in counts.items()}

    def _history(self, known: Known, channel_id: str, query: Mapping[str, str]) -> Answer:
        kept = self._histories[channel_id]
        start = int(query.get("after") or 0)
        page = kept[start : start + min(PAGE, int(query.get("limit") or 25))]
        rows = [_history_row(one, known.overrides.get(channel_id, CALLBACK)) for one in page]
        told: dict[str, Any] = {"data": rows}
        if start + len(page) < len(kept):
            after = str(start + len(page))
            told["paging"] = {
                "cursors": {"before": str(start), "after": after},
                "next": f"{self.address}/v26.0/{channel_id}/message_history?after={after}",
            }
        return _told(told)

    @cached_property
    def _histories(self) -> dict[str, list[Sent]]:
        kept: dict[str, list[Sent]] = {channel: [] for channel in self._channels}
        for known in self._known:
            for one in known.sent:
                if one.at >= known.end - HISTORY_DAYS * DAY:
                    kept[one.channel_id].append(one)
        return {
            channel: sorted(rows, key=lambda one: (-one.at, one.message_id)) for channel, rows in kept.items()
        }

    def _media(self, known: Known, media_id: str) -> Answer:
        media, announced_at = known.media[media_id]
        if announced_at <= known.end - MEDIA_DAYS * DAY:
            return _refused(media_id)
        return _told(
            {
                "messaging_product": "whatsapp",
                "url": f"{self.address}/media/{media_id}",
                "mime_type": media.mime_type,
                "sha256": media.sha256,
                "file_size": len(media_bytes(media_id)),
                "id": media_id,
            }
        )

    def _download(self, media_id: str) -> Answer:
        for known in self._known:
            if media_id in known.media:
                content = media_bytes(media_id)
                altered = content[::-1] if media_id in known.altered else content
                return Answer(200, known.media[media_id][0].mime_type, altered)
        return _refused(media_id)


def _template(company: Company, at: int) -> dict[str, Any]:
    template = company.templates[at]
    wording = template.wording.replace("{name}", "{{1}}").replace("{ref}", "{{2}}") or "We write about {{1}}."
    return {
        "id": str(700_000_000_000_001 + at),
        "name": template.name,
        "language": "en",
        "status": "APPROVED",
        "category": template.purpose.upper(),
        "components": [{"type": "BODY", "text": wording}],
    }


def _history_row(sent: Sent, callback: str) -> dict[str, Any]:
    names = ["SENT", "DELIVERED"][: 1 + sent.is_delivered] if sent.is_accepted else ["FAILED"]
    events = [
        {
            "id": f"{sent.at}{place}",
            "delivery_status": name,
            "timestamp": sent.at + 1 + place,
            "webhook_update_state": "DELIVERED",
            "application": {"id": APP["id"]},
            "webhook_uri": callback,
        }
        for place, name in enumerate(names)
    ]
    return {"id": f"8{sent.at}", "message_id": sent.message_id, "events": {"data": events}}


def _argument(fields: str, name: str) -> str:
    found = re.search(rf"\.{name}\(([^)]*)\)", fields)
    return found.group(1).strip("\"' ") if found else ""


def _told(value: dict[str, Any]) -> Answer:
    return Answer(200, "application/json", json.dumps(value, separators=(",", ":")).encode())


def _refused(node: str) -> Answer:
    error = {
        "message": f"Unsupported get request. Object with ID '{node}' does not exist, cannot be loaded due "
        "to missing permissions, or does not support this operation.",
        "type": "GraphMethodException",
        "code": 100,
        "error_subcode": 33,
        "fbtrace_id": "Amade1up",
    }
    return Answer(400, "application/json", json.dumps({"error": error}).encode())
