"""The company's own record of what it sent: the only source of outbound text.

Columns `message_id, sent_at, channel_id, to, purpose, kind, template_name, body, custodian_id`.
An empty `kind` beside a template name is a template; without one the kind stays unknown.
"""

from __future__ import annotations

from wa_analytics.capture import Capture
from wa_analytics.providers.people import identifier_of
from wa_analytics.providers.table_rows import is_time, known_cells, row_of
from wa_analytics.records import MessageRecord, Record
from wa_analytics.settings import Settings, channel_of

KINDS = ("template", "free_form")


def parse(capture: Capture, settings: Settings) -> list[Record]:
    """One MessageRecord per row, and an UnknownRecord per column or word not understood.

    Raises CaptureUnreadable: a needed cell is empty or `sent_at` holds no time.
    """
    row = row_of(capture, settings)
    if row is None:
        return []
    message_id, sent_at, channel_id, to, purpose, kind, template_name, body, custodian_id = row.cells
    row.needed("message_id", message_id)
    row.needed("channel_id", channel_id)
    row.needed("to", to)
    sent = row.needed_time("sent_at", sent_at)
    stated = kind.lower().replace("-", "_").replace(" ", "_")
    if stated and stated not in KINDS:
        row.keep("kind", kind, "kind")
        stated = ""
    elif not stated and template_name:
        stated = "template"
    message = MessageRecord(
        source="send_log",
        outside_id=message_id,
        sent_at=sent,
        people=(identifier_of(to),),
        direction="outbound",
        channel_id=channel_of(channel_id),
        kind=stated or None,
        purpose=purpose.lower() or None,
        template_name=template_name or None,
        custodian_id=custodian_id or None,
        text=body or None,
        has_body=bool(body),
        extra=row.extra,
    )
    return [message, *row.unknown]


def surely_read(capture: Capture) -> bool:
    """Whether `parse` reads the row for certain."""
    cells = known_cells(capture)
    return cells is not None and all((cells[0], cells[2], cells[3])) and is_time(cells[1])
