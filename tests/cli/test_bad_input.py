"""Bad input: one sentence that says what, where and what to do, never a value; the rest goes on;
exit code 2; the same bytes again are no news."""

from __future__ import annotations

import gzip
import io
import json
import sqlite3
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Told, Wa, called
from wa_analytics import tables as t
from wa_analytics.workspace import Workspace

SECRETS = ("12025550123", "confidential")
SEND = "message_id,sent_at,channel_id,to,purpose,kind,template_name,body\n"


def webhook(message_id: str, timestamp: Any = "1760000000") -> dict[str, Any]:
    message = {
        "from": "12025550123", "id": message_id, "timestamp": timestamp, "type": "text",
        "text": {"body": "confidential words"},
    }  # fmt: skip
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "12025550199", "phone_number_id": "c1"},
        "contacts": [{"profile": {"name": "Made Up"}, "wa_id": "12025550123"}],
        "messages": [message],
    }
    entry = {"id": "w1", "changes": [{"field": "messages", "value": value}]}
    return {"object": "whatsapp_business_account", "entry": [entry]}


GOOD = json.dumps(webhook("wamid.GOOD"))
ROW = "wamid.S1,2026-01-01T00:00:00Z,c1,+12025550123,marketing,template,promo,confidential\n"


def zipped(**files: str) -> bytes:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "."), text)
    return kept.getvalue()


def wrong(told: Told, *parts: str) -> None:
    """Exit code 2 and one sentence with these parts on stderr; no value out of the input."""
    assert told.code == 2
    (sentence,) = told.err.strip().splitlines()
    for part in parts:
        assert part in sentence, sentence
    assert sentence.endswith(".")
    assert not any(secret in told.out + told.err for secret in SECRETS)


SPOOLED = json.dumps({"received_at": "2026-01-01T00:00:00Z", "headers": {}, "body": "confidential"})
UNDATED = json.dumps({"received_at": "soon", "headers": {}, "body": GOOD})
UNTIMED = ROW.replace("2026-01-01T00:00:00Z", "confidential")
GRANT = "party,purpose,action,occurred_at\n+12025550123,all,confidential,2026-01-01T00:00:00Z\n"
KEPT: list[tuple[str, str, str | bytes, str, str]] = [
    # provider, file, bytes; where, what
    ("meta-cloud", "cut.json", GOOD[:250], "cut.json: the body", "is not JSON"),
    ("meta-cloud", "lines.ndjson", f"{GOOD}\nconfidential\n{GOOD[:-1]} }}\n", "line 2", "not JSON"),
    ("meta-cloud", "latin.json", GOOD.replace("words", "à").encode("latin-1"), "the body", "not UTF-8"),
    ("infobip", "wide.json", GOOD.encode("utf-16"), "the body", "not UTF-8"),
    ("send-log", "latin-row.json", '{"to": "à"}'.encode("latin-1"), "the record", "not UTF-8"),
    ("meta-cloud", "list.json", "[1, 2]", "list.json", "no webhook body"),
    ("meta-cloud", "page.json", '{"object": "confidential", "entry": []}', "the body", "another object"),
    ("meta-cloud", "two.ndjson", f'{GOOD}\n{{"object": "page", "entry": [1]}}\n', "line 2", "another object"),
    ("meta-cloud", "spool.ndjson", SPOOLED, "line 1", "not JSON"),
    ("meta-cloud", "undated.ndjson", UNDATED, "line 1", "received_at"),
    ("meta-cloud", "some.zip", zipped(a__json=GOOD, b__json="confidential"), "b.json", "not JSON"),
    ("send-log", "time.csv", SEND + ROW + UNTIMED, "line 3", "sent_at"),
    ("send-log", "short.csv", SEND + "wamid.S2,2026-01-01\n" + ROW, "line 2", "cells"),
    ("send-log", "quote.csv", SEND + ROW + ROW.replace("confid", '"confid'), "line 3", "quotes"),
    ("consent-register", "register.csv", GRANT, "line 2", "action"),
]


@pytest.mark.parametrize(("provider", "name", "content", "where", "what"), KEPT, ids=[row[1] for row in KEPT])
def test_what_cannot_be_read_is_kept_and_told_once(
    wa: Wa, home: Path, tmp_path: Path, provider: str, name: str, content: str | bytes, where: str, what: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    told = wa("capture", provider, str(path))
    wrong(told, name, where, what)
    assert "0 refused, 1 kept but unreadable" in told.out

    again = wa("capture", provider, str(path), "--json")
    assert (again.code, again.err) == (0, "")
    assert (again.document["stored"], again.document["unreadable"]) == (0, [])
    assert again.document["repeated"] > 0

    assert wa("refresh").code == 0
    unknown = wa("doctor", "--json").document["unknown"]
    assert [(row["provider"], row["kind"], row["captures"]) for row in unknown] == [
        (provider, "object" if "object" in what else "unreadable", 1)
    ]
    workspace = Workspace.open(home)
    good = {"lines.ndjson", "two.ndjson", "some.zip", "time.csv", "short.csv", "quote.csv"}
    assert (workspace.messages.height > 0) is (name in good)
    workspace.close()


def test_a_nul_in_a_code_stops_no_refresh(database_url: str | None, tmp_path: Path) -> None:
    home = str(tmp_path / "home")
    assert (
        called("--home", home, "init", *(("--database-url", database_url) if database_url else ())).code == 0
    )
    rows = [ROW.replace("S1", f"S{number}") for number in range(100)]
    (tmp_path / "log.csv").write_text(SEND + "".join([*rows, ROW.replace("promo", "pro\0mo")]))
    body = webhook("wamid.NUL")
    body["entry"][0]["changes"][0]["value"]["metadata"]["phone_number_id"] = "c\0"
    (tmp_path / "hook.json").write_text(json.dumps(body))
    form = "MessageSid=SM1&From=whatsapp%3A%2B12025550123&To=whatsapp%3A%2B1&Body=x&SmsStatus=received"
    form += "&NumMedia=1&MediaUrl0=https%3A%2F%2Fapi.twilio.com%2FME%00&MediaContentType0=image%2Fj%00"
    spool = {"received_at": "2026-01-01T00:00:00Z", "headers": {}, "body": form}
    (tmp_path / "form.ndjson").write_text(json.dumps(spool))
    for provider, name in (("send-log", "log.csv"), ("meta-cloud", "hook.json"), ("twilio", "form.ndjson")):
        assert called("--home", home, "capture", provider, str(tmp_path / name)).code == 0
    assert called("--home", home, "refresh", "--json").document["messages"] == 102
    assert called("--home", home, "rebuild").code == 0
    workspace = Workspace.open(Path(home))
    facts = workspace.table(t.MessageFact)
    workspace.close()
    assert set(facts["template_name"]) == {"promo", "pro\ufffdmo", None}
    assert set(facts["channel_id"]) == {"c1", "c\ufffd", "1"}


def test_a_link_to_nowhere_costs_its_neighbours_nothing(wa: Wa, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.json").write_text(GOOD)
    (folder / "b.json").symlink_to("nowhere.json")
    told = wa("capture", "meta-cloud", str(folder))
    wrong(told, "b.json: does not exist; check the path")
    assert "1 captured" in told.out


def test_kept_captures_are_a_finding(wa: Wa, tmp_path: Path) -> None:
    (tmp_path / "cut.json").write_text(GOOD[:250])
    assert wa("capture", "meta-cloud", str(tmp_path / "cut.json")).code == 2
    assert wa("refresh").code == 0
    assert wa("check", "capture").code == 1
    found = wa("findings", "capture.unreadable", "--json").document
    assert [(row["subject"], row["status"]) for row in found] == [("capture", "open")]


REFUSED: list[tuple[str, str, bytes, str, str]] = [
    ("meta-cloud", "empty.json", b"", "", "is empty"),
    ("meta-cloud", "empty.ndjson", b"", "", "is empty"),
    ("send-log", "empty.csv", b"", "", "is empty"),
    (
        "send-log",
        "latin.csv",
        (SEND + ROW.replace("promo", "promoção")).encode("latin-1"),
        "line 2",
        "not UTF-8",
    ),
    ("send-log", "wide.csv", (SEND + ROW).encode("utf-16"), "line 1", "not UTF-8"),
    ("send-log", "column.csv", (SEND + ROW).replace("sent_at", "when").encode(), "line 1", "sent_at"),
    ("consent-register", "register.csv", b"party,purpose,action\nx,all,granted\n", "line 1", "occurred_at"),
    ("directory", "staff.csv", b"name\nconfidential\n", "line 1", "custodian_id"),
    ("meta-cloud", "cut.zip", zipped(a__json=GOOD)[:-30], "", "damaged"),
    ("meta-cloud", "strange.xyz", GOOD.encode(), "", "ending .xyz"),
]


@pytest.mark.parametrize(
    ("provider", "name", "content", "where", "what"), REFUSED, ids=[row[1] for row in REFUSED]
)
def test_a_file_that_cannot_be_read_at_all_is_refused_and_the_rest_goes_on(
    wa: Wa, tmp_path: Path, provider: str, name: str, content: bytes, where: str, what: str
) -> None:
    bad, good = tmp_path / name, tmp_path / "z-good.json"
    bad.write_bytes(content)
    good.write_text(GOOD)
    wrong(wa("capture", provider, str(bad)), name, where, what)
    if provider == "meta-cloud":
        both = wa("capture", "meta-cloud", str(bad), str(tmp_path / "nowhere.json"), str(good), "--json")
        assert both.code == 2
        assert (both.document["stored"], len(both.document["refused"])) == (1, 2)
        assert "nowhere.json: does not exist; check the path." in both.document["refused"][1]


def test_a_truncated_gz_keeps_what_came_before(wa: Wa, tmp_path: Path) -> None:
    lines = [json.dumps(webhook(f"wamid.{number}")) for number in range(400)]
    (tmp_path / "cut.ndjson.gz").write_bytes(gzip.compress("\n".join(lines).encode())[:-200])
    told = wa("capture", "meta-cloud", str(tmp_path / "cut.ndjson.gz"), "--json")
    assert told.code == 2
    (sentence,) = told.document["refused"]
    assert "cut.ndjson.gz, line " in sentence
    assert "truncated" in sentence
    kept = told.document["stored"]
    assert 0 < kept < 402
    (tmp_path / "cut.ndjson.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    whole = wa("capture", "meta-cloud", str(tmp_path / "cut.ndjson.gz"), "--json")
    assert whole.code == 0
    assert kept + whole.document["stored"] >= 400
    assert wa("refresh", "--json").document["messages"] == 400


def test_timestamps_may_be_text_or_numbers(wa: Wa, home: Path, tmp_path: Path) -> None:
    bodies = [webhook("wamid.TEXT"), webhook("wamid.NUMBER", 1760000000)]
    (tmp_path / "both.ndjson").write_text("\n".join(map(json.dumps, bodies)))
    assert wa("capture", "meta-cloud", str(tmp_path / "both.ndjson")).code == 0
    assert wa("refresh").code == 0
    workspace = Workspace.open(home)
    moments = workspace.table(t.Message)["sent_at"].unique().to_list()
    workspace.close()
    assert [moment.isoformat() for moment in moments] == ["2025-10-09T08:53:20+00:00"]


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("capture", "nobody", "x"), "no known provider"),
        (("refresh", "--as-of", "yesterday"), "--as-of is no ISO 8601 time"),
        (("metrics", "--as-of", "yesterday"), "--as-of is no ISO 8601 time"),
        (("metrics", "happiness"), "happiness"),
        (("metrics", "consent_coverage", "--by", "colour"), "colour"),
        (("metrics", "consent_coverage", "--by", "day,week"), "one of day, week, month"),
        (("check", "nothing"), "There is no suite"),
        (("explain", "nothing"), "Nothing is known under"),
        (("reveal", "nothing"), "needs a reason"),
        (("incidents", "show", "INC-77"), "INC-77"),
        (("pull", "meta-cloud", "invoices"), "There is no pull of"),
        (("pull", "meta-cloud", "templates"), "waba_ids"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, tuple) else None,
)
def test_what_cannot_be_asked_is_told_in_a_sentence(wa: Wa, words: tuple[str, ...], part: str) -> None:
    wrong(wa(*words), part)
    as_json = wa(*words, "--json")
    assert (as_json.code, as_json.out) == (2, "")


def test_no_workspace(tmp_path: Path) -> None:
    wrong(called("--home", str(tmp_path / "none"), "findings"), "no workspace", "wa init")
    assert not (tmp_path / "none").exists()


def test_tables_that_are_elsewhere_are_not_told_as_old(
    tmp_path: Path, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a cron line that forgot the variable: `wa init` would begin anew beside the evidence."""
    home = ("--home", str(tmp_path / "home"))
    with monkeypatch.context() as named:
        named.setenv("WA_DATABASE_URL", postgresql_url)
        assert called(*home, "init").code == 0
        assert called(*home, "refresh").code == 0
    wrong(called(*home, "refresh"), "wa.db holds no tables", "WA_DATABASE_URL")


def test_broken_settings_name_the_key_and_not_its_value(wa: Wa, home: Path) -> None:
    for text, part in (
        ('[imports]\ntime_zone = "confidential"\n', "imports.time_zone"),
        ("database_url = [\n", "not valid TOML"),
        ('[checks]\ninterval_hours = "confidential"\n', "checks.interval_hours"),
        ("[checks]\ninterval_hours = 0\n", "checks.interval_hours"),
        ("[checks]\ncapture_hours = -1\n", "checks.capture_hours"),
        ("[completeness]\nsettle_hours = -168\n", "completeness.settle_hours"),
        ("[completeness]\nsettle_hours = 9999999999\n", "completeness.settle_hours"),
        ("[evidence]\nseal_seconds = -1\n", "evidence.seal_seconds"),
        ('[[entity]]\nkey = ""\n', "entity.0.key"),
        (2 * '[[entity]]\nkey = "one"\n', "two [[entity]] have the same key"),
        (
            '[[entity]]\nkey = "one"\nchannels = ["7"]\n[[entity]]\nkey = "two"\nchannels = [7]\n',
            "two [[entity]] have the same number",
        ),
        (
            '[[entity]]\nkey = "one"\nwaba_ids = ["7"]\n[[entity]]\nkey = "two"\nwaba_ids = [7]\n',
            "two [[entity]] have the same account",
        ),
        (
            '[[entity]]\nkey = "one"\njurisdiction = "Atlantis"\n',
            "entity.0.jurisdiction: names no country",
        ),
        (
            '[[entity]]\nkey = "one"\nname = "Lark"\n[[entity]]\nkey = "two"\nbusiness_names = ["LARK"]\n',
            "two [[entity]] have the same business name",
        ),
    ):
        (home / "settings.toml").write_text(text)
        told = wa("findings")
        assert part in told.err
        assert "confidential" not in told.err
        assert told.code == 2
        assert len(told.err.strip().splitlines()) == 1


def test_a_locked_database(wa: Wa, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wa_analytics.database.BUSY_SECONDS", 0)
    (tmp_path / "good.json").write_text(GOOD)
    holder = sqlite3.connect(home / "wa.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    wrong(wa("capture", "meta-cloud", str(tmp_path / "good.json")), "locked")
    holder.execute("ROLLBACK")
    holder.close()
    assert wa("capture", "meta-cloud", str(tmp_path / "good.json")).code == 0


def test_an_unreachable_database(wa: Wa, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WA_DATABASE_URL", "postgresql://wa:confidential@127.0.0.1:1/wa")
    for words in (("findings",), ("refresh",), ("check",), ("doctor",), ("init",)):
        wrong(wa(*words), "127.0.0.1:1/wa cannot be used")
    monkeypatch.setenv("WA_DATABASE_URL", "oracle://wa:confidential@127.0.0.1:1/wa")
    wrong(wa("findings"), "use SQLite or PostgreSQL")


def test_a_database_file_that_is_none(wa: Wa, home: Path) -> None:
    for file in home.glob("wa.db*"):
        file.unlink()
    wrong(wa("findings"), "wa init")
    (home / "wa.db").write_bytes(b"confidential" * 1000)
    wrong(wa("findings"), "wa.db cannot be used")


def test_keys_of_another_workspace(wa: Wa, home: Path, tmp_path: Path) -> None:
    (tmp_path / "good.json").write_text(GOOD)
    other = tmp_path / "other"
    assert called("--home", str(other), "init").code == 0
    for key in (home / "keys").iterdir():
        key.unlink()
        (other / "keys" / key.name).replace(key)
    wrong(wa("capture", "meta-cloud", str(tmp_path / "good.json")), "key")
    assert wa("findings").code == 0, "reading tables needs no key"
