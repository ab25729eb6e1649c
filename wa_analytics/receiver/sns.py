"""Deliveries of Amazon SNS: signed with a certificate that has to be fetched, confirmed by a visit.

Both need the network, and both only in a thread: the certificate from an address of SNS itself, once
per address; the confirmation only of a subscription to a topic that the settings name.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from wa_analytics.capture import SignatureCode
from wa_analytics.providers.signatures import CERTIFICATE_BYTES, certificate_folder, stored_certificate
from wa_analytics.providers.sns import envelope_of, is_amazon, signature_of
from wa_analytics.settings import Settings

FETCH_SECONDS = 5.0
AGAIN_SECONDS = 60.0
"""After a certificate could not be fetched, deliveries that need it are told to come again."""
REMEMBERED = 64
logger = logging.getLogger("wa_analytics.receiver")

Fetch = Callable[[str], bytes]


class CertificateMissing(Exception):
    """The certificate cannot be fetched now."""


def fetched(address: str) -> bytes:
    """What is behind an address. Raises httpx.HTTPError."""
    import httpx

    with httpx.stream("GET", address, timeout=FETCH_SECONDS, follow_redirects=False) as answer:
        answer.raise_for_status()
        content = b""
        for part in answer.iter_bytes():
            content += part
            if len(content) > CERTIFICATE_BYTES:
                break
    return content


class Certificates:
    """Signing certificates: from the folder of the settings, else fetched once and remembered.

    One is fetched at a time, and a failure is remembered for a while, so that nobody can make us knock
    at SNS with made-up addresses.
    """

    def __init__(self, settings: Settings, fetch: Fetch = fetched) -> None:
        self._folder = certificate_folder(settings)
        self._fetch = fetch
        self._known: dict[str, bytes] = {}
        self._failed: dict[str, float] = {}
        self._lock = threading.Lock()

    def certificate(self, address: str) -> bytes:
        """Raises CertificateMissing."""
        known = self._known.get(address)
        if known is not None:
            return known
        if self._folder is not None and (stored := stored_certificate(self._folder, address)) is not None:
            return stored
        if not self._lock.acquire(timeout=FETCH_SECONDS):
            raise CertificateMissing
        try:
            known = self._known.get(address)
            if known is None:
                known = self._fetched(address)
            return known
        finally:
            self._lock.release()

    def _fetched(self, address: str) -> bytes:
        now = time.monotonic()
        if now - self._failed.get(address, -AGAIN_SECONDS) < AGAIN_SECONDS:
            raise CertificateMissing
        try:
            content = self._fetch(address)
        except Exception as error:
            if len(self._failed) >= REMEMBERED:
                self._failed.clear()
            self._failed[address] = now
            host = urlsplit(address).hostname
            logger.error("A signing certificate of %s could not be fetched (%s).", host, type(error).__name__)
            raise CertificateMissing from None
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[address] = content
        return content


class AwsSocial:
    """AWS End User Messaging Social through an SNS topic that delivers to HTTPS.

    Raw delivery carries no signature and is refused like anything unsigned. Source: AWS, SNS developer
    guide, "Verifying signatures" and "Subscribing an HTTPS endpoint".
    """

    credentials: frozenset[str] = frozenset()
    is_slow = True

    def __init__(self, settings: Settings, fetch: Fetch = fetched) -> None:
        self._topics = frozenset(settings.aws_social.topic_arns)
        self._certificates = Certificates(settings, fetch)
        self._visit = fetch

    @property
    def missing(self) -> str:
        return "" if self._topics else "WA_AWS_SOCIAL__TOPIC_ARNS"

    @property
    def cannot_subscribe(self) -> str:
        return self.missing

    def signature(self, body: bytes, headers: Mapping[str, str]) -> SignatureCode:
        """Raises CertificateMissing; a topic that the settings do not name is `invalid`."""
        envelope = envelope_of(body)
        if envelope is None or not self._topics:
            return "absent"
        topic = envelope.get("TopicArn")
        if not isinstance(topic, str) or topic not in self._topics:
            return "invalid"
        return signature_of(envelope, self._certificates.certificate)

    def challenge(self, query: bytes) -> str | None:
        return None

    def follow_up(self, body: bytes, code: SignatureCode) -> Callable[[], None] | None:
        """Confirms a subscription to a topic of ours, told by a valid signature."""
        if code != "valid" or b"SubscriptionConfirmation" not in body:
            return None
        envelope = envelope_of(body)
        if envelope is None or envelope["Type"] != "SubscriptionConfirmation":
            return None
        url = envelope.get("SubscribeURL")
        if not is_amazon(url):
            return None

        def confirm() -> None:
            try:
                self._visit(str(url))
            except Exception as error:
                logger.error(
                    "A subscription could not be confirmed (%s); let SNS send the request again.",
                    type(error).__name__,
                )
            else:
                logger.warning("The subscription of an SNS topic named in the settings was confirmed.")

        return confirm
