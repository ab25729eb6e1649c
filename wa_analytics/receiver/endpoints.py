"""Where providers deliver, and how each one's signature is verified.

A new provider is a verifier and one entry in `ENDPOINTS`.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qsl

from wa_analytics.capture import Keyed, SignatureCode, signature_code
from wa_analytics.providers.signatures import TWILIO_SIGNATURE, signature_check
from wa_analytics.receiver.sns import AwsSocial
from wa_analytics.settings import Settings, secret_text

SIGNATURE = "x-hub-signature-256"
CHALLENGE_CHARACTERS = 512


class Verifier(Protocol):
    """What an endpoint knows of its provider's secrets."""

    @property
    def missing(self) -> str:
        """The variable without which no signature can be verified; empty when all is there."""
        ...

    @property
    def cannot_subscribe(self) -> str:
        """The variable without which the provider cannot verify the endpoint; empty when it can."""
        ...

    def signature(self, body: bytes, headers: Mapping[str, str]) -> SignatureCode:
        """The outcome over the exact bytes. headers: the endpoint's kept ones, lower-case."""
        ...

    def challenge(self, query: bytes) -> str | None:
        """What to answer to the provider's own verification by GET; None refuses it."""
        ...

    @property
    def credentials(self) -> frozenset[str]:
        """Names of further headers that `signature` reads; they are secrets and never stored."""
        ...

    @property
    def is_slow(self) -> bool:
        """Whether `signature` may wait for a network, and so runs in a thread."""
        ...

    def follow_up(self, body: bytes, code: SignatureCode) -> Callable[[], None] | None:
        """What is to be done once the delivery is on disk, in a thread; None for nothing."""
        ...


class Checked:
    """A provider whose deliveries are checked by `providers.signatures` and that asks for nothing
    else. missing: the variable that is not set."""

    credentials: frozenset[str] = frozenset()
    is_slow = False

    def __init__(self, provider: str, settings: Settings, missing: str) -> None:
        self._check = signature_check(provider, settings)
        self._missing = missing

    @property
    def missing(self) -> str:
        return self._missing

    @property
    def cannot_subscribe(self) -> str:
        return self._missing

    def signature(self, body: bytes, headers: Mapping[str, str]) -> SignatureCode:
        return self._check(body, headers)

    def challenge(self, query: bytes) -> str | None:
        return None

    def follow_up(self, body: bytes, code: SignatureCode) -> Callable[[], None] | None:
        return None


class Infobip(Checked):
    """Infobip's webhooks: Basic authentication, a secret in a header, an HMAC, or several of them.

    Their own rules for signatures are not in public pages that could be verified; these are what a
    webhook address can be given there.
    """

    def __init__(self, settings: Settings) -> None:
        given = settings.infobip
        has_any = any(map(secret_text, (given.secret, given.hmac_secret, given.webhook_password)))
        super().__init__("infobip", settings, "" if has_any else "WA_INFOBIP__SECRET")
        self.credentials = frozenset((given.header.lower(), "authorization", given.hmac_header.lower()))


class Twilio(Checked):
    """Twilio's webhooks, signed with the account's auth token over the public address.

    Source: Twilio, "Validating requests".
    """

    def __init__(self, settings: Settings) -> None:
        given = settings.twilio
        missing = "" if secret_text(given.auth_token) else "WA_TWILIO__AUTH_TOKEN"
        super().__init__("twilio", settings, missing or ("" if given.public_url else "WA_TWILIO__PUBLIC_URL"))


class MetaCloud:
    """Meta's webhooks: HMAC-SHA-256 under the app secret, GET handshake with a verify token.

    Source: Meta, "Create a webhook endpoint" (validating payloads, verification requests).
    """

    credentials: frozenset[str] = frozenset()
    is_slow = False

    def __init__(self, settings: Settings) -> None:
        secret, token = settings.meta_cloud.app_secret, settings.meta_cloud.verify_token
        self._secret = Keyed(text.encode()) if (text := secret_text(secret)) else None
        self._token = token.get_secret_value().encode() if token else None

    @property
    def missing(self) -> str:
        return "" if self._secret else "WA_META_CLOUD__APP_SECRET"

    @property
    def cannot_subscribe(self) -> str:
        return "" if self._token else "WA_META_CLOUD__VERIFY_TOKEN"

    def signature(self, body: bytes, headers: Mapping[str, str]) -> SignatureCode:
        return signature_code(body, headers.get(SIGNATURE), self._secret)

    def challenge(self, query: bytes) -> str | None:
        try:
            pairs = parse_qsl(query.decode("ascii"), max_num_fields=16, errors="strict")
        except ValueError:
            return None
        stated = dict(pairs)
        if len(stated) != len(pairs) or stated.get("hub.mode") != "subscribe" or not self._token:
            return None
        if not hmac.compare_digest(stated.get("hub.verify_token", "").encode(), self._token):
            return None
        challenge = stated.get("hub.challenge", "")
        return challenge if 0 < len(challenge) <= CHALLENGE_CHARACTERS else None

    def follow_up(self, body: bytes, code: SignatureCode) -> Callable[[], None] | None:
        return None


@dataclass(frozen=True)
class Endpoint:
    """path: where the provider posts. kept_headers: lower-case names of those stored beside the
    body; the rest (addresses, cookies, proxies' notes) is dropped. signature_header: the one that
    must not come twice. keeps_query: store the address' query as `query`, where it is signed."""

    path: str
    provider: str
    kept_headers: frozenset[str]
    signature_header: str
    verifier: Callable[[Settings], Verifier]
    keeps_query: bool = False


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        path="/webhooks/meta-cloud",
        provider="meta-cloud",
        kept_headers=frozenset((SIGNATURE, "content-type", "user-agent")),
        signature_header=SIGNATURE,
        verifier=MetaCloud,
    ),
    Endpoint(
        path="/webhooks/infobip",
        provider="infobip",
        kept_headers=frozenset(("content-type", "user-agent")),
        signature_header="authorization",
        verifier=Infobip,
    ),
    Endpoint(
        path="/webhooks/twilio",
        provider="twilio",
        kept_headers=frozenset((TWILIO_SIGNATURE, "content-type", "user-agent")),
        signature_header=TWILIO_SIGNATURE,
        verifier=Twilio,
        keeps_query=True,
    ),
    Endpoint(
        path="/webhooks/aws-social",
        provider="aws-social",
        kept_headers=frozenset(
            ("x-amz-sns-message-type", "x-amz-sns-topic-arn", "x-amz-sns-rawdelivery", "content-type")
        ),
        signature_header="x-amz-sns-message-type",
        verifier=AwsSocial,
    ),
)
