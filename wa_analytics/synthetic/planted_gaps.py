"""Capture gaps planted on purpose, each with its answer: what the platform knows and the archive lacks.

Only companies whose accounts the Graph API tells of can be reconciled with the platform's own counts
and message ids; what shows in the archive alone is played everywhere.
"""

from __future__ import annotations

from datetime import UTC, datetime

from wa_analytics.synthetic import contents
from wa_analytics.synthetic.book import DAY, Gap
from wa_analytics.synthetic.companies import CALL_BACK
from wa_analytics.synthetic.contents import Content
from wa_analytics.synthetic.graph import ELSEWHERE
from wa_analytics.synthetic.stage import HOUR, Stage

SILENT_DAYS = 16
CALL_BACK_HOURS = (15, 18)  # UTC


def dropped_webhooks(stage: Stage) -> None:
    """For an hour at noon nothing arrived, neither webhook nor log row: the platform's message ids
    and its count of the day tell."""
    if not stage.has_graph:
        return
    book, channel = stage.book, stage.book.company.channels[0]
    noon = stage.season.end // DAY * DAY - 14 * DAY + 14 * HOUR
    for number in range(8 + 4 * stage.rounds):
        person = stage.person()
        at = noon + number * 60
        stage.found(book.dropped(person, channel, at), at, "capture.unknown_message")
    stage.found(channel_day(channel.channel_id, noon), noon, "capture.volume_gap", subject="channel_day")


def channel_day(channel_id: str, at: int) -> str:
    """Outside id of a number's UTC day."""
    return f"{channel_id}|{datetime.fromtimestamp(at, UTC).date().isoformat()}"


def silent_number(stage: Stage) -> None:
    """A desk that is written to twice on every working day, and for two weeks not at all."""
    if not stage.is_broker:
        return
    book = stage.book
    channel = book.company.channel(CALL_BACK)
    people = [stage.agreed() for _ in range(9)]
    today = stage.season.end // DAY
    silent_from = today - 40
    # 1970-01-01 was a Thursday: the stretch begins on a Tuesday, so that a Monday with mail precedes it.
    silent_from -= (silent_from + 3) % 7 - 1
    silent_to = silent_from + SILENT_DAYS
    for day in range(today - 100, today):
        if (day + 3) % 7 >= 5 or silent_from <= day < silent_to:
            continue
        for hour in CALL_BACK_HOURS:
            person = people[(day + hour) % len(people)]
            at = day * DAY + hour * HOUR + int(book.rng.random() * HOUR)
            book.inbound(person, channel, at, book.question(person))
    first = silent_from * DAY
    stage.found(channel_day(CALL_BACK, first), first, "capture.silence", subject="channel_day")


def diverted(stage: Stage) -> None:
    """An override sends one number's webhooks elsewhere."""
    if not stage.is_broker:
        return
    channel = stage.book.company.channels[1].channel_id
    stage.book.known.overrides[channel] = ELSEWHERE
    stage.found(channel, stage.season.end, "capture.diverted", subject="channel")


def offboarded(stage: Stage) -> None:
    """An account left the platform last night. No finding: one that was connected again."""
    if not stage.has_graph:
        return
    book = stage.book
    at = stage.moment(3) // DAY * DAY + DAY + 5 * HOUR
    why = '"disconnection_info":{"reason":"PRIMARY_INACTIVITY","initiated_by":"SYSTEM"}'
    left = f'{{"event":"ACCOUNT_OFFBOARDED",{why}}}'
    book.account("account_update", left, at)
    book.account("account_update", '{"event":"ACCOUNT_RECONNECTED"}', at + 3 * HOUR)
    if not stage.is_broker:
        at = stage.season.end - 5 * HOUR
        book.account("account_update", left, at)
        stage.found(book.company.waba_ids[0], at, "capture.offboarded", subject="account")


def status_missing(stage: Stage) -> None:
    """Sends that the log names and of which no status ever came. No finding: one of the last days."""
    book, rule = stage.book, "capture.status_missing"
    for _ in range(2):
        person, at = stage.agreed(), stage.moment(1)
        sent = book.template(person, stage.channel(person), stage.utility, at, fate="untold")
        stage.found(sent, at, rule)
    person = stage.agreed()
    book.template(person, stage.channel(person), stage.utility, stage.season.end - 50 * HOUR, fate="untold")


def lost_media(stage: Stage) -> None:
    """Pictures that nobody fetched in the seven days they were there, and one whose bytes are not those
    announced."""
    book = stage.book
    if not book.fetches_files:
        return
    for days in (11, 17, 3):
        person, at = stage.agreed(), stage.season.end - days * DAY
        content = contents.media(book.rng, "image", book.question(person))
        assert content.media is not None
        if days == 3:
            book.known.altered.add(content.media.media_id)
        book.inbound(person, stage.channel(person), at, content=content)
        stage.found(content.media.media_id, at, "capture.media_missing", subject="media")


def declared_gap(stage: Stage) -> None:
    """No finding: bodies that the company said it lacks, for the hours in which its log was down."""
    book, channel = stage.book, stage.book.company.main_channel
    since = stage.moment(2)
    for number in range(3):
        person = stage.agreed()
        person.channel_id = channel.channel_id
        book.template(person, channel, stage.utility, since + number * HOUR, is_logged=False)
    start, end = (datetime.fromtimestamp(at, UTC) for at in (since - HOUR, since + 4 * HOUR))
    reason = "send log down for maintenance"
    book.gaps.append(Gap("bodies", book.company.key, channel.channel_id, start, end, reason))


def unsupported(stage: Stage) -> None:
    """Something the platform has no form for: the message is known, what it said is not."""
    book = stage.book
    for _ in range(2):
        person, at = stage.agreed(), stage.moment(1)
        told = book.inbound(person, stage.channel(person), at, content=Content("unsupported"))
        stage.found(told, at, "capture.unsupported")


GAPS = (
    dropped_webhooks,
    silent_number,
    diverted,
    offboarded,
    status_missing,
    lost_media,
    declared_gap,
    unsupported,
)
