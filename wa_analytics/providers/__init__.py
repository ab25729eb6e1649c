"""One file per provider: `parse` turns the exact bytes of one capture into records.

Parsers are pure and keep what they do not know (`extra`, `UnknownRecord`). Every record's
`people` are identifiers of one person, so each tuple of two or more is itself a link.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from wa_analytics.errors import InputRefused

if TYPE_CHECKING:
    from wa_analytics.capture import Capture
    from wa_analytics.records import Record
    from wa_analytics.settings import Settings

PARSERS: dict[str, str] = {
    "meta-cloud": "wa_analytics.providers.meta_cloud",
    "send-log": "wa_analytics.providers.send_log",
    "consent-register": "wa_analytics.providers.consent_register",
    "directory": "wa_analytics.providers.directory",
    "infobip": "wa_analytics.providers.infobip",
    "aws-social": "wa_analytics.providers.aws_social",
    "twilio": "wa_analytics.providers.twilio",
    "chat-export": "wa_analytics.providers.chat_export",
}

Parse = Callable[["Capture", "Settings"], "list[Record]"]


def require_known(provider: str) -> None:
    """Raises InputRefused with the providers there are."""
    if provider not in PARSERS:
        raise InputRefused(f"{provider!r} is no known provider; choose one of {', '.join(PARSERS)}.")


@cache
def parser(provider: str) -> Parse:
    """The provider's `parse(capture, settings) -> list[Record]`; imported when first asked for.

    It raises CaptureUnreadable for a capture it cannot read. Raises InputRefused for a provider
    nobody knows.
    """
    require_known(provider)
    parse: Parse = import_module(PARSERS[provider]).parse
    return parse


@cache
def surely_read(provider: str) -> Callable[[Capture], bool]:
    """Tells at a glance that `parse` will read a capture and find a webhook of its own platform in
    it. False says nothing: then only `parse` knows. For importers, which ask nothing else."""
    asked: Callable[[Capture], bool] = getattr(import_module(PARSERS[provider]), "surely_read", _never)
    return asked


def _never(capture: Capture) -> bool:
    return False
