"""SNS as a test plays it: a key, its certificate, and envelopes signed with it."""

from __future__ import annotations

import datetime
import json
from base64 import b64encode
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from wa_analytics.providers.sns import signed_text

TOPIC = "arn:aws:sns:eu-west-1:000000000000:whatsapp"
CERTIFICATE = "SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
ADDRESS = f"https://sns.eu-west-1.amazonaws.com/{CERTIFICATE}"


class Topic:
    """One signing key. pem: its certificate."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
        start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
        self.pem = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(1)
            .not_valid_before(start)
            .not_valid_after(start + datetime.timedelta(days=365))
            .sign(self.key, hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
        )

    def envelope(self, message: Any, version: str = "2", **more: Any) -> dict[str, Any]:
        stated = {
            "Type": "Notification",
            "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
            "TopicArn": TOPIC,
            "Message": message if isinstance(message, str) else json.dumps(message),
            "Timestamp": "2026-01-01T00:00:05.000Z",
            "SignatureVersion": version,
            "SigningCertURL": ADDRESS,
            "UnsubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe",
            **more,
        }
        digest = hashes.SHA1() if version == "1" else hashes.SHA256()
        signature = self.key.sign(signed_text(stated), padding.PKCS1v15(), digest)
        return {**stated, "Signature": b64encode(signature).decode()}

    def confirmation(self, kind: str = "SubscriptionConfirmation", **more: Any) -> dict[str, Any]:
        url = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"
        return self.envelope(
            "You have chosen to subscribe", Type=kind, **{"Token": "t", "SubscribeURL": url, **more}
        )
