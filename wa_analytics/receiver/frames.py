"""What travels between receiver and writer: a length (4 bytes, big-endian), a letter, MessagePack.

Both ends are the same version of this program on one machine; the format may change with it.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from wa_analytics.capture import Capture

CAPTURE, REFUSALS, REPORT = b"c", b"r", b"o"
_HEAD = 5


class Refusals(msgspec.Struct, frozen=True):
    """Provider → deliveries that were refused since the last time; to be counted, not kept."""

    counts: dict[str, int]


class Report(msgspec.Struct, frozen=True):
    """The outcome of the oldest `count` captures that have none yet; with 0, a sign of life.

    stored, repeated: provider → captures. seconds: encryption and commit. sentence: why not.
    """

    count: int = 0
    is_stored: bool = False
    stored: dict[str, int] = {}
    repeated: dict[str, int] = {}
    seconds: float = 0.0
    sentence: str = ""


_encode = msgspec.msgpack.Encoder().encode
_capture = msgspec.msgpack.Decoder(Capture).decode
_refusals = msgspec.msgpack.Decoder(Refusals).decode
_report = msgspec.msgpack.Decoder(Report).decode


def framed(message: Capture | Refusals | Report) -> bytes:
    letter = CAPTURE if isinstance(message, Capture) else REPORT if isinstance(message, Report) else REFUSALS
    packed = _encode(message)
    return b"".join((len(packed).to_bytes(4, "big"), letter, packed))


def messages_in(unread: bytearray) -> Iterator[Capture | Refusals]:
    """Complete messages for the writer, taken off the front of `unread`."""
    for letter, packed in _taken(unread):
        yield _capture(packed) if letter == CAPTURE else _refusals(packed)


def reports_in(unread: bytearray) -> Iterator[Report]:
    """Complete reports for the receiver, taken off the front of `unread`."""
    for _, packed in _taken(unread):
        yield _report(packed)


def _taken(unread: bytearray) -> list[tuple[bytes, bytes]]:
    found = []
    at, end = 0, len(unread)
    whole = bytes(unread)
    while end - at >= _HEAD:
        begin = at + _HEAD
        after = begin + int.from_bytes(whole[at : at + 4], "big")
        if after > end:
            break
        found.append((whole[at + 4 : begin], whole[begin:after]))
        at = after
    del unread[:at]
    return found
