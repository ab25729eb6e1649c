"""Amazon SNS: the envelope around a notification, and its signature.

Version 1 signs with SHA-1, version 2 with SHA-256, both RSA PKCS #1 v1.5 over the named fields in
alphabetical order. Source: AWS, SNS developer guide, "Verifying the signatures of Amazon SNS messages".
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from wa_analytics.capture import SignatureCode
from wa_analytics.providers.bodies import decoded

NOTIFICATION = "Notification"
CONFIRMATIONS = ("SubscriptionConfirmation", "UnsubscribeConfirmation")
SIGNATURE_FIELDS = ("Signature", "SignatureVersion", "SigningCertURL", "SigningCertUrl")
_SIGNED = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_NEVER_IN = {NOTIFICATION: ("SubscribeURL", "Token"), **dict.fromkeys(CONFIRMATIONS, ("Subject",))}
_HOST = re.compile(r"sns\.[a-z0-9-]{1,40}\.amazonaws\.com(?:\.cn)?\Z")
_CERTIFICATE = re.compile(r"/SimpleNotificationService-[0-9A-Za-z]{8,64}\.pem\Z")

CertificateSource = Callable[[str], bytes | None]
"""The PEM certificate behind a SigningCertURL; None where it is not at hand."""


def envelope_of(exact: bytes) -> dict[str, Any] | None:
    """The envelope, or None where the body is something else."""
    try:
        stated = decoded(exact)
    except ValueError:
        return None
    is_one = (
        isinstance(stated, dict)
        and stated.get("Type") in (NOTIFICATION, *CONFIRMATIONS)
        and isinstance(stated.get("Message"), str)
    )
    return stated if is_one else None


def is_amazon(url: object, path: re.Pattern[str] | None = None) -> bool:
    """Whether the address is one of SNS itself; anybody may write any address into a body."""
    if not isinstance(url, str):
        return False
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return (
        parts.scheme == "https"
        and port in (None, 443)
        and parts.username is None
        and _HOST.match(parts.hostname or "") is not None
        and (path is None or (path.match(parts.path) is not None and not parts.query))
    )


def certificate_address(envelope: dict[str, Any]) -> str | None:
    """Where the certificate is, if that is an address of SNS."""
    url = envelope.get("SigningCertURL", envelope.get("SigningCertUrl"))
    return str(url) if is_amazon(url, _CERTIFICATE) else None


def signature_of(envelope: dict[str, Any], certificate: CertificateSource) -> SignatureCode:
    """`absent` without a signature or where its certificate is not at hand."""
    if not isinstance(envelope.get("Signature"), str):
        return "absent"
    address = certificate_address(envelope)
    if address is None:
        return "invalid"
    pem = certificate(address)
    if pem is None:
        return "absent"
    return "valid" if _is_signed(envelope, pem) else "invalid"


def signed_text(envelope: dict[str, Any]) -> bytes:
    """What is signed. Raises ValueError where a field is no text."""
    left_out = _NEVER_IN[envelope["Type"]]
    lines = []
    for name in _SIGNED:
        value = envelope.get(name)
        if value is None or name in left_out:
            continue
        if not isinstance(value, str):
            raise ValueError("a signed field is no text")
        lines.append(f"{name}\n{value}\n")
    return "".join(lines).encode()


def _is_signed(envelope: dict[str, Any], pem: bytes) -> bool:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    # SHA-1 is what version 1 is; nobody can choose another content for a signature that AWS made.
    digests: dict[str, hashes.HashAlgorithm] = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303
    version = envelope.get("SignatureVersion")
    digest = digests.get(version) if isinstance(version, str) else None
    if digest is None:
        return False
    try:
        key = x509.load_pem_x509_certificate(pem).public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            return False
        signature = b64decode(envelope["Signature"], validate=True)
        key.verify(signature, signed_text(envelope), padding.PKCS1v15(), digest)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True
