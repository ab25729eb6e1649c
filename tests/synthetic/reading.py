"""Reads the made-up group's files with the standard library into the oracle's plain rows.

Shares no code with the product or with the generator: what it knows of the formats is DESIGN section 8
and the platform's webhook reference.
"""

from __future__ import annotations

import csv
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


@dataclass
class Spool:
    """Every line of the spools: bodies, arrival and whether the signature fits."""

    bodies: list[str] = field(default_factory=list)
    received: list[datetime] = field(default_factory=list)
    is_signed: list[bool] = field(default_factory=list)


def spool(folder: Path, secret: str) -> Spool:
    found = Spool()
    for path in sorted((folder / "meta-cloud").iterdir()):
        for line in path.read_text(encoding="ascii").splitlines():
            told = json.loads(line)
            signed = hmac.new(secret.encode(), told["body"].encode(), hashlib.sha256).hexdigest()
            found.bodies.append(told["body"])
            found.received.append(datetime.fromisoformat(told["received_at"]))
            found.is_signed.append(told["headers"]["X-Hub-Signature-256"] == "sha256=" + signed)
    return found


def changes(bodies: list[str]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(account, field, value) of every readable body."""
    for body in bodies:
        try:
            told = json.loads(body)
        except json.JSONDecodeError:
            continue
        for entry in told["entry"]:
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


def world(folder: Path, bodies: list[str]) -> World:
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
    for account, field_name, value in changes(bodies):
        channel = value.get("metadata", {}).get("phone_number_id", "")
        contact = (value.get("contacts") or [{}])[0]
        for message in value.get("messages", []):
            type_, text = said(message)
            if re.sub(r"\W+", " ", text.casefold()).strip() in own_words:
                text = "stop"
            inbound.append(
                Inbound(
                    message["id"],
                    instant(message["timestamp"]),
                    channel,
                    "+" + message["from"] if "from" in message else "",
                    message.get("from_user_id", contact.get("user_id", "")),
                    type_,
                    text,
                    message.get("system", {}).get("wa_id", ""),
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
