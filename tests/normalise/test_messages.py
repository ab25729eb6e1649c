# ruff: noqa: E501 (drawn tables are wide)
"""Facts folded to one row per message: drawn, on Polars and DuckDB."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import polars as pl
import pytest

from tests.spec.drawn_table import ENGINES, drawn, schema_of
from tests.spec.frames import by_key, computed, lifted, rows
from wa_analytics.normalise.messages import folded_messages, folded_statuses, template_purpose_at_send
from wa_analytics.tables import Message, MessageFact, StatusFact, TemplateFact

pytestmark = pytest.mark.parametrize("engine", ENGINES)


def folded(engine: str, facts: str = "", statuses: str = "", templates: str = "") -> nw.LazyFrame[Any]:
    message_facts, status_facts, template_facts = lifted(
        engine,
        drawn(MessageFact, facts, sequence=0, content_digest="x"),
        drawn(StatusFact, statuses, sequence=0),
        drawn(TemplateFact, templates, sequence=0),
    )
    purposes = template_purpose_at_send(message_facts, template_facts)
    return folded_messages(message_facts, status_facts, purposes)


def tells(found: nw.LazyFrame[Any], expected: str) -> None:
    """The drawn columns of the drawn messages, and no other message."""
    wanted = drawn(Message, expected)
    names = [cell.strip() for cell in expected.strip().splitlines()[0].split("|")]
    assert set(names) <= set(schema_of(Message))
    assert rows(found, *names) == by_key(wanted.select(names))


def test_statuses_fold_by_rank_and_never_by_order(engine: str) -> None:
    """`read` and `played` imply delivered; delivery outranks a failure; each time is the earliest."""
    statuses = """
    message_id    | status_code | occurred_at      | error_code
    read only     | read        | 2024-03-01 10:00 |
    played only   | played      | 2024-03-01 10:00 |
    read first    | read        | 2024-03-01 10:00 |
    read first    | delivered   | 2024-03-01 10:05 |
    read first    | sent        | 2024-03-01 10:09 |
    sent only     | sent        | 2024-03-01 10:00 |
    failed        | sent        | 2024-03-01 10:00 |
    failed        | failed      | 2024-03-01 10:01 | 131049
    failed twice  | failed      | 2024-03-01 10:02 | 131050
    failed twice  | failed      | 2024-03-01 10:01 | 131026
    failed, came  | failed      | 2024-03-01 10:00 | 131026
    failed, came  | delivered   | 2024-03-01 10:01 |
    delivered x 2 | delivered   | 2024-03-01 10:02 |
    delivered x 2 | delivered   | 2024-03-01 10:01 |
    unheard of    | warped      | 2024-03-01 10:00 |
    """
    expected = """
    message_id    | status_code | first_status_at  | delivered_at     | read_at          | failed_at        | error_code
    read only     | read        | 2024-03-01 10:00 | 2024-03-01 10:00 | 2024-03-01 10:00 |                  |
    played only   | played      | 2024-03-01 10:00 | 2024-03-01 10:00 | 2024-03-01 10:00 |                  |
    read first    | read        | 2024-03-01 10:00 | 2024-03-01 10:00 | 2024-03-01 10:00 |                  |
    sent only     | sent        | 2024-03-01 10:00 |                  |                  |                  |
    failed        | failed      | 2024-03-01 10:00 |                  |                  | 2024-03-01 10:01 | 131049
    failed twice  | failed      | 2024-03-01 10:01 |                  |                  | 2024-03-01 10:01 | 131026
    failed, came  | delivered   | 2024-03-01 10:00 | 2024-03-01 10:01 |                  | 2024-03-01 10:00 | 131026
    delivered x 2 | delivered   | 2024-03-01 10:01 | 2024-03-01 10:01 |                  |                  |
    unheard of    |             | 2024-03-01 10:00 |                  |                  |                  |
    """
    tells(folded(engine, statuses=statuses), expected)


def test_a_stop_is_the_error_131050_of_a_failure(engine: str) -> None:
    statuses = drawn(
        StatusFact,
        """
        message_id | status_code | occurred_at      | error_code
        stop       | failed      | 2024-03-01 10:00 | 131050
        stop       | sent        | 2024-03-01 09:00 |
        not failed | delivered   | 2024-03-01 10:00 | 131050
        other      | failed      | 2024-03-01 10:00 | 131049
        """,
    )
    (given,) = lifted(engine, statuses)
    assert rows(folded_statuses(given), "message_id", "stopped_at_failure") == [
        ("not failed", 0),
        ("other", 0),
        ("stop", 1),
    ]


def test_sources_govern_by_rank_then_by_earliest_time(engine: str) -> None:
    facts = """
    message_id | source_code | content_digest | sent_at          | channel_id | entity | identifier_digest | direction_code | kind_code | has_body | custodian_id
    two logs   | send_log    | b              | 2024-03-01 10:00 | c1         | air    | ana               | outbound       | template  | no       | k2
    two logs   | send_log    | a              | 2024-03-01 10:01 | c1         | air    | ana               | outbound       | free_form | yes      | k1
    tie        | send_log    | b              | 2024-03-01 10:00 | c1         | air    | ana               | outbound       | template  | no       | k2
    tie        | send_log    | a              | 2024-03-01 10:00 | c1         | air    | ana               | outbound       | free_form | no       | k1
    twice      | send_log    | a              | 2024-03-01 10:00 | c1         | air    | ana               | outbound       | template  | yes      | k1
    twice      | send_log    | a              | 2024-03-01 10:00 | c1         | air    | ana               | outbound       | template  | yes      | k1
    echoed     | echo        |                | 2024-03-01 09:00 | c1         | air    | ana               | outbound       | free_form | yes      |
    echoed     | send_log    | a              | 2024-03-01 10:00 | c2         | air    | ana               | outbound       | template  | no       | k1
    echo alone | echo        |                | 2024-03-01 09:00 | c1         | air    | ana               | outbound       | free_form | yes      |
    inbound    | inbound     |                | 2024-03-01 09:00 | c1         | air    | ana               | inbound        |           | yes      |
    listed     | provider_log |               | 2024-03-01 09:00 | c1         | air    | ana               | outbound       |           | yes      |
    listed, echoed | provider_log |           | 2024-03-01 09:00 | c1         | air    | ana               | outbound       |           | yes      |
    listed, echoed | echo    |                | 2024-03-01 09:30 | c2         | air    | ana               | outbound       | free_form | yes      |
    listed, came | provider_log |             | 2024-03-01 09:30 | c1         | air    | ana               | inbound        |           | yes      |
    listed, came | inbound   |                | 2024-03-01 09:00 | c2         | air    | ana               | inbound        |           | yes      |
    a call     | call        |                | 2024-03-01 09:00 | c1         | air    | ana               | inbound        |           | no       |
    """
    expected = """
    message_id | sent_at          | channel_id | kind_code | direction_code | custodian_id | has_send_log | has_echo | has_body | is_conflicting
    two logs   | 2024-03-01 10:00 | c1         | template  | outbound       | k2           | yes          | no       | yes      | yes
    tie        | 2024-03-01 10:00 | c1         | free_form | outbound       | k1           | yes          | no       | no       | yes
    twice      | 2024-03-01 10:00 | c1         | template  | outbound       | k1           | yes          | no       | yes      | no
    echoed     | 2024-03-01 10:00 | c2         | template  | outbound       | k1           | yes          | yes      | yes      | no
    echo alone | 2024-03-01 09:00 | c1         | free_form | outbound       |              | no           | yes      | yes      | no
    inbound    | 2024-03-01 09:00 | c1         |           | inbound        |              | no           | no       | yes      | no
    listed     | 2024-03-01 09:00 | c1         |           | outbound       |              | no           | no       | yes      | no
    listed, echoed | 2024-03-01 09:30 | c2     | free_form | outbound       |              | no           | yes      | yes      | no
    listed, came | 2024-03-01 09:30 | c1       |           | inbound        |              | no           | no       | yes      | no
    """
    tells(folded(engine, facts), expected)


def test_a_send_whose_text_its_provider_no_longer_holds_tells_no_more_than_statuses(engine: str) -> None:
    facts = """
    message_id | source_code  | content_digest | sent_at          | channel_id | direction_code | has_body
    held       | provider_log |                | 2024-03-01 10:00 | c1         | outbound       | yes
    discarded  | provider_log |                | 2024-03-01 10:00 | c1         | outbound       | no
    logged     | provider_log |                | 2024-03-01 10:00 | c1         | outbound       | no
    logged     | send_log     | a              | 2024-03-01 10:00 | c1         | outbound       | no
    """
    assert rows(folded(engine, facts), "message_id", "is_status_only") == [
        ("discarded", True),
        ("held", False),
        ("logged", False),
    ]


def test_a_send_log_that_conflicts_with_itself_shows_the_body_of_the_row_that_governs(engine: str) -> None:
    """Both rows are kept and hold content; what the log shows of the message is the earlier row."""
    facts = """
    message_id | source_code | content_digest | sent_at          | direction_code | has_body
    later has  | send_log    | a              | 2024-03-01 10:00 | outbound       | no
    later has  | send_log    | b              | 2024-03-01 11:00 | outbound       | yes
    first has  | send_log    | a              | 2024-03-01 10:00 | outbound       | yes
    first has  | send_log    | b              | 2024-03-01 11:00 | outbound       | no
    echoed     | send_log    | a              | 2024-03-01 10:00 | outbound       | no
    echoed     | echo        |                | 2024-03-01 10:00 | outbound       | yes
    """
    statuses = """
    message_id | status_code | occurred_at      | channel_id
    alone      | sent        | 2024-03-01 10:00 | c1
    """
    assert rows(folded(engine, facts, statuses), "message_id", "has_body", "shows_body") == [
        ("alone", False, False),
        ("echoed", True, True),
        ("first has", True, True),
        ("later has", True, False),
    ]


def test_what_has_a_body_governs_over_a_placeholder_of_the_same_time(engine: str) -> None:
    facts = """
    message_id | source_code | sent_at          | direction_code | type_code         | has_body
    video      | history     | 2024-03-01 10:00 | inbound        | media_placeholder | no
    video      | history     | 2024-03-01 10:00 | inbound        | video             | yes
    not shared | history     | 2024-03-01 10:00 | inbound        | media_placeholder | no
    """
    expected = """
    message_id | type_code         | has_body
    video      | video             | yes
    not shared | media_placeholder | no
    """
    tells(folded(engine, facts), expected)


def test_a_message_known_from_statuses_alone(engine: str) -> None:
    """Sent at its earliest status; what it was comes from its price."""
    statuses = """
    message_id | status_code | occurred_at      | channel_id | entity | identifier_digest | country_code | purpose_code
    promo      | delivered   | 2024-03-01 10:01 | c1         | air    | ana               | GB           | marketing
    promo      | sent        | 2024-03-01 10:00 | c1         | air    | ana               | GB           |
    reply      | sent        | 2024-03-01 10:00 | c1         | air    | ana               | GB           | service
    unpriced   | sent        | 2024-03-01 10:00 | c1         | air    | ana               | GB           |
    logged     | sent        | 2024-03-01 10:00 | c1         | air    | ana               | GB           | utility
    """
    facts = """
    message_id | source_code | sent_at          | direction_code | kind_code | has_body | purpose_code
    logged     | send_log    | 2024-03-01 10:05 | outbound       | template  | no       |
    """
    found = folded(engine, facts, statuses)
    expected = """
    message_id | sent_at          | direction_code | channel_id | entity | country_code | purpose_code | has_send_log | has_body
    promo      | 2024-03-01 10:00 | outbound       | c1         | air    | GB           | marketing    | no           | no
    reply      | 2024-03-01 10:00 | outbound       | c1         | air    | GB           | service      | no           | no
    unpriced   | 2024-03-01 10:00 | outbound       | c1         | air    | GB           |              | no           | no
    logged     | 2024-03-01 10:05 | outbound       | c1         | air    | GB           | utility      | yes          | no
    """
    tells(found, expected)
    assert rows(found, "message_id", "is_status_only", "judged_kind", "identifier_digest") == [
        ("logged", False, "template", "ana"),
        ("promo", True, "template", "ana"),
        ("reply", True, None, "ana"),
        ("unpriced", True, None, "ana"),
    ]


def test_purposes_compared(engine: str) -> None:
    """Purpose is the send log's, else the priced one; marketing where any of the three says so;
    different words are a mismatch, unknown ones too; a missing one is none."""
    facts = """
    message_id  | source_code | sent_at          | direction_code | kind_code | has_body | template_name | purpose_code
    agree       | send_log    | 2024-03-01 10:00 | outbound       | template  | no       | order         | utility
    priced m    | send_log    | 2024-03-01 10:00 | outbound       | template  | no       |               | utility
    template m  | send_log    | 2024-03-01 10:00 | outbound       | template  | no       | spring        | utility
    silent      | send_log    | 2024-03-01 10:00 | outbound       | template  | no       | spring        |
    silent u    | send_log    | 2024-03-01 10:00 | outbound       | template  | no       | order         |
    only priced | send_log    | 2024-03-01 10:00 | outbound       | template  | no       |               |
    two prices  | send_log    | 2024-03-01 10:00 | outbound       | template  | no       |               | utility
    unknown     | send_log    | 2024-03-01 10:00 | outbound       | template  | no       | order         | newsletter
    two rows    | send_log    | 2024-03-01 10:00 | outbound       | free_form | yes      |               | service
    two rows    | send_log    | 2024-03-01 11:00 | outbound       | template  | yes      | spring        | service
    inbound     | inbound     | 2024-03-01 10:00 | inbound        |           | yes      |               |
    """
    statuses = """
    message_id  | status_code | occurred_at      | purpose_code
    agree       | sent        | 2024-03-01 10:00 | utility
    priced m    | sent        | 2024-03-01 10:00 | marketing
    only priced | sent        | 2024-03-01 10:00 | authentication
    two prices  | sent        | 2024-03-01 10:00 | utility
    two prices  | delivered   | 2024-03-01 10:00 | marketing
    inbound     | sent        | 2024-03-01 10:00 | service
    two words   | sent        | 2024-03-01 10:00 | utility
    two words   | delivered   | 2024-03-01 10:00 | service
    """
    templates = """
    template_name | purpose_code | observed_at
    order         | utility      | 2024-01-01 10:00
    spring        | marketing    | 2024-01-01 10:00
    """
    expected = """
    message_id  | purpose_code   | declared_purpose_code | priced_purpose_code | template_purpose_code | has_purpose_mismatch
    agree       | utility        | utility               | utility             | utility               | no
    priced m    | marketing      | utility               | marketing           |                       | yes
    template m  | marketing      | utility               |                     | marketing             | yes
    silent      | marketing      |                       |                     | marketing             | no
    silent u    |                |                       |                     | utility               | no
    only priced | authentication |                       | authentication      |                       | no
    two prices  | marketing      | utility               | marketing           |                       | yes
    unknown     | newsletter     | newsletter            |                     | utility               | yes
    two rows    | service        | service               |                     |                       | no
    inbound     | service        |                       | service             |                       | no
    two words   | service        |                       | service             |                       | yes
    """
    tells(folded(engine, facts, statuses, templates), expected)


def test_the_templates_category_when_it_was_sent(engine: str) -> None:
    facts = drawn(
        MessageFact,
        """
        message_id | source_code | content_digest | sent_at          | entity | template_name
        before     | send_log    | a              | 2024-03-01 10:00 | air    | order
        changed    | send_log    | a              | 2024-05-01 10:00 | air    | order
        at once    | send_log    | a              | 2024-04-01 10:00 | air    | order
        too early  | send_log    | a              | 2023-01-01 10:00 | air    | order
        others     | send_log    | a              | 2024-05-01 10:00 | bank   | order
        anyone     | send_log    | a              | 2024-05-01 10:00 |        | order
        unlisted   | send_log    | a              | 2024-05-01 10:00 | air    | other
        free form  | send_log    | a              | 2024-05-01 10:00 | air    |
        shared     | send_log    | a              | 2024-05-01 10:00 | bank   | common
        """,
        sequence=0,
    )
    templates = drawn(
        TemplateFact,
        """
        template_name | entity | purpose_code | observed_at
        order         | air    | utility      | 2024-01-01 10:00
        order         | air    | marketing    | 2024-04-01 10:00
        order         | air    |              | 2024-04-02 10:00
        common        |        | utility      | 2024-01-01 10:00
        """,
    )
    given, told = lifted(engine, facts, templates)
    found = computed(template_purpose_at_send(given, told)).sort("message_id")
    assert found.select("message_id", "template_purpose_code").rows() == [
        ("anyone", "marketing"),
        ("at once", "marketing"),
        ("before", "utility"),
        ("changed", "marketing"),
        ("shared", "utility"),
        ("too early", "utility"),
    ]


def test_any_order_and_repetition_of_facts_folds_to_the_same(engine: str) -> None:
    facts = drawn(
        MessageFact,
        """
        message_id | source_code | content_digest | sent_at          | channel_id | identifier_digest | direction_code | kind_code | has_body
        a          | send_log    | x              | 2024-03-01 10:00 | c1         | ana               | outbound       | template  | no
        a          | send_log    | y              | 2024-03-01 10:00 | c1         | bob               | outbound       | free_form | yes
        a          | echo        |                | 2024-03-01 09:00 | c2         | ana               | outbound       | free_form | yes
        b          | inbound     |                | 2024-03-01 10:00 | c1         | ana               | inbound        |           | yes
        b          | inbound     |                | 2024-03-01 10:00 | c1         | bob               | inbound        |           | yes
        """,
        sequence=0,
    )
    templates = drawn(TemplateFact)
    statuses = drawn(StatusFact)
    orders = [facts, facts.reverse(), pl.concat([facts[2:], facts, facts[:1]])]
    found = []
    for order in orders:
        given, told, categories = lifted(engine, order, statuses, templates)
        frame = computed(folded_messages(given, told, template_purpose_at_send(given, categories)))
        found.append(frame.select(sorted(frame.columns)).sort("message_id"))
    assert found[0].equals(found[1])
    assert found[0].equals(found[2])
