"""The company's consent register: who agreed to what, when, how, and who took it back.

Needed are `party, purpose, action, occurred_at`; everything else that is missing is a finding,
not an error. Two things are refused rather than guessed, because a wrong guess would show a
consent that is not there: an action that is none of ACTIONS, and an `expires_at` of a consent
that cannot be read.
"""

from __future__ import annotations

from wa_analytics.capture import Capture
from wa_analytics.providers.people import identifier_of, safe_name
from wa_analytics.providers.table_rows import Row, is_time, known_cells, row_of
from wa_analytics.records import ConsentRecord, Identifier, Record, UnknownRecord
from wa_analytics.settings import Settings

ACTIONS = ("granted", "withdrawn", "refused", "requested", "confirmed")
PURPOSES = ("marketing", "utility", "authentication", "service", "all")


def parse(capture: Capture, settings: Settings) -> list[Record]:
    """One ConsentRecord per row (all identifiers of the row are one person), and an
    UnknownRecord per column or word not understood. Raises CaptureUnreadable."""
    row = row_of(capture, settings)
    if row is None:
        return []
    (
        record_id, party, purpose, action, occurred_at, recorded_at, method, wording,
        wording_version, language, business_name, evidence, expires_at, jurisdiction,
        lawful_basis, recorded_by, phone, user_id, crm_id,
    ) = row.cells  # fmt: skip
    people = _people(row, party, phone, user_id, crm_id)
    action = row.needed("action", action).lower()
    if action not in ACTIONS:
        raise row.unreadable(f"column action is none of {', '.join(ACTIONS)}")
    purpose = row.needed("purpose", purpose).lower()
    if purpose not in PURPOSES:
        row.unknown.append(UnknownRecord(kind="purpose", name=safe_name(purpose)))
    event = ConsentRecord(
        source="register",
        people=people,
        purpose=purpose,
        action=action,
        occurred_at=row.needed_time("occurred_at", occurred_at),
        outside_id=record_id or None,
        recorded_at=row.optional_time("recorded_at", recorded_at),
        expires_at=(
            row.needed_time("expires_at", expires_at)
            if expires_at and action in ("granted", "confirmed")
            else row.optional_time("expires_at", expires_at)
        ),
        method=method or None,
        wording=wording or None,
        wording_version=wording_version or None,
        language=language or None,
        business_name=business_name or None,
        evidence=evidence or None,
        jurisdiction=jurisdiction or None,
        lawful_basis=lawful_basis or None,
        recorded_by=recorded_by or None,
        extra=row.extra,
    )
    return [event, *row.unknown]


def _people(row: Row, party: str, phone: str, user_id: str, crm_id: str) -> tuple[Identifier, ...]:
    people = [identifier_of(row.needed("party", party))]
    if phone:
        stated = identifier_of(phone)
        if stated.kind == "phone":
            people.append(stated)
        else:
            row.keep("phone", phone, "invalid_phone")
    if user_id:
        people.append(Identifier("user_id", user_id))
    if crm_id:
        people.append(Identifier("crm_id", crm_id))
    return tuple(dict.fromkeys(people)) if len(people) > 1 else tuple(people)


def surely_read(capture: Capture) -> bool:
    """Whether `parse` reads the row for certain."""
    cells = known_cells(capture)
    if cells is None:
        return False
    _, party, purpose, action, occurred_at = cells[:5]
    expires_at = cells[12]
    return (
        bool(party and purpose)
        and action.lower() in ACTIONS
        and is_time(occurred_at)
        and (not expires_at or is_time(expires_at))
    )
