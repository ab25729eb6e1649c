"""What travels between receiver and writer: a length (4 bytes, big-endian), MessagePack.

Both ends are the same version of this program on one machine; the format may change with it.
"""

from __future__ import annotations

import msgspec

from wa_analytics.capture import Capture

_HEAD = 4


class Captures(msgspec.Struct, frozen=True, tag="captures"):
    """Deliveries in the order in which they came, as many as came in one turn of the receiver's loop."""

    captures: list[Capture]


class Refusals(msgspec.Struct, frozen=True, tag="refusals"):
    """Provider → deliveries that were refused since the last time; to be counted, not kept."""

    counts: dict[str, int]


class Report(msgspec.Struct, frozen=True, tag="report"):
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
_decode = msgspec.msgpack.Decoder(Captures | Refusals | Report).decode


def framed(message: Captures | Refusals | Report) -> bytes:
    packed = _encode(message)
    return b"".join((len(packed).to_bytes(_HEAD, "big"), packed))


def messages_in(unread: bytearray) -> list[Captures | Refusals | Report]:
    """Complete messages, taken off the front of `unread`."""
    found = []
    at = 0
    with memoryview(unread) as whole:
        while len(whole) - at >= _HEAD:
            begin = at + _HEAD
            after = begin + int.from_bytes(whole[at:begin], "big")
            if after > len(whole):
                break
            found.append(_decode(whole[begin:after]))
            at = after
    del unread[:at]
    return found
