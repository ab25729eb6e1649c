"""A line of webhook traffic: a body as it came, or a spool line that wraps one.

`{"received_at": ISO-8601, "headers": {...}, "body": "<exact text>"}` keeps the time and the
signature of a delivery; any line with both `body` and `received_at` is one.
"""

from __future__ import annotations

from typing import Any

import msgspec

from wa_analytics.capture import Capture
from wa_analytics.providers.instants import micros_of
from wa_analytics.providers.signatures import SignatureCheck

_BOM = b"\xef\xbb\xbf"
_OWN_HEADERS = frozenset(
    ("kind", "source", "spool", "zoneless_time", "columns", "delimiter", "line", "file_digest", "waba_id")
)
"""Names under which this workbench keeps its own notes beside a body."""

TELL_NO_TIME = frozenset(("twilio",))
"""Providers whose webhooks happened when they were received: received at another moment, the same bytes are
another capture, or the one imported first would decide when it happened."""


class _Spooled(msgspec.Struct, gc=False):
    body: str | msgspec.UnsetType = msgspec.UNSET
    received_at: str | int | msgspec.UnsetType = msgspec.UNSET
    headers: dict[str, str] | None = None


_spooled = msgspec.json.Decoder(_Spooled)


def webhook_capture(
    line: bytes,
    own_headers: dict[str, str],
    provider: str,
    received_at: int,
    check: SignatureCheck,
    time_zone: str,
) -> Capture:
    """The capture of one line (or one .json file). `received_at` counts where the line has none;
    `own_headers` become the capture's.

    A spool line whose `body` or `received_at` cannot be read is kept whole, marked `spool`, and
    its parser says what it needs.
    """
    try:
        spooled = _spooled.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        loose = _loosely(line)
        if loose is None:
            return Capture(line, own_headers, provider, received_at, check(line, own_headers))
        if loose.body is msgspec.UNSET:
            return Capture(line, {**own_headers, "spool": "its `body` as text"}, provider, received_at)
        spooled = loose
    body, stated = spooled.body, spooled.received_at
    if body is msgspec.UNSET or stated is msgspec.UNSET:
        return Capture(line, own_headers, provider, received_at, check(line, own_headers))
    try:
        moment, is_zoneless = micros_of(stated, time_zone)
    except ValueError:
        needs = "a readable `received_at` (ISO 8601)"
        return Capture(line, {**own_headers, "spool": needs}, provider, received_at)
    exact = body.encode()
    stated_headers = spooled.headers
    headers = (
        {} if stated_headers is None else {name.lower(): stated_headers[name] for name in stated_headers}
    )
    code = check(exact, headers)
    if not _OWN_HEADERS.isdisjoint(headers):
        headers = {("http-" + name if name in _OWN_HEADERS else name): headers[name] for name in headers}
    headers |= own_headers
    if is_zoneless:
        headers["zoneless_time"] = "received_at"
    context = str(moment).encode() if provider in TELL_NO_TIME else b""
    return Capture(exact, headers, provider, moment, code, context)


def _loosely(line: bytes) -> _Spooled | None:
    """A spool line with a BOM or with parts of other types; None where it is no spool line."""
    try:
        stated = msgspec.json.decode(line.removeprefix(_BOM))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(stated, dict) or "body" not in stated or "received_at" not in stated:
        return None
    body, received_at, headers = stated["body"], stated["received_at"], stated.get("headers")
    return _Spooled(
        body=body if isinstance(body, str) else msgspec.UNSET,
        received_at=received_at if isinstance(received_at, str) or type(received_at) is int else "",
        headers=_texts(headers) if isinstance(headers, dict) else None,
    )


def _texts(headers: dict[str, Any]) -> dict[str, str]:
    """Header values that are no text: one value in a list is that value, anything else JSON."""
    texts = {}
    for name, value in headers.items():
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        texts[str(name)] = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return texts
