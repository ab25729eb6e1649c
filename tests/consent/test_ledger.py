# ruff: noqa: E501 (drawn tables are wide)
"""Consent state of sends, drawn: what happened, then how a send was judged; on Polars and DuckDB.

One party per case. Every send is of Air, for marketing, unless it says otherwise.
"""

from __future__ import annotations

import narwhals as nw
import polars as pl
import pytest

from tests.spec.drawn_table import ENGINES, drawn
from tests.spec.frames import by_key, computed, lifted, rows
from wa_analytics.consent.ledger import asked_again, recorded_late, spread, states
from wa_analytics.tables import ConsentEvent, Message

SEND = ("message_id", "party_id", "entity", "purpose_code", "sent_at")
TOLD = (
    "party_id",
    "purpose_code",
    "sent_at",
    "consent_code",
    "was_known",
    "consent_event_id",
    "withdrawn_at",
)
pytestmark = pytest.mark.parametrize("engine", ENGINES)


def judged(engine: str, events: str, sends: str, *columns: str) -> None:
    """Compare the drawn columns of the sends with what `states` says of them."""
    wanted = drawn(Message, sends, entity="air")
    given, told = lifted(engine, wanted.select(SEND), drawn(ConsentEvent, events, entity="air"))
    assert rows(states(given, spread(told, ("air", "bank"))), *columns) == by_key(wanted.select(columns))


def test_the_register_stream(engine: str) -> None:
    judged(
        engine,
        """
        party_id    | event_id | source_code  | purpose_code | action_code | occurred_at      | recorded_at      | expires_at
        granted     | a1       | register     | marketing    | granted     | 2024-05-01 10:00 | 2024-05-01 10:00 |
        for all     | b1       | register     | all          | confirmed   | 2024-05-01 10:00 |                  |
        signed up   | c1       | preference   | marketing    | granted     | 2024-05-01 10:00 |                  |
        took back   | d1       | register     | marketing    | granted     | 2024-05-01 10:00 |                  |
        took back   | d2       | register     | all          | withdrawn   | 2024-05-02 10:00 | 2024-05-03 10:00 |
        said stop   | e1       | register     | all          | granted     | 2024-05-01 10:00 |                  |
        said stop   | e2       | opt_out_word | all          | withdrawn   | 2024-05-02 10:00 |                  |
        came back   | f1       | register     | marketing    | granted     | 2024-05-03 10:00 |                  |
        came back   | f2       | register     | marketing    | withdrawn   | 2024-05-02 10:00 |                  |
        refused     | g1       | register     | marketing    | refused     | 2024-05-02 10:00 | 2024-06-01 12:00 |
        told late   | h1       | register     | marketing    | withdrawn   | 2024-05-02 10:00 | 2024-06-01 12:01 |
        at once     | i1       | register     | marketing    | granted     | 2024-05-01 10:00 |                  |
        at once     | i2       | register     | marketing    | withdrawn   | 2024-06-01 12:00 |                  |
        just after  | j1       | register     | marketing    | granted     | 2024-05-01 10:00 |                  |
        just after  | j2       | register     | marketing    | withdrawn   | 2024-06-01 12:01 |                  |
        """,
        """
        party_id    | purpose_code | sent_at          | consent_code | was_known | consent_event_id | withdrawn_at
        granted     | marketing    | 2024-06-01 12:00 | granted      |           | a1               |
        granted     | marketing    | 2024-05-01 09:59 | never_asked  |           |                  |
        for all     | marketing    | 2024-06-01 12:00 | granted      |           | b1               |
        for all     | utility      | 2024-06-01 12:00 | granted      |           | b1               |
        signed up   | marketing    | 2024-06-01 12:00 | granted      |           | c1               |
        signed up   | utility      | 2024-06-01 12:00 | wrong_purpose|           |                  |
        took back   | marketing    | 2024-05-02 09:59 | granted      |           | d1               |
        took back   | marketing    | 2024-06-01 12:00 | withdrawn    | yes       | d2               | 2024-05-02 10:00
        took back   | marketing    | 2024-05-02 12:00 | withdrawn    | no        | d2               | 2024-05-02 10:00
        said stop   | utility      | 2024-06-01 12:00 | withdrawn    |           | e2               | 2024-05-02 10:00
        came back   | marketing    | 2024-06-01 12:00 | granted      |           | f1               |
        refused     | marketing    | 2024-06-01 12:00 | refused      | yes       | g1               | 2024-05-02 10:00
        told late   | marketing    | 2024-06-01 12:00 | withdrawn    | no        | h1               | 2024-05-02 10:00
        at once     | marketing    | 2024-06-01 12:00 | withdrawn    |           | i2               | 2024-06-01 12:00
        just after  | marketing    | 2024-06-01 12:00 | granted      |           | j1               |
        nobody      | marketing    | 2024-06-01 12:00 | never_asked  |           |                  |
        """,
        *TOLD,
    )


def test_several_at_one_instant(engine: str) -> None:
    """Withdrawn beats refused beats granted; then the earliest expiry; then the smallest event id."""
    judged(
        engine,
        """
        party_id   | event_id | source_code | purpose_code | action_code | occurred_at      | expires_at
        no or yes  | a1       | register    | marketing    | granted     | 2024-05-01 10:00 |
        no or yes  | a2       | register    | marketing    | refused     | 2024-05-01 10:00 |
        no or back | b1       | register    | marketing    | refused     | 2024-05-01 10:00 |
        no or back | b2       | register    | all          | withdrawn   | 2024-05-01 10:00 |
        all three  | c1       | register    | marketing    | confirmed   | 2024-05-01 10:00 |
        all three  | c2       | register    | marketing    | refused     | 2024-05-01 10:00 |
        all three  | c3       | register    | marketing    | withdrawn   | 2024-05-01 10:00 |
        ends first | d1       | register    | marketing    | granted     | 2024-05-01 10:00 |
        ends first | d2       | register    | marketing    | confirmed   | 2024-05-01 10:00 | 2024-06-01 00:00
        ends first | d3       | register    | marketing    | granted     | 2024-05-01 10:00 | 2024-07-01 00:00
        twins      | e2       | register    | marketing    | granted     | 2024-05-01 10:00 |
        twins      | e1       | register    | marketing    | confirmed   | 2024-05-01 10:00 |
        no, ending | f1       | register    | marketing    | refused     | 2024-05-01 10:00 |
        no, ending | f2       | register    | marketing    | granted     | 2024-05-01 10:00 | 2024-05-20 10:00
        """,
        """
        party_id   | purpose_code | sent_at          | consent_code | consent_event_id
        no or yes  | marketing    | 2024-06-01 12:00 | refused      | a2
        no or back | marketing    | 2024-06-01 12:00 | withdrawn    | b2
        all three  | marketing    | 2024-06-01 12:00 | withdrawn    | c3
        ends first | marketing    | 2024-06-01 12:00 | expired      | d2
        twins      | marketing    | 2024-06-01 12:00 | granted      | e1
        no, ending | marketing    | 2024-06-01 12:00 | refused      | f1
        """,
        "party_id",
        "purpose_code",
        "sent_at",
        "consent_code",
        "consent_event_id",
    )


def test_a_grant_ends_at_its_expiry(engine: str) -> None:
    judged(
        engine,
        """
        party_id | event_id | source_code | purpose_code | action_code | occurred_at      | recorded_at      | expires_at
        p        | a1       | register    | marketing    | granted     | 2024-05-01 10:00 | 2024-05-01 10:00 | 2024-06-01 12:00
        renewed  | b1       | register    | marketing    | granted     | 2024-05-01 10:00 |                  | 2024-05-20 00:00
        renewed  | b2       | register    | marketing    | granted     | 2024-05-19 00:00 |                  |
        never    | c1       | register    | marketing    | withdrawn   | 2024-05-01 10:00 |                  | 2024-05-20 00:00
        """,
        """
        party_id | purpose_code | sent_at          | consent_code | was_known | consent_event_id
        p        | marketing    | 2024-06-01 11:59 | granted      |           | a1
        p        | marketing    | 2024-06-01 12:00 | expired      | yes       | a1
        p        | utility      | 2024-07-01 12:00 | wrong_purpose| yes       |
        renewed  | marketing    | 2024-06-01 12:00 | granted      |           | b2
        never    | marketing    | 2024-06-01 12:00 | withdrawn    |           | c1
        """,
        *TOLD[:-1],
    )


def test_the_platform_stream(engine: str) -> None:
    """Stop and resume speak of marketing only; a resume ends stops and grants nothing."""
    judged(
        engine,
        """
        party_id    | event_id | source_code    | purpose_code | action_code | occurred_at
        stop        | a1       | register       | marketing    | granted     | 2024-05-01 10:00
        stop        | a2       | preference     | marketing    | stop        | 2024-05-02 10:00
        stop        | a3       | register       | utility      | granted     | 2024-05-01 10:00
        error       | b1       | register       | marketing    | granted     | 2024-05-01 10:00
        error       | b2       | platform_error | marketing    | stop        | 2024-06-01 12:00
        same time   | c1       | register       | marketing    | granted     | 2024-05-02 10:00
        same time   | c2       | preference     | marketing    | stop        | 2024-05-02 10:00
        stop first  | d1       | register       | marketing    | granted     | 2024-05-02 10:01
        stop first  | d2       | preference     | marketing    | stop        | 2024-05-02 10:00
        resumed     | e1       | register       | marketing    | granted     | 2024-05-01 10:00
        resumed     | e2       | preference     | marketing    | stop        | 2024-05-02 10:00
        resumed     | e3       | preference     | marketing    | stop        | 2024-05-03 10:00
        resumed     | e4       | preference     | marketing    | resume      | 2024-05-04 10:00
        both        | f1       | register       | marketing    | granted     | 2024-05-01 10:00
        both        | f2       | preference     | marketing    | resume      | 2024-05-02 10:00
        both        | f3       | preference     | marketing    | stop        | 2024-05-02 10:00
        again       | g1       | register       | marketing    | granted     | 2024-05-01 10:00
        again       | g2       | preference     | marketing    | resume      | 2024-05-02 10:00
        again       | g3       | preference     | marketing    | stop        | 2024-05-03 10:00
        nothing     | h1       | preference     | marketing    | resume      | 2024-05-02 10:00
        only stop   | i1       | preference     | marketing    | stop        | 2024-05-02 10:00
        refused     | j1       | register       | marketing    | refused     | 2024-05-02 10:01
        refused     | j2       | preference     | marketing    | stop        | 2024-05-02 10:00
        stop later  | k1       | register       | marketing    | refused     | 2024-05-02 10:00
        stop later  | k2       | preference     | marketing    | stop        | 2024-05-02 10:01
        withdrew    | l1       | register       | marketing    | withdrawn   | 2024-05-02 10:00
        withdrew    | l2       | preference     | marketing    | resume      | 2024-05-03 10:00
        odd stop    | m1       | register       | utility      | granted     | 2024-05-01 10:00
        odd stop    | m2       | preference     | utility      | stop        | 2024-05-02 10:00
        """,
        """
        party_id    | purpose_code | sent_at          | consent_code  | consent_event_id | withdrawn_at
        stop        | marketing    | 2024-05-02 09:59 | granted       | a1               |
        stop        | marketing    | 2024-06-01 12:00 | withdrawn     |                  | 2024-05-02 10:00
        stop        | utility      | 2024-06-01 12:00 | granted       | a3               |
        error       | marketing    | 2024-06-01 12:00 | withdrawn     |                  | 2024-06-01 12:00
        error       | marketing    | 2024-06-01 11:59 | granted       | b1               |
        same time   | marketing    | 2024-06-01 12:00 | withdrawn     |                  | 2024-05-02 10:00
        stop first  | marketing    | 2024-06-01 12:00 | granted       | d1               |
        resumed     | marketing    | 2024-06-01 12:00 | granted       | e1               |
        resumed     | marketing    | 2024-05-03 12:00 | withdrawn     |                  | 2024-05-02 10:00
        both        | marketing    | 2024-06-01 12:00 | withdrawn     |                  | 2024-05-02 10:00
        again       | marketing    | 2024-06-01 12:00 | withdrawn     |                  | 2024-05-03 10:00
        nothing     | marketing    | 2024-06-01 12:00 | never_asked   |                  |
        only stop   | marketing    | 2024-06-01 12:00 | withdrawn     |                  | 2024-05-02 10:00
        refused     | marketing    | 2024-06-01 12:00 | refused       | j1               | 2024-05-02 10:00
        stop later  | marketing    | 2024-06-01 12:00 | withdrawn     |                  | 2024-05-02 10:00
        withdrew    | marketing    | 2024-06-01 12:00 | withdrawn     | l1               | 2024-05-02 10:00
        odd stop    | utility      | 2024-06-01 12:00 | granted       | m1               |
        """,
        "party_id",
        "purpose_code",
        "sent_at",
        "consent_code",
        "consent_event_id",
        "withdrawn_at",
    )


def test_a_repeated_no_counts_from_the_first(engine: str) -> None:
    """Until a yes stands between; one that a no of the same instant beats does not."""
    judged(
        engine,
        """
        party_id     | event_id | source_code  | purpose_code | action_code | occurred_at
        stop twice   | a1       | preference   | marketing    | stop        | 2024-05-01 10:00
        stop twice   | a2       | preference   | marketing    | stop        | 2024-05-09 10:00
        left twice   | b1       | register     | marketing    | withdrawn   | 2024-05-01 10:00
        left twice   | b2       | opt_out_word | all          | withdrawn   | 2024-05-09 10:00
        no, then stop| c1       | register     | marketing    | refused     | 2024-05-01 10:00
        no, then stop| c2       | preference   | marketing    | stop        | 2024-05-09 10:00
        stop, then no| d1       | preference   | marketing    | stop        | 2024-05-01 10:00
        stop, then no| d2       | register     | marketing    | withdrawn   | 2024-05-09 10:00
        stop, then no| d3       | preference   | marketing    | resume      | 2024-05-10 10:00
        yes between  | e1       | register     | marketing    | withdrawn   | 2024-05-01 10:00
        yes between  | e2       | register     | marketing    | granted     | 2024-05-05 10:00
        yes between  | e3       | register     | marketing    | withdrawn   | 2024-05-09 10:00
        resumed      | f1       | register     | marketing    | granted     | 2024-04-01 10:00
        resumed      | f2       | preference   | marketing    | stop        | 2024-05-01 10:00
        resumed      | f3       | preference   | marketing    | resume      | 2024-05-05 10:00
        resumed      | f4       | preference   | marketing    | stop        | 2024-05-09 10:00
        beaten yes   | g9       | preference   | marketing    | stop        | 2024-05-01 10:00
        beaten yes   | g1       | preference   | marketing    | resume      | 2024-05-09 10:00
        beaten yes   | g2       | preference   | marketing    | stop        | 2024-05-09 10:00
        no stays     | i9       | preference   | marketing    | stop        | 2024-05-01 10:00
        no stays     | i1       | preference   | marketing    | resume      | 2024-05-09 10:00
        no stays     | i2       | register     | marketing    | withdrawn   | 2024-05-09 10:00
        beaten grant | h9       | register     | marketing    | withdrawn   | 2024-05-01 10:00
        beaten grant | h1       | register     | marketing    | granted     | 2024-05-09 10:00
        beaten grant | h2       | preference   | marketing    | stop        | 2024-05-09 10:00
        """,
        """
        party_id     | purpose_code | sent_at          | consent_code | withdrawn_at
        stop twice   | marketing    | 2024-06-01 12:00 | withdrawn    | 2024-05-01 10:00
        left twice   | marketing    | 2024-06-01 12:00 | withdrawn    | 2024-05-01 10:00
        no, then stop| marketing    | 2024-06-01 12:00 | withdrawn    | 2024-05-01 10:00
        stop, then no| marketing    | 2024-06-01 12:00 | withdrawn    | 2024-05-01 10:00
        yes between  | marketing    | 2024-06-01 12:00 | withdrawn    | 2024-05-09 10:00
        yes between  | marketing    | 2024-05-02 12:00 | withdrawn    | 2024-05-01 10:00
        yes between  | marketing    | 2024-05-06 12:00 | granted      |
        resumed      | marketing    | 2024-06-01 12:00 | withdrawn    | 2024-05-09 10:00
        beaten yes   | marketing    | 2024-06-01 12:00 | withdrawn    | 2024-05-01 10:00
        no stays     | marketing    | 2024-06-01 12:00 | withdrawn    | 2024-05-01 10:00
        beaten grant | marketing    | 2024-06-01 12:00 | withdrawn    | 2024-05-01 10:00
        """,
        "party_id",
        "sent_at",
        "consent_code",
        "withdrawn_at",
    )


def test_where_nothing_governs(engine: str) -> None:
    judged(
        engine,
        """
        party_id   | event_id | source_code | purpose_code | action_code | occurred_at      | recorded_at      | expires_at
        asked      | a1       | register    | marketing    | requested   | 2024-05-01 10:00 | 2024-05-01 10:00 |
        asked      | a2       | register    | utility      | granted     | 2024-05-01 10:00 | 2024-05-01 10:00 |
        asked late | b1       | register    | all          | requested   | 2024-05-01 10:00 | 2024-06-01 12:01 |
        asked dark | c1       | register    | marketing    | requested   | 2024-05-01 10:00 |                  |
        twice      | d1       | register    | marketing    | requested   | 2024-05-01 10:00 | 2024-05-01 10:00 |
        twice      | d2       | register    | marketing    | requested   | 2024-05-02 10:00 | 2024-07-01 10:00 |
        changed    | e1       | register    | marketing    | granted     | 2024-05-01 10:00 |                  |
        changed    | e2       | register    | marketing    | requested   | 2024-05-02 10:00 |                  |
        other      | f1       | register    | service      | confirmed   | 2024-05-01 10:00 | 2024-06-01 12:00 |
        other ends | g1       | register    | utility      | granted     | 2024-05-01 10:00 | 2024-06-01 12:01 | 2024-05-02 10:00
        other gone | h1       | register    | utility      | granted     | 2024-05-01 10:00 | 2024-05-01 10:00 |
        other gone | h2       | register    | utility      | withdrawn   | 2024-05-02 10:00 | 2024-05-02 10:00 |
        too late   | i1       | register    | utility      | granted     | 2024-06-01 12:01 | 2024-06-01 12:01 |
        other no   | j1       | register    | utility      | refused     | 2024-05-01 10:00 | 2024-05-01 10:00 |
        other now  | k1       | register    | utility      | granted     | 2024-06-01 12:00 | 2024-06-01 12:00 |
        others     | l1       | register    | utility      | granted     | 2024-05-01 10:00 | 2024-07-01 10:00 |
        others     | l2       | register    | service      | granted     | 2024-05-01 10:00 | 2024-05-01 10:00 |
        """,
        """
        party_id   | purpose_code | sent_at          | consent_code  | was_known | consent_event_id | withdrawn_at
        asked      | marketing    | 2024-06-01 12:00 | unconfirmed   | yes       |                  |
        asked late | utility      | 2024-06-01 12:00 | unconfirmed   | no        |                  |
        asked dark | marketing    | 2024-06-01 12:00 | unconfirmed   |           |                  |
        twice      | marketing    | 2024-06-01 12:00 | unconfirmed   | yes       |                  |
        changed    | marketing    | 2024-06-01 12:00 | granted       |           | e1               |
        other      | marketing    | 2024-06-01 12:00 | wrong_purpose | yes       |                  |
        other ends | marketing    | 2024-06-01 12:00 | wrong_purpose | no        |                  |
        other gone | marketing    | 2024-06-01 12:00 | wrong_purpose | yes       |                  |
        too late   | marketing    | 2024-06-01 12:00 | never_asked   |           |                  |
        other no   | marketing    | 2024-06-01 12:00 | never_asked   |           |                  |
        other now  | marketing    | 2024-06-01 12:00 | wrong_purpose | yes       |                  |
        others     | marketing    | 2024-06-01 12:00 | wrong_purpose | yes       |                  |
        """,
        *TOLD,
    )


def test_consent_governs_only_the_company_it_was_given_to(engine: str) -> None:
    judged(
        engine,
        """
        party_id  | event_id | source_code | entity | is_any_entity | purpose_code | action_code | occurred_at
        bank only | a1       | register    | bank   | no            | marketing    | granted     | 2024-05-01 10:00
        anyone    | b1       | register    |        | yes           | marketing    | granted     | 2024-05-01 10:00
        unknown   | c1       | register    |        | no            | marketing    | granted     | 2024-05-01 10:00
        bank stop | d1       | register    |        | yes           | marketing    | granted     | 2024-05-01 10:00
        bank stop | d2       | preference  | bank   | no            | marketing    | stop        | 2024-05-02 10:00
        """,
        """
        party_id  | entity | purpose_code | sent_at          | consent_code
        bank only | air    | marketing    | 2024-06-01 12:00 | never_asked
        bank only | bank   | marketing    | 2024-06-01 12:00 | granted
        anyone    | air    | marketing    | 2024-06-01 12:00 | granted
        anyone    | bank   | marketing    | 2024-06-01 12:00 | granted
        unknown   | air    | marketing    | 2024-06-01 12:00 | never_asked
        bank stop | air    | marketing    | 2024-06-01 12:00 | granted
        bank stop | bank   | marketing    | 2024-06-01 12:00 | withdrawn
        """,
        "party_id",
        "entity",
        "purpose_code",
        "sent_at",
        "consent_code",
    )


def test_spread_lays_events_under_every_company_and_purpose_they_speak_for(engine: str) -> None:
    events = drawn(
        ConsentEvent,
        """
        event_id | party_id | entity | is_any_entity | purpose_code | action_code | occurred_at
        a        | p        | air    | no            | all          | granted     | 2024-05-01 10:00
        b        | p        |        | yes           | utility      | granted     | 2024-05-01 10:00
        c        |          | air    | no            | utility      | granted     | 2024-05-01 10:00
        d        | p        | air    | no            | newsletter   | granted     | 2024-05-01 10:00
        """,
    )
    (given,) = lifted(engine, events)
    assert rows(spread(given, ("air", "bank")), "event_id", "entity", "purpose_code") == [
        ("a", "air", "authentication"),
        ("a", "air", "marketing"),
        ("a", "air", "service"),
        ("a", "air", "utility"),
        ("b", "air", "utility"),
        ("b", "bank", "utility"),
        ("d", "air", "newsletter"),
    ]


def test_recorded_late(engine: str) -> None:
    """Granted in full, but not by what was recorded when it was sent; unknown where unrecorded."""
    events = """
        party_id    | event_id | source_code | purpose_code | action_code | occurred_at      | recorded_at      | expires_at
        in time     | a1       | register    | marketing    | granted     | 2024-05-01 10:00 | 2024-06-01 12:00 |
        late        | b1       | register    | marketing    | granted     | 2024-05-01 10:00 | 2024-06-01 12:01 |
        unrecorded  | c1       | register    | marketing    | granted     | 2024-05-01 10:00 |                  |
        stood by    | d1       | register    | marketing    | granted     | 2024-05-02 10:00 | 2024-06-01 12:01 |
        stood by    | d2       | register    | all          | confirmed   | 2024-05-01 10:00 | 2024-05-01 10:00 |
        stood lapsed| e1       | register    | marketing    | granted     | 2024-05-02 10:00 | 2024-06-01 12:01 |
        stood lapsed| e2       | register    | marketing    | granted     | 2024-05-01 10:00 | 2024-05-01 10:00 | 2024-06-01 12:00
        had left    | f1       | register    | marketing    | granted     | 2024-05-02 10:00 | 2024-06-01 12:01 |
        had left    | f2       | register    | marketing    | withdrawn   | 2024-05-01 12:00 | 2024-05-01 12:00 |
        had left    | f3       | register    | marketing    | granted     | 2024-05-01 10:00 | 2024-05-01 10:00 |
        other       | g1       | register    | marketing    | granted     | 2024-05-02 10:00 | 2024-06-01 12:01 |
        other       | g2       | register    | utility      | granted     | 2024-05-01 10:00 | 2024-05-01 10:00 |
        left        | h1       | register    | marketing    | withdrawn   | 2024-05-02 10:00 | 2024-06-01 12:01 |
        just stood  | i1       | register    | marketing    | granted     | 2024-05-02 10:00 | 2024-06-01 12:01 |
        just stood  | i2       | register    | marketing    | granted     | 2024-05-01 10:00 | 2024-06-01 12:00 |
    """
    sends = drawn(
        Message,
        """
        message_id   | sent_at          | is_recorded_late
        in time      | 2024-06-01 12:00 | no
        late         | 2024-06-01 12:00 | yes
        unrecorded   | 2024-06-01 12:00 |
        stood by     | 2024-06-01 12:00 | no
        stood lapsed | 2024-06-01 12:00 | yes
        had left     | 2024-06-01 12:00 | yes
        other        | 2024-06-01 12:00 | yes
        left         | 2024-06-01 12:00 |
        just stood   | 2024-06-01 12:00 | no
        """,
        entity="air",
        purpose_code="marketing",
    ).with_columns(party_id="message_id")
    given, told = lifted(engine, sends.select(SEND), drawn(ConsentEvent, events, entity="air"))
    spoken = spread(told, ("air",))
    judged_sends, spoken = lifted(engine, computed(states(given, spoken)), computed(spoken))
    expected = by_key(sends.filter(pl.col("message_id") != "left").select("message_id", "is_recorded_late"))
    assert rows(recorded_late(judged_sends, spoken), "message_id", "is_recorded_late") == expected


def test_asked_again(engine: str) -> None:
    """A request made after a withdrawal in force, not one made in the same instant. Saying no once more at
    that instant ends nothing."""
    events = drawn(
        ConsentEvent,
        """
        party_id      | event_id | source_code  | purpose_code | action_code | occurred_at      | is_asked_again
        withdrew      | a1       | register     | marketing    | withdrawn   | 2024-05-01 10:00 | no
        withdrew      | a2       | register     | marketing    | requested   | 2024-05-01 10:01 | yes
        same instant  | b1       | register     | marketing    | withdrawn   | 2024-05-01 10:00 | no
        same instant  | b2       | register     | marketing    | requested   | 2024-05-01 10:00 | no
        came back     | c1       | register     | marketing    | withdrawn   | 2024-05-01 09:00 | no
        came back     | c2       | register     | all          | granted     | 2024-05-01 10:00 | no
        came back     | c3       | register     | marketing    | requested   | 2024-05-01 10:00 | no
        other purpose | d1       | register     | utility      | withdrawn   | 2024-05-01 09:00 | no
        other purpose | d2       | register     | marketing    | requested   | 2024-05-01 10:00 | no
        for all       | e1       | register     | utility      | withdrawn   | 2024-05-01 09:00 | no
        for all       | e2       | register     | all          | requested   | 2024-05-01 10:00 | yes
        refused       | f1       | register     | marketing    | refused     | 2024-05-01 09:00 | no
        refused       | f2       | register     | marketing    | requested   | 2024-05-01 10:00 | no
        stopped       | g1       | preference   | marketing    | stop        | 2024-05-01 09:00 | no
        stopped       | g2       | register     | marketing    | requested   | 2024-05-01 10:00 | yes
        stops now     | h1       | preference   | marketing    | stop        | 2024-05-01 10:00 | no
        stops now     | h2       | register     | marketing    | requested   | 2024-05-01 10:00 | no
        stops again   | i1       | preference   | marketing    | stop        | 2024-05-01 09:00 | no
        stops again   | i2       | preference   | marketing    | stop        | 2024-05-01 10:00 | no
        stops again   | i3       | register     | marketing    | requested   | 2024-05-01 10:00 | yes
        says so again | m1       | register     | marketing    | withdrawn   | 2024-05-01 09:00 | no
        says so again | m2       | opt_out_word | all          | withdrawn   | 2024-05-01 10:00 | no
        says so again | m3       | register     | marketing    | requested   | 2024-05-01 10:00 | yes
        stop and word | n1       | preference   | marketing    | stop        | 2024-05-01 09:00 | no
        stop and word | n2       | opt_out_word | all          | withdrawn   | 2024-05-01 10:00 | no
        stop and word | n3       | register     | marketing    | requested   | 2024-05-01 10:00 | yes
        resumed       | j1       | preference   | marketing    | stop        | 2024-05-01 09:00 | no
        resumed       | j2       | preference   | marketing    | resume      | 2024-05-01 10:00 | no
        resumed       | j3       | register     | marketing    | requested   | 2024-05-01 10:00 | no
        asked before  | k1       | register     | marketing    | requested   | 2024-05-01 09:00 | no
        asked before  | k2       | register     | marketing    | withdrawn   | 2024-05-01 10:00 | no
        wrote stop    | l1       | opt_out_word | all          | withdrawn   | 2024-05-01 09:00 | no
        wrote stop    | l2       | register     | utility      | requested   | 2024-05-01 10:00 | yes
        """,
        entity="air",
    )
    (told,) = lifted(engine, events)
    (spoken,) = lifted(engine, computed(spread(told, ("air",))))
    requests = spoken.filter(nw.col("action_code") == "requested").select(
        nw.concat_str(["event_id", "purpose_code"], separator="|").alias("message_id"),
        "party_id",
        "entity",
        "purpose_code",
        nw.col("occurred_at").alias("sent_at"),
    )
    found = {message.split("|")[0] for (message,) in rows(asked_again(requests, spoken), "message_id")}
    assert found == set(events.filter("is_asked_again")["event_id"])
