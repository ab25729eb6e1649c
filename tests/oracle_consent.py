"""The oracle's judgement of one send: consent state as of `sent_at`, and the service window.

Brute force straight from DESIGN section 7, sharing no code with the product. See `tests/oracle.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tests.oracle_facts import Event, Facts, Sent, people

PURPOSES = ("marketing", "utility", "authentication", "service")
RANK = {"withdrawn": 0, "refused": 1, "granted": 2, "confirmed": 2}
FAR = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass
class State:
    """`known`: the values `was_known` may take; more than one only where digests break a tie."""

    code: str
    known: frozenset[bool | None] = frozenset({None})
    deciding: list[Event] = field(default_factory=list)


def governing(events: list[Event], purpose: str) -> list[Event]:
    """The register stream's governing event; several only where the event id breaks the tie."""
    stream = [e for e in events if e.action in RANK and e.purpose in (purpose, "all")]
    if not stream:
        return []
    # "The latest governs; at the same instant withdrawn beats refused beats granted or confirmed;
    # then the earliest `expires_at` (none is latest), then the smallest event id."
    latest = max(e.at for e in stream)
    stream = [e for e in stream if e.at == latest]
    best = min(RANK[e.action] for e in stream)
    stream = [e for e in stream if RANK[e.action] == best]
    soonest = min(e.expires_at or FAR for e in stream)
    return [e for e in stream if (e.expires_at or FAR) == soonest]


def stops_in_force(events: list[Event], purpose: str) -> list[Event]:
    if purpose != "marketing":
        return []  # "Platform stream (marketing only)"
    resumed = [e.at for e in events if e.action == "resume"]
    # "resume ends all earlier stops …; at the same instant stop beats resume"
    return [e for e in events if e.action == "stop" and not any(at > e.at for at in resumed)]


def known_at(events: list[Event], at: datetime) -> frozenset[bool | None]:
    return frozenset(None if e.recorded_at is None else e.recorded_at <= at for e in events)


def state_at(events: list[Event], purpose: str, at: datetime) -> State:
    """Consent state for one party and entity; `events` are already theirs."""
    events = [e for e in events if e.at <= at]  # "events with `occurred_at ≤ sent_at`"
    ruling = governing(events, purpose)
    stops = stops_in_force(events, purpose)
    if stops and (not ruling or max(e.at for e in stops) >= ruling[0].at):
        # "A stop that is in force and not earlier than the governing register event makes the
        # state withdrawn." It has no `recorded_at`.
        return State("withdrawn")
    if ruling:
        known = known_at(ruling, at)
        if ruling[0].action in ("withdrawn", "refused"):
            return State(ruling[0].action, known, ruling)
        if ruling[0].expires_at is not None and ruling[0].expires_at <= at:
            return State("expired", known, ruling)  # "unless `expires_at ≤ sent_at`"
        return State("granted", known, ruling)
    asked = [e for e in events if e.action == "requested" and e.purpose in (purpose, "all")]
    if asked:
        return State("unconfirmed", known_at(asked, at), asked)
    # "else `wrong_purpose` if a granted or confirmed event of another purpose ever happened by then,
    # even if since withdrawn or expired"
    other = [e for e in events if e.action in ("granted", "confirmed")]
    if other:
        return State("wrong_purpose", known_at(other, at) | {None}, other)
    return State("never_asked")


def evaluated(known: Facts, send: Sent) -> str:
    """`judged`, `not_judged` or `not_evaluated`."""
    # "Every template and every free-form send of purpose marketing"
    if send.purpose != "marketing" and not send.is_status_only and send.kind is None:
        return "not_evaluated"  # a template or not: nobody says
    if send.purpose != "marketing" and send.kind != "template":
        return "not_judged"
    # "A template of purpose `service` or empty, or of unknown purpose, is not evaluated"
    if send.purpose not in ("marketing", "utility", "authentication"):
        return "not_evaluated"
    if send.entity is None or send.party is None or send.entity not in known.registered:
        return "not_evaluated"
    return "judged"


def own_events(known: Facts, send: Sent) -> list[Event]:
    assert send.entity is not None
    before = known.party.before(send.party)
    # README: "What the earlier one agreed to does not pass on; what the earlier one refused, withdrew or
    # stopped counts for the later one too"
    return [
        e
        for e in known.events
        if e.governs(send.entity)
        and (e.party == send.party or (e.party in before and e.action in ("refused", "withdrawn", "stop")))
    ]


def send_state(known: Facts, send: Sent) -> State:
    judged = evaluated(known, send)
    if judged != "judged":
        return State(judged)
    return state_at(own_events(known, send), send.purpose, send.sent_at)


def recorded_late(known: Facts, send: Sent) -> set[bool | None]:
    """Whether consent was granted in full, but not by what was recorded by `sent_at`.

    READING: not evaluated when the governing grant's `recorded_at` is unknown; other events without
    one (the platform's among them) are not "events recorded by `sent_at`".
    """
    full = send_state(known, send)
    if full.code != "granted":
        return {False}
    events = own_events(known, send)
    by_then = [e for e in events if e.recorded_at is not None and e.recorded_at <= send.sent_at]
    is_late = state_at(by_then, send.purpose, send.sent_at).code != "granted"
    return {None if e.recorded_at is None else is_late for e in full.deciding}


def asked_again(known: Facts, request: Event) -> bool:
    """DESIGN: "one made after a withdrawal in force is `consent.asked_again`".

    READING: in force just before the request and still with all that was said at its instant.
    """
    keys = [entity.key for entity in known.world.entities] or ["default"]
    for key in keys:
        if not request.governs(key):
            continue
        events = [e for e in known.events if e.party == request.party and e.governs(key)]
        earlier = [e for e in events if e.at < request.at]
        for purpose in PURPOSES if request.purpose == "all" else (request.purpose,):
            states = [state_at(told, purpose, request.at).code for told in (earlier, events)]
            if states == ["withdrawn", "withdrawn"]:
                return True
    return False


def outcome(send: Sent, as_of: datetime) -> str:
    told = {row.status for row in send.statuses if row.at <= as_of}
    if told & {"delivered", "read", "played"}:  # "`read` implies delivered"
        return "delivered"
    return "failed" if "failed" in told else "unknown"


# --- window -----------------------------------------------------------------------------------------


def window_of(known: Facts, send: Sent) -> str:
    """inside, outside, not_judged or not_evaluated."""
    if send.kind is None and not send.is_status_only:
        return "not_evaluated"  # a template or not: nobody says
    if send.kind != "free_form":
        return "not_judged"  # "Every free-form send, of whatever purpose"
    world = known.world
    # "last inbound message or call … on that channel"; "System messages open no window."
    opening = [
        (row.at, known.party.at(people(row.phone, row.user_id)[0], row.at))
        for row in world.inbound
        if row.type != "system" and row.channel_id == send.channel_id
    ]
    opening += [
        (call.at, known.party.at(people(call.phone, call.user_id)[0], call.at))
        for call in world.calls
        if call.direction == "USER_INITIATED" and call.channel_id == send.channel_id
    ]
    if not opening:
        return "not_evaluated"  # "for a channel with no inbound captured at all"
    mine = [at for at, party in opening if party == send.party and at <= send.sent_at]
    # "sent_at < last inbound message or call, at or before `sent_at`, … + 24 h"
    return "inside" if mine and send.sent_at < max(mine) + timedelta(hours=24) else "outside"
