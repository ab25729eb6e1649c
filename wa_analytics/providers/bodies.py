"""A webhook body as JSON, read without trust: any part may be absent or of another kind."""

from __future__ import annotations

from typing import Any

import msgspec

from wa_analytics.capture import Capture
from wa_analytics.errors import CaptureUnreadable
from wa_analytics.providers.instants import micros_of
from wa_analytics.providers.people import people_of, safe_name
from wa_analytics.records import Identifier, Record, UnknownRecord
from wa_analytics.settings import Settings

BOM = b"\xef\xbb\xbf"
_LARGEST = 10**30
OWN_READING = frozenset(("kind", "source", "spool"))
"""Headers by which a capture is read in another way than as a webhook's body."""


def place_of(capture: Capture) -> str:
    """Opens every sentence about a capture."""
    line = capture.headers.get("line")
    return f"line {line}" if line else "the body"


def decoded(exact: bytes | str) -> Any:
    """The JSON value. Raises ValueError where it is none, or is nested too deeply."""
    try:
        return msgspec.json.decode(exact.removeprefix(BOM) if isinstance(exact, bytes) else exact)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise ValueError("no JSON") from error


def no_json(place: str, exact: bytes, remedy: str) -> CaptureUnreadable:
    """The sentence of bytes that are no JSON: of another encoding, or of another kind (`remedy`)."""
    try:
        exact.decode()
    except UnicodeDecodeError:
        return CaptureUnreadable(f"{place}: is not UTF-8; save it as UTF-8 and import it again.")
    return CaptureUnreadable(f"{place}: is not JSON; {remedy}.")


def json_of(capture: Capture, expected: str) -> Any:
    """expected: what the body should have been, for the sentence. Raises CaptureUnreadable."""
    if "spool" in capture.headers:
        raise CaptureUnreadable(f"{place_of(capture)}: a spool line needs {capture.headers['spool']}.")
    try:
        return decoded(capture.body)
    except ValueError:
        raise no_json(place_of(capture), capture.body, f"give {expected}") from None


def first_records(capture: Capture) -> list[Record]:
    """What the import noted of a capture."""
    zoneless = capture.headers.get("zoneless_time")
    return [] if zoneless is None else [UnknownRecord(kind="zoneless_time", name=safe_name(zoneless))]


def text_of(part: Any, name: str) -> str | None:
    """The text under `name`, or a number as text; None where it is blank or something else."""
    value = part.get(name) if isinstance(part, dict) else None
    if type(value) is str:
        return value.strip() or None
    return str(value) if type(value) is int and abs(value) < _LARGEST else None


def part_of(part: Any, name: str) -> dict[str, Any]:
    """The object under `name`; an empty one where there is none."""
    value = part.get(name) if isinstance(part, dict) else None
    return value if isinstance(value, dict) else {}


def listed(part: Any, name: str) -> list[Any] | None:
    value = part.get(name) if isinstance(part, dict) else None
    return value if isinstance(value, list) else None


def time_of(part: Any, name: str, settings: Settings, records: list[Record]) -> int | None:
    """Microseconds since 1970 UTC of ISO 8601 text; a time without offset is counted."""
    value = text_of(part, name)
    if value is None:
        return None
    try:
        micros, is_zoneless = micros_of(value, settings.imports.time_zone)
    except ValueError:
        return None
    if is_zoneless:
        records.append(UnknownRecord(kind="zoneless_time", name=safe_name(name)))
    return micros


def person_of(part: Any, name: str) -> tuple[Identifier, ...]:
    """The person whose number or user id stands under `name`."""
    return people_of(text_of(part, name))


def number_of(text: str | None) -> str | None:
    """A business number as channel id: its digits."""
    if text is None:
        return None
    if text.isdecimal() and text.isascii():
        return text
    digits = "".join(character for character in text if character in "0123456789")
    return digits or None
