"""`wa pull PROVIDER media` of Infobip, Twilio and AWS: one way for all, each with its own door."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.cli.conftest import Wa
from tests.cli.test_pull import rows, stored
from tests.evidence.aws_server import REGION, aws, aws_server, bucket, direct
from tests.file_server import Files, Reply, serving, told
from tests.providers.worlds import body, message
from wa_analytics import tables as t
from wa_analytics.evidence.aws import client

__all__ = ["aws", "aws_server"]
OURS, ANA = "447700900100", "447700900123"
ACCOUNT, SUB = "AC" + "0" * 32, "AC" + "1" * 32
KEY = "InventedKeyThatIsLongEnoughToLookLikeOne0123456789"
NOW = datetime.now(UTC)
PICTURE = b"\xff\xd8 a picture"
ARN = "arn:aws:social-messaging:eu-west-1:123456789012:phone-number-id/abc123"
SETTINGS = f"""
[[entity]]
key = "air"
name = "Birch Air"
channels = ["{OURS}", "100021"]
"""


@pytest.fixture
def files(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Files]:
    (home / "settings.toml").write_text(SETTINGS)
    monkeypatch.setattr("time.sleep", lambda _: None)
    with serving(Files()) as served:
        yield served


def capture(wa: Wa, tmp_path: Path, provider: str, *lines: Any) -> None:
    path = tmp_path / f"{provider}.ndjson"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    done = wa("capture", provider, str(path))
    assert done.code == 0, done.err


def held(home: Path) -> dict[str, tuple[bytes, str]]:
    return {
        one.headers["media_id"]: (one.body, one.headers["outcome"])
        for one in stored(home)
        if one.headers.get("source") == "media"
    }


def facts(wa: Wa, home: Path) -> list[tuple[Any, ...]]:
    assert wa("refresh").code == 0
    columns = ("source_code", "size_bytes", "is_intact", "mime_code", "channel_id", "entity")
    return [fact for fact in rows(home, t.MediaFact, *columns) if fact[0] != "announced"]


# Infobip


def infobip(media_id: str, url: str = "") -> dict[str, Any]:
    address = url or f"https://elsewhere.invalid/whatsapp/1/senders/{OURS}/media/{media_id}"
    result = {
        "from": ANA, "to": OURS, "integrationType": "WHATSAPP", "messageId": f"m-{media_id}",
        "receivedAt": NOW.strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
        "message": {"type": "IMAGE", "url": address},
    }  # fmt: skip
    return {"results": [result], "messageCount": 1}


@pytest.fixture
def of_infobip(files: Files, monkeypatch: pytest.MonkeyPatch) -> Files:
    monkeypatch.setenv("WA_INFOBIP__API_KEY", KEY)
    monkeypatch.setenv("WA_INFOBIP__API_URL", files.address)
    return files


def test_infobip_s_files_come_from_the_api_and_not_from_the_announced_address(
    wa: Wa, home: Path, tmp_path: Path, of_infobip: Files
) -> None:
    capture(wa, tmp_path, "infobip", infobip("f1"), infobip("f2"))
    of_infobip.answers[f"/whatsapp/1/senders/{OURS}/media/f1"] = Reply(
        200, PICTURE, {"Content-Type": "image/jpeg"}
    )
    done = wa("pull", "infobip", "media", "--json")
    assert (done.code, done.document["captured"], done.document["lost"]) == (0, 2, 1)
    assert held(home) == {"f1": (PICTURE, "fetched"), "f2": (b'{"gone": true}', "lost")}
    assert {asked.authorization for asked in of_infobip.requests} == {f"App {KEY}"}
    assert facts(wa, home) == [
        ("fetched", len(PICTURE), None, "image/jpeg", OURS, "air"),
        ("lost", None, None, None, OURS, "air"),
    ]
    of_infobip.requests.clear()
    assert wa("pull", "infobip", "--json").document["captured"] == 0
    assert [asked.path.rpartition("/")[2] for asked in of_infobip.requests] == ["f2"], "while its id may hold"
    assert wa("verify").code == 0


def test_what_infobip_refuses_is_one_sentence(
    wa: Wa, home: Path, tmp_path: Path, of_infobip: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WA_INFOBIP__MEDIA_LIMIT_BYTES", "1000")
    capture(wa, tmp_path, "infobip", infobip("big"), infobip("odd", "https://elsewhere.invalid/x?y"))
    of_infobip.answers[f"/whatsapp/1/senders/{OURS}/media/big"] = Reply(200, bytes(2_000))
    done = wa("pull", "infobip", "media", "--json")
    assert (done.code, done.document["captured"]) == (2, 0)
    sentences = " ".join(done.document["failed"])
    assert "more than 1,000 bytes" in sentences
    assert "without an id" in sentences
    error = {"requestError": {"serviceException": {"messageId": "UNAUTHORIZED", "text": f"no {KEY}"}}}
    of_infobip.answers[f"/whatsapp/1/senders/{OURS}/media/big"] = told(error, 401)
    done = wa("pull", "infobip", "media")
    assert done.code == 2
    assert "Infobip answered 401, code -1: UNAUTHORIZED no [redacted]" in done.err
    assert KEY not in done.err + done.out
    monkeypatch.delenv("WA_INFOBIP__API_KEY")
    assert "WA_INFOBIP__API_KEY" in wa("pull", "infobip", "media").err


def test_a_file_never_fetched_is_a_finding_of_any_provider(
    wa: Wa, home: Path, tmp_path: Path, of_infobip: Files
) -> None:
    capture(wa, tmp_path, "infobip", infobip("f1"), infobip("f2"))
    of_infobip.answers[f"/whatsapp/1/senders/{OURS}/media/f1"] = Reply(200, PICTURE)
    assert wa("pull", "infobip", "media").code == 0
    assert wa("refresh").code == 0
    results = wa("check", "completeness", "--json").document["results"]
    (found,) = [one for one in results if one["check"] == "capture.media_missing"]
    assert (found["outcome"], found["evaluated_count"], found["finding_count"]) == ("fail", 2, 1)


# Twilio


def sid(letters: str, number: int) -> str:
    return f"{letters}{number:032x}"


@pytest.fixture
def of_twilio(files: Files, monkeypatch: pytest.MonkeyPatch) -> Files:
    monkeypatch.setenv("WA_TWILIO__ACCOUNT_SID", ACCOUNT)
    monkeypatch.setenv("WA_TWILIO__AUTH_TOKEN", KEY)
    monkeypatch.setenv("WA_TWILIO__API_URL", files.address)
    return files


def webhook(number: int, *media: int, account: str = ACCOUNT) -> dict[str, Any]:
    form = {
        "MessageSid": sid("MM", number), "AccountSid": account, "From": f"whatsapp:+{ANA}",
        "To": f"whatsapp:+{OURS}", "Body": "", "SmsStatus": "received", "NumMedia": str(len(media)),
    }  # fmt: skip
    for place, one in enumerate(media):
        form[f"MediaUrl{place}"] = f"https://elsewhere.invalid/{sid('ME', one)}"
        form[f"MediaContentType{place}"] = "image/jpeg"
    return {"received_at": NOW.isoformat(), "headers": {}, "body": urlencode(form)}


def at(number: int, media: int, account: str = ACCOUNT) -> str:
    return f"/2010-04-01/Accounts/{account}/Messages/{sid('MM', number)}/Media/{sid('ME', media)}"


def test_twilio_s_files_are_followed_to_where_they_are_served_without_credentials(
    wa: Wa, home: Path, tmp_path: Path, of_twilio: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wa_analytics.providers.twilio_pull.MEDIA_SCHEMES", ("http://", "https://"))
    monkeypatch.setattr("wa_analytics.providers.twilio_pull.MEDIA_HOSTS", ("localhost",))
    elsewhere = of_twilio.address.replace("127.0.0.1", "localhost")
    capture(wa, tmp_path, "twilio", webhook(1, 1, 2), webhook(2, 3, 5), webhook(3, 4, account=SUB))
    of_twilio.answers |= {
        at(1, 1): Reply(307, b"", {"Location": f"{elsewhere}/cdn/one?signature=x"}),
        "/cdn/one?signature=x": Reply(200, PICTURE, {"Content-Type": "image/jpeg"}),
        at(1, 2): Reply(200, b"served at once", {"Content-Type": "image/png"}),
        at(2, 3): Reply(302, b"", {"Location": "https://elsewhere.invalid/three"}),
        at(2, 5): Reply(302, b"", {"Location": "https://["}),
        at(3, 4, SUB): Reply(200, b"of a subaccount"),
    }
    done = wa("pull", "twilio", "media", "--json")
    assert (done.code, done.document["captured"]) == (2, 3)
    assert len(done.document["failed"]) == 2
    for sentence in done.document["failed"]:
        assert "none of its own" in sentence
        assert "elsewhere" not in sentence
    assert {body for body, _ in held(home).values()} == {PICTURE, b"served at once", b"of a subaccount"}
    basic = base64.b64encode(f"{ACCOUNT}:{KEY}".encode()).decode()
    for asked in of_twilio.requests:
        assert (asked.authorization is None) == asked.path.startswith("/cdn/")
        assert asked.authorization in (None, f"Basic {basic}")
    mimes = [(fact[1], fact[3]) for fact in facts(wa, home)]
    assert sorted(mimes) == [
        (len(PICTURE), "image/jpeg"),
        (14, "image/png"),
        (15, "image/jpeg"),
    ]


def test_files_of_listed_messages_are_announced_by_their_list(
    wa: Wa, home: Path, tmp_path: Path, of_twilio: Files
) -> None:
    moment = format_datetime(NOW)
    listed = {
        "sid": sid("MM", 1), "account_sid": ACCOUNT, "from": f"whatsapp:+{OURS}", "to": f"whatsapp:+{ANA}",
        "direction": "outbound-api", "status": "delivered", "body": None, "num_media": "1",
        "date_sent": moment, "date_created": moment, "date_updated": moment,
    }  # fmt: skip
    plain = listed | {"sid": sid("MM", 2), "num_media": "0", "body": "words"}
    file = {
        "sid": sid("ME", 1), "parent_sid": sid("MM", 1), "account_sid": ACCOUNT,
        "content_type": "application/pdf", "date_created": moment,
    }  # fmt: skip
    root = f"/2010-04-01/Accounts/{ACCOUNT}"
    of_twilio.answers |= {
        f"{root}/Messages.json?PageSize=1000": told({"messages": [listed, plain], "next_page_uri": None}),
        f"{root}/Messages/{sid('MM', 1)}/Media.json": told({"media_list": [file]}),
        at(1, 1): Reply(200, b"a letter", {"Content-Type": "application/pdf"}),
    }
    assert wa("pull", "twilio", "messages", "--json").document["captured"] == 2
    done = wa("pull", "twilio", "media", "--json")
    assert (done.code, done.document["captured"]) == (0, 1)
    assert facts(wa, home) == [("fetched", 8, None, "application/pdf", OURS, "air")]
    assert rows(home, t.CaptureNote, "name") == []
    paths = [asked.path for asked in of_twilio.requests]
    assert paths.count(f"{root}/Messages/{sid('MM', 2)}/Media.json") == 0


# AWS


def event(media_id: str, content: bytes, *, arn: str | None = ARN) -> dict[str, Any]:
    image = {
        "id": media_id,
        "mime_type": "image/jpeg",
        "sha256": base64.b64encode(hashlib.sha256(content).digest()).decode(),
    }
    stated = message(id=f"wamid.{media_id}", timestamp=str(int(time.time())), type="image", text=...)
    entry = body(messages=[{**stated, "image": image}])["entry"][0]
    entry["changes"][0]["value"]["metadata"]["phone_number_id"] = "100021"
    numbers = [{"metaPhoneNumberId": "100021", "arn": arn}] if arn else []
    return {"context": {"MetaPhoneNumberIds": numbers}, "whatsAppWebhookEntry": json.dumps(entry)}


@pytest.fixture
def of_aws(files: Files, aws: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Files]:
    """AWS End User Messaging Social, which moto does not play: it puts files into moto's S3."""
    store = direct("s3", aws)
    name = bucket(store, is_locked=False)
    contents: dict[str, bytes] = {"m1": PICTURE, "m2": b"other bytes", "m4": bytes(2_000)}

    def get(request: bytes) -> Reply:
        asked = json.loads(request)
        content = contents.get(asked["mediaId"])
        if asked["originationPhoneNumberId"] != ARN or content is None:
            error = told({"message": "no such media"}, 404)
            return error._replace(headers={**error.headers, "x-amzn-ErrorType": "ResourceNotFoundException"})
        if not asked.get("metadataOnly"):
            target = asked["destinationS3File"]
            store.put_object(Bucket=target["bucketName"], Key=target["key"], Body=content)
        return told({"mimeType": "image/jpeg", "fileSize": len(content)})

    files.answers["/v1/whatsapp/media/get"] = get
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", aws)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SOCIALMESSAGING", files.address)
    monkeypatch.setenv("WA_AWS_SOCIAL__REGION", REGION)
    monkeypatch.setenv("WA_AWS_SOCIAL__MEDIA_BUCKET", f"s3://{name}/on/its/way")
    client.cache_clear()
    yield files
    client.cache_clear()
    assert "Contents" not in store.list_objects_v2(Bucket=name), "no file stays in the bucket"


def test_aws_puts_a_file_into_the_bucket_and_none_stays_there(
    wa: Wa, home: Path, tmp_path: Path, of_aws: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WA_AWS_SOCIAL__MEDIA_LIMIT_BYTES", "1000")
    contents = {"m1": PICTURE, "m2": b"what was announced", "m3": b"lost", "m4": b"too large"}
    capture(wa, tmp_path, "aws-social", *(event(*one) for one in contents.items()))
    capture(wa, tmp_path, "aws-social", event("m5", b"", arn=None))
    done = wa("pull", "aws-social", "media", "--json")
    assert (done.code, done.document["captured"]) == (2, 3)
    assert (done.document["lost"], done.document["altered"]) == (1, 1)
    assert sorted(sentence.partition(": ")[2] for sentence in done.document["failed"]) == [
        "A media file has 2,000 bytes; raise aws_social.media_limit_bytes to fetch it.",
        "An event of AWS names no phone number to ask by; look at it by hand.",
    ]
    assert held(home) == {
        "m1": (PICTURE, "fetched"),
        "m2": (b"other bytes", "fetched"),
        "m3": (b'{"answered":"ResourceNotFoundException"}', "lost"),
    }
    assert facts(wa, home) == [
        ("fetched", 11, False, "image/jpeg", "100021", "air"),
        ("fetched", len(PICTURE), True, "image/jpeg", "100021", "air"),
        ("lost", None, None, "image/jpeg", "100021", "air"),
    ]
    assert wa("pull", "aws-social", "--json").document["captured"] == 0, "without a queue that is all"
    monkeypatch.delenv("WA_AWS_SOCIAL__MEDIA_BUCKET")
    assert "WA_AWS_SOCIAL__MEDIA_BUCKET" in wa("pull", "aws-social", "media").err


def test_a_bucket_that_is_not_ours_ends_the_pull_with_one_sentence(
    wa: Wa, home: Path, tmp_path: Path, of_aws: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WA_AWS_SOCIAL__MEDIA_BUCKET", "s3://nobody-s-bucket")
    capture(wa, tmp_path, "aws-social", event("m1", PICTURE), event("m2", PICTURE))
    of_aws.answers["/v1/whatsapp/media/get"] = told({"mimeType": "image/jpeg", "fileSize": 3})
    done = wa("pull", "aws-social", "media", "--json")
    assert (done.code, done.document["captured"]) == (2, 0)
    (sentence,) = done.document["failed"]
    assert sentence.startswith("The bucket of media files could not be had (NoSuchBucket)")
    assert sentence.endswith("2 media files are left for the next pull.")
