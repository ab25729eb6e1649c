"""Reads the made-up group's files with the standard library into the oracle's plain rows.

Shares no code with the product or with the generator: what it knows of the formats is DESIGN section 8
and the platform's webhook reference.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import hmac
import io
import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.worlds import (
    Call,
    ClassRule,
    Custodian,
    Echo,
    Entity,
    Inbound,
    Preference,
    Register,
    RetentionRow,
    Send,
    Status,
    Template,
    World,
)

PROVIDERS = ("aws-social", "infobip", "meta-cloud")


@dataclass
class Spool:
    """Every delivery of every provider. bodies: what the provider sent, for AWS the entry inside the
    event inside the notification; captured: what is one capture; is_signed: whether a signature is
    there and fits, null where the provider gives none."""

    providers: list[str] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    captured: list[str] = field(default_factory=list)
    received: list[datetime] = field(default_factory=list)
    is_signed: list[bool | None] = field(default_factory=list)

    def of(self, provider: str) -> list[str]:
        return [body for name, body in zip(self.providers, self.bodies, strict=True) if name == provider]


def spool(folder: Path, secret: str) -> Spool:
    found = Spool()
    for path in sorted(path for name in PROVIDERS for path in (folder / name).iterdir()):
        kept = path.read_bytes()
        text = gzip.decompress(kept) if path.suffix == ".gz" else kept
        for line in text.decode("ascii" if path.parent.name != "infobip" else "utf-8").splitlines():
            told = json.loads(line)
            found.providers.append(path.parent.name)
            if path.parent.name == "aws-social":
                found.bodies.append(json.loads(told["Message"])["whatsAppWebhookEntry"])
                found.captured.append(line)
                found.received.append(datetime.fromisoformat(told["Timestamp"]))
                found.is_signed.append(None)
                continue
            found.bodies.append(told["body"])
            found.captured.append(told["body"])
            found.received.append(datetime.fromisoformat(told["received_at"]))
            signature = told["headers"].get("X-Hub-Signature-256")
            signed = hmac.new(secret.encode(), told["body"].encode(), hashlib.sha256).hexdigest()
            found.is_signed.append(None if signature is None else signature == "sha256=" + signed)
    return found


def readable(bodies: list[str]) -> Iterator[dict[str, Any]]:
    for body in bodies:
        try:
            yield json.loads(body)
        except json.JSONDecodeError:
            continue


def changes(spooled: Spool) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(account, field, value) of every readable body of the Cloud API's shapes."""
    entries = list(readable(spooled.of("aws-social")))
    for told in readable(spooled.of("meta-cloud")):
        entries += told["entry"]
    for entry in entries:
        for change in entry["changes"]:
            yield entry["id"], change["field"], change["value"] | {"time": entry.get("time")}


def table(path: Path) -> list[dict[str, str]]:
    if path.suffix == ".ndjson":
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    text = path.read_text(encoding="utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def rows(folder: Path, provider: str) -> list[dict[str, str]]:
    return [row for path in sorted((folder / provider).iterdir()) for row in table(path)]


def instant(text: str | int) -> datetime:
    if isinstance(text, int) or text.isdigit():
        return datetime.fromtimestamp(int(text), UTC)
    return datetime.fromisoformat(text).astimezone(UTC)


def maybe(text: str) -> datetime | None:
    return instant(text) if text else None


def said(message: dict[str, Any]) -> tuple[str, str]:
    """The oracle's type and text of an inbound message."""
    type_ = message["type"]
    if type_ == "text":
        return type_, message["text"]["body"]
    if type_ == "button":
        return type_, message["button"]["text"]
    if type_ == "interactive":
        reply = message["interactive"]["type"]
        return reply, message["interactive"][reply]["title"]
    return type_, ""


def world(folder: Path, spooled: Spool) -> World:
    """The files as the oracle's world. The oracle knows no opt-out words but the shipped ones, so a
    text that is one of the settings' words is read as the shipped word `stop`."""
    settings = tomllib.loads((folder / "settings.toml").read_text(encoding="utf-8"))
    own_words = {word for words in settings["consent"]["opt_out_words"].values() for word in words}
    inbound: list[Inbound] = []
    statuses: list[Status] = []
    preferences: list[Preference] = []
    calls: list[Call] = []
    echoes: list[Echo] = []
    templates: list[Template] = []
    for account, field_name, value in changes(spooled):
        channel = value.get("metadata", {}).get("phone_number_id", "")
        contact = (value.get("contacts") or [{}])[0]
        for message in value.get("messages", []):
            type_, text = said(message)
            text = _known_word(text, own_words)
            inbound.append(
                Inbound(
                    message["id"],
                    instant(message["timestamp"]),
                    channel,
                    "+" + message["from"] if "from" in message else "",
                    message.get("from_user_id")
                    or contact.get("user_id")
                    or message.get("system", {}).get("previous_user_id", ""),
                    type_,
                    text,
                    message.get("system", {}).get("wa_id", ""),
                    message.get("system", {}).get("user_id", ""),
                )
            )
        statuses += [_status(channel, status) for status in value.get("statuses", [])]
        preferences += [
            Preference(
                at=instant(one["timestamp"]),
                channel_id=channel,
                value=one["value"],
                phone=one.get("wa_id", ""),
                user_id=one.get("user_id", ""),
            )
            for one in value.get("user_preferences", [])
        ]
        calls += [
            Call(one["id"], instant(one["timestamp"]), channel, one["from"]) for one in value.get("calls", [])
        ]
        echoes += [
            Echo(one["id"], instant(one["timestamp"]), channel, one["to"])
            for one in value.get("message_echoes", [])
        ]
        if field_name == "message_template_status_update":
            name, category = value["message_template_name"], value["message_template_category"]
            templates.append(Template(account, name, category, instant(value["time"])))
    senders = _infobip_senders(spooled)
    for told in readable(spooled.of("infobip")):
        if "content" in told:
            preferences.append(_infobip_preference(told))
        elif "change" in told:
            name, category = told["messageTemplateName"], told["change"]["newCategory"]
            templates.append(Template("", name, category, instant(told["timestamp"])))
        else:
            for result in told["results"]:
                if "message" in result:
                    inbound.append(_infobip_inbound(result, own_words))
                else:
                    statuses += _infobip_statuses(result, senders)
    return World(
        entities=tuple(
            Entity(
                one["key"],
                one["name"],
                one["kind"],
                one["jurisdiction"],
                one["time_zone"],
                tuple(one["channels"]),
                tuple(one["waba_ids"]),
                tuple(one["business_names"]),
            )
            for one in settings["entity"]
        ),
        sends=tuple(dict.fromkeys(_send(row) for row in rows(folder, "send-log"))),
        inbound=tuple(dict.fromkeys(inbound)),
        statuses=tuple(dict.fromkeys(statuses)),
        preferences=tuple(dict.fromkeys(preferences)),
        calls=tuple(dict.fromkeys(calls)),
        echoes=tuple(dict.fromkeys(echoes)),
        register=tuple(dict.fromkeys(_register(row) for row in rows(folder, "consent-register"))),
        templates=tuple(dict.fromkeys(templates)),
        retention=tuple(_schedule(row) for row in table(folder / "retention.csv")),
        class_rules=tuple(ClassRule(**rule) for rule in settings["retention"]["record_class"]),
        directory=tuple(
            Custodian(row["custodian_id"], row["name"], row["email"], row["business_unit"], row["phone"])
            for row in rows(folder, "directory")
        ),
    )


def _known_word(text: str, own_words: set[str]) -> str:
    return "stop" if re.sub(r"\W+", " ", text.casefold()).strip() in own_words else text


INFOBIP_TYPES = {
    "TEXT": "text",
    "BUTTON": "button",
    "INTERACTIVE_BUTTON_REPLY": "button_reply",
    "INTERACTIVE_LIST_REPLY": "list_reply",
    "VOICE": "audio",
}


def _infobip_inbound(result: dict[str, Any], own_words: set[str]) -> Inbound:
    message = result["message"]
    type_ = INFOBIP_TYPES.get(message["type"], message["type"].lower())
    text = message.get("title", message.get("text", "")) if message["type"] in INFOBIP_TYPES else ""
    return Inbound(
        result["messageId"],
        instant(result["receivedAt"]),
        result["to"],
        "+" + result["from"],
        "",
        type_,
        _known_word(text, own_words),
    )


def _infobip_senders(spooled: Spool) -> dict[str, str]:
    """Message → sending number: a seen report names it, a delivery report does not."""
    results = [one for told in readable(spooled.of("infobip")) for one in told.get("results", [])]
    return {one["messageId"]: one["to"] for one in results if "seenAt" in one}


def _infobip_statuses(result: dict[str, Any], senders: dict[str, str]) -> list[Status]:
    """Every report says when the message was sent, too."""
    message_id = result["messageId"]
    if "seenAt" in result:
        at, name, phone = result["seenAt"], "read", result["from"]
    else:
        at, phone = result["doneAt"], result["to"]
        name = {"DELIVERED": "delivered"}.get(result["status"]["groupName"], "failed")
    times = {"sent": result["sentAt"], name: at}
    channel = senders.get(message_id, "")
    return [Status(message_id, one, instant(when), channel, phone) for one, when in times.items()]


def _infobip_preference(told: dict[str, Any]) -> Preference:
    content = told["content"]
    return Preference(
        at=instant(told["createdAt"]),
        channel_id=content["sender"],
        value=content["notificationMessagesStatus"],
        phone=content["from"],
    )


def _status(channel: str, status: dict[str, Any]) -> Status:
    return Status(
        status["id"],
        status["status"],
        instant(status["timestamp"]),
        channel,
        status.get("recipient_id", ""),
        status.get("recipient_user_id", ""),
        status.get("pricing", {}).get("category", ""),
        status.get("errors", [{"code": 0}])[0]["code"],
    )


def _send(row: dict[str, str]) -> Send:
    known = {name: row[name] for name in Send.__dataclass_fields__ if name in row and name != "sent_at"}
    return Send(sent_at=instant(row["sent_at"]), **known)  # type: ignore[arg-type]


def _register(row: dict[str, str]) -> Register:
    times = ("occurred_at", "recorded_at", "expires_at")
    known = {name: row[name] for name in Register.__dataclass_fields__ if name in row and name not in times}
    return Register(
        occurred_at=instant(row["occurred_at"]),
        recorded_at=maybe(row["recorded_at"]),
        expires_at=maybe(row["expires_at"]),
        **known,  # type: ignore[arg-type]
    )


def _schedule(row: dict[str, str]) -> RetentionRow:
    return RetentionRow(
        authority=row["authority"],
        record_class=row["record_class"],
        entity_kind=row["entity_kind"],
        jurisdiction=row["jurisdiction"],
        floor=row["floor"],
        ceiling=row["ceiling"],
        is_fallback=row["is_fallback"] == "true",
    )
