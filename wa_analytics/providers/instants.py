"""Texts and numbers that name an instant, as integer microseconds since 1970 UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from wa_analytics.errors import SettingsInvalid

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_SECOND = 253_402_300_799
"""9999-12-31T23:59:59Z: what a database and a calendar can hold."""
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC) - _EPOCH, datetime.max.replace(tzinfo=UTC) - _EPOCH


@lru_cache(maxsize=16)
def zone(name: str) -> ZoneInfo:
    """The time zone `imports.time_zone` names. Raises SettingsInvalid."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise SettingsInvalid(
            f"imports.time_zone {name!r} is no known time zone; give one such as Europe/London."
        ) from error


def instant(stated: Any) -> int | None:
    """Unix seconds, as the platform writes them (int or digits), in microseconds; None for anything else."""
    if type(stated) is str:
        if not (stated.isascii() and stated.isdigit() and len(stated) <= 12):
            return None
        stated = int(stated)
    elif type(stated) is not int:
        return None
    return stated * 1_000_000 if 0 <= stated <= _LAST_SECOND else None


def micros_of(text: str | int, time_zone: str) -> tuple[int, bool]:
    """(microseconds, whether the offset was missing) of ISO 8601 text or unix seconds.

    A time without offset is read in `time_zone`. Digits are unix seconds only with 9 to 11 of
    them: `20260131` is neither that nor a time. Raises ValueError.
    """
    if type(text) is str:
        text = text.strip()
    if type(text) is not str or (text.isdigit() and text.isascii()):
        seconds = instant(text)
        if seconds is None or (type(text) is str and not 9 <= len(text) <= 11):
            raise ValueError("digits that are no unix seconds")
        return seconds, False
    moment = datetime.fromisoformat(text if text[-1:] != "z" else text[:-1] + "Z")
    is_zoneless = moment.tzinfo is None
    if is_zoneless:
        moment = moment.replace(tzinfo=zone(time_zone))
    try:
        since = moment - _EPOCH
    except OverflowError as error:
        raise ValueError("out of range") from error
    if not _FIRST <= since <= _LAST:
        # An offset reaches beyond the calendar's first or last day.
        raise ValueError("out of range")
    return since.days * 86_400_000_000 + since.seconds * 1_000_000 + since.microseconds, is_zoneless
