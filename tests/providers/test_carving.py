"""What is cut out of a webhook body is gone with every trace; the rest tells what it told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from wa_analytics.capture import Capture
from wa_analytics.providers.carving import carved
from wa_analytics.providers.facts import Fact, facts_of
from wa_analytics.records import Identifier
from wa_analytics.settings import Settings

SETTINGS = Settings()
ANA, BEA, CLEO = "12025550111", "12025550122", "12025550133"


def contact(number: str, **more: str) -> dict[str, Any]:
    return {"wa_id": number, "profile": {"name": f"Invented {number[-3:]}"}, **more}


def message(number: str, words: str = "words") -> dict[str, Any]:
    return {
        "id": f"wamid.{number}",
        "from": number,
        "timestamp": "1772357400",
        "type": "text",
        "text": {"body": words},
    }


def status(number: str, state: str = "sent") -> dict[str, Any]:
    return {"id": f"wamid.out-{number}", "recipient_id": number, "status": state, "timestamp": "1772357400"}


def body(*values: dict[str, Any], field: str = "messages") -> dict[str, Any]:
    metadata = {"phone_number_id": "1", "display_phone_number": "12025550199"}
    changes = [{"field": field, "value": {"metadata": metadata, **value}} for value in values]
    return {"object": "whatsapp_business_account", "entry": [{"id": "9", "changes": changes}]}


def capture(stated: Any, **given: Any) -> Capture:
    headers = {"x-hub-signature-256": "sha256=00", "line": "4"}
    return Capture(
        json.dumps(stated).encode(), headers, "meta-cloud", 1_772_357_400_000_000, "valid", **given
    )


def without(stated: Any, number: str) -> Any:
    def is_dropped(fact: Fact) -> bool:
        return number in fact.outside_id if fact.outside_id else False

    return carved(
        capture(stated),
        SETTINGS,
        "0a0b",
        is_dropped,
        lambda person: person == Identifier("phone", f"+{number}"),
    )


@pytest.mark.parametrize(
    "stated",
    [
        body({"contacts": [contact(ANA), contact(BEA)], "messages": [message(ANA), message(BEA)]}),
        body({"contacts": [contact(ANA)], "messages": [message(ANA)]}, {"messages": [message(BEA)]}),
        body({"statuses": [status(ANA), status(BEA), status(ANA, "read")]}),
        body(
            {"contacts": [contact(ANA), contact(BEA)], "messages": [message(ANA)], "statuses": [status(BEA)]}
        ),
        body({"messages": [message(BEA)]}, {"contacts": [contact(ANA)]}),
        body({"messages": [{"id": "wamid.x", "from": ANA, "timestamp": "never"}, message(BEA)]}),
    ],
)
def test_one_of_two_people_is_cut_out(stated: Any) -> None:
    assert ANA.encode() in capture(stated).body
    carving = without(stated, ANA)
    assert carving.outcome == "carved"
    assert ANA.encode() not in carving.rest.body
    assert BEA.encode() in carving.rest.body
    kept = [fact for fact in facts_of(capture(stated), SETTINGS) if ANA not in fact.outside_id]
    assert facts_of(carving.rest, SETTINGS) == kept != []
    assert carving.rest.headers == {"line": "4", "carved": "0a0b"}, (
        "the signature is gone, the origin is named"
    )
    assert (carving.rest.provider, carving.rest.received_at, carving.rest.signature_code) == (
        "meta-cloud",
        1_772_357_400_000_000,
        "valid",
    )


def test_cutting_twice_is_cutting_both_at_once() -> None:
    """So that an old file, met again after two disposals, is recognised by its bytes."""
    three = [message(number) for number in (ANA, BEA, CLEO)]
    once = without(json.loads(without(body({"messages": three}), ANA).rest.body), BEA)
    assert once.rest.body == without(body({"messages": three[1:]}), BEA).rest.body


def test_nothing_is_left_where_nobody_else_is_spoken_of() -> None:
    stated = body({"contacts": [contact(ANA)], "messages": [message(ANA)], "statuses": [status(ANA)]})
    carving = without(stated, ANA)
    assert (carving.outcome, carving.rest, len(carving.dropped)) == ("whole", None, 2)


def test_what_does_not_speak_of_them_is_left_alone() -> None:
    assert without(body({"messages": [message(BEA)]}), ANA).outcome == "untouched"


def test_a_body_that_would_tell_something_else_is_refused() -> None:
    """A message without sender speaks of the only contact; with one contact less it would be of the
    other person."""
    unsigned = {key: value for key, value in message(BEA).items() if key != "from"}
    stated = body({"contacts": [contact(ANA), contact(BEA)], "messages": [message(ANA), unsigned]})
    assert without(stated, ANA).outcome == "refused"


def test_a_table_row_goes_whole() -> None:
    row = Capture(
        b'{"message_id": "wamid.12025550111", "to": "+12025550111", "channel_id": "1",'
        b' "sent_at": "2026-03-01T09:00:00Z"}',
        {"line": "1"},
        "send-log",
        0,
    )
    gone = carved(row, SETTINGS, "", lambda fact: True, lambda person: False)
    assert (gone.outcome, len(gone.dropped)) == ("whole", 1)
    assert carved(row, SETTINGS, "", lambda fact: False, lambda person: False).outcome == "untouched"
