"""A world whose channels are of several providers, written in the payloads of each.

Shares no code with `wa_analytics`. `through` leaves of a world what its channels' providers carry, so that
the oracle answers it like any other; `write_through` writes it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.world_files import Layout, Written, changes_of, write
from tests.worlds import Inbound, Preference, Send, Status, World

PROVIDERS = ("meta-cloud", "aws-social", "infobip", "twilio")
TRAFFIC = ("inbound", "statuses", "preferences", "calls", "echoes", "versions")
OF_META = ("meta-cloud", "aws-social")
Providers = dict[str, str]
"""Channel id → provider."""

INFOBIP_GROUPS = {"sent": ("PENDING",), "delivered": ("DELIVERED",)}
INFOBIP_FAILED = ("UNDELIVERABLE", "EXPIRED", "REJECTED")
LATER = (timedelta(seconds=1), timedelta(hours=1), timedelta(hours=24))


# --- what a provider carries ------------------------------------------------------------------------


def through(world: World, seed: int) -> tuple[World, Providers]:
    """The world as providers drawn for its channels can tell it, business numbers for channel ids."""
    r = random.Random(f"{seed} providers")
    named: dict[str, str] = {}
    providers: Providers = {}
    for number, channel_id in enumerate(sorted(world.waba_by_channel)):
        provider = r.choice(PROVIDERS)
        named[channel_id] = channel_id if provider in OF_META else f"44770090099{number}"
        providers[named[channel_id]] = provider

    def carried(row: Any) -> bool:
        provider = providers[named[row.channel_id]]
        if provider in OF_META:
            return True
        if isinstance(row, Send):
            return "." not in row.to  # only Meta knows user ids
        if isinstance(row, Preference):
            return provider == "infobip" and row.value != "signup" and bool(row.phone)
        if isinstance(row, Inbound):
            return row.type not in ("system", "reaction") and bool(row.phone)
        if isinstance(row, Status):
            names_somebody = bool(row.phone) or (provider, row.status) != ("infobip", "read")
            return row.status != "played" and names_somebody
        return False

    owned = {named[channel] for one in world.entities for channel in one.channels}

    def told(rows: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(_told(row, named, providers, owned) for row in rows if carried(row))

    return replace(
        world,
        entities=tuple(
            replace(one, channels=tuple(named[channel] for channel in one.channels)) for one in world.entities
        ),
        waba_by_channel={named[channel]: waba for channel, waba in world.waba_by_channel.items()},
        class_rules=tuple(replace(rule, channel=named.get(rule.channel, "")) for rule in world.class_rules),
        **{name: told(getattr(world, name)) for name in ("sends", *TRAFFIC)},
    ), providers


def _told(row: Any, named: dict[str, str], providers: Providers, owned: set[str]) -> Any:
    channel_id = named[row.channel_id]
    row = replace(row, channel_id=channel_id)
    provider = providers[channel_id]
    if provider in OF_META:
        return row
    if isinstance(row, Send):
        return row
    row = replace(row, user_id="")
    if isinstance(row, Status):
        # Neither tells a price, and Meta's number for "stopped" is none of theirs. Infobip's delivery report
        # names no sender; its seen report names one where the settings tell which side is the company.
        row = replace(row, category="", error_code=63016 if row.error_code else 0)
        if provider == "infobip" and (row.status != "read" or channel_id not in owned):
            row = replace(row, channel_id="", phone="" if row.status == "read" else row.phone)
    return row


# --- payloads ---------------------------------------------------------------------------------------


def _digits(phone: str) -> str:
    return phone.lstrip("+")


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def _aws(world: World, r: random.Random) -> list[str]:
    lines = []
    for waba_id, name, value, time in changes_of(world, None):
        entry = {"id": waba_id, "changes": [{"field": name, "value": value}]} | (
            {"time": time} if time else {}
        )
        event = {
            "context": {"MetaWabaIds": [{"wabaId": waba_id, "arn": "arn:aws:social-messaging:none"}]},
            "whatsAppWebhookEntry": json.dumps(entry),
            "aws_account_id": "000000000000",
            "message_timestamp": "2026-06-01T00:00:00.123456789Z",
        }
        text = json.dumps(event)
        if r.random() < 0.5:
            text = json.dumps(
                {
                    "Type": "Notification",
                    "MessageId": f"{r.random()}",
                    "TopicArn": "arn:aws:sns:eu-west-1:000000000000:whatsapp",
                    "Message": text,
                    "Timestamp": "2026-06-01T00:00:00.000Z",
                }
            )
        lines.append(text)
    return lines


def _infobip(world: World, r: random.Random) -> list[str]:
    results = [_infobip_inbound(row) for row in world.inbound]
    sent = {row.message_id: row.at for row in world.statuses if row.status == "sent"}
    for row in world.statuses:
        report: dict[str, Any] = {"messageId": row.message_id}
        taken = sent.get(row.message_id, row.at)
        taken = min(taken, row.at)
        if row.status == "read":
            sides = [row.channel_id or "447700900899", _digits(row.phone) or "447700900999"]
            r.shuffle(sides)
            report |= {"from": sides[0], "to": sides[1], "sentAt": _iso(taken), "seenAt": _iso(row.at)}
        else:
            group = r.choice(INFOBIP_GROUPS.get(row.status, INFOBIP_FAILED))
            report |= {"to": _digits(row.phone), "sentAt": _iso(taken), "doneAt": _iso(row.at)}
            report |= {"status": {"groupName": group, "name": group}, "error": {"id": 0, "name": "NO_ERROR"}}
        results.append(report)
    bodies: list[Any] = []
    r.shuffle(results)
    while results:
        size = r.choice((1, 1, 2))
        bodies.append({"results": results[:size]})
        results = results[size:]
    for said in world.preferences:
        content = {
            "sender": said.channel_id,
            "from": _digits(said.phone),
            "notificationMessagesStatus": said.value,
        }
        bodies.append({"from": _digits(said.phone), "content": content, "createdAt": _iso(said.at)})
    return [json.dumps(body) for body in bodies]


def _infobip_inbound(row: Inbound) -> dict[str, Any]:
    message: dict[str, Any] = {
        "text": {"type": "TEXT", "text": row.text},
        "button": {"type": "BUTTON", "text": row.text, "payload": "stop"},
        "button_reply": {"type": "INTERACTIVE_BUTTON_REPLY", "id": "stop", "title": row.text},
        "list_reply": {
            "type": "INTERACTIVE_LIST_REPLY",
            "id": "stop",
            "title": row.text,
            "description": "stop",
        },
        "image": {"type": "IMAGE", "url": "https://api.example/media/77", "caption": row.text},
    }[row.type]
    return {
        "from": _digits(row.phone),
        "to": row.channel_id,
        "integrationType": "WHATSAPP",
        "receivedAt": _iso(row.at),
        "keyword": "STOP",  # the company's own label
        "messageId": row.message_id,
        "message": message,
    }


def _twilio(world: World, r: random.Random) -> list[str]:
    """Webhooks as spool lines, received again later, and the list with its own times, one page a line."""
    lines = []
    for row in world.inbound:
        has_file = "1" if row.type == "image" else "0"
        form = {"MessageSid": row.message_id, "SmsStatus": "received", "Body": row.text, "NumMedia": has_file}
        form |= {"From": f"whatsapp:{row.phone}", "To": f"whatsapp:+{row.channel_id}"}
        form["MessageType"] = {"text": "text", "image": "image", "button": "button"}.get(
            row.type, "interactive"
        )
        if row.type == "button":
            form["ButtonText"] = row.text
        if r.random() < 0.6:
            page = {
                "sid": row.message_id,
                "from": form["From"],
                "to": form["To"],
                "body": row.text,
                "direction": "inbound",
                "status": "received",
                "num_media": has_file,
                "date_sent": format_datetime(row.at),
            }
            lines.append(json.dumps({"messages": [page], "uri": f"/{r.random()}"}))
            lines += [_spooled(form, row.at + later) for later in LATER if r.random() < 0.2]
        else:
            lines += _received(form, row.at, r)
    for row in world.statuses:
        status = r.choice(("failed", "undelivered")) if row.status == "failed" else row.status
        form = {"MessageSid": row.message_id, "MessageStatus": status, "From": f"whatsapp:+{row.channel_id}"}
        form |= {"To": f"whatsapp:{row.phone}"} if row.phone else {}
        form |= {"ErrorCode": str(row.error_code)} if row.error_code else {}
        lines += _received(form, row.at, r)
    return lines


def _received(form: dict[str, str], at: datetime, r: random.Random) -> list[str]:
    return [_spooled(form, at), *(_spooled(form, at + later) for later in LATER if r.random() < 0.4)]


def _spooled(form: dict[str, str], at: datetime) -> str:
    return json.dumps({"received_at": at.isoformat(), "headers": {}, "body": urlencode(form)})


WRITERS: dict[str, Callable[[World, random.Random], list[str]]] = {
    "aws-social": _aws,
    "infobip": _infobip,
    "twilio": _twilio,
}


def write_through(world: World, providers: Providers, folder: Path, layout: Layout) -> Written:
    """The files of `write`, the traffic of other providers' channels in files of theirs, and a chat export,
    which no rule reads."""
    r = random.Random(f"{layout.seed} through")

    def of(provider: str) -> World:
        def theirs(row: Any) -> bool:
            # A report that names no sender is Infobip's.
            return (providers[row.channel_id] if row.channel_id else "infobip") == provider

        parts = {name: tuple(row for row in getattr(world, name) if theirs(row)) for name in TRAFFIC}
        return replace(world, templates=world.templates if provider == "meta-cloud" else (), **parts)

    written = write(of("meta-cloud"), folder, layout)
    imports = list(written.imports)
    for provider, lines_of in WRITERS.items():
        lines = lines_of(of(provider), r)
        if layout.duplicated:
            lines += [line for line in lines if r.random() < 0.3]
        r.shuffle(lines)
        for number, piece in enumerate((lines[::2], lines[1::2])):
            if piece:
                path = folder / f"{provider}-{number}.ndjson"
                path.write_text("".join(f"{line}\n" for line in piece), encoding="utf-8")
                imports.append((provider, path))
    chat = folder / "WhatsApp Chat.txt"
    chat.write_text("[21/03/2026, 08:00:00] +44 7700 900001: STOP\n", encoding="utf-8")
    imports.append(("chat-export", chat))
    r.shuffle(imports)
    return Written(tuple(imports), written.settings, written.retention)
