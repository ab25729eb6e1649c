"""`wa pull` over real HTTP: each WHAT as captures and facts, failures that stop nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Wa, called
from tests.graph_simulator import HOOK, TOKEN, Account, Reply, Simulator, failed, simulated, told
from wa_analytics import tables as t
from wa_analytics.evidence.log import entries
from wa_analytics.evidence.sealing import Opener
from wa_analytics.pipeline.pulling.pull import pulled as pulled_from
from wa_analytics.workspace import Workspace

SETTINGS = f"""
[[entity]]
key = "air"
name = "Birch Air"
channels = ["100021"]
waba_ids = ["200020"]

[meta_cloud]
callback_url = "{HOOK}"
app_id = 670001
"""
SENDS = """message_id,sent_at,channel_id,to,purpose,kind,template_name,body
wamid.A,2027-01-01T00:00:00Z,100021,+447700900123,utility,template,order_update,
wamid.B,2027-01-01T00:00:00Z,100021,+447700900123,utility,template,spring_sale,
"""
DIGITS = "447700900100"
ELSEWHERE = "https://crm.example.net/whatsapp"


def template(name: str, category: str) -> dict[str, Any]:
    return {"id": name, "name": name, "language": "en", "status": "APPROVED", "category": category,
            "components": [{"type": "BODY", "text": f"Hello {name}"}]}  # fmt: skip


@pytest.fixture
def graph(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """A workspace connected to a simulator of one account with one number."""
    names = {"order_update": "UTILITY", "login": "AUTHENTICATION", "spring_sale": "MARKETING"}
    number = {
        "id": "100021", "display_phone_number": "+44 7700 900100", "verified_name": "Birch Air",
        "status": "CONNECTED", "quality_rating": "GREEN", "account_mode": "LIVE",
        "code_verification_status": "not a code",
    }  # fmt: skip
    app = {"whatsapp_business_api_data": {"id": "670001", "name": "Capture", "link": "https://x.invalid/"}}
    simulator = Simulator(
        accounts={"200020": Account([template(*each) for each in names.items()], [number], [app])},
        callbacks={"100021": {"application": HOOK + "/"}},
        page_size=2,
    )
    (home / "settings.toml").write_text(SETTINGS)
    monkeypatch.setenv("WA_META_CLOUD__ACCESS_TOKEN", TOKEN)
    monkeypatch.setattr("time.sleep", lambda _: None)
    with simulated(simulator) as address:
        monkeypatch.setenv("WA_META_CLOUD__GRAPH_URL", address)
        yield simulator


def rows(home: Path, table: Any, *columns: str) -> list[tuple[Any, ...]]:
    workspace = Workspace.open(home)
    found = workspace.table(table).select(columns).rows()
    workspace.close()
    return sorted(found, key=str)


def stored(home: Path) -> list[Any]:
    """Every capture in clear."""
    workspace = Workspace.open(home)
    opener = Opener(workspace.ring.wrapping_keys(workspace.database), workspace.ring.digest_key)
    found = [capture for _, capture in opener.opened(entries(workspace.database, kind="capture"))]
    workspace.close()
    return found


def test_pulled_templates_judge_what_was_sent(wa: Wa, home: Path, tmp_path: Path, graph: Simulator) -> None:
    (tmp_path / "sends.csv").write_text(SENDS)
    assert wa("capture", "send-log", str(tmp_path / "sends.csv")).code == 0
    assert wa("refresh").code == 0
    when = ("--as-of", "2027-01-02T00:00:00Z")
    wa("check", "consent", *when)
    assert wa("findings", "consent.purpose_mismatch", "--json").document == []

    graph.troubles.append(failed(4, "slow down", 429))
    pulled = wa("pull", "meta-cloud", "templates", "--json")
    assert (pulled.code, pulled.document) == (
        0,
        {
            "provider": "meta-cloud", "what": "templates", "captured": 2, "known": 0, "lost": 0, "altered": 0,
            "already_disposed": 0, "failed": [],
        },
    )  # fmt: skip
    assert {asked.authorization for asked in graph.requests} == {f"Bearer {TOKEN}"}
    again = wa("pull", "meta-cloud", "templates", "--json").document
    assert (again["captured"], again["known"]) == (0, 2)

    assert wa("refresh").code == 0
    assert rows(home, t.TemplateFact, "template_name", "entity", "purpose_code", "wording") == [
        ("login", "air", "authentication", "Hello login"),
        ("order_update", "air", "utility", "Hello order_update"),
        ("spring_sale", "air", "marketing", "Hello spring_sale"),
    ]
    wa("check", "consent", *when)
    (found,) = wa("findings", "consent.purpose_mismatch", "--json").document
    (ours,) = wa("lookup", "wamid.B", "--json").document
    assert (found["subject_id"], found["purpose"]) == (ours["id"], "marketing")

    graph.accounts["200020"].templates[2]["category"] = "UTILITY"
    assert wa("pull", "meta-cloud", "templates", "--json").document["captured"] == 1
    assert wa("refresh", "--json").document["was_whole"] is True
    assert TOKEN.encode() not in b"".join(capture.body for capture in stored(home))
    redacted = [
        capture.headers.get("redacted") for capture in stored(home) if capture.provider == "meta-cloud"
    ]
    assert redacted == ["access_token", None, None]


def test_numbers_and_subscriptions_become_events(wa: Wa, home: Path, graph: Simulator) -> None:
    assert wa("pull", "meta-cloud", "phone-numbers", "--json").document["captured"] == 1
    assert wa("pull", "meta-cloud", "subscribed-apps", "--json").document["captured"] == 3
    wa("refresh")
    events = rows(home, t.ChannelEvent, "event_code", "channel_id", "detail_code", "account_id", "entity")
    known = [event[:3] for event in events]
    # The list of numbers was asked for twice.
    assert sorted(set(known), key=str) == [
        ("number.mode", "100021", "LIVE"),
        ("number.quality", "100021", "GREEN"),
        ("number.status", "100021", "CONNECTED"),
        ("webhook.direct", "100021", None),
        ("webhook.direct", None, None),
        ("webhook.subscribed", None, None),
    ]
    assert len(known) == 9
    assert {event[3:] for event in events} == {("200020", "air")}
    assert ("event", "number.verification") in rows(home, t.CaptureNote, "note_code", "name")


@pytest.mark.parametrize(
    ("callbacks", "app_override", "settings", "expected"),
    [
        ({"application": HOOK}, None, "", [("webhook.direct", True), ("webhook.direct", False)]),
        (
            {"application": HOOK, "phone_number": ELSEWHERE}, None, "",
            [("webhook.override", True, "phone_number"), ("webhook.direct", False)],
        ),
        (
            {"application": ELSEWHERE, "phone_number": HOOK}, ELSEWHERE, "",
            [("webhook.direct", True), ("webhook.override", False, "whatsapp_business_account")],
        ),
        (
            {"application": HOOK, "whatsapp_business_account": ELSEWHERE}, HOOK.replace("https", "HTTPS"), "",
            [("webhook.override", True, "whatsapp_business_account"), ("webhook.direct", False)],
        ),
        (
            {"application": ELSEWHERE}, None, "",
            [("webhook.override", True, "application"), ("webhook.direct", False)],
        ),
        ({}, None, "", [("webhook.unsubscribed", True), ("webhook.direct", False)]),
        # Nobody said where webhooks are to arrive: any override is told.
        (
            {"application": HOOK, "phone_number": HOOK}, HOOK, "callback_url = ''",
            [("webhook.override", True, "unknown_target"), ("webhook.override", False, "unknown_target")],
        ),
        (
            {"application": ELSEWHERE}, None, "callback_url = ''",
            [("webhook.direct", True), ("webhook.direct", False)],
        ),
    ],
)  # fmt: skip
def test_what_diverts_webhooks_is_told_by_code(
    wa: Wa,
    home: Path,
    graph: Simulator,
    callbacks: dict[str, str],
    app_override: str | None,
    settings: str,
    expected: list[Any],
) -> None:
    graph.callbacks["100021"] = callbacks
    if app_override:
        graph.accounts["200020"].apps[0]["override_callback_uri"] = app_override
    if settings:
        (home / "settings.toml").write_text(SETTINGS.replace(f'callback_url = "{HOOK}"', settings))
    assert wa("pull", "meta-cloud", "subscribed-apps").code == 0
    wa("refresh")
    told = rows(home, t.ChannelEvent, "event_code", "channel_id", "detail_code")
    found = [(code, channel is not None, *([detail] if detail else [])) for code, channel, detail in told]
    kept = [each for each in found if each[0].startswith("webhook.") and each[0] != "webhook.subscribed"]
    assert sorted(kept, key=str) == sorted(expected, key=str)
    assert HOOK not in str(told)
    assert ELSEWHERE not in str(told)


@pytest.mark.parametrize("is_ours_there", [True, False])
def test_an_account_without_our_app(wa: Wa, home: Path, graph: Simulator, is_ours_there: bool) -> None:
    other = {"whatsapp_business_api_data": {"id": "9"}, "override_callback_uri": ELSEWHERE}
    graph.accounts["200020"].apps = [other, *(graph.accounts["200020"].apps if is_ours_there else [])]
    wa("pull", "meta-cloud", "subscribed-apps")
    wa("refresh")
    told = rows(home, t.ChannelEvent, "event_code", "channel_id")
    of_account = [code for code, channel in told if channel is None]
    assert of_account == (
        ["webhook.direct", "webhook.subscribed"] if is_ours_there else ["webhook.unsubscribed"]
    )


def test_the_newest_answer_counts_though_it_was_given_before(wa: Wa, home: Path, graph: Simulator) -> None:
    for callback in (HOOK, ELSEWHERE, HOOK):
        graph.callbacks["100021"] = {"application": callback}
        assert wa("pull", "meta-cloud", "subscribed-apps").code == 0
    wa("refresh")
    told = rows(home, t.ChannelEvent, "occurred_at", "event_code", "channel_id")
    told.sort(key=lambda row: row[0])
    assert [code for _, code, channel in told if channel and code.startswith("webhook")] == [
        "webhook.direct",
        "webhook.override",
        "webhook.direct",
    ]


def test_a_changed_callback_setting_reads_the_evidence_again(wa: Wa, home: Path, graph: Simulator) -> None:
    wa("pull", "meta-cloud", "subscribed-apps")
    wa("refresh")
    (home / "settings.toml").write_text(SETTINGS.replace(HOOK, "https://new.example.com/"))
    assert wa("refresh", "--json").document["was_whole"] is True
    codes = [code for code, channel in rows(home, t.ChannelEvent, "event_code", "channel_id") if channel]
    assert "webhook.override" in codes


def test_counts_of_the_platform(wa: Wa, home: Path, graph: Simulator) -> None:
    day = 1_798_761_600  # 2027-01-01
    graph.volumes[DIGITS] = [
        {"start": day, "end": day + 86_400, "sent": 7, "delivered": 5},
        {"start": day, "end": day + 1_800, "sent": 2, "delivered": 2},
    ]
    at, since = datetime(2027, 2, 20, 10, tzinfo=UTC), datetime(2026, 12, 31, 12, tzinfo=UTC)
    # The list of numbers; two granularities of two intervals of at most thirty days. Asked again an
    # hour later, the same counts are known; a day later they are observed anew.
    for hours, expected in ((0, (5, 0)), (1, (1, 4)), (24, (5, 0))):
        workspace = Workspace.open(home)
        (pulled,) = pulled_from(
            workspace.database, workspace.ring, workspace.settings, "meta-cloud", "analytics",
            at + timedelta(hours=hours), since=since,
        )  # fmt: skip
        workspace.close()
        assert ((pulled.stored, pulled.repeated), pulled.failed) == (expected, [])
    wa("refresh")
    told = rows(
        home, t.PlatformVolume, "granularity_code", "counted_from", "sent_count", "delivered_count",
        "channel_id", "entity",
    )  # fmt: skip
    assert len(told) == 4
    assert [(row[0], row[1].isoformat(), *row[2:]) for row in told[::2]] == [
        ("day", "2027-01-01T00:00:00+00:00", 7, 5, "100021", "air"),
        ("half_hour", "2027-01-01T00:00:00+00:00", 2, 2, "100021", "air"),
    ]


def test_ids_of_the_platform(wa: Wa, home: Path, graph: Simulator) -> None:
    events = [{"delivery_status": "SENT", "timestamp": 1_798_761_600}, {"delivery_status": "DELIVERED"}]
    graph.history["100021"] = [
        {"message_id": "wamid.A", "events": {"data": events}},
        {"message_id": "wamid.B", "delivery_status": "FAILED", "timestamp": "1798761600"},
        {"message_id": 7},
    ]
    assert wa("pull", "meta-cloud", "message-history", "--json").document["captured"] == 3
    wa("refresh")
    ours = {row["outside_id"]: row["id"] for row in wa("lookup", "wamid.A", "wamid.B", "--json").document}
    told = rows(home, t.PlatformMessage, "status_code", "message_id", "occurred_at", "channel_id")
    digests = {message for _, message, _, _ in told}
    assert [row[0] for row in told] == ["delivered", "failed", "sent"]
    assert len(digests) == 2
    assert set(ours.values()) == digests
    assert ("malformed", "message_history") in rows(home, t.CaptureNote, "note_code", "name")


def test_everything_at_once_goes_on_after_a_refusal(wa: Wa, graph: Simulator) -> None:
    graph.refused["subscribed_apps"] = failed(200, f"Permission {TOKEN}", 403)
    pulled = wa("pull", "meta-cloud", "--json")
    document = pulled.document
    assert (pulled.code, document["what"], document["captured"]) == (2, "all", 7)
    assert [(one["what"], one["captured"], len(one["failed"])) for one in document["pulls"]] == [
        ("templates", 2, 0),
        ("phone-numbers", 1, 0),
        ("subscribed-apps", 1, 1),
        ("analytics", 2, 0),
        ("message-history", 1, 0),
        ("media", 0, 0),
    ]
    assert document["failed"] == [
        "account 200020: Meta answered 403, code 200: Permission [redacted]; check the token's permissions "
        "and the account id."
    ]
    assert TOKEN not in pulled.out + pulled.err
    doctor = wa("doctor", "--json").document
    assert {(row["what"], row["outcome"]) for row in doctor["pulls"]} == {
        ("templates", "complete"),
        ("phone-numbers", "complete"),
        ("subscribed-apps", "partial"),
        ("analytics", "complete"),
        ("message-history", "complete"),
        ("media", "complete"),
    }


def test_a_provider_that_cannot_be_had_ends_the_pull(wa: Wa, graph: Simulator) -> None:
    graph.refused[""] = Reply(503, b"")
    document = wa("pull", "meta-cloud", "--json").document
    assert [one["what"] for one in document["pulls"] if one["failed"]] == [
        "templates", "phone-numbers", "subscribed-apps", "analytics", "message-history", "media",
    ]  # fmt: skip
    # Three things in a row, five attempts each.
    assert len(graph.requests) == 15


@pytest.mark.parametrize(
    ("trouble", "sentence"),
    [
        (failed(190, f"Bad token {TOKEN}"), "code 190"),
        (told({"data": "nothing"}), "without a `data` list"),
        (Reply(200, b"<html>"), "without a `data` list"),
    ],
)
def test_an_error_is_one_sentence_without_the_token(
    wa: Wa, graph: Simulator, trouble: Reply, sentence: str
) -> None:
    graph.troubles.append(trouble)
    pulled = wa("pull", "meta-cloud", "templates")
    assert pulled.code == 2
    (told,) = pulled.err.strip().splitlines()
    assert sentence in told
    assert TOKEN not in pulled.out + pulled.err


def test_what_is_missing_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "settings.toml").write_text(SETTINGS)
    for name in ("WA_META_CLOUD__ACCESS_TOKEN", "WA_TWILIO__AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    told = called("--home", str(home), "pull", "meta-cloud")
    assert (told.code, "WA_META_CLOUD__ACCESS_TOKEN is not set" in told.err) == (2, True)
    told = called("--home", str(home), "pull", "twilio")
    assert (told.code, "WA_TWILIO__ACCOUNT_SID" in told.err) == (2, True)
    for words in (("send-log",), ("twilio", "bodies"), ("meta-cloud", "bodies")):
        told = called("--home", str(home), "pull", *words)
        assert (told.code, "There is no pull of" in told.err) == (2, True)
    for since in ("yesterday", "2999-01-01"):
        told = called("--home", str(home), "pull", "meta-cloud", "--since", since)
        assert (told.code, "--since" in told.err) == (2, True)


def test_twilio_messages_come_page_by_page(
    wa: Wa, home: Path, graph: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WA_TWILIO__ACCOUNT_SID", "AC1")
    monkeypatch.setenv("WA_TWILIO__AUTH_TOKEN", "twilio-secret")
    monkeypatch.setenv("WA_TWILIO__API_URL", graph.address)
    graph.messages = [{"sid": f"SM{number}", "body": "hello"} for number in range(1_001)]
    pulled = wa("pull", "twilio", "messages", "--since", "2026-11-01", "--json")
    assert (pulled.code, pulled.document["captured"]) == (0, 2)
    assert graph.requests[0].query == {"PageSize": "1000", "DateSent>": "2026-11-01"}
    assert {asked.authorization for asked in graph.requests} == {"Basic QUMxOnR3aWxpby1zZWNyZXQ="}
    pages = stored(home)
    assert [(page.provider, page.headers) for page in pages] == [("twilio", {"source": "messages"})] * 2
    assert sum(len(json.loads(page.body)["messages"]) for page in pages) == 1_001
    assert wa("pull", "twilio", "--json").document["known"] == 2

    elsewhere = "https://elsewhere.invalid/2010-04-01/Accounts/AC1/Messages.json?Page=1"
    loop = "/2010-04-01/Accounts/AC1/Messages.json?PageSize=1000&Page=7"
    for troubles, sentence in [
        ([failed(0)._replace(body=b'{"code": 20003, "message": "Authenticate twilio-secret"}', status=401)],
         "Twilio answered 401, code 20003: Authenticate [redacted]"),
        ([told({"messages": [], "next_page_uri": elsewhere})], "not this account's"),
        ([told({"messages": [], "next_page_uri": "//elsewhere.invalid/x"})], "not this account's"),
        ([told({"messages": [], "next_page_uri": loop})] * 2, "points back"),
        ([told({"messages": None})], "without a `messages` list"),
    ]:  # fmt: skip
        graph.troubles = list(troubles)
        refused = wa("pull", "twilio", "messages")
        assert refused.code == 2
        assert sentence in refused.err
        assert "twilio-secret" not in refused.err


def test_a_twilio_page_becomes_messages(
    wa: Wa, home: Path, graph: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WA_TWILIO__ACCOUNT_SID", "AC1")
    monkeypatch.setenv("WA_TWILIO__AUTH_TOKEN", "twilio-secret")
    monkeypatch.setenv("WA_TWILIO__API_URL", graph.address)
    graph.messages = [
        {
            "sid": f"SM{number}", "from": "whatsapp:+447700900100", "to": "whatsapp:+447700900123",
            "body": "hello", "direction": "outbound-api", "status": "delivered", "num_media": "0",
            "date_sent": "Fri, 01 Jan 2027 00:00:00 +0000", "date_created": "Fri, 01 Jan 2027 00:00:00 +0000",
        }
        for number in range(3)
    ]  # fmt: skip
    assert wa("pull", "twilio").code == 0
    assert wa("refresh").code == 0
    found = rows(home, t.Message, "channel_id", "direction_code", "has_body")
    assert found == [("447700900100", "outbound", True)] * 3


def test_ids_disposed_of_stay_out_of_a_later_pull(wa: Wa, home: Path, graph: Simulator) -> None:
    """The page is stored without them: an id holds the phone number."""
    (home / "retention.csv").write_text(
        "record_class,authority,ceiling,trigger\ncorrespondence,TST-01,P12D,sent_at\n"
    )
    sends = home.parent / "sends.csv"
    recent = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    sends.write_text(
        "message_id,sent_at,channel_id,to,purpose,kind,template_name,body\n"
        "wamid.OLD,2026-01-01T00:00:00Z,100021,+447700900123,utility,template,order_update,hello\n"
        f"wamid.NEW,{recent},100021,+447700900123,utility,template,order_update,hello\n"
    )
    graph.history["100021"] = [{"message_id": "wamid.OLD"}, {"message_id": "wamid.NEW"}]
    assert wa("capture", "send-log", str(sends)).code == 0
    assert wa("pull", "meta-cloud", "message-history", "--json").document["captured"] == 2
    wa("refresh")
    assert wa("dispose", "--yes", "--json").document["disposed_count"] == 1

    def told() -> list[bytes]:
        return [one.body for one in stored(home) if one.headers.get("source") == "message_history"]

    assert [b"OLD" in body for body in told()] == [False]
    again = wa("pull", "meta-cloud", "message-history", "--json")
    assert (again.code, again.document["already_disposed"]) == (0, 1)
    assert not any(b"OLD" in body for body in told())
    assert all(b"NEW" in body for body in told())
    wa("refresh")
    assert len({message for (message,) in rows(home, t.PlatformMessage, "message_id")}) == 1
