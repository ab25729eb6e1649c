"""Records of a capture → rows: nothing in them depends on which record came first."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from wa_analytics.consent.words import opt_out_test
from wa_analytics.normalise.project import COLUMNS, Projection
from wa_analytics.records import (
    ChannelEventRecord,
    ConsentRecord,
    Identifier,
    LinkRecord,
    MediaRecord,
    MessageRecord,
    StatusRecord,
    VersionRecord,
)
from wa_analytics.settings import Entity

ENTITIES = (
    Entity(
        key="air", name="Birch Air", channels=("c1",), waba_ids=("w1",), business_names=("Birch Air Europe",)
    ),
    Entity(key="bank", name="Alder", channels=("c2",)),
)
ANA = Identifier("phone", "+5511987650001")
ANA_OLD = Identifier("phone", "+551187650001")
NOWHERE = Identifier("phone", "+5500987650001")
NOWHERE_OLD = Identifier("phone", "+550087650001")
ANA_ID = Identifier("user_id", "BR.90000001")
CRM = Identifier("crm_id", "C-17")


def projection(*entities: Entity) -> Projection:
    return Projection(
        lambda kind, value: f"{kind}:{value}",
        entities or (Entity(key="default"),),
        opt_out_test({}),
        has_default_entity=not entities,
    )


def rows(made: Projection, table: str) -> list[dict[str, Any]]:
    return [dict(zip(COLUMNS[table], row, strict=True)) for row in made.taken().get(table, [])]


def inbound(text: str | None, *people: Identifier, **parts: Any) -> MessageRecord:
    return MessageRecord(
        source="inbound",
        outside_id="wamid.1",
        sent_at=0,
        people=people,
        direction="inbound",
        text=text,
        **parts,
    )


@pytest.mark.parametrize("pair", [(ANA, ANA_OLD), (NOWHERE, NOWHERE_OLD)])
def test_an_identifier_is_the_same_whichever_form_came_first(pair: tuple[Identifier, Identifier]) -> None:
    told = []
    for order in (pair, pair[::-1]):
        made = projection()
        for number, person in enumerate(order):
            made.add(number, "", "meta-cloud", [inbound(None, person)])
        taken = made.taken()
        told.append((sorted(taken["identifier"]), sorted(taken["identifier_link"])))
    assert told[0] == told[1]
    validity = {row[0]: row[3] for row in told[0][0]}
    assert validity[f"phone:{pair[0].value}"] is (pair[0] is ANA)


def test_people_of_one_record_are_linked_under_its_rule() -> None:
    made = projection()
    made.add(0, "", "meta-cloud", [LinkRecord(people=(ANA_ID, ANA, CRM), rule="contact")])
    links = made.taken()["identifier_link"]
    assert sorted(links) == [
        ("crm_id:C-17", "user_id:BR.90000001", "contact"),
        ("phone:+5511987650001", "user_id:BR.90000001", "contact"),
    ]


def test_in_a_stream_an_identifier_and_a_link_come_once() -> None:
    made = projection()
    for number in range(2):
        made.add(number, "", "meta-cloud", [LinkRecord(people=(ANA_ID, ANA), rule="contact")])
        taken = made.taken(is_stream=True)
        assert ("identifier" in taken, "identifier_link" in taken) == (number == 0, number == 0)
    made.taken()
    made.add(2, "", "meta-cloud", [LinkRecord(people=(ANA_ID, ANA), rule="contact")])
    assert "identifier" in made.taken()


def test_the_country_is_that_of_the_first_identifier_that_has_one() -> None:
    made = projection()
    made.add(0, "", "consent-register", [granted(people=(CRM, ANA))])
    (event,) = rows(made, "consent_fact")
    assert (event["identifier_digest"], event["country_code"]) == ("crm_id:C-17", "BR")


def granted(**parts: Any) -> ConsentRecord:
    given: dict[str, Any] = {
        "source": "register", "people": (ANA,), "purpose": "marketing", "action": "granted",
        "occurred_at": 0, "outside_id": "R-1",
    }  # fmt: skip
    return ConsentRecord(**{**given, **parts})


@pytest.mark.parametrize(
    ("business", "entity", "is_any"),
    [
        ("Birch Air Europe", "air", False),
        ("  birch   AIR europe ", "air", False),
        ("AIR", "air", False),
        ("alder", "bank", False),
        ("Birch", None, False),
        ("Nobody Holding", None, False),
        ("", None, True),
        (None, None, True),
    ],
)
def test_the_company_that_a_register_row_names(
    business: str | None, entity: str | None, is_any: bool
) -> None:
    made = projection(*ENTITIES)
    made.add(0, "", "consent-register", [granted(business_name=business)])
    (event,) = rows(made, "consent_fact")
    assert (event["entity"], event["is_any_entity"]) == (entity, is_any)


def test_the_default_company_owns_whatever_is_named() -> None:
    made = projection()
    made.add(0, "", "consent-register", [granted(business_name="Anyone")])
    made.add(1, "", "meta-cloud", [inbound(None, ANA, channel_id="c77")])
    taken = made.taken()
    event = dict(zip(COLUMNS["consent_fact"], taken["consent_fact"][0], strict=True))
    message = dict(zip(COLUMNS["message_fact"], taken["message_fact"][0], strict=True))
    assert (event["entity"], event["is_any_entity"], message["entity"]) == ("default", False, "default")


@pytest.mark.parametrize(
    ("channel", "account", "entity"),
    [("c1", None, "air"), ("c2", "w1", "bank"), (None, "w1", "air"), ("c9", "w9", None), (None, None, None)],
)
def test_the_company_of_a_channel_then_of_an_account(
    channel: str | None, account: str | None, entity: str | None
) -> None:
    assert projection(*ENTITIES).entity_of(channel, account) == entity


def test_an_opt_out_word_is_an_event_of_the_person_who_wrote_it() -> None:
    made = projection(*ENTITIES)
    made.add(4, "", "meta-cloud", [inbound("STOP!", ANA, channel_id="c1")])
    (event,) = rows(made, "consent_fact")
    assert (event["purpose_code"], event["action_code"]) == ("all", "withdrawn")
    assert event["source_code"] == "opt_out_word"
    assert (event["entity"], event["channel_id"], event["sequence"]) == ("air", "c1", 4)
    caption = inbound("stop", ANA, type="image")
    for silent in (inbound("please stop", ANA), inbound("stop"), inbound(None, ANA), caption):
        made.add(5, "", "meta-cloud", [silent])
    assert rows(made, "consent_fact") == []


def test_our_own_words_withdraw_nobodys_consent() -> None:
    made = projection()
    for source in ("send_log", "echo", "history"):
        said = MessageRecord(
            source=source, outside_id="wamid.2", sent_at=0, people=(ANA,), direction="outbound", text="stop"
        )
        made.add(0, "", "send-log", [said])
    assert rows(made, "consent_fact") == []


def test_contents_differ_by_every_known_column_and_by_nothing_else() -> None:
    def content(**parts: Any) -> str:
        made = projection()
        made.add(0, "", "consent-register", [granted(**parts)])
        (event,) = rows(made, "consent_fact")
        return str(event["content_digest"])

    same = content()
    assert content(extra={"colour": "blue"}) == same
    assert content(business_name="  ") == content(business_name="")
    texts = ("method", "wording", "wording_version", "language", "evidence", "lawful_basis", "recorded_by")
    for column in texts:
        assert content(**{column: "x"}) != same, column
    for column in ("recorded_at", "expires_at", "occurred_at"):
        assert content(**{column: 1}) != same, column
    assert content(purpose="all") != same
    assert content(people=(ANA_OLD,)) != same


def test_rows_hold_no_outside_identifier_and_no_text() -> None:
    made = Projection(lambda *_: "d" * 32, ENTITIES, opt_out_test({}), has_default_entity=False)
    words = "the very words that were said"
    said = inbound(words, ANA, ANA_ID, CRM, channel_id="c1", extra={"profile": "Ana Inventada"})
    status = StatusRecord(outside_id="wamid.9", status="sent", occurred_at=0, people=(ANA, ANA_ID))
    told = granted(people=(CRM, ANA), wording=words, evidence="scan 12", recorded_by="Rui", method="paper")
    file = MediaRecord(source="announced", media_id="secret-7", occurred_at=0, outside_id="wamid.3")
    made.add(0, "", "meta-cloud", [said, status, told, version(text=words), file])
    written = repr(made.taken())
    people = (ANA.value, ANA.value[1:], ANA_ID.value, CRM.value)
    for secret in (words, *people, "wamid", "secret", "Ana", "scan", "Rui", "paper"):
        assert secret not in written


def told(made: Projection) -> set[tuple[Any, ...]]:
    """(left, right, rule, company, second, entry) of identity_event."""
    return {(*row[:4], row[4] and row[4][11:19], row[5]) for row in made.taken().get("identity_event", [])}


def test_the_earliest_time_at_which_two_identifiers_were_one_person() -> None:
    made = projection(*ENTITIES)
    for entry, (at, channel) in enumerate([(9_000_000, "c1"), (7_000_000, "c1"), (8_000_000, "c2")]):
        record = inbound(None, ANA_OLD, ANA_ID, channel_id=channel)
        made.add(entry, "", "meta-cloud", [replace(record, sent_at=at)])
    canonical, form, user = "phone:+5511987650001", "phone:+551187650001", "user_id:BR.90000001"
    assert told(made) == {
        (canonical, form, "phone.br_ninth_digit", "", None, 0),
        (canonical, user, "contact", "air", "00:00:07", 1),
        (canonical, user, "contact", "bank", "00:00:08", 2),
    }


def test_a_contact_has_the_time_of_what_is_told_just_before_it() -> None:
    made = projection(*ENTITIES)
    early = StatusRecord(
        outside_id="wamid.2", status="sent", occurred_at=1_000_000, people=(CRM,), channel_id="c2"
    )
    message = replace(inbound(None, ANA, channel_id="c1"), sent_at=5_000_000)
    link = LinkRecord(people=(ANA, ANA_ID), rule="contact")
    name = LinkRecord(people=(ANA, Identifier("username", "ana")), rule="username")
    older = replace(message, sent_at=2_000_000)
    made.add(3, "", "meta-cloud", [early, older, message, link, name])
    made.add(4, "", "meta-cloud", [LinkRecord(people=(ANA, CRM), rule="contact")])
    taken = made.taken()
    dated = {(*row[:4], row[4][11:19]) for row in taken["identity_event"]}
    assert dated == {
        ("phone:+5511987650001", "user_id:BR.90000001", "contact", "air", "00:00:05"),
        ("phone:+5511987650001", "username:ana", "username", "air", "00:00:05"),
    }
    assert not any(row[0].startswith("username") for row in taken["identifier"])
    assert ("crm_id:C-17", "phone:+5511987650001", "contact") in taken["identifier_link"]


def test_a_change_of_number_tells_of_every_two_of_its_identifiers() -> None:
    made = projection()
    people = (ANA, CRM, ANA_ID)
    made.add(0, "", "meta-cloud", [LinkRecord(people=people, rule="user_changed_number", occurred_at=0)])
    assert {row[:2] for row in told(made)} == {
        ("phone:+5511987650001", "crm_id:C-17"),
        ("phone:+5511987650001", "user_id:BR.90000001"),
        ("crm_id:C-17", "user_id:BR.90000001"),
    }


def version(**parts: Any) -> VersionRecord:
    given: dict[str, Any] = {
        "outside_id": "wamid.1", "version_id": "wamid.2", "action": "edit", "occurred_at": 5_000_000,
        "direction": "inbound", "people": (ANA,), "text": "STOP!",
    }  # fmt: skip
    return VersionRecord(**{**given, **parts})


def test_the_words_of_an_edit_are_the_person_s() -> None:
    made = projection(*ENTITIES)
    made.add(4, "", "meta-cloud", [version(channel_id="c1")])
    taken = made.taken()
    (row,) = (dict(zip(COLUMNS["message_version"], one, strict=True)) for one in taken["message_version"])
    assert (row["message_id"], row["version_digest"]) == ("message:wamid.1", "message:wamid.2")
    assert (row["action_code"], row["entity"], row["direction_code"]) == ("edit", "air", "inbound")
    (event,) = (dict(zip(COLUMNS["consent_fact"], one, strict=True)) for one in taken["consent_fact"])
    assert (event["source_code"], event["action_code"], event["entity"]) == (
        "opt_out_word",
        "withdrawn",
        "air",
    )
    assert event["occurred_at"] == "1970-01-01 00:00:05.000000"
    for silent in (
        version(direction="outbound"),
        version(text="stop by"),
        version(text=None, action="revoke"),
    ):
        made.add(5, "", "meta-cloud", [silent])
    assert "consent_fact" not in made.taken()


def test_what_the_platform_tells_of_a_message_is_found_by_it() -> None:
    made = projection(*ENTITIES)
    file = MediaRecord(source="announced", media_id="77", occurred_at=0, outside_id="wamid.1", sha256="ab")
    event = ChannelEventRecord(
        event="call.ringing", occurred_at=0, outside_id="wamid.1", people=(ANA, ANA_ID), channel_id="c1"
    )
    made.add(4, "", "meta-cloud", [file, event, ChannelEventRecord(event="account.review", occurred_at=0)])
    taken = made.taken()
    assert taken["media_fact"][0][1:3] == ("message:wamid.1", "media:77")
    told, bare = (dict(zip(COLUMNS["channel_event"], one, strict=True)) for one in taken["channel_event"])
    assert (told["message_id"], told["identifier_digest"]) == ("message:wamid.1", "phone:" + ANA.value)
    assert (bare["message_id"], bare["identifier_digest"]) == (None, None)
    assert taken["identifier_link"] == [("phone:" + ANA.value, "user_id:" + ANA_ID.value, "contact")]
