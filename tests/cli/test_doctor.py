"""`wa doctor` per provider, with some of them on and some off."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Wa
from tests.providers.worlds import body, message
from wa_analytics.workspace import Workspace

AIR, CLINIC = "447700900100", "106540352242922"
SETTINGS = f"""
[[entity]]
key = "air"
name = "Birch Air"
channels = ["{AIR}"]

[[entity]]
key = "clinic"
name = "Cedro"
channels = ["{CLINIC}"]
"""
ON = {
    "infobip": {"WA_INFOBIP__SECRET": "s", "WA_INFOBIP__API_KEY": "k", "WA_INFOBIP__API_URL": "https://x.invalid"},
    "aws-social": {"WA_AWS_SOCIAL__TOPIC_ARNS": '["arn:aws:sns:eu-west-1:000000000000:whatsapp"]'},
    "twilio": {"WA_TWILIO__ACCOUNT_SID": "AC1", "WA_TWILIO__AUTH_TOKEN": "t"},
    "meta-cloud": {"WA_META_CLOUD__APP_SECRET": "s", "WA_META_CLOUD__VERIFY_TOKEN": "t",
                   "WA_META_CLOUD__ACCESS_TOKEN": "a"},
}  # fmt: skip
INFOBIP_LACKS = "infobip.webhook_password, secret or hmac_secret, infobip.api_key, infobip.api_url"
NOW = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")


def files(folder: Path) -> list[tuple[str, Path]]:
    """What Infobip and AWS delivered: a message each, and words that nobody knows."""
    result = {"from": "447700900123", "to": AIR, "messageId": "m-1", "receivedAt": NOW,
              "message": {"type": "HOLOGRAM"}}  # fmt: skip
    infobip = folder / "infobip.json"
    infobip.write_text(json.dumps({"results": [result]}))
    entry = body(messages=[message(type="hologram"), message(id="wamid.2", type="smell")])["entry"][0]
    aws = folder / "aws.ndjson"
    aws.write_text(json.dumps({"whatsAppWebhookEntry": json.dumps(entry)}))
    return [("infobip", infobip), ("aws-social", aws.rename(folder / "aws"))]


def told(wa: Wa) -> tuple[dict[str, tuple[Any, ...]], list[str]]:
    document = wa("doctor", "--json").document
    names = ("is_configured", "missing", "connection", "captures", "unknown", "declared_gaps")
    rows = {row["provider"]: tuple(row[name] for name in names) for row in document["providers"]}
    return rows, [f"{line['state']}: {line['what']}" for line in document["lines"]]


def test_each_provider_is_told_apart(
    wa: Wa, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, lines = told(wa)
    assert {row[:4] for name, row in rows.items() if name in ON} == {
        (False, missing, "never", 0)
        for missing in (
            "meta_cloud.app_secret, meta_cloud.verify_token, meta_cloud.access_token",
            INFOBIP_LACKS,
            "twilio.account_sid, twilio.auth_token, twilio.public_url",
            "aws_social.topic_arns or queue_url",
        )
    }
    assert rows["send-log"] == (None, "", "never", 0, 0, 0)
    assert any("Meta app secret not set" in line for line in lines)

    (home / "settings.toml").write_text(SETTINGS)
    for name in ("infobip", "aws-social", "twilio"):
        for key, value in ON[name].items():
            monkeypatch.setenv(key, value)
    for provider, path in files(tmp_path):
        assert wa("capture", provider, str(path)).code == 0
    assert wa("refresh").code == 0
    gap = ("gaps", "declare", "media", "--since", "2026-01-01", "--reason", "not fetched yet")
    assert wa(*gap, "--entity", "clinic").code == 0
    rows, lines = told(wa)
    assert {name: rows[name] for name in ON} == {
        "infobip": (True, "", "connected", 1, 1, 0),
        "aws-social": (True, "", "connected", 2, 2, 1),  # the file has a capture of its own
        "twilio": (False, "twilio.public_url", "never", 0, 0, 0),
        "meta-cloud": (False, "meta_cloud.app_secret, meta_cloud.verify_token, meta_cloud.access_token",
                       "never", 0, 0, 0),
    }  # fmt: skip
    assert not any("Meta app secret" in line for line in lines), "nobody lacks it"
    assert any(line.startswith("missing: last pull of infobip media: never") for line in lines)
    assert not any("aws-social media" in line for line in lines), "without a bucket nothing is expected"

    # Off again: what was captured is still told.
    for name in ("infobip", "aws-social"):
        for key in ON[name]:
            monkeypatch.delenv(key)
    for key, value in ON["meta-cloud"].items():
        monkeypatch.setenv(key, value)
    rows, lines = told(wa)
    assert rows["infobip"][:4] == (False, INFOBIP_LACKS, "connected", 1)
    assert rows["aws-social"][2:] == ("connected", 2, 2, 1)
    assert rows["meta-cloud"] == (True, "", "never", 0, 0, 0)
    assert "ok: Meta app secret set: signatures are checked" in lines
    printed = wa("doctor").out
    for provider in ON:
        assert provider in printed
    for secret in ("447700900123", "wamid", "x.invalid"):
        assert secret not in printed


def test_the_last_capture_is_the_same_read_in_steps(wa: Wa, home: Path, tmp_path: Path) -> None:
    """As the dashboard reads it; a line of the past does not set it back, another log starts anew."""

    def stored(name: str, received_at: str) -> None:
        line = {
            "received_at": received_at,
            "headers": {},
            "body": json.dumps(body(messages=[message(id=name)])),
        }
        (tmp_path / f"{name}.ndjson").write_text(json.dumps(line) + "\n")
        assert wa("capture", "meta-cloud", str(tmp_path / f"{name}.ndjson")).code == 0

    workspace = Workspace.open(home)
    known = workspace.last_capture()
    assert known == (None, 0, None)
    for name, moment in (("wamid.1", "2039-05-01"), ("wamid.2", "2039-05-03"), ("wamid.3", "2039-05-02")):
        stored(name, f"{moment}T00:00:00+00:00")
        known = workspace.last_capture(known)
        assert known == workspace.last_capture()
    assert known.received_at == datetime(2039, 5, 3, tzinfo=UTC)
    assert workspace.freshness(captured=known)["last_capture_at"] == known.received_at
    assert workspace.freshness(captured=known)["last_capture_at"] == known.received_at
    later = datetime(2050, 1, 1, tzinfo=UTC)
    for elsewhere in (known._replace(sequence=known.sequence + 9), known._replace(capture_id="other")):
        assert workspace.last_capture(elsewhere._replace(received_at=later)) == known
    workspace.close()


@pytest.mark.parametrize("words", [("doctor",), ("incidents", "list"), ("check",), ("verify",), ("refresh",)])
def test_no_command_but_init_makes_a_database(
    wa: Wa, home: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    """A workspace whose tables are elsewhere, called without WA_DATABASE_URL or with a misspelt one."""
    for path in home.glob("wa.db*"):
        path.unlink()
    for url in ("", f"sqlite:///{home / 'elsewhere.db'}"):
        if url:
            monkeypatch.setenv("WA_DATABASE_URL", url)
        told = wa(*words)
        assert told.code == 2
        assert "holds no tables of a workspace" in told.out + told.err
        assert list(home.glob("*.db*")) == []


def test_without_its_database_it_tells_what_the_settings_tell(
    wa: Wa, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = f"evidence.places = [{json.dumps(str(tmp_path / 'vault'))}]\n"
    (home / "settings.toml").write_text(places + 'misspelt = "x"\n' + SETTINGS)
    assert wa("capture", *map(str, files(tmp_path)[0])).code == 0
    for name in ("infobip", "twilio"):
        for key, value in ON[name].items():
            monkeypatch.setenv(key, value)
    monkeypatch.setenv("WA_DATABASE_URL", "postgresql://wa:secret@127.0.0.1:1/wa")
    rows, lines = told(wa)
    assert rows["infobip"] == (True, "", "unknown", None, None, None)
    assert rows["twilio"][:3] == (False, "twilio.public_url", "unknown")
    assert lines == [
        "broken: The database 127.0.0.1:1/wa cannot be used (OperationalError); "
        "check that it exists, runs and may be written, then try again.",
        "ok: 2 companies: air, clinic",
        "missing: Meta app secret not set (WA_META_CLOUD__APP_SECRET): signatures cannot be checked",
        "ok: keys: digest key in keys/, master key from file",
        "ok: checkpoints keeps a checkpoint of 1 entry",
        "ok: place 1 keeps a checkpoint of 1 entry",
        "unknown: settings.toml: nothing reads the key misspelt; is it misspelt?",
    ]
    printed = wa("doctor")
    assert printed.code == 2
    assert "infobip: configured" in printed.out
    assert "secret@" not in printed.out

    (home / "keys" / "master.key").unlink()
    assert any(line.startswith("missing: ") and "master.key" in line for line in told(wa)[1])


def test_one_of_a_thing_is_not_several(wa: Wa, tmp_path: Path) -> None:
    assert wa("capture", *map(str, files(tmp_path)[0])).code == 0
    assert wa("gaps", "declare", "media", "--since", "2026-01-01", "--reason", "r").code == 0
    shown = wa("doctor").out
    for told in ("1 capture waits for `wa refresh`", "1 declared gap in force", "infobip: 1 capture, last"):
        assert told in shown
