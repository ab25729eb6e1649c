"""Where providers deliver, and how each one's signature is verified.

A new provider is a verifier and one entry in `ENDPOINTS`.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qsl

from wa_analytics.capture import SignatureCode, signature_code
from wa_analytics.settings import Settings

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


class MetaCloud:
    """Meta's webhooks: HMAC-SHA-256 under the app secret, GET handshake with a verify token.

    Source: Meta, "Create a webhook endpoint" (validating payloads, verification requests).
    """

    def __init__(self, settings: Settings) -> None:
        secret, token = settings.meta_cloud.app_secret, settings.meta_cloud.verify_token
        self._secret = secret.get_secret_value() if secret else None
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


@dataclass(frozen=True)
class Endpoint:
    """path: where the provider posts. kept_headers: lower-case names of those stored beside the
    body; the rest (addresses, cookies, proxies' notes) is dropped. signature_header: the one that
    must not come twice."""

    path: str
    provider: str
    kept_headers: frozenset[str]
    signature_header: str
    verifier: Callable[[Settings], Verifier]


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        path="/webhooks/meta-cloud",
        provider="meta-cloud",
        kept_headers=frozenset((SIGNATURE, "content-type", "user-agent")),
        signature_header=SIGNATURE,
        verifier=MetaCloud,
    ),
)
