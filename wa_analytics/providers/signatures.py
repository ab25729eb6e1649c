"""The signature of a delivery, over its exact bytes: what each provider signs, and with what.

One check per provider, used for live deliveries and for imported ones whose headers were kept.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlsplit

from wa_analytics.capture import Keyed, SignatureCode, signature_code
from wa_analytics.settings import Infobip, Settings, Twilio, secret_text

SignatureCheck = Callable[[bytes, Mapping[str, str]], SignatureCode]
"""headers: lower-case names."""

META_SIGNATURE = "x-hub-signature-256"
CERTIFICATE_BYTES = 64 << 10


def signature_check(provider: str, settings: Settings) -> SignatureCheck:
    """The provider's check, with the secrets of the settings; `absent` where it has none."""
    if provider == "meta-cloud":
        secret = secret_text(settings.meta_cloud.app_secret)
        keyed = Keyed(secret.encode()) if secret else None
        return lambda body, headers: signature_code(body, headers.get(META_SIGNATURE), keyed)
    if provider == "aws-social":
        return _sns_check(settings)
    if provider == "infobip":
        return _infobip_check(settings.infobip)
    if provider == "twilio":
        return _twilio_check(settings.twilio)
    return lambda body, headers: "absent"


def _infobip_check(settings: Infobip) -> SignatureCheck:
    """Every secret that is set must be shown. What Infobip signs by itself could not be verified from
    public pages, so these are the ways in which a webhook of theirs can be given a secret."""
    key, secret = secret_text(settings.hmac_secret), secret_text(settings.secret)
    password = secret_text(settings.webhook_password)
    hmac_header, header = settings.hmac_header.lower(), settings.header.lower()
    basic = b64encode(f"{settings.webhook_user}:{password or ''}".encode()).decode()

    def check(body: bytes, headers: Mapping[str, str]) -> SignatureCode:
        codes = []
        if key is not None:
            digest = hmac.digest(key.encode(), body, hashlib.sha256)
            shown = headers.get(hmac_header)
            stated = shown.strip().removeprefix("sha256=") if shown is not None else None
            codes.append(_same(stated, (digest.hex(), b64encode(digest).decode())))
        if secret is not None:
            codes.append(_same(headers.get(header), (secret,)))
        if password is not None:
            shown = headers.get("authorization")
            scheme, _, stated = shown.partition(" ") if shown is not None else ("", "", None)
            codes.append(_same(stated.strip() if stated and scheme.lower() == "basic" else shown, (basic,)))
        return "invalid" if "invalid" in codes else "absent" if "absent" in codes or not codes else "valid"

    return check


def _same(stated: str | None, expected: tuple[str, ...]) -> SignatureCode:
    if not stated:
        return "absent"
    given = stated.encode(errors="replace")
    return "valid" if any(hmac.compare_digest(given, one.encode()) for one in expected) else "invalid"


TWILIO_SIGNATURE = "x-twilio-signature"


def _twilio_check(settings: Twilio) -> SignatureCheck:
    """HMAC-SHA-1 under the auth token over the address and the sorted parameters, as Twilio's own
    validators compute it; where the address holds `bodySHA256`, over the address alone. The query that a
    delivery came with is expected under the header name `query`.

    Source: Twilio, "Validating requests", and the validators of its libraries.
    """
    token, url = secret_text(settings.auth_token), settings.public_url

    def check(body: bytes, headers: Mapping[str, str]) -> SignatureCode:
        stated = headers.get(TWILIO_SIGNATURE)
        if not stated or token is None or not url:
            return "absent"
        addresses = _addresses(url, headers.get("query") or "")
        pairs: list[tuple[str, str]] = []
        hashes = parse_qs(urlsplit(addresses[0]).query).get("bodySHA256")
        if hashes:
            if not hmac.compare_digest(hashes[0].lower().encode(), hashlib.sha256(body).hexdigest().encode()):
                return "invalid"
        else:
            try:
                pairs = twilio_parameters(body)
            except ValueError:
                return "invalid"  # What is no form has no part in the signature.
        signed = "".join(name + value for name, value in sorted(set(pairs)))
        expected = [
            b64encode(hmac.digest(token.encode(), (one + signed).encode(), hashlib.sha1)).decode()
            for address in addresses
            for one in _with_and_without_port(address)
        ]
        return _same(stated.strip(), tuple(expected))

    return check


def twilio_parameters(body: bytes) -> list[tuple[str, str]]:
    """What Twilio's validators make of a form. Raises ValueError where it is none."""
    return parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="replace", max_num_fields=2_000)


def _addresses(url: str, query: str) -> tuple[str, ...]:
    """Where a delivery that came with `query` was sent to. The settings' address may hold a query of its
    own: all of what came, or what a proxy on the way took off."""
    if not query:
        return (url,)
    plain, _, own = url.partition("?")
    if not own:
        return (f"{plain}?{query}",)
    return f"{url}&{query}", f"{plain}?{query}"


def _with_and_without_port(address: str) -> tuple[str, str]:
    """Twilio signs the standard port on some ways and not on others."""
    parts = urlsplit(address)
    try:
        port = parts.port
    except ValueError:
        return address, address
    host = parts.netloc if port is None else parts.netloc.rpartition(":")[0]
    with_port = f"{host}:{port or (443 if parts.scheme == 'https' else 80)}"
    bare, ported = parts._replace(netloc=host).geturl(), parts._replace(netloc=with_port).geturl()
    return bare, ported


def _sns_check(settings: Settings) -> SignatureCheck:
    folder = certificate_folder(settings)

    def check(body: bytes, headers: Mapping[str, str]) -> SignatureCode:
        if folder is None:
            return "absent"
        from wa_analytics.providers.sns import envelope_of, signature_of

        envelope = envelope_of(body)
        if envelope is None:
            return "absent"
        return signature_of(envelope, lambda address: stored_certificate(folder, address))

    return check


def certificate_folder(settings: Settings) -> Path | None:
    folder = settings.aws_social.certificates
    return settings.home / folder if folder is not None else None


def stored_certificate(folder: Path, address: str) -> bytes | None:
    """The certificate kept under the name its address ends in."""
    try:
        with (folder / urlsplit(address).path.rpartition("/")[2]).open("rb") as stream:
            return stream.read(CERTIFICATE_BYTES)
    except OSError:
        return None
