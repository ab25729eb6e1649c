"""Whose delivery it is: each provider's check over the exact bytes."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wa_analytics.providers.signatures import signature_check
from wa_analytics.settings import Infobip, Settings, Twilio

# The address, body and signature of JSON that Twilio's own libraries publish as an example; their
# example of a form names numbers that are not reserved, so its numbers are others here.
URL = "https://mycompany.com/myapp.php"
PARAMETERS = {
    "CallSid": "CA1234567890ABCDE", "Digits": "1234", "From": "+12025550123", "To": "+12025550100",
    "Caller": "+12025550123",
}  # fmt: skip
FORM = urlencode(PARAMETERS).encode()
SIGNED = (
    URL + "?foo=1&bar=2CallSidCA1234567890ABCDECaller+12025550123Digits1234From+12025550123To+12025550100"
)
SIGNATURE = b64encode(hmac.digest(b"12345", SIGNED.encode(), hashlib.sha1)).decode()
JSON = b'{"property": "value", "boolean": true}'
JSON_QUERY = "bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
JSON_SIGNATURE = "a9nBmqA0ju/hNViExpshrM61xv4="


def twilio(
    body: bytes, signature: str | None, *, url: str = URL + "?foo=1&bar=2", token: str = "12345", **more: str
) -> str:
    settings = Settings(twilio=Twilio(auth_token=token, public_url=url))  # type: ignore[arg-type]
    shown = more if signature is None else {"x-twilio-signature": signature, **more}
    return signature_check("twilio", settings)(body, shown)


@pytest.mark.parametrize(
    ("url", "query"),
    [
        (URL + "?foo=1&bar=2", ""),
        (URL, "foo=1&bar=2"),
        (URL + "?foo=1", "bar=2"),
        (URL + "?foo=1&bar=2", "foo=1&bar=2"),
        ("https://mycompany.com:443/myapp.php", "foo=1&bar=2"),
    ],
)
def test_a_form_of_twilio(url: str, query: str) -> None:
    shown = {"query": query} if query else {}
    assert twilio(FORM, SIGNATURE, url=url, **shown) == "valid"
    reversed_form = urlencode(list(PARAMETERS.items())[::-1]).encode()
    assert twilio(reversed_form, SIGNATURE, url=url, **shown) == "valid"
    assert twilio(FORM + b"&Digits=5", SIGNATURE, url=url, **shown) == "invalid"
    assert twilio(FORM.replace(b"1234", b"1235"), SIGNATURE, url=url, **shown) == "invalid"


@pytest.mark.parametrize("body", [b"Body=\xff&MessageSid=SM1", "&".join(["a=1"] * 2_001).encode()], ids=len)
def test_what_is_no_form_is_not_vouched_for_by_its_address(body: bytes) -> None:
    alone = b64encode(hmac.digest(b"12345", URL.encode(), hashlib.sha1)).decode()
    assert twilio(b"", alone, url=URL) == "valid"
    assert twilio(body, alone, url=URL) == "invalid"


def test_twilio_s_own_example_of_json() -> None:
    assert twilio(JSON, JSON_SIGNATURE, query=JSON_QUERY) == "valid"
    assert twilio(JSON + b" ", JSON_SIGNATURE, query=JSON_QUERY) == "invalid"
    assert twilio(JSON, JSON_SIGNATURE) == "invalid"


@pytest.mark.parametrize("port", ["", ":443"])
def test_twilio_signs_with_or_without_the_port(port: str) -> None:
    text = f"https://mycompany.com{port}/myapp.php?foo=1&bar=2" + "".join(
        name + value for name, value in sorted(PARAMETERS.items())
    )
    signature = b64encode(hmac.digest(b"12345", text.encode(), hashlib.sha1)).decode()
    assert twilio(FORM, signature) == "valid"


@pytest.mark.parametrize(
    ("signature", "given", "code"),
    [
        (None, {}, "absent"),
        ("", {}, "absent"),
        (SIGNATURE, {"token": ""}, "absent"),
        (SIGNATURE, {"url": ""}, "absent"),
        (SIGNATURE, {"token": "12346"}, "invalid"),
        (SIGNATURE, {"url": "https://mycompany.com:99999999/myapp.php?foo=1&bar=2"}, "invalid"),
        ("é", {}, "invalid"),
    ],
)
def test_what_twilio_did_not_sign(signature: str | None, given: dict[str, str], code: str) -> None:
    assert twilio(FORM, signature, **given) == code  # type: ignore[arg-type]


def infobip(headers: dict[str, str], **given: str) -> str:
    return signature_check("infobip", Settings(infobip=Infobip(**given)))(b"{}", headers)  # type: ignore[arg-type]


DIGEST = hmac.digest(b"key", b"{}", hashlib.sha256)
BASIC = "Basic " + b64encode(b"us:pass:word").decode()
BOTH = {"secret": "s", "webhook_user": "us", "webhook_password": "pass:word"}


@pytest.mark.parametrize(
    ("headers", "given", "code"),
    [
        ({}, {}, "absent"),
        ({"authorization": BASIC}, {}, "absent"),
        ({"x-webhook-secret": "s"}, {"secret": "s"}, "valid"),
        ({"x-ours": "s"}, {"secret": "s", "header": "X-Ours"}, "valid"),
        ({"x-webhook-secret": "S"}, {"secret": "s"}, "invalid"),
        ({}, {"secret": "s"}, "absent"),
        ({"authorization": BASIC}, {"webhook_user": "us", "webhook_password": "pass:word"}, "valid"),
        ({"authorization": BASIC}, {"webhook_user": "us", "webhook_password": "word"}, "invalid"),
        ({"authorization": "Bearer x"}, {"webhook_user": "us", "webhook_password": "x"}, "invalid"),
        ({"authorization": "Basic"}, {"webhook_user": "us", "webhook_password": "x"}, "invalid"),
        ({"x-hub-signature": DIGEST.hex()}, {"hmac_secret": "key"}, "valid"),
        ({"x-hub-signature": "sha256=" + DIGEST.hex()}, {"hmac_secret": "key"}, "valid"),
        ({"x-hub-signature": b64encode(DIGEST).decode()}, {"hmac_secret": "key"}, "valid"),
        ({"x-hub-signature": DIGEST.hex()}, {"hmac_secret": "other"}, "invalid"),
        ({"authorization": BASIC, "x-webhook-secret": "s"}, BOTH, "valid"),
        ({"authorization": BASIC}, BOTH, "absent"),
        ({"authorization": BASIC, "x-webhook-secret": "t"}, BOTH, "invalid"),
    ],
)
def test_infobip_shows_every_secret_that_is_set(
    headers: dict[str, str], given: dict[str, str], code: str
) -> None:
    assert infobip(headers, **given) == code


@pytest.mark.parametrize("provider", ["infobip", "twilio", "aws-social", "chat-export", "send-log"])
def test_without_a_secret_nothing_is_judged(provider: str) -> None:
    assert signature_check(provider, Settings())(b"{}", {"x-twilio-signature": "x"}) == "absent"


@given(st.binary(max_size=60), st.text(max_size=30), st.text(alphabet="a?&=%;:/é#", max_size=20))
def test_nothing_that_arrives_makes_a_check_fail(body: bytes, signature: str, query: str) -> None:
    assert twilio(body, signature, query=query) in ("invalid", "absent")
    shown = {"x-webhook-secret": signature, "authorization": query, "x-hub-signature": signature}
    assert infobip(shown, secret="long enough", hmac_secret="k", webhook_password="p") in (
        "invalid",
        "absent",
    )
