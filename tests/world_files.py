"""Writes a world to the files a company would import, exactly in DESIGN section 8's formats.

Shares no code with `wa_analytics`. One world, many layouts: the same facts batched, shuffled, split,
spooled and repeated otherwise.
"""

from __future__ import annotations

import csv
import io
import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from tests.worlds import Custodian, Inbound, Register, RetentionRow, Send, Status, Version, World


@dataclass(frozen=True)
class Layout:
    """How the same facts are laid out in files; seed 0 is the plain order, one fact per body."""

    seed: int = 0
    duplicated: bool = False


@dataclass(frozen=True)
class Written:
    """Paths to import, per provider, in the order in which to import them."""

    imports: tuple[tuple[str, Path], ...]
    settings: Path
    retention: Path


# --- webhook bodies -------------------------------------------------------------------------------

Change = tuple[str, str, dict[str, Any], int | None]  # waba id, field, value, entry time


def _unix(at: datetime) -> str:
    return str(int(at.timestamp()))


def _contact(phone: str, user_id: str) -> dict[str, Any]:
    contact: dict[str, Any] = {"profile": {"name": "Made Up"}}
    if phone:
        contact["wa_id"] = phone.lstrip("+")
    if user_id:
        contact["user_id"] = user_id
    return contact


def _value(channel_id: str, **parts: Any) -> dict[str, Any]:
    metadata = {"display_phone_number": "12025550199", "phone_number_id": channel_id}
    return {"messaging_product": "whatsapp", "metadata": metadata, **parts}


def _content(row: Inbound) -> dict[str, Any]:
    match row.type:
        case "text":
            return {"type": "text", "text": {"body": row.text}}
        case "button":
            return {"type": "button", "button": {"payload": "stop", "text": row.text}}
        case "button_reply":
            reply = {"id": "stop", "title": row.text}
            return {"type": "interactive", "interactive": {"type": "button_reply", "button_reply": reply}}
        case "list_reply":
            reply = {"id": "stop", "title": row.text, "description": "stop"}
            return {"type": "interactive", "interactive": {"type": "list_reply", "list_reply": reply}}
        case "image":
            media = {"id": "77", "mime_type": "image/jpeg", "sha256": "AA==", "caption": row.text}
            return {"type": "image", "image": media}
        case "reaction":
            return {"type": "reaction", "reaction": {"message_id": "wamid.NONE", "emoji": "\U0001f44d"}}
        case "system":
            kind = "user_changed_number" if row.new_phone else "user_changed_user_id"
            system = {"body": "changed", "type": kind}
            if row.new_phone:
                system["wa_id"] = row.new_phone.lstrip("+")
            if row.new_user_id:
                system["user_id"] = row.new_user_id
            return {"type": "system", "system": system}
    raise ValueError(row.type)


def _inbound(row: Inbound) -> dict[str, Any]:
    message = {"id": row.message_id, "timestamp": _unix(row.at), **_content(row)}
    if row.phone:
        message["from"] = row.phone.lstrip("+")
    if row.user_id:
        message["from_user_id"] = row.user_id
    if row.type == "system":
        return _value(row.channel_id, messages=[message])
    return _value(row.channel_id, contacts=[_contact(row.phone, row.user_id)], messages=[message])


def _status(row: Status) -> dict[str, Any]:
    status: dict[str, Any] = {"id": row.message_id, "status": row.status, "timestamp": _unix(row.at)}
    if row.group_id:
        status |= {"recipient_type": "group", "recipient_id": row.group_id}
    if row.phone:
        status["recipient_participant_id" if row.group_id else "recipient_id"] = row.phone.lstrip("+")
    if row.user_id:
        status["recipient_participant_user_id" if row.group_id else "recipient_user_id"] = row.user_id
    if row.category:
        status["pricing"] = {"pricing_model": "PMP", "type": "regular", "category": row.category}
    if row.error_code:
        status["errors"] = [{"code": row.error_code, "title": "Failed", "message": "Failed"}]
    return status


def _version(row: Version) -> tuple[str, dict[str, Any]]:
    changed: dict[str, Any] = {"original_message_id": row.original_id}
    if row.action == "edit":
        changed["message"] = {"type": "text", "text": {"body": row.text}}
    message = {"id": row.version_id, "timestamp": _unix(row.at), "type": row.action, row.action: changed}
    side = "to" if row.is_echo else "from"
    if row.phone:
        message[side] = row.phone.lstrip("+")
    if row.user_id:
        message[f"{side}_user_id"] = row.user_id
    if row.is_echo:
        return "smb_message_echoes", _value(
            row.channel_id, message_echoes=[{"from": "12025550199", **message}]
        )
    contacts = [_contact(row.phone, row.user_id)]
    return "messages", _value(row.channel_id, contacts=contacts, messages=[message])


def changes_of(world: World, chooser: random.Random | None) -> list[Change]:
    """One change per fact; with a chooser, statuses of one channel share `statuses` arrays."""

    def waba(channel_id: str) -> str:
        return world.waba_by_channel[channel_id]

    changes: list[Change] = [(waba(row.channel_id), "messages", _inbound(row), None) for row in world.inbound]
    batches: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for number, status in enumerate(world.statuses):
        batch = number if chooser is None else chooser.randrange(1 + len(world.statuses) // 2)
        batches.setdefault((status.channel_id, batch), []).append(_status(status))
    for (channel_id, _), statuses in batches.items():
        changes.append((waba(channel_id), "messages", _value(channel_id, statuses=statuses), None))
    for said in world.preferences:
        preference: dict[str, Any] = {
            "category": "marketing_messages",
            "value": said.value,
            "detail": "told",
            "timestamp": int(said.at.timestamp()),
        }
        if said.value == "signup":
            preference["signup_id"] = "13"
        if said.phone:
            preference["wa_id"] = said.phone.lstrip("+")
        if said.user_id:
            preference["user_id"] = said.user_id
        contacts = [_contact(said.phone, said.user_id)]
        value = _value(said.channel_id, contacts=contacts, user_preferences=[preference])
        changes.append((waba(said.channel_id), "user_preferences", value, None))
    for call in world.calls:
        person = call.phone.lstrip("+")
        told: dict[str, Any] = {
            "id": call.call_id,
            "event": "connect",
            "timestamp": _unix(call.at),
            "direction": call.direction,
        }
        if call.direction == "USER_INITIATED":
            told["to"] = "12025550199"
            if person:
                told["from"] = person
            if call.user_id:
                told["from_user_id"] = call.user_id
        else:
            told["from"] = "12025550199"
            if person:
                told["to"] = person
            if call.user_id:
                told["to_user_id"] = call.user_id
        value = _value(call.channel_id, contacts=[_contact(call.phone, call.user_id)], calls=[told])
        changes.append((waba(call.channel_id), "calls", value, None))
    for echo in world.echoes:
        message: dict[str, Any] = {
            "from": "12025550199",
            "id": echo.message_id,
            "timestamp": _unix(echo.at),
            "type": "text",
            "text": {"body": echo.text},
        }
        if echo.phone:
            message["to"] = echo.phone.lstrip("+")
        if echo.user_id:
            message["to_user_id"] = echo.user_id
        value = _value(echo.channel_id, message_echoes=[message])
        changes.append((waba(echo.channel_id), "smb_message_echoes", value, None))
    changes += [(waba(row.channel_id), *_version(row), None) for row in world.versions]
    for number, template in enumerate(world.templates):
        value = {
            "event": "APPROVED",
            "message_template_id": 9000 + number,
            "message_template_name": template.name,
            "message_template_language": "en",
            "reason": "NONE",
            "message_template_category": template.category,
        }
        changes.append(
            (template.waba_id, "message_template_status_update", value, int(template.at.timestamp()))
        )
    return changes


def _body(changes: list[Change]) -> str:
    entries = []
    for waba_id, name, value, time in changes:
        entry: dict[str, Any] = {"id": waba_id, "changes": [{"field": name, "value": value}]}
        if time is not None:
            entry["time"] = time
        entries.append(entry)
    return json.dumps({"object": "whatsapp_business_account", "entry": entries})


def _lines(world: World, chooser: random.Random | None) -> list[str]:
    changes = changes_of(world, chooser)
    if chooser is None:
        return [_body([change]) for change in changes]
    chooser.shuffle(changes)
    lines = []
    while changes:
        size = chooser.choice((1, 1, 2, 3))
        body = _body(changes[:size])
        changes = changes[size:]
        if chooser.random() < 0.4:
            spool = {"received_at": "2026-06-01T00:00:00Z", "headers": {}, "body": body}
            lines.append(json.dumps(spool))
        else:
            lines.append(body)
    return lines


# --- tables ---------------------------------------------------------------------------------------


def _spelled(at: datetime | None, zone_minutes: int) -> str:
    if at is None:
        return ""
    if zone_minutes == 0:
        return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return at.astimezone(timezone(timedelta(minutes=zone_minutes))).isoformat()


def _send_cells(row: Send) -> dict[str, str]:
    return {
        "message_id": row.message_id,
        "sent_at": _spelled(row.sent_at, row.zone_minutes),
        "channel_id": row.channel_id,
        "to": row.to,
        "purpose": row.purpose,
        "kind": row.kind,
        "template_name": row.template_name,
        "body": row.body,
        "custodian_id": row.custodian_id,
    }


def _register_cells(row: Register) -> dict[str, str]:
    cells = {
        name: getattr(row, name)
        for name in Register.__annotations__
        if name not in ("occurred_at", "recorded_at", "expires_at", "zone_minutes")
    }
    for name in ("occurred_at", "recorded_at", "expires_at"):
        cells[name] = _spelled(getattr(row, name), row.zone_minutes)
    return cells


def _csv(rows: list[dict[str, str]], columns: list[str], mark: bool) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\r\n" if mark else "\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8-sig" if mark else "utf-8")


def _tables(
    name: str, rows: list[dict[str, str]], folder: Path, chooser: random.Random | None, doubled: bool
) -> list[Path]:
    """`name.csv`; with a chooser shuffled, split in two, columns in another order, some rows twice."""
    if not rows:
        return []
    columns = list(rows[0])
    if chooser is None:
        pieces = [rows]
    else:
        rows = rows[:]
        if doubled:
            rows += [row for row in rows if chooser.random() < 0.4]
        chooser.shuffle(rows)
        cut = chooser.randrange(len(rows))
        pieces = [piece for piece in (rows[:cut], rows[cut:]) if piece]
    paths = []
    for number, piece in enumerate(pieces):
        mark = False
        if chooser is not None:
            chooser.shuffle(columns)
            mark = chooser.random() < 0.5
        path = folder / (f"{name}.csv" if number == 0 else f"{name}-{number}.csv")
        path.write_bytes(_csv(piece, columns, mark))
        paths.append(path)
    return paths


# --- settings -------------------------------------------------------------------------------------


def _settings(world: World) -> str:
    lines = []
    if world.settle_hours != 168:
        lines += ["[completeness]", f"settle_hours = {world.settle_hours}"]
    for entity in world.entities:
        lines.append("[[entity]]")
        for name in ("key", "name", "kind", "jurisdiction", "time_zone"):
            lines.append(f"{name} = {json.dumps(getattr(entity, name))}")
        for name in ("channels", "waba_ids", "business_names"):
            lines.append(f"{name} = {json.dumps(list(getattr(entity, name)))}")
    for rule in world.class_rules:
        lines.append("[[retention.record_class]]")
        for name in ("record_class", "entity", "channel", "purpose", "template"):
            lines.append(f"{name} = {json.dumps(getattr(rule, name))}")
    return "\n".join(lines) + "\n"


def _retention(world: World) -> bytes:
    columns = [*RetentionRow.__annotations__, "trigger"]
    rows = []
    for row in world.retention:
        cells = {name: getattr(row, name) for name in columns if name not in ("is_fallback", "trigger")}
        cells["is_fallback"] = "true" if row.is_fallback else "false"
        cells["trigger"] = "sent_at"
        rows.append(cells)
    return _csv(rows, columns, mark=False)


def write(world: World, folder: Path, layout: Layout = Layout()) -> Written:
    """Write the world's files below `folder`: `meta-cloud/*.ndjson`, `send-log.csv`,
    `consent-register.csv`, `directory.csv`, `settings.toml`, `retention.csv`.

    Every layout of one world holds the same facts: with a seed, facts are batched, shuffled, split
    over files and partly spooled; `duplicated` repeats lines and whole files.
    """
    chooser = random.Random(layout.seed) if layout.seed else None
    meta = folder / "meta-cloud"
    meta.mkdir(parents=True, exist_ok=True)
    imports: list[tuple[str, Path]] = []

    lines = _lines(world, chooser)
    if chooser is None:
        pieces = [lines]
    else:
        if layout.duplicated:
            lines += [line for line in lines if chooser.random() < 0.3]
            lines += [line for line in _lines(world, chooser) if chooser.random() < 0.3]
        chooser.shuffle(lines)
        cut = chooser.randrange(1 + len(lines))
        pieces = [lines[:cut], lines[cut:]]
        if layout.duplicated:
            pieces.append(pieces[0])
    for number, piece in enumerate(piece for piece in pieces if piece):
        path = meta / f"{number:03}.ndjson"
        path.write_text("".join(f"{line}\n" for line in piece), encoding="utf-8")
        imports.append(("meta-cloud", path))

    staff = [{name: getattr(row, name) for name in Custodian.__annotations__} for row in world.directory]
    for provider, rows in (
        ("send-log", [_send_cells(row) for row in world.sends]),
        ("consent-register", [_register_cells(row) for row in world.register]),
        ("directory", staff),
    ):
        paths = _tables(provider, rows, folder, chooser, layout.duplicated)
        imports += [(provider, path) for path in paths]
        if layout.duplicated and paths:
            again = folder / f"{provider}-again.csv"
            again.write_bytes(paths[0].read_bytes())
            imports.append((provider, again))
    if chooser is not None:
        chooser.shuffle(imports)

    settings = folder / "settings.toml"
    settings.write_text(_settings(world), encoding="utf-8")
    retention = folder / "retention.csv"
    retention.write_bytes(_retention(world))
    return Written(tuple(imports), settings, retention)
