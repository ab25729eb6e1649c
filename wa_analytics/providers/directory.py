"""The staff directory: custodians, whose business messages must be kept.

Only `custodian_id` is needed. Dates stay as written; `custodians` reads them.
"""

from __future__ import annotations

from wa_analytics.capture import Capture
from wa_analytics.providers.people import identifier_of
from wa_analytics.providers.table_rows import Row, row_of
from wa_analytics.records import CustodianRecord, Record
from wa_analytics.settings import Settings

_YES = frozenset({"true", "yes", "y", "1", "t"})
_NO = frozenset({"false", "no", "n", "0", "f"})


def parse(capture: Capture, settings: Settings) -> list[Record]:
    """One CustodianRecord per row, and an UnknownRecord per column or word not understood.

    Raises CaptureUnreadable.
    """
    row = row_of(capture, settings)
    if row is None:
        return []
    (
        custodian_id, name, email, business_unit, jurisdiction, is_regulated, phone,
        supervisor_id, active_from, active_to,
    ) = row.cells  # fmt: skip
    custodian = CustodianRecord(
        custodian_id=row.needed("custodian_id", custodian_id),
        name=name or None,
        email=email or None,
        business_unit=business_unit or None,
        jurisdiction=jurisdiction or None,
        is_regulated=_yes_or_no(row, is_regulated),
        phone=identifier_of(phone).value if phone else None,
        supervisor_id=supervisor_id or None,
        active_from=active_from or None,
        active_to=active_to or None,
        extra=row.extra,
    )
    return [custodian, *row.unknown]


def _yes_or_no(row: Row, text: str) -> bool | None:
    word = text.lower()
    if word in _YES:
        return True
    if word in _NO:
        return False
    if word:
        row.keep("is_regulated", text, "flag")
    return None
