"""Infobip, Twilio and SNS over real HTTP: what is theirs is stored exactly, anything else is 401."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.providers.sns import ADDRESS, CERTIFICATE, TOPIC, Topic
from tests.receiver.conftest import PROGRAM, Receiver, environment
from wa_analytics.capture import Capture
from wa_analytics.providers import parser
from wa_analytics.receiver.sns import AwsSocial, CertificateMissing, Certificates
from wa_analytics.settings import AwsSocial as AwsSettings
from wa_analytics.settings import Settings
from wa_analytics.workspace import Workspace

SNS = Topic()
PUBLIC = "https://hooks.example/webhooks/twilio"
TOKEN = "a-token-that-opens-nothing"
VARIABLES = {
    "WA_INFOBIP__WEBHOOK_USER": "hook",
    "WA_INFOBIP__WEBHOOK_PASSWORD": "pass",
    "WA_TWILIO__AUTH_TOKEN": TOKEN,
    "WA_TWILIO__PUBLIC_URL": PUBLIC,
    "WA_AWS_SOCIAL__TOPIC_ARNS": json.dumps([TOPIC]),
    "WA_AWS_SOCIAL__CERTIFICATES": "sns",
}
INFOBIP, TWILIO, AWS = "/webhooks/infobip", "/webhooks/twilio", "/webhooks/aws-social"
BASIC = {"Authorization": "Basic " + b64encode(b"hook:pass").decode(), "User-Agent": "ours"}
ENTRY = {"id": "1", "changes": []}


def event(number: int) -> dict[str, Any]:
    return {"whatsAppWebhookEntry": json.dumps(ENTRY), "messageId": str(number)}


def by_twilio(body: bytes, query: str = "") -> dict[str, str]:
    pairs = sorted(part.split("=") for part in body.decode().split("&")) if not query else []
    text = PUBLIC + (f"?{query}" if query else "") + "".join(name + value for name, value in pairs)
    signature = hmac.digest(TOKEN.encode(), text.encode(), hashlib.sha1)
    return {
        "X-Twilio-Signature": b64encode(signature).decode(),
        "Content-Type": "application/x-www-form-urlencoded",
    }


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    home = tmp_path_factory.mktemp("others") / "home"
    Workspace.init(home).close()
    (home / "sns").mkdir()
    (home / "sns" / CERTIFICATE).write_bytes(SNS.pem)
    running = Receiver(home, variables=VARIABLES).start()
    yield running
    running.end()


def kept(receiver: Receiver, body: bytes) -> list[Capture]:
    return [one for one in receiver.captures() if one.body == body]


def test_what_is_served_is_said(others: Receiver) -> None:
    for path in (INFOBIP, TWILIO, AWS, "/webhooks/meta-cloud"):
        assert path in others.said
        assert others.asked("GET", path)[0] == 403


def test_a_delivery_of_infobip_and_no_secret_in_the_evidence(others: Receiver) -> None:
    body = '{"results": [{"messageId": "grüße"}]}'.encode()
    assert others.post(body, BASIC, INFOBIP) == 200
    (capture,) = kept(others, body)
    assert (capture.provider, capture.signature_code) == ("infobip", "valid")
    assert capture.headers == {"user-agent": "ours"}


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Basic " + b64encode(b"hook:other").decode()}, {"Authorization": "App pass"}],
)
def test_not_infobip(others: Receiver, headers: dict[str, str]) -> None:
    assert others.post(b'{"results": ["forged"]}', headers, INFOBIP) == 401
    assert kept(others, b'{"results": ["forged"]}') == []


def test_two_authorizations_are_no_authorization(others: Receiver) -> None:
    value = BASIC["Authorization"]
    head = f"POST {INFOBIP} HTTP/1.1\r\nHost: x\r\nAuthorization: {value}\r\nAuthorization: {value}\r\n"
    assert b" 400 " in others.raw((head + "Content-Length: 2\r\nConnection: close\r\n\r\n{}").encode())


def test_a_form_of_twilio(others: Receiver) -> None:
    body = b"MessageSid=SM1&From=whatsapp:1&To=whatsapp:2&Body=hello&SmsStatus=received"
    assert others.post(body, by_twilio(body), TWILIO) == 200
    (capture,) = kept(others, body)
    assert (capture.provider, capture.signature_code) == ("twilio", "valid")
    assert set(capture.headers) == {"x-twilio-signature", "content-type"}
    assert len(parser("twilio")(capture, Settings())) == 1
    assert others.post(body + b"&x=1", by_twilio(body), TWILIO) == 401


def test_a_signed_query_is_kept_since_it_is_signed(others: Receiver) -> None:
    body = b'{"messages": [] }'
    query = "bodySHA256=" + hashlib.sha256(body).hexdigest()
    assert others.post(body, by_twilio(body, query), f"{TWILIO}?{query}") == 200
    assert kept(others, body)[0].headers["query"] == query
    assert others.post(body, by_twilio(body, query), TWILIO) == 401
    assert others.post(body, by_twilio(body, query), f"{TWILIO}?{'x' * 5000}") == 400


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_notification_of_sns(others: Receiver, version: str) -> None:
    body = json.dumps(SNS.envelope(event(int(version)), version)).encode()
    assert others.post(body, {"x-amz-sns-message-type": "Notification"}, AWS) == 200
    (capture,) = kept(others, body)
    assert (capture.provider, capture.signature_code) == ("aws-social", "valid")
    assert capture.headers == {"x-amz-sns-message-type": "Notification"}


@pytest.mark.parametrize(
    "stated",
    [
        event(9),
        SNS.envelope(event(9)) | {"Message": "changed"},
        SNS.envelope(event(9), TopicArn=TOPIC + "-of-somebody"),
        SNS.envelope(event(9)) | {"TopicArn": [TOPIC]},
        SNS.envelope(event(9)) | {"SignatureVersion": ["2"]},
        Topic().envelope(event(9)),
        SNS.envelope(event(9)) | {"SigningCertURL": "https://evil.example/SimpleNotificationService-0.pem"},
        SNS.confirmation(TopicArn="arn:aws:sns:eu-west-1:1:other"),
        [],
    ],
)
def test_not_our_topic(others: Receiver, stated: Any) -> None:
    before = len(others.captures())
    assert others.post(json.dumps(stated).encode(), {}, AWS) == 401
    assert len(others.captures()) == before


def test_a_provider_without_a_secret_is_not_served(tmp_path: Path) -> None:
    Workspace.init(tmp_path / "home").close()
    running = Receiver(tmp_path / "home").start()
    try:
        assert [running.post(b"{}", BASIC, path) for path in (INFOBIP, TWILIO, AWS)] == [404, 404, 404]
    finally:
        running.end()


# Certificates and confirmations, without a network


class Web:
    """What is behind addresses; an exception is raised."""

    def __init__(self, **pages: Any) -> None:
        self.pages = pages
        self.asked: list[str] = []

    def __call__(self, address: str) -> bytes:
        self.asked.append(address)
        page = self.pages.get(address.rpartition("/")[2], b"")
        if isinstance(page, Exception):
            raise page
        return bytes(page)


def verifier(web: Web, **given: Any) -> AwsSocial:
    settings = Settings(aws_social=AwsSettings(topic_arns=(TOPIC,), **given))
    return AwsSocial(settings, web)


def exact(stated: Any) -> bytes:
    return json.dumps(stated).encode()


def test_a_certificate_is_fetched_once() -> None:
    web = Web(**{CERTIFICATE: SNS.pem})
    ours = verifier(web)
    for number in range(3):
        assert ours.signature(exact(SNS.envelope(event(number))), {}) == "valid"
    assert web.asked == [ADDRESS]


def test_nothing_is_fetched_for_another_topic_or_from_another_host() -> None:
    web = Web(**{CERTIFICATE: SNS.pem})
    ours = verifier(web)
    for stated in (
        SNS.envelope(event(1), TopicArn="other"),
        SNS.envelope(event(1)) | {"SigningCertURL": f"https://evil.example/{CERTIFICATE}"},
    ):
        assert ours.signature(exact(stated), {}) == "invalid"
    assert web.asked == []


def test_while_a_certificate_cannot_be_fetched_the_sender_comes_again_and_we_knock_once() -> None:
    web = Web(**{CERTIFICATE: OSError("no route")})
    ours = verifier(web)
    for number in range(3):
        with pytest.raises(CertificateMissing):
            ours.signature(exact(SNS.envelope(event(number))), {})
    assert web.asked == [ADDRESS]


def test_one_certificate_is_fetched_at_a_time() -> None:
    running, most = 0, 0
    lock = threading.Lock()
    gate = threading.Event()

    def slow(address: str) -> bytes:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        gate.wait(0.05)
        with lock:
            running -= 1
        return SNS.pem

    certificates = Certificates(Settings(), slow)
    addresses = [ADDRESS.replace("0123", f"{number:04d}") for number in range(4)]
    threads = [threading.Thread(target=certificates.certificate, args=(one,)) for one in addresses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_a_subscription_to_our_topic_is_confirmed_after_it_was_stored() -> None:
    web = Web(**{CERTIFICATE: SNS.pem})
    ours = verifier(web)
    body = exact(SNS.confirmation())
    code = ours.signature(body, {})
    after = ours.follow_up(body, code)
    assert after is not None
    assert web.asked == [ADDRESS], "not before the body is on disk"
    after()
    assert web.asked[1:] == [SNS.confirmation()["SubscribeURL"]]


@pytest.mark.parametrize(
    ("stated", "code"),
    [
        (SNS.confirmation(), "absent"),
        (SNS.confirmation("UnsubscribeConfirmation"), "valid"),
        (SNS.confirmation(SubscribeURL="https://evil.example/?Action=ConfirmSubscription"), "valid"),
        (SNS.confirmation(SubscribeURL="http://169.254.169.254/latest"), "valid"),
        (SNS.envelope("SubscriptionConfirmation"), "valid"),
    ],
)
def test_nothing_else_is_visited(stated: Any, code: Any) -> None:
    assert verifier(Web()).follow_up(exact(stated), code) is None


def test_a_confirmation_that_fails_costs_nothing_else() -> None:
    url = SNS.confirmation()["SubscribeURL"]
    web = Web(**{CERTIFICATE: SNS.pem, url.rpartition("/")[2]: OSError("no route")})
    after = verifier(web).follow_up(exact(SNS.confirmation()), "valid")
    assert after is not None
    after()


def test_a_provider_that_is_partly_configured_is_told(tmp_path: Path) -> None:
    import subprocess

    Workspace.init(tmp_path / "home").close()
    given = {"WA_META_CLOUD__APP_SECRET": "", "WA_INFOBIP__SECRET": "s"}
    ran = subprocess.run(
        [*PROGRAM, "receive", "--port", "0", "--status-port", "0"],
        env=environment(tmp_path / "home", **given),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 2
    assert "WA_META_CLOUD__APP_SECRET" in ran.stderr, "its verify token is set, its secret is not"
