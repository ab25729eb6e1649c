"""A decoded body without some of its elements, and without whom those alone named.

Elements of an envelope stand at several depths: messages of a conversation on standby, of a thread of a
chunk of history, participants of a group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from wa_analytics.capture import Capture
from wa_analytics.providers.facts import Fact, facts_of
from wa_analytics.providers.meta_parts import text
from wa_analytics.providers.people import people_of
from wa_analytics.records import Identifier
from wa_analytics.settings import Settings

# Lists whose elements tell facts, and what holds such lists in turn.
LISTS = (
    "messages", "statuses", "message_echoes", "calls", "user_preferences", "state_sync", "user_id_update",
    "automatic_events", "added_participants", "removed_participants", "failed_participants",
    "participants", "join_requests",
)  # fmt: skip
NESTS: dict[str, tuple[str, ...]] = {"": ("standby", "history", "groups"), "history": ("threads",)}
_PHONES = (
    "from", "to", "wa_id", "recipient_id", "recipient_participant_id", "recipient", "phone_number", "input",
)  # fmt: skip
_USERS = ("from_user_id", "to_user_id", "user_id", "recipient_user_id", "recipient_participant_user_id")


class Opened(NamedTuple):
    """A body that can be cut. closed: the bytes it is made of again. listed: the list whose elements
    stand alone; empty where the body is a webhook envelope of Meta's."""

    body: dict[str, Any]
    closed: Callable[[dict[str, Any]], bytes]
    listed: str = ""


Within = Callable[[dict[str, Any]], dict[str, Any]]


def _within(entry: dict[str, Any], change: dict[str, Any]) -> Within:
    return lambda value: {**entry, "changes": [{**change, "value": value}]}


class Cutter:
    """Cuts a decoded body in place."""

    def __init__(
        self,
        capture: Capture,
        settings: Settings,
        opened: Opened,
        is_dropped: Callable[[Fact], bool],
        is_person: Callable[[Identifier], bool],
    ) -> None:
        self._capture = capture
        self._settings = settings
        self._body, self._closed, self._listed = opened
        self._is_dropped = is_dropped
        self._is_person = is_person

    def cut(self) -> bool:
        """Whether anything went."""
        return self._list_cut(self._listed) if self._listed else self._envelope_cut()

    def _envelope_cut(self) -> bool:
        before = msgspec.json.encode(self._body)
        for entry in list(self._body["entry"]):
            entry["changes"] = [
                change
                for change in entry["changes"]
                if self._node_kept(change["value"], _within(entry, change))
            ]
            if not entry["changes"]:
                self._body["entry"].remove(entry)
        return msgspec.json.encode(self._body) != before

    def _node_kept(self, node: dict[str, Any], within: Within, place: str = "") -> bool:
        """Cut the lists of a node, at every depth; whether it stays.

        within: the entry with nothing but this node, given the node. place: the list it stands in.
        """
        lists = {name: node[name] for name in LISTS if isinstance(node.get(name), list)}
        nests = {name: node[name] for name in NESTS.get(place, ()) if isinstance(node.get(name), list | dict)}
        if not lists and not nests:
            return not self._speaks_of_them(self._alone(within(node)), node)
        bare = {name: part for name, part in node.items() if name not in lists and name not in nests}
        ground = self._facts(self._alone(within(bare)))
        # Decide every element before any goes: a body with one contact reads otherwise than with two.
        going = {
            name: [
                self._speaks_of_them(self._alone(within({**bare, name: [element]})), element, ground)
                for element in elements
            ]
            for name, elements in lists.items()
        }
        kept_people: set[Identifier] = set()
        gone_people: set[Identifier] = set()
        for name, elements in lists.items():
            node[name] = []
            for element, goes in zip(elements, going[name], strict=True):
                (gone_people if goes else kept_people).update(_people_in(element))
                if not goes:
                    node[name].append(element)
        for name, nest in nests.items():
            gone_people.update(_people_in(nest))
            node[name] = self._nest_kept(bare, name, nest, within)
            kept_people.update(_people_in(node[name]))
        held = [name for name, part in {**lists, **nests}.items() if part]
        for name in held:
            if not node[name]:
                del node[name]
        if isinstance(node.get("contacts"), list):
            node["contacts"] = [
                contact
                for contact in node["contacts"]
                if not self._contact_goes(set(_people_in(contact)), kept_people, gone_people)
            ]
            if not node["contacts"]:
                del node["contacts"]
        if not held:
            return not any(map(self._is_person, _people_in({place: [node]})))
        # Errors, and which chunk of history it is, are facts without a person.
        tells = bool(node.get("errors")) or (place == "history" and "metadata" in node)
        return tells or any(name in node for name in held)

    def _nest_kept(self, bare: dict[str, Any], name: str, nest: Any, within: Within) -> Any:
        """What is left of the objects in a list of objects, or of the one object."""
        if isinstance(nest, dict):
            return nest if self._node_kept(nest, lambda one: within({**bare, name: one}), name) else None
        return [
            one
            for one in nest
            if not isinstance(one, dict)
            or self._node_kept(one, lambda cut: within({**bare, name: [cut]}), name)
        ]

    def _contact_goes(self, people: set[Identifier], kept: set[Identifier], gone: set[Identifier]) -> bool:
        if people & kept:
            return False
        return bool(people & gone) or any(map(self._is_person, people))

    def _list_cut(self, name: str) -> bool:
        elements = self._body[name]
        kept = [one for one in elements if not self._speaks_of_them({**self._body, name: [one]}, one)]
        self._body[name] = kept
        return len(kept) < len(elements)

    def _alone(self, entry: dict[str, Any]) -> dict[str, Any]:
        return {**self._body, "entry": [entry]}

    def _facts(self, alone: dict[str, Any]) -> list[Fact]:
        body = self._closed(alone)
        return facts_of(msgspec.structs.replace(self._capture, body=body), self._settings)

    def _speaks_of_them(self, alone: dict[str, Any], element: Any, ground: Sequence[Fact] = ()) -> bool:
        """ground: what the body tells without the element."""
        facts = self._facts(alone)
        if facts != list(ground):
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
            elif key in _USERS and isinstance(value, dict):
                for one in value.values():
                    if isinstance(one, str | int) and not isinstance(one, bool):
                        yield from people_of(None, one)
            else:
                if key == "threads" and isinstance(value, list):
                    yield from (one for thread in value for one in people_of(text(thread, "id")))
                yield from _people_in(value)
    elif isinstance(part, list):
        for element in part:
            yield from _people_in(element)
