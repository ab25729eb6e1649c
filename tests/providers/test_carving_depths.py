"""One person is cut out of whatever Meta sends, at every depth; all others stay as they were told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tests.providers.worlds import CHANNEL
from wa_analytics.capture import Capture
from wa_analytics.providers.carving import Carving, carved
from wa_analytics.providers.facts import Fact, facts_of
from wa_analytics.records import ChannelEventRecord, ConsentRecord, Identifier, MediaRecord
from wa_analytics.settings import Settings

SETTINGS = Settings()
ANA, BEA, CLEO = PEOPLE = ("12025550111", "12025550122", "12025550133")
AT = "1772357400"


def said(number: str, kind: str = "text", **parts: Any) -> dict[str, Any]:
    content: dict[str, Any] = {
        "text": {"body": "words"},
        "image": {"id": f"7{number}", "sha256": "x"},
        "edit": {
            "original_message_id": f"wamid.{number}",
            "message": {"type": "text", "text": {"body": "n"}},
        },
        "revoke": {"original_message_id": f"wamid.{number}"},
    }
    return {"id": f"wamid.{number}.{kind}", "from": number, "timestamp": AT, "type": kind,
            kind: content[kind], **parts}  # fmt: skip


def status(number: str) -> dict[str, Any]:
    return {"id": f"wamid.out.{number}", "recipient_id": number, "status": "read", "timestamp": AT}


def request(number: str) -> dict[str, Any]:
    sent = {"to": number, "type": "text", "text": {"body": "words"}}
    return {"id": f"wamid.sent.{number}", "timestamp": AT, "message": sent}


def thread(number: str, kinds: tuple[str, ...]) -> dict[str, Any]:
    context = {"wa_id": number, "username": f"name{number}"}
    return {"id": number, "context": context, "messages": [said(number, kind) for kind in kinds]}


def preference(number: str) -> dict[str, Any]:
    return {"wa_id": number, "category": "marketing_messages", "value": "stop", "timestamp": AT}


CALL_EVENTS = ("connect", "call_recording_available")
KINDS = ("text", "image", "edit", "revoke")
people = st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=4)
kinds = st.lists(st.sampled_from(KINDS), min_size=1, max_size=3, unique=True).map(tuple)


def contacts(named: list[str]) -> list[dict[str, Any]]:
    return [{"wa_id": number, "profile": {"name": f"Invented {number}"}} for number in dict.fromkeys(named)]


@st.composite
def changes(draw: st.DrawFn) -> dict[str, Any]:
    field = draw(st.sampled_from(sorted(MAKERS)))
    named = draw(people)
    value = MAKERS[field](draw, named)
    metadata = {"display_phone_number": "15550783881", "phone_number_id": CHANNEL}
    return {"field": field.partition(" ")[0], "value": {"metadata": metadata, **value}}


MAKERS: dict[str, Any] = {
    "messages": lambda draw, named: {
        "contacts": contacts(named),
        "messages": [said(number, draw(st.sampled_from(KINDS))) for number in named],
        "statuses": [status(number) for number in draw(people)],
    },
    "messages errors": lambda draw, named: {
        "messages": [said(number) for number in named],
        "errors": [{"code": 131000}],
    },
    "smb_message_echoes": lambda draw, named: {
        "message_echoes": [
            said(number, draw(st.sampled_from(KINDS)), **{"from": "15550783881", "to": number})
            for number in named
        ]
    },
    "history": lambda draw, named: {
        "history": [
            {
                "metadata": {"phase": 0, "chunk_order": 1, "progress": 5},
                "threads": [thread(number, draw(kinds)) for number in dict.fromkeys(named)],
            },
            {"errors": [{"code": 2593109}]},
        ]
    },
    "history files": lambda draw, named: {"messages": [said(number, "image") for number in named]},
    "standby": lambda draw, named: {
        "standby": {
            "contacts": contacts(named),
            "messages": [said(number, draw(st.sampled_from(KINDS))) for number in named],
        }
    },
    "standby echoes": lambda draw, named: {"standby": {"message_echoes": [request(n) for n in named]}},
    "standby statuses": lambda draw, named: {"standby": {"statuses": [status(n) for n in named]}},
    "calls": lambda draw, named: {
        "calls": [
            {"id": f"wacid.{n}", "from": n, "event": draw(st.sampled_from(CALL_EVENTS)), "timestamp": AT,
             "direction": "USER_INITIATED", "call_recording": {"audio": {"id": f"8{n}"}}}
            for n in named
        ],
        "statuses": [{**status(n), "id": f"wacid.{n}", "status": "RINGING"} for n in named],
    },
    "user_preferences": lambda draw, named: {"user_preferences": [preference(n) for n in named]},
    "smb_app_state_sync": lambda draw, named: {
        "state_sync": [
            {"type": "contact", "action": "add", "metadata": {"timestamp": AT},
             "contact": {"phone_number": n, "full_name": f"Invented {n}"}}
            for n in named
        ]
    },
    "group_participants_update": lambda draw, named: {
        "groups": [
            {"type": "group_participants_add", "timestamp": AT,
             "added_participants": [{"wa_id": n} for n in named]},
            {"type": "group_participants_remove", "timestamp": AT,
             "removed_participants": [{"input": n} for n in draw(people)]},
        ]
    },
    "messaging_handovers": lambda draw, named: {
        "sender": {"phone_number": named[0]}, "type": "control_passed", "timestamp": AT,
        "control_passed": {"new_owner_role": "escalation",
                           "conversation_context": {"summary": {"text": f"about {named[0]}"}}},
    },
    "user_id_update": lambda draw, named: {
        "user_id_update": [
            {"wa_id": n, "user_id": {"previous": f"US.1{n}", "current": f"US.2{n}"}, "timestamp": AT}
            for n in named
        ]
    },
    "automatic_events": lambda draw, named: {
        "automatic_events": [
            {"id": f"wamid.{n}", "event_name": "Purchase", "timestamp": int(AT)} for n in named
        ]
    },
    "account_update": lambda draw, named: {"event": "ACCOUNT_OFFBOARDED"},
}  # fmt: skip


def capture(stated: Any) -> Capture:
    return Capture(json.dumps(stated).encode(), {}, "meta-cloud", 1_772_357_400_000_000)


def about(fact: Fact, number: str) -> bool:
    if isinstance(fact, ConsentRecord):
        return any(number in person.value for person in fact.people)
    named = isinstance(fact, ChannelEventRecord) and any(number in person.value for person in fact.people)
    return named or number in (fact.outside_id or "")


def without(stated: Any, number: str) -> Carving:
    return carved(
        capture(stated),
        SETTINGS,
        "0a0b",
        lambda fact: about(fact, number),
        lambda person: person == Identifier("phone", f"+{number}"),
    )


def body(*told: dict[str, Any]) -> dict[str, Any]:
    return {"object": "whatsapp_business_account", "entry": [{"id": "9", "changes": list(told)}]}


@given(st.lists(changes(), min_size=1, max_size=3))
@examples(max_examples=250)
def test_one_person_is_cut_out_and_the_others_stay(told: list[dict[str, Any]]) -> None:
    stated = body(*told)
    facts = facts_of(capture(stated), SETTINGS)
    kept = [fact for fact in facts if not about(fact, ANA)]
    carving = without(stated, ANA)
    if ANA not in json.dumps(stated):
        assert carving.outcome == "untouched"
    elif carving.outcome == "whole":
        assert kept == []
    else:
        assert carving.outcome == "carved", carving.outcome
        assert carving.rest is not None
        assert ANA.encode() not in carving.rest.body
        assert facts_of(carving.rest, SETTINGS) == kept
        again = without(json.loads(carving.rest.body), ANA)
        assert again.outcome == "untouched", "what was cut once needs no second cut"


@pytest.mark.parametrize(
    ("value", "left"),
    [
        (
            {"history": [{"metadata": {"phase": 1}, "threads": [thread(ANA, ("text",))]}]},
            {"history": [{"metadata": {"phase": 1}}]},
        ),
        (
            {"history": [{"threads": [thread(ANA, ("text",)), thread(BEA, ("text",))]}]},
            {"history": [{"threads": [thread(BEA, ("text",))]}]},
        ),
        ({"history": [{"threads": [{"id": ANA, "messages": []}, thread(BEA, ("text",))]}]},
         {"history": [{"threads": [thread(BEA, ("text",))]}]}),
        ({"history": [{"threads": [thread(ANA, ("text",))]}]}, None),
    ],
)  # fmt: skip
def test_what_is_left_of_a_history(value: dict[str, Any], left: dict[str, Any] | None) -> None:
    carving = without(body({"field": "history", "value": value}), ANA)
    if left is None:
        assert carving.outcome == "whole"
    else:
        assert carving.rest is not None
        assert json.loads(carving.rest.body) == body({"field": "history", "value": left})


def test_a_page_of_the_platform_s_own_history_is_cut_line_by_line() -> None:
    rows = [{"message_id": f"wamid.{n}", "delivery_status": "READ", "timestamp": int(AT)} for n in PEOPLE]
    exact = json.dumps({"data": rows, "paging": {"cursors": {"after": "x"}}}).encode()
    page = Capture(exact, {"source": "message_history", "phone_number_id": CHANNEL}, "meta-cloud", 5)
    carving = carved(page, SETTINGS, "0a", lambda fact: about(fact, ANA), lambda person: False)
    assert carving.rest is not None
    assert json.loads(carving.rest.body) == {"data": rows[1:], "paging": {"cursors": {"after": "x"}}}
    other = Capture(b'{"data": [{"id": "1"}]}', {"source": "phone_numbers"}, "meta-cloud", 0)
    assert carved(other, SETTINGS, "", lambda fact: False, lambda person: True).outcome == "untouched"


@pytest.mark.parametrize("exact", [b"\x89PNG", b'{"data": [{"message_id": "wamid.12025550111"}]}'])
def test_a_fetched_file_goes_with_its_message_unless_another_announces_it(exact: bytes) -> None:
    headers = {"source": "media", "outcome": "fetched", "media_id": "77", "message_id": f"wamid.{ANA}"}
    file = Capture(
        exact, headers, "meta-cloud", 5, context=f'["media","fetched","77","wamid.{ANA}"]'.encode()
    )

    def cut(*, is_shared: bool) -> Carving:
        return carved(
            file, SETTINGS, "0a", lambda fact: about(fact, ANA), lambda person: False, lambda one: is_shared
        )

    assert (cut(is_shared=False).outcome, cut(is_shared=False).rest) == ("whole", None)
    rest = cut(is_shared=True).rest
    assert rest is not None
    assert (rest.body, rest.headers["carved"]) == (exact, "0a")
    assert ANA not in str(rest.headers) + rest.context.decode()
    (fact,) = facts_of(rest, SETTINGS)
    assert isinstance(fact, MediaRecord)
    assert (fact.media_id, fact.outside_id) == ("77", None)
