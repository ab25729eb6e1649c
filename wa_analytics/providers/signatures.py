"""The signature of a delivery, over its exact bytes: what each provider signs, and with what.

One check per provider, used for live deliveries and for imported ones whose headers were kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wa_analytics.capture import SignatureCode, signature_code

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wa_analytics.settings import Settings

SignatureCheck = Callable[[bytes, Mapping[str, str]], SignatureCode]
"""headers: lower-case names."""

META_SIGNATURE = "x-hub-signature-256"
CERTIFICATE_BYTES = 64 << 10


def signature_check(provider: str, settings: Settings) -> SignatureCheck:
    """The provider's check, with the secrets of the settings; `absent` where it has none."""
    if provider == "meta-cloud":
        secret = clear(settings.meta_cloud.app_secret)
        return lambda body, headers: signature_code(body, headers.get(META_SIGNATURE), secret)
    if provider == "aws-social":
        return _sns_check(settings)
    return lambda body, headers: "absent"


def clear(secret: SecretStr | None) -> str | None:
    """The secret's text; None where there is none or an empty one."""
    return (secret.get_secret_value() or None) if secret is not None else None


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
