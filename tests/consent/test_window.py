"""The 24-hour service window, drawn to the second, on Polars and DuckDB."""

from __future__ import annotations

import pytest

from tests.spec.drawn_table import ENGINES, drawn
from tests.spec.frames import by_key, lifted, rows
from wa_analytics.consent.window import windows
from wa_analytics.tables import Message

CONTACTS = """
party_id | channel_id | sent_at
ana      | c1         | 2024-03-01 10:00:00
ana      | c1         | 2024-03-05 10:00:00
ana      | c2         | 2024-03-06 10:00:00
bob      | c2         | 2024-03-01 10:00:00
         | c1         | 2024-03-01 10:00:00
ana      |            | 2024-03-08 10:00:00
"""
SENDS = """
message_id         | party_id | channel_id | sent_at             | window_code
at the message     | ana      | c1         | 2024-03-01 10:00:00 | inside
last second        | ana      | c1         | 2024-03-02 09:59:59 | inside
24 hours           | ana      | c1         | 2024-03-02 10:00:00 | outside
before any         | ana      | c1         | 2024-03-01 09:59:59 | outside
the next opens     | ana      | c1         | 2024-03-05 10:00:00 | inside
just before        | ana      | c1         | 2024-03-05 09:59:59 | outside
twice inside       | ana      | c1         | 2024-03-05 20:00:00 | inside
other channel      | ana      | c1         | 2024-03-06 10:00:01 | outside
its own channel    | ana      | c2         | 2024-03-06 10:00:01 | inside
other person       | bob      | c1         | 2024-03-01 10:00:01 | outside
never wrote        | eve      | c2         | 2024-03-01 10:00:01 | outside
channel unheard    | ana      | c3         | 2024-03-05 10:00:00 | not_evaluated
unknown person     |          | c1         | 2024-03-01 10:00:01 | not_evaluated
unknown channel    | ana      |            | 2024-03-08 10:00:01 | not_evaluated
"""


@pytest.mark.parametrize("engine", ENGINES)
def test_windows(engine: str) -> None:
    wanted = drawn(Message, SENDS)
    contacts = drawn(Message, CONTACTS).select("party_id", "channel_id", at="sent_at")
    sends, heard = lifted(engine, wanted.select("message_id", "party_id", "channel_id", "sent_at"), contacts)
    found = windows(sends, heard, {"c1", "c2"})
    assert rows(found, "message_id", "window_code") == by_key(wanted.select("message_id", "window_code"))
