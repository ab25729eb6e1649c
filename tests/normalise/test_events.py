# ruff: noqa: E501 (drawn tables are wide)
"""Consent facts folded to events: drawn, on Polars and DuckDB."""

from __future__ import annotations

import polars as pl
import pytest

from tests.spec.drawn_table import ENGINES, drawn
from tests.spec.frames import by_key, lifted, rows
from wa_analytics.normalise.events import folded_events
from wa_analytics.tables import ConsentEvent, ConsentFact, Identifier, Message

PEOPLE = """
identifier_digest | party_id
ana-phone         | ana
ana-id            | ana
bob-phone         | bob
"""
FACTS = """
event_id   | content_digest | source_code  | identifier_digest | entity | is_any_entity | purpose_code | action_code | occurred_at      | recorded_at      | has_method | has_wording | has_wording_version | has_business_name
same twice | x              | register     | ana-phone         | air    | no            | marketing    | granted     | 2024-03-01 10:00 | 2024-03-01 10:00 | yes        | yes         | no                  | yes
same twice | x              | register     | ana-phone         | air    | no            | marketing    | granted     | 2024-03-01 10:00 | 2024-03-01 10:00 | yes        | yes         | no                  | yes
differ     | y              | register     | bob-phone         | air    | no            | marketing    | withdrawn   | 2024-03-02 10:00 |                  | yes        | yes         | yes                 | yes
differ     | z              | register     | ana-id            | air    | no            | marketing    | granted     | 2024-03-01 10:00 |                  | yes        | no          | yes                 | yes
tie        | y              | register     | bob-phone         | air    | no            | marketing    | refused     | 2024-03-01 10:00 |                  | yes        | yes         | yes                 | yes
tie        | x              | register     | ana-id            | air    | no            | marketing    | granted     | 2024-03-01 10:00 |                  | yes        | yes         | yes                 | yes
no method  | x              | register     | ana-id            | air    | no            | marketing    | confirmed   | 2024-03-01 10:00 |                  | no         | yes         | yes                 | yes
no wording | x              | register     | ana-id            | air    | no            | marketing    | granted     | 2024-03-01 10:00 |                  | yes        | no          | no                  | yes
no name    | x              | register     | ana-id            |        | yes           | marketing    | granted     | 2024-03-01 10:00 |                  | yes        | yes         | yes                 | no
withdrawal | x              | register     | ana-id            |        | yes           | marketing    | withdrawn   | 2024-03-01 10:00 |                  | no         | no          | no                  | no
strange    | x              | register     | ana-id            |        | no            | marketing    | refused     | 2024-03-01 10:00 |                  | no         | no          | no                  | yes
signup     | x              | preference   | ana-id            |        | no            | marketing    | granted     | 2024-03-01 10:00 |                  | no         | no          | no                  | no
said stop  |                | opt_out_word | ana-id            | air    | no            | all          | withdrawn   | 2024-03-01 10:00 |                  | no         | no          | no                  | no
nobody     | x              | register     | eve-phone         | air    | no            | marketing    | requested   | 2024-03-01 10:00 |                  | no         | no          | no                  | no
"""
MESSAGES = """
message_id | party_id | entity | channel_id | country_code | sent_at
stopped    | ana      | air    | c1         | GB           | 2024-03-05 10:00
fine       | bob      | air    | c1         | GB           | 2024-03-05 10:00
"""
EVENTS = """
event_id   | source_code    | party_id | entity | purpose_code | action_code | occurred_at      | recorded_at      | channel_id | country_code | has_unknown_business | is_incomplete | is_conflicting
same twice | register       | ana      | air    | marketing    | granted     | 2024-03-01 10:00 | 2024-03-01 10:00 |            |              | no                   | no            | no
differ     | register       | ana      | air    | marketing    | granted     | 2024-03-01 10:00 |                  |            |              | no                   | no            | yes
tie        | register       | ana      | air    | marketing    | granted     | 2024-03-01 10:00 |                  |            |              | no                   | no            | yes
no method  | register       | ana      | air    | marketing    | confirmed   | 2024-03-01 10:00 |                  |            |              | no                   | yes           | no
no wording | register       | ana      | air    | marketing    | granted     | 2024-03-01 10:00 |                  |            |              | no                   | yes           | no
no name    | register       | ana      |        | marketing    | granted     | 2024-03-01 10:00 |                  |            |              | no                   | yes           | no
withdrawal | register       | ana      |        | marketing    | withdrawn   | 2024-03-01 10:00 |                  |            |              | no                   | no            | no
strange    | register       | ana      |        | marketing    | refused     | 2024-03-01 10:00 |                  |            |              | yes                  | no            | no
signup     | preference     | ana      |        | marketing    | granted     | 2024-03-01 10:00 |                  |            |              | no                   | no            | no
said stop  | opt_out_word   | ana      | air    | all          | withdrawn   | 2024-03-01 10:00 |                  |            |              | no                   | no            | no
nobody     | register       |          | air    | marketing    | requested   | 2024-03-01 10:00 |                  |            |              | no                   | no            | no
stopped    | platform_error | ana      | air    | marketing    | stop        | 2024-03-05 10:00 |                  | c1         | GB           | no                   | no            | no
"""


@pytest.mark.parametrize("engine", ENGINES)
def test_facts_become_events(engine: str) -> None:
    messages = drawn(Message, MESSAGES).with_columns(
        stopped_at_failure=pl.when(pl.col("message_id") == "stopped").then(1)
    )
    facts, sends, people = lifted(
        engine,
        drawn(ConsentFact, FACTS, sequence=0),
        messages,
        drawn(Identifier, PEOPLE).select("identifier_digest", "party_id"),
    )
    names = [cell.strip() for cell in EVENTS.strip().splitlines()[0].split("|")]
    expected = by_key(drawn(ConsentEvent, EVENTS).select(names))
    assert rows(folded_events(facts, sends, people), *names) == expected
