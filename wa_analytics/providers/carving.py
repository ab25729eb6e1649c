"""A capture that speaks of several people, without some of what it says.

Decision: a body is cut only where its elements stand alone (a webhook envelope of Meta's, also inside
an event of AWS; the results of Infobip; a page of Twilio's messages), and only if what is left tells
exactly the remaining facts; anything else is left to a person. What is cut is decided by the caller,
fact by fact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

import msgspec

from wa_analytics.capture import Capture
from wa_analytics.errors import CaptureUnreadable
from wa_analytics.providers import parser
from wa_analytics.providers.bodies import decoded
from wa_analytics.providers.people import people_of
from wa_analytics.records import ConsentRecord, Identifier, MessageRecord, StatusRecord
from wa_analytics.settings import Settings

LISTS = ("messages", "statuses", "message_echoes", "calls", "user_preferences")
SIGNATURE, TWILIO_SIGNATURE = "x-hub-signature-256", "x-twilio-signature"
LISTED = {"infobip": "results", "twilio": "messages"}
_PHONES = ("from", "to", "wa_id", "recipient_id", "recipient_participant_id")
_USERS = ("from_user_id", "to_user_id", "user_id", "recipient_user_id", "recipient_participant_user_id")

Fact = MessageRecord | StatusRecord | ConsentRecord


class Carving(NamedTuple):
    """What is left of a capture.

    outcome: `untouched` (nothing of it is to go), `whole` (nothing is left), `carved` (`rest` is to
    be appended), `refused` (what is to go cannot be cut out). dropped: the facts that go.
    """

    outcome: Literal["untouched", "whole", "carved", "refused"]
    rest: Capture | None = None
    dropped: tuple[Fact, ...] = ()


def facts_of(capture: Capture, settings: Settings) -> list[Fact]:
    """The facts a capture tells of people; none where no parser reads it."""
    try:
        records = parser(capture.provider)(capture, settings)
    except CaptureUnreadable:
        return []
    return [record for record in records if isinstance(record, Fact)]


def carved(
    capture: Capture,
    settings: Settings,
    origin: str,
    is_dropped: Callable[[Fact], bool],
    is_person: Callable[[Identifier], bool],
) -> Carving:
    """The capture without the facts that are dropped, and without what else names the person.

    origin: names the capture in the header `carved` of what is left. The original signature goes,
    since it could only confirm guesses of what was cut.
    """
    facts = facts_of(capture, settings)
    dropped = tuple(fact for fact in facts if is_dropped(fact))
    opened = _opened(capture)
    if opened is None:
        if not dropped:
            return Carving("untouched")
        return Carving("whole" if len(dropped) == len(facts) else "refused", None, dropped)
    cutter = _Cutter(capture, settings, opened, is_dropped, is_person)
    is_cut = cutter.list_cut(opened.listed) if opened.listed else cutter.cut()
    if not is_cut:
        return Carving("refused" if dropped else "untouched", None, dropped)
    if not opened.body[opened.listed or "entry"]:
        return Carving("whole", None, dropped)
    signatures = {SIGNATURE, TWILIO_SIGNATURE, settings.infobip.hmac_header.lower()}
    headers = {name: value for name, value in capture.headers.items() if name.lower() not in signatures}
    rest = msgspec.structs.replace(
        capture, body=opened.closed(opened.body), headers=headers | {"carved": origin}
    )
    if facts_of(rest, settings) != [fact for fact in facts if not is_dropped(fact)]:
        return Carving("refused", None, dropped)
    return Carving("carved", rest, dropped)


class _Opened(NamedTuple):
    """A body that can be cut. closed: the bytes it is made of again. listed: the list whose elements
    stand alone; empty where the body is a webhook envelope of Meta's."""

    body: dict[str, Any]
    closed: Callable[[dict[str, Any]], bytes]
    listed: str = ""


def _opened(capture: Capture) -> _Opened | None:
    """None where the capture can only be kept or go as a whole."""
    if capture.headers.get("kind"):
        return None
    opened: _Opened | None = None
    if capture.provider == "aws-social":
        opened = _unwrapped(capture)
    else:
        try:
            body = decoded(capture.body)
        except ValueError:
            return None
        listed = LISTED.get(capture.provider, "")
        if isinstance(body, dict) and (listed or capture.provider == "meta-cloud"):
            opened = _Opened(body, msgspec.json.encode, listed)
    if opened is None:
        return None
    if opened.listed:
        return opened if isinstance(opened.body.get(opened.listed), list) else None
    if capture.provider == "meta-cloud" and capture.headers.get("source"):
        return None
    return opened if _is_envelope(opened.body) else None


def _unwrapped(capture: Capture) -> _Opened | None:
    from wa_analytics.providers.aws_social import layers_of, rewrapped
    from wa_analytics.providers.meta_cloud import OBJECT

    try:
        layers = layers_of(capture)
    except CaptureUnreadable:
        return None

    def closed(body: dict[str, Any]) -> bytes:
        return rewrapped(layers, msgspec.json.encode(body["entry"][0]).decode())

    return _Opened({"object": OBJECT, "entry": [decoded(layers.entry)]}, closed)


def _is_envelope(body: dict[str, Any]) -> bool:
    return isinstance(body.get("entry"), list) and all(
        isinstance(entry, dict)
        and isinstance(entry.get("changes"), list)
        and all(
            isinstance(change, dict) and isinstance(change.get("value"), dict) for change in entry["changes"]
        )
        for entry in body["entry"]
    )


class _Cutter:
    """Cuts a decoded envelope in place."""

    def __init__(
        self,
        capture: Capture,
        settings: Settings,
        opened: _Opened,
        is_dropped: Callable[[Fact], bool],
        is_person: Callable[[Identifier], bool],
    ) -> None:
        self._capture = capture
        self._settings = settings
        self._body, self._closed = opened.body, opened.closed
        self._is_dropped = is_dropped
        self._is_person = is_person

    def cut(self) -> bool:
        """Whether anything went."""
        is_cut = False
        for entry in list(self._body["entry"]):
            for change in list(entry["changes"]):
                before = msgspec.json.encode(change)
                if not self._change_kept(entry, change):
                    entry["changes"].remove(change)
                    is_cut = True
                elif msgspec.json.encode(change) != before:
                    is_cut = True
            if not entry["changes"]:
                self._body["entry"].remove(entry)
        return is_cut

    def _change_kept(self, entry: dict[str, Any], change: dict[str, Any]) -> bool:
        value = change["value"]
        names = [name for name in LISTS if isinstance(value.get(name), list)]
        if not names:
            return not any(map(self._is_person, _people_in(value)))
        kept_people: set[Identifier] = set()
        gone_people: set[Identifier] = set()
        # Decide every element before any goes: a body with one contact reads otherwise than with two.
        decided = {
            name: [(element, self._goes(entry, change, name, element)) for element in value[name]]
            for name in names
        }
        for name, elements in decided.items():
            value[name] = [element for element, goes in elements if not goes]
            for element, goes in elements:
                (gone_people if goes else kept_people).update(_people_in(element))
            if not value[name] and elements:
                del value[name]
        if isinstance(value.get("contacts"), list):
            value["contacts"] = [
                contact
                for contact in value["contacts"]
                if not self._contact_goes(set(_people_in(contact)), kept_people, gone_people)
            ]
            if not value["contacts"]:
                del value["contacts"]
        return any(value.get(name) for name in LISTS) or not any(
            goes for elements in decided.values() for _, goes in elements
        )

    def _contact_goes(self, people: set[Identifier], kept: set[Identifier], gone: set[Identifier]) -> bool:
        if people & kept:
            return False
        return bool(people & gone) or any(map(self._is_person, people))

    def _goes(self, entry: dict[str, Any], change: dict[str, Any], name: str, element: Any) -> bool:
        value = {key: part for key, part in change["value"].items() if key not in LISTS}
        alone = {**entry, "changes": [{**change, "value": {**value, name: [element]}}]}
        return self._speaks_of_them({**self._body, "entry": [alone]}, element)

    def list_cut(self, name: str) -> bool:
        """Whether any element of a plain list went."""
        elements = self._body[name]
        kept = [one for one in elements if not self._speaks_of_them({**self._body, name: [one]}, one)]
        self._body[name] = kept
        return len(kept) < len(elements)

    def _speaks_of_them(self, alone: dict[str, Any], element: Any) -> bool:
        body = self._closed(alone)
        facts = facts_of(msgspec.structs.replace(self._capture, body=body), self._settings)
        if facts:
            return any(map(self._is_dropped, facts))
        return any(map(self._is_person, _people_in(element)))


def _people_in(part: Any) -> Iterator[Identifier]:
    """Every identifier that stands under a name by which the platform gives people."""
    if isinstance(part, dict):
        for key, value in part.items():
            if isinstance(value, str | int) and not isinstance(value, bool):
                if key in _PHONES:
                    number = value.removeprefix("whatsapp:") if isinstance(value, str) else value
                    yield from people_of(number, None)
                elif key in _USERS:
                    yield from people_of(None, value)
            else:
                yield from _people_in(value)
    elif isinstance(part, list):
        for element in part:
            yield from _people_in(element)
