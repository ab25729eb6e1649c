"""Fields that name people beside messages. Names and words are never read."""

from __future__ import annotations

from typing import Any

import pytest

from tests.providers.worlds import ACCOUNT, ANA, AT, BEN, CHANNEL, MICROS, RECEIVED, body, only, parsed
from wa_analytics.records import ChannelEventRecord, Identifier, LinkRecord, UnknownRecord

ANA_PHONE = Identifier("phone", "+" + ANA)
BEN_PHONE = Identifier("phone", "+" + BEN)


def event(code: str, *people: Identifier, **more: Any) -> ChannelEventRecord:
    given = {"occurred_at": MICROS, "channel_id": CHANNEL, "account_id": ACCOUNT, **more}
    return ChannelEventRecord(event=code, people=people, **given)


def synced(**parts: Any) -> dict[str, Any]:
    given = {
        "type": "contact",
        "contact": {"full_name": "Invented Person", "first_name": "Invented", "phone_number": ANA},
        "action": "add",
        "metadata": {"timestamp": str(AT)},
    }
    return {**given, **parts}


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({}, [event("contact.added", ANA_PHONE)]),
        ({"action": "remove", "contact": {"phone_number": int(ANA)}}, [event("contact.removed", ANA_PHONE)]),
        ({"metadata": {"timestamp": AT}}, [event("contact.added", ANA_PHONE)]),
        ({"metadata": 5}, [event("contact.added", ANA_PHONE, occurred_at=RECEIVED)]),
        (
            {"action": "merge"},
            [UnknownRecord(kind="event", name="merge"), event("contact.unlisted", ANA_PHONE)],
        ),
        (
            {"contact": {"full_name": "Invented"}},
            [UnknownRecord(kind="malformed", name="smb_app_state_sync")],
        ),
        ({"contact": None}, [UnknownRecord(kind="malformed", name="smb_app_state_sync")]),
    ],
)
def test_a_contact_of_the_business_app(parts: dict[str, Any], expected: list[Any]) -> None:
    records = parsed(body("smb_app_state_sync", state_sync=[synced(**parts)]))
    assert records == expected
    assert "Invented" not in repr(records)


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ("group_lifecycle_update", "group.lifecycle"),
        ("group_participants_update", "group.participants"),
        ("group_settings_update", "group.settings"),
        ("group_status_update", "group.status"),
    ],
)
@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ({"type": "group_create"}, [("group_create", ())]),
        (
            {
                "type": "group_participants_add",
                "added_participants": [{"wa_id": ANA, "user_id": "US.1"}, {"input": BEN}],
            },
            [
                ("group_participants_add", (ANA_PHONE, Identifier("user_id", "US.1"))),
                ("group_participants_add", (BEN_PHONE,)),
            ],
        ),
        (
            {"type": "group_participants_remove", "removed_participants": [{"user_id": "US.1"}]},
            [("group_participants_remove", (Identifier("user_id", "US.1"),))],
        ),
        (
            {"type": "group_join_request_created", "wa_id": ANA, "user_id": "US.1"},
            [("group_join_request_created", (ANA_PHONE, Identifier("user_id", "US.1")))],
        ),
        ({"type": f"to {ANA}"}, [("other", ())]),
    ],
)
def test_groups(field: str, code: str, group: Any, expected: list[tuple[str, Any]]) -> None:
    stated = {"timestamp": str(AT), "group_id": "Y2FwaV9ncm91cDox", "initiated_by": "participant", **group}
    records = parsed(body(field, groups=[stated]))
    assert records == [event(code, *people, detail=detail) for detail, people in expected]
    assert "Y2FwaV9ncm91cDox" not in repr(records)


def test_a_group_s_failure() -> None:
    group = {"type": "group_create", "timestamp": AT, "errors": [{"code": 131020, "message": "no"}]}
    assert parsed(body("group_lifecycle_update", groups=[group])) == [
        event("group.lifecycle", detail="group_create"),
        event("group.failed", detail="131020"),
    ]


def test_a_handover() -> None:
    words = {"metadata": "asked for a human", "conversation_context": {"summary": {"text": "a secret"}}}
    value = {
        "sender": {"phone_number": ANA},
        "recipient": {"phone_number_id": CHANNEL, "display_phone_number": "15550783881"},
        "timestamp": str(AT),
    }
    for type_, code in (("control_passed", "handover.passed"), ("control_taken", "handover.taken")):
        stated = body(
            "messaging_handovers", **value, type=type_, **{type_: {"new_owner_role": "escalation", **words}}
        )
        records = parsed(stated)
        assert records == [event(code, ANA_PHONE, detail="escalation")]
        assert "secret" not in repr(records)
    unlisted = parsed(body("messaging_handovers", **value, type="control_shared"))
    assert unlisted == [
        UnknownRecord(kind="event", name="control_shared"),
        event("handover.unlisted", ANA_PHONE, detail="control_shared"),
    ]


def test_a_changed_user_id_links_both_and_the_parents() -> None:
    update = {
        "wa_id": ANA,
        "detail": "User id for Invented has been updated.",
        "user_id": {"previous": "US.1", "current": "US.2"},
        "parent_user_id": {"previous": "US.ENT.1", "current": "US.ENT.2"},
        "timestamp": str(AT),
    }
    records = parsed(body("user_id_update", user_id_update=[update]))
    ids = [Identifier("user_id", id_) for id_ in ("US.2", "US.ENT.2", "US.1", "US.ENT.1")]
    assert only(records, LinkRecord) == LinkRecord(
        people=(ANA_PHONE, *ids), rule="user_changed_user_id", occurred_at=MICROS
    )
    assert only(records, ChannelEventRecord) == event("contact.user_id_changed", ANA_PHONE, ids[0])


@pytest.mark.parametrize("update", [{}, {"user_id": 5}, None, {"timestamp": str(AT)}])
def test_a_changed_user_id_of_nobody_is_counted(update: Any) -> None:
    assert parsed(body("user_id_update", user_id_update=[update])) == [
        UnknownRecord(kind="malformed", name="user_id_update")
    ]


def test_a_conversion_is_of_its_message() -> None:
    detected = {"id": "wamid.A", "event_name": "LeadSubmitted", "timestamp": AT, "ctwa_clid": "x"}
    assert parsed(body("automatic_events", automatic_events=[detected])) == [
        event("conversion.detected", outside_id="wamid.A", detail="LeadSubmitted")
    ]
