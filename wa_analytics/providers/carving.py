"""A capture that speaks of several people, without some of what it says.

Decision: a body is cut only where its elements stand alone (a webhook envelope of Meta's, also inside
an event of AWS; the results of Infobip; a page of Twilio's messages), and only if what is left tells
exactly the remaining facts; anything else is left to a person. What is cut is decided by the caller,
fact by fact.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import msgspec

from wa_analytics.capture import Capture
from wa_analytics.errors import CaptureUnreadable
from wa_analytics.providers.bodies import decoded
from wa_analytics.providers.cutting import Cutter, Opened
from wa_analytics.providers.facts import Fact, facts_of
from wa_analytics.providers.media import SOURCE, unnamed
from wa_analytics.providers.signatures import META_SIGNATURE, TWILIO_SIGNATURE
from wa_analytics.records import Identifier, MediaRecord
from wa_analytics.settings import Settings

SIGNATURES = frozenset((META_SIGNATURE, TWILIO_SIGNATURE))
LISTED = {"infobip": "results", "twilio": "messages"}
HISTORY_PAGE, PAGE = "message_history", "data"


class Carving(NamedTuple):
    """What is left of a capture.

    outcome: `untouched` (nothing of it is to go), `whole` (nothing is left), `carved` (`rest` is to
    be appended), `refused` (what is to go cannot be cut out). dropped: the facts that go.
    """

    outcome: Literal["untouched", "whole", "carved", "refused"]
    rest: Capture | None = None
    dropped: tuple[Fact, ...] = ()


def carved(
    capture: Capture,
    settings: Settings,
    origin: str,
    is_dropped: Callable[[Fact], bool],
    is_person: Callable[[Identifier], bool],
    is_shared: Callable[[MediaRecord], bool] = lambda file: False,
) -> Carving:
    """The capture without the facts that are dropped, and without what else names the person.

    is_shared: whether a fetched file is announced by a message that stays, too; then only the name of
    the message that goes is cut. origin: names the capture in the header `carved` of what is left. The
    original signature goes, since it could only confirm guesses of what was cut.
    """
    facts = facts_of(capture, settings)
    dropped = tuple(fact for fact in facts if is_dropped(fact))
    if capture.headers.get("source") == SOURCE and any(
        isinstance(fact, MediaRecord) and is_shared(fact) for fact in dropped
    ):
        rest = unnamed(capture)
        return Carving(
            "carved", msgspec.structs.replace(rest, headers=rest.headers | {"carved": origin}), dropped
        )
    opened = _opened(capture)
    if opened is None:
        if not dropped:
            return Carving("untouched")
        return Carving("whole" if len(dropped) == len(facts) else "refused", None, dropped)
    if not Cutter(capture, settings, opened, is_dropped, is_person).cut():
        return Carving("refused" if dropped else "untouched", None, dropped)
    if not opened.body[opened.listed or "entry"]:
        return Carving("whole", None, dropped)
    signatures = SIGNATURES | {settings.infobip.hmac_header.lower()}
    headers = {name: value for name, value in capture.headers.items() if name.lower() not in signatures}
    rest = msgspec.structs.replace(
        capture, body=opened.closed(opened.body), headers=headers | {"carved": origin}
    )
    if facts_of(rest, settings) != [fact for fact in facts if not is_dropped(fact)]:
        return Carving("refused", None, dropped)
    return Carving("carved", rest, dropped)


def _opened(capture: Capture) -> Opened | None:
    """None where the capture can only be kept or go as a whole."""
    # A fetched file's bytes are content, whatever they look like.
    if capture.headers.get("kind") or capture.headers.get("source") == SOURCE:
        return None
    opened: Opened | None = None
    if capture.provider == "aws-social":
        opened = _unwrapped(capture)
    else:
        try:
            body = decoded(capture.body)
        except ValueError:
            return None
        listed = LISTED.get(capture.provider, "")
        if isinstance(body, dict) and (listed or capture.provider == "meta-cloud"):
            opened = Opened(body, msgspec.json.encode, listed)
    if opened is None:
        return None
    if opened.listed:
        return opened if isinstance(opened.body.get(opened.listed), list) else None
    if capture.provider == "meta-cloud" and (source := capture.headers.get("source")):
        is_page = source == HISTORY_PAGE and isinstance(opened.body.get(PAGE), list)
        return opened._replace(listed=PAGE) if is_page else None
    return opened if _is_envelope(opened.body) else None


def _unwrapped(capture: Capture) -> Opened | None:
    from wa_analytics.providers.aws_social import layers_of, rewrapped
    from wa_analytics.providers.meta_cloud import OBJECT

    try:
        layers = layers_of(capture)
    except CaptureUnreadable:
        return None

    def closed(body: dict[str, Any]) -> bytes:
        return rewrapped(layers, msgspec.json.encode(body["entry"][0]).decode())

    return Opened({"object": OBJECT, "entry": [decoded(layers.entry)]}, closed)


def _is_envelope(body: dict[str, Any]) -> bool:
    return isinstance(body.get("entry"), list) and all(
        isinstance(entry, dict)
        and isinstance(entry.get("changes"), list)
        and all(
            isinstance(change, dict) and isinstance(change.get("value"), dict) for change in entry["changes"]
        )
        for entry in body["entry"]
    )
