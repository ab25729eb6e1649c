"""What holds for every sequence of bytes, one law per way in. Run by hypothesis in the ordinary tests
and by atheris in `make fuzz`; a law fails by raising anything.

No crash: a parser gives records or says CaptureUnreadable. No lost record: a splitter gives every byte
back. No value in a name: what is counted has a plain short name.
"""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from tempfile import TemporaryDirectory
from typing import Any

from tests.providers.worlds import ANA, BEN, RECEIVED, body, message, status
from wa_analytics.capture import Capture
from wa_analytics.errors import CaptureUnreadable
from wa_analytics.providers import PARSERS, files, parser
from wa_analytics.providers.carving import carved
from wa_analytics.providers.record_split import Block, CsvSplitter, DocumentSplitter
from wa_analytics.providers.signatures import signature_check
from wa_analytics.providers.table_rows import SHAPES
from wa_analytics.receiver.endpoints import ENDPOINTS
from wa_analytics.receiver.sns import CertificateMissing
from wa_analytics.records import UnknownRecord
from wa_analytics.settings import AwsSocial, Imports, Infobip, MetaCloud, Settings, Twilio

Law = Callable[[bytes], None]
HEADERS = (
    "x-hub-signature-256", "x-twilio-signature", "authorization", "x-webhook-secret", "x-hub-signature",
)  # fmt: skip
TOPIC = "arn:aws:sns:eu-west-1:000000000000:whatsapp"
SETTINGS = Settings(
    meta_cloud=MetaCloud(app_secret="s", verify_token="t"),  # type: ignore[arg-type]
    infobip=Infobip(secret="s", hmac_secret="s", webhook_password="s"),  # type: ignore[arg-type]
    twilio=Twilio(auth_token="s", public_url="https://hooks.example/webhooks/twilio"),  # type: ignore[arg-type]
    aws_social=AwsSocial(topic_arns=(TOPIC,)),
    imports=Imports(day_first=True),
)


def parsed(provider: str, **headers: str) -> Law:
    def law(exact: bytes) -> None:
        capture = Capture(exact, headers, provider, RECEIVED)
        try:
            records = parser(provider)(capture, SETTINGS)
        except CaptureUnreadable:
            return
        for record in records:
            if isinstance(record, UnknownRecord):
                assert len(record.name) <= 64
                assert record.name.isascii()
        assert parser(provider)(capture, SETTINGS) == records
        carving = carved(capture, SETTINGS, "", lambda fact: fact in records[::2], lambda person: False)
        assert carving.rest is None or carving.outcome == "carved"

    return law


def imported(provider: str) -> Law:
    """From a pipe: every capture holds bytes that came, and whatever happens is told."""

    def law(exact: bytes) -> None:
        found = list(files.captures("-", provider, RECEIVED, SETTINGS, io.BytesIO(exact)))
        for one in found:
            if isinstance(one, files.Refusal):
                assert one.sentence.endswith(".")
            else:
                with suppress(CaptureUnreadable):
                    parser(provider)(one, SETTINGS)
        assert found

    return law


def zipped(exact: bytes) -> None:
    """Members with any name: nothing is written anywhere, nothing is lost silently."""
    name = exact[:24].decode("utf-8", "replace").replace("\x00", "_") or "x"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../" + name, exact)
        archive.writestr("_chat.txt", "13/06/2026, 21:25 - Ana: x")
    with TemporaryDirectory() as folder:
        path = f"{folder}/chat.zip"
        for content in (packed.getvalue(), exact, packed.getvalue()[: len(exact)]):
            with open(path, "wb") as stream:
                stream.write(content)
            assert list(files.captures(path, "chat-export", RECEIVED, SETTINGS))


def unzipped(exact: bytes) -> None:
    for content in (gzip.compress(exact), b"\x1f\x8b" + exact, gzip.compress(exact)[:-9]):
        assert list(files.captures("-", "aws-social", RECEIVED, SETTINGS, io.BytesIO(content)))


def documents(exact: bytes) -> None:
    splitter = DocumentSplitter()
    size = 1 + len(exact) % 7
    parts = [one for at in range(0, len(exact), size) for one in splitter.records(exact[at : at + size])]
    parts += splitter.rest()
    assert b"".join(b"".join(part.split()) for _, part in parts) == b"".join(exact.split())


def quoted(exact: bytes) -> None:
    splitter = CsvSplitter(",")
    records = splitter.records(Block(1, exact.split(b"\n"), True)) + splitter.rest()
    kept = [line for _, record in records for line in record.split(b"\n")]
    assert [line.strip() for line in kept if line.strip()] == [
        line.strip() for line in exact.split(b"\n") if line.strip()
    ]


def signed(exact: bytes) -> None:
    """Nobody who lacks the secrets gets in, and nothing fails on the way."""
    head, _, rest = exact.partition(b"\n")
    text = head.decode("latin-1")
    shown = dict.fromkeys(
        ("x-hub-signature-256", "x-twilio-signature", "authorization", "x-webhook-secret", "x-hub-signature"),
        text,
    )
    for endpoint in ENDPOINTS:
        verifier = endpoint.verifier(SETTINGS)
        if endpoint.provider == "aws-social":
            verifier._certificates._fetch = _no_network  # type: ignore[attr-defined]
        with suppress(CertificateMissing):
            code = verifier.signature(rest, {**shown, "query": text})
            assert code != "valid" or endpoint.provider == "infobip"
            verifier.follow_up(rest, code)
        verifier.challenge(head)
    for provider in PARSERS:
        signature_check(provider, SETTINGS)(rest, shown)


def _no_network(address: str) -> bytes:
    raise OSError("no network in a test")


def _tables() -> Iterator[tuple[str, Law]]:
    for provider, shape in SHAPES.items():
        columns = json.dumps(list(shape.columns))
        yield f"row {provider}", parsed(provider, columns=columns, delimiter=",", line="2")


LAWS: dict[str, Law] = {
    **{f"parse {provider}": parsed(provider) for provider in PARSERS},
    **{f"import {provider}": imported(provider) for provider in PARSERS},
    **dict(_tables()),
    "parse chat-export line": parsed("chat-export", date_order="dmy", line_style="-/", line="1"),
    "parse twilio page": parsed("twilio", source="messages"),
    "zip": zipped,
    "gzip": unzipped,
    "documents": documents,
    "quotes": quoted,
    "signature": signed,
}

_ENTRY: Any = body(messages=[message()], contacts=[{"wa_id": ANA, "user_id": "US.1"}], statuses=[status()])
_EVENT = {
    "whatsAppWebhookEntry": json.dumps(_ENTRY["entry"][0]),
    "message_timestamp": "2026-01-01T00:00:00.1Z",
}
_SEEN = {"messageId": "m", "from": BEN, "to": ANA, "seenAt": "2026-01-01T10:10:00.000+0000"}
_LISTED = {
    "sid": "SM1", "from": f"whatsapp:+{BEN}", "to": f"whatsapp:+{ANA}", "direction": "outbound-api",
    "status": "read", "date_sent": "Thu, 01 Jan 2026 10:10:01 +0000", "body": "x", "num_media": "0",
}  # fmt: skip
SEEDS: tuple[bytes, ...] = (
    json.dumps(_ENTRY).encode(),
    json.dumps({"received_at": "2026-01-01T00:00:00Z", "headers": {}, "body": json.dumps(_ENTRY)}).encode(),
    json.dumps(_EVENT).encode() * 2,
    json.dumps({"Type": "Notification", "TopicArn": TOPIC, "Message": json.dumps(_EVENT), "Signature": "AA==",
                "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-01234567.pem",
                "SignatureVersion": "2"}).encode(),
    json.dumps({"results": [_SEEN, {"messageId": "m", "to": ANA, "sentAt": "2026-01-01T10:10:00.000+0000",
                                    "status": {"groupName": "DELIVERED"}},
                            {"messageId": "i", "from": ANA, "to": BEN, "receivedAt": "2026-01-01T10:10:00Z",
                             "message": {"type": "IMAGE", "url": "https://x/media/1"}}]}).encode(),
    json.dumps({"from": BEN, "createdAt": "2026-01-01T10:10:00Z",
                "content": {"from": ANA, "notificationMessagesStatus": "stop"}}).encode(),
    json.dumps({"messageTemplateName": "t", "timestamp": "2026-01-01T10:10:00Z",
                "change": {"type": "TEMPLATE_STATUS_UPDATE", "newStatus": "APPROVED"}}).encode(),
    json.dumps({"messages": [_LISTED, _LISTED | {"sid": "SM2", "status": "received"}]}).encode(),
    b"MessageSid=SM1&From=whatsapp%3A%2B1&To=whatsapp%3A%2B2&Body=STOP&SmsStatus=received&NumMedia=0",
    "\u200e[13/06/2026, 9:25:15\u202fPM] ~\u202fAna: <attached: 1-PHOTO.jpg>\r\ntwo".encode(),
    b"13/06/2026, 21:25 - Ana: x\n14/06/2026, 21:25 - You were added\n",
    b'message_id,sent_at,channel_id,to,body\nwamid.1,2026-01-01T00:00:00Z,1,447700900123,"two\nlines"\n',
    b'{"a":1,"a":{"b":[1e400,-0,99999999999999999999999999]},"\\ud800":"\\u0000"}',
    b"[" * 3000 + b"]" * 3000,
    b'{"results":' * 500,
)  # fmt: skip
