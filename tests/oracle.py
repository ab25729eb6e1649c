"""A brute-force answer to DESIGN section 7, slow and obvious, sharing no code with the product.

It loops over the plain rows of `worlds.World`; every branch quotes the sentence it implements.
`undecided(world, as_of)` names what DESIGN leaves open (a tie that only our keyed digests break, the
"body" of a call): a comparison leaves those out on both sides.

Readings chosen where DESIGN and the team's contract are silent are marked READING.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tests.oracle_consent import asked_again, outcome, recorded_late, send_state, window_of
from tests.oracle_facts import (
    Facts,
    Sent,
    business,
    entity_of,
    facts,
    governing_record,
    records,
    same_register,
)
from tests.worlds import RetentionRow, World

Triple = tuple[str, str, str]

RULES = frozenset(
    (
        "consent.withdrawn",
        "consent.refused",
        "consent.never_asked",
        "consent.expired",
        "consent.wrong_purpose",
        "consent.unconfirmed",
        "consent.recorded_late",
        "consent.incomplete_record",
        "consent.asked_again",
        "consent.purpose_mismatch",
        "consent.unknown_business",
        "window.free_form_outside",
        "capture.body_missing",
        "capture.conflicting",
        "identity.ambiguous",
        "retention.overdue",
        "retention.conflict",
        "retention.unscheduled",
    )
)
STATES = ("withdrawn", "refused", "expired", "unconfirmed", "wrong_purpose", "never_asked")


# --- bodies -----------------------------------------------------------------------------------------


def body_missing(world: World, send: Sent, as_of: datetime) -> bool:
    if send.is_status_only:
        # "whose earliest status is at least `completeness.settle_hours` (168) before `as_of`"
        return min(row.at for row in send.statuses) <= as_of - timedelta(hours=world.settle_hours)
    # "so is a send-log row without a body unless it names a template"
    return not send.has_body and not send.template_name


# --- retention --------------------------------------------------------------------------------------


@dataclass
class Kept:
    """One message as the schedule sees it."""

    message_id: str
    at: datetime
    entity: str | None
    channel_id: str
    purpose: str
    template_name: str
    has_body: bool
    is_body_undecided: bool = False


def kept(known: Facts) -> list[Kept]:
    """Every message, inbound ones too. Calls are not messages here (see `undecided`)."""
    world = known.world
    found = [
        Kept(s.message_id, s.sent_at, s.entity, s.channel_id, s.purpose, s.template_name, s.has_body)
        for s in known.sends
    ]
    for row in world.inbound:
        unclear = row.type not in ("text", "button", "button_reply", "list_reply")
        entity = entity_of(world, row.channel_id)
        found.append(Kept(row.message_id, row.at, entity, row.channel_id, "", "", True, unclear))
    return found


def after(at: datetime, duration: str) -> datetime:
    """DESIGN: "UTC instants, by the calendar (29 February + 1 year is 28 February)"."""
    match = re.fullmatch(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?)?", duration)
    if match is None:
        raise ValueError(duration)
    years, months, weeks, days, hours = (int(part or 0) for part in match.groups())
    month = at.month - 1 + months + 12 * years
    year, month = at.year + month // 12, month % 12 + 1
    day = min(at.day, calendar.monthrange(year, month)[1])
    return at.replace(year=year, month=month, day=day) + timedelta(weeks=weeks, days=days, hours=hours)


def record_class(world: World, message: Kept) -> str:
    # "The class is `correspondence` until a rule over entity, channel, purpose or template assigns"
    for rule in world.class_rules:
        wanted = (
            (rule.entity, message.entity),
            (rule.channel, message.channel_id),
            (rule.purpose, message.purpose),
            (rule.template, message.template_name),
        )
        if all(want in ("", have) for want, have in wanted):
            return rule.record_class
    return "correspondence"


def midnight(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def in_force(world: World, message: Kept) -> list[RetentionRow]:
    entity = next((one for one in world.entities if one.key == message.entity), None)
    kind, jurisdiction = (entity.kind, entity.jurisdiction) if entity else ("", "")
    found = []
    for row in world.retention:
        if row.record_class not in ("", record_class(world, message)):
            continue
        if row.entity_kind not in ("", kind) or row.jurisdiction not in ("", jurisdiction):
            continue
        # contract: in force by the trigger instant, half-open [effective_from, effective_to)
        if row.effective_from and message.at < midnight(row.effective_from):
            continue
        if row.effective_to and message.at >= midnight(row.effective_to):
            continue
        found.append(row)
    return found


def schedule(
    world: World, message: Kept
) -> tuple[tuple[datetime, RetentionRow] | None, tuple[datetime, RetentionRow] | None]:
    """(retain_until and its row, dispose_by and its row)."""
    rows = in_force(world, message)
    floors = [row for row in rows if row.floor and not row.is_fallback]
    if not floors:
        # "a fallback row counts only where no other floor applies"
        floors = [row for row in rows if row.floor]
    ceilings = [row for row in rows if row.ceiling]
    ends = [(after(message.at, row.floor), row) for row in floors]
    dues = [(after(message.at, row.ceiling), row) for row in ceilings]
    retain = max(ends, key=lambda one: one[0]) if ends else None  # "the floor that ends last"
    dispose = min(dues, key=lambda one: one[0]) if dues else None  # "the ceiling that ends first"
    return retain, dispose


def retention_findings(known: Facts, as_of: datetime) -> set[Triple]:
    found: set[Triple] = set()
    for message in kept(known):
        if message.at > as_of:
            continue
        if not in_force(known.world, message):
            found.add(("retention.unscheduled", "message", message.message_id))
            continue
        retain, dispose = schedule(known.world, message)
        if retain and dispose and dispose[0] < retain[0]:
            # "`dispose_by < retain_until` is `retention.conflict`, one per pair of rows …; its
            # messages are not evaluated until then"
            pair = f"{retain[1].authority}|{dispose[1].authority}"
            found.add(("retention.conflict", "retention_pair", pair))
        elif dispose and as_of >= dispose[0] and message.has_body:
            # "`as_of ≥ dispose_by`, body held, no legal hold: `retention.overdue`"
            found.add(("retention.overdue", "message", message.message_id))
    return found


# --- the answer -------------------------------------------------------------------------------------


def findings(world: World, as_of: datetime) -> set[Triple]:
    """Every (rule, subject, outside id) that DESIGN section 7 states of the world at `as_of`."""
    known = facts(world)
    found = retention_findings(known, as_of)
    for send in known.sends:
        if send.sent_at > as_of:  # contract: `as_of` bounds `sent_at`
            continue
        here = ("message", send.message_id)
        code = send_state(known, send).code
        if code in STATES:
            found.add((f"consent.{code}", *here))
        if True in recorded_late(known, send):
            found.add(("consent.recorded_late", *here))
        if send.has_purpose_mismatch:
            found.add(("consent.purpose_mismatch", *here))
        if window_of(known, send) == "outside":
            found.add(("window.free_form_outside", *here))
        if body_missing(world, send, as_of):
            found.add(("capture.body_missing", *here))
        if send.is_conflicting:
            found.add(("capture.conflicting", *here))
    for rows in records(world).values():
        row = governing_record(rows)
        if row.occurred_at > as_of:
            continue
        here = ("consent_event", row.record_id)
        if len({same_register(one) for one in rows}) > 1:
            found.add(("capture.conflicting", *here))
        # "a granted or confirmed register event without method, wording or version, or business name"
        # READING: it needs a method, (a wording or a version), and a business name
        is_complete = row.method and (row.wording or row.wording_version) and row.business_name
        if row.action in ("granted", "confirmed") and not is_complete:
            found.add(("consent.incomplete_record", *here))
        if business(world, row.business_name) == frozenset():
            found.add(("consent.unknown_business", *here))
    for party, changed_at in known.party.asked.items():
        if changed_at <= as_of:
            found.add(("identity.ambiguous", "party", known.party.name(party)))
    for event in known.events:
        if event.action == "requested" and event.at <= as_of and asked_again(known, event):
            found.add(("consent.asked_again", "consent_event", event.subject))
    return found


def attributes(world: World, as_of: datetime) -> dict[str, dict[str, object]]:
    """For each send with a consent finding: was_known (the set of values allowed), outcome, entity,
    purpose, country."""
    known = facts(world)
    found: dict[str, dict[str, object]] = {}
    for send in known.sends:
        state = send_state(known, send)
        if send.sent_at <= as_of and state.code in STATES:
            found[send.message_id] = {
                "was_known": state.known,
                "outcome": outcome(send, as_of),
                "entity": send.entity,
                "purpose": send.purpose,
                "country": send.country,
            }
    return found


def undecided(world: World, as_of: datetime) -> set[Triple]:
    """What a comparison must leave out, because DESIGN does not say."""
    known = facts(world)
    found: set[Triple] = set()
    for call in world.calls:
        for rule in ("retention.unscheduled", "retention.overdue"):
            found.add((rule, "message", call.call_id))
    for message in kept(known):
        if message.is_body_undecided:
            found.add(("retention.overdue", "message", message.message_id))
    for row in world.inbound:
        if row.type == "system":
            found.add(("retention.unscheduled", "message", row.message_id))
    for send in known.sends:
        if len(recorded_late(known, send)) > 1:
            found.add(("consent.recorded_late", "message", send.message_id))
    return found


def consent_state(world: World, message_id: str) -> str:
    known = facts(world)
    return next(send_state(known, send).code for send in known.sends if send.message_id == message_id)


def window_state(world: World, message_id: str) -> str:
    known = facts(world)
    return next(window_of(known, send) for send in known.sends if send.message_id == message_id)


def metrics(world: World, as_of: datetime) -> dict[str, tuple[int, int]]:
    """Numerator and denominator of each metric over the whole world."""
    known = facts(world)
    sends = [send for send in known.sends if send.sent_at <= as_of]
    codes = [send_state(known, send).code for send in sends]
    said = [code for code in codes if code not in ("not_judged", "not_evaluated")]
    windows = [(window_of(known, send), outcome(send, as_of)) for send in sends]
    free = [pair for pair in windows if pair[0] in ("inside", "outside")]
    settled = as_of - timedelta(hours=world.settle_hours)
    due = [send for send in sends if not send.is_status_only or send.sent_at <= settled]
    bodies = [send for send in due if not body_missing(world, send, as_of)]
    # An edit or revocation is no message of its own, and takes nothing away from the original.
    changed = {row.original_id for row in world.versions if row.at <= as_of}
    readable = {message.message_id for message in kept(known) if message.has_body}
    return {
        "consent_coverage": (said.count("granted"), len(said)),
        "sends_after_withdrawal": (said.count("withdrawn"), len(said)),
        "window_breaches_attempted": (sum(state == "outside" for state, _ in free), len(free)),
        "window_breaches_delivered": (free.count(("outside", "delivered")), len(free)),
        "body_coverage": (len(bodies), len(due)),
        "version_fidelity": (len(changed & readable), len(changed)),
    }
