"""Keyed digests: how an outside identifier becomes one of ours.

HMAC-SHA-256 under the digest key, cut to 16 bytes. Who holds that key can enumerate phone
numbers, so it never stands in the database and never changes.
"""

from __future__ import annotations

import re
from typing import Any

from wa_analytics.capture import Capture, Keyed

_MOMENT_BYTES = 4
_SOUGHT_BYTES = 2_048
_OPENED = 64
_SECONDS = re.compile(rb'timestamp\\*"\s*:\s*\\*"?([0-9]{10})(?![0-9])')
# It begins with plain letters and looks back from there, since `re` seeks those ten times as fast.
_CLOCK = re.compile(
    rb'20[0-9]{2}(?<![^",;\t]20..)-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-5][0-9]'
    rb'(?::[0-9]{2}(?:[.,][0-9]+)?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?(?=$|[",;\t\r\n])'
)


class _Day(dict[bytes, int]):
    """`2026-03-01` → minutes; it need only grow, so every month may have 31 days."""

    def __missing__(self, text: bytes) -> int:
        year, month, day = map(int, text.split(b"-"))
        self[text] = ((year * 12 + month) * 31 + day) * 1440
        return self[text]


class _Minute(dict[bytes, int]):
    """`23:59` → minutes."""

    def __missing__(self, text: bytes) -> int:
        hour, minute = map(int, text.split(b":"))
        self[text] = hour * 60 + minute
        return self[text]


_day, _minute = _Day(), _Minute()


class Digester:
    """The digest key at work. Picklable, so that worker processes can carry it."""

    __slots__ = ("_key", "_keyed", "_opened", "_outer", "_prepared")

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            raise ValueError("a digest key has 32 bytes")
        self._key = key
        self._keyed = Keyed(key)
        self._outer = self._keyed.outer
        self._prepared: dict[str, Any] = {}
        self._opened: dict[tuple[str, str, bytes], Any] = {}

    def __reduce__(self) -> tuple[type[Digester], tuple[bytes]]:
        return Digester, (self._key,)

    def digest(self, kind: str, value: str) -> str:
        """32 hex characters: HMAC over `kind`, a zero byte and `value`."""
        inner = self._prepared.get(kind)
        if inner is None:
            inner = self._prepared[kind] = self._keyed.after(kind.encode() + b"\0")
        inner = inner.copy()
        inner.update(value.encode("utf-8", "surrogatepass"))
        outer = self._outer.copy()
        outer.update(inner.digest())
        text: str = outer.hexdigest()
        return text[:32]

    def recognition(self, capture: Capture) -> bytes:
        """16 bytes by which the same bytes from the same provider are recognised.

        They begin with a time that the body states, so that neighbours in time are neighbours in
        the unique index: captures come nearly in order of time, and an index of random places costs
        as much as all other writing of an append together.

        A valid and an absent signature fold into one; an invalid one stays apart, so that a forged
        delivery of bytes that we know remains visible.
        """
        body = capture.body
        flag = "invalid" if capture.signature_code == "invalid" else ""
        opening = (capture.provider, flag, capture.context)
        inner = self._opened.get(opening)
        if inner is None:  # most captures of a process begin alike
            if len(self._opened) >= _OPENED:
                self._opened.clear()
            inner = self._opened[opening] = self._keyed.after(_opening(*opening))
        inner = inner.copy()
        inner.update(body)
        outer = self._outer.copy()
        outer.update(inner.digest())
        whole: bytes = outer.digest()
        return _moment(body) + whole[:12]


def _opening(provider: str, flag: str, context: bytes) -> bytes:
    return f"recognition\0{provider}\0{flag}\0{len(context)}\0".encode() + context


def _moment(body: bytes) -> bytes:
    """A function of the bytes alone that grows with the first time they state as a field of its own
    (`"timestamp":"1772366400"`, `,2026-03-01T12:00:00Z,`); zero where they state none."""
    at = body.find(b"timestamp")
    found = _SECONDS.match(body, at) if at >= 0 else None
    if found is not None:
        return min(int(found[1]), 0xFFFFFFFF).to_bytes(_MOMENT_BYTES, "big")
    found = _CLOCK.search(body, 0, _SOUGHT_BYTES)
    if found is None:
        return bytes(_MOMENT_BYTES)
    at = found.start()
    return (_day[body[at : at + 10]] + _minute[body[at + 11 : at + 16]]).to_bytes(_MOMENT_BYTES, "big")
