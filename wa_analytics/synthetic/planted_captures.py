"""Violations planted on purpose, each with its answer: window, bodies, conflicts, captures."""

from __future__ import annotations

from datetime import UTC, datetime

from wa_analytics.synthetic.book import DAY
from wa_analytics.synthetic.contents import Content
from wa_analytics.synthetic.stage import HOUR, Stage


def window(stage: Stage) -> None:
    """Own words outside 24 hours: refused by the platform, at exactly 24 hours, delivered all the
    same, without any inbound, after an inbound on another number. No finding: one second before, in
    the same second, after a call."""
    book, rule = stage.book, "window.free_form_outside"
    late = (("failed", 131047, 30 * HOUR), ("failed", 131047, 24 * HOUR), ("delivered", None, 26 * HOUR))
    for fate, code, after in (*late, ("read", None, 24 * HOUR - 1), ("read", None, 0)):
        person, at = stage.agreed(), stage.moment(3)
        stage.wrote(person, at)
        channel = stage.channel(person)
        sent = book.free_form(person, channel, at + after, book.answer(person), fate=fate, code=code)
        stage.found(sent, at + after, *([rule] if after >= DAY else []))
    person, at = stage.agreed(), stage.moment(3)
    sent = book.free_form(person, stage.channel(person), at, book.answer(person), fate="failed", code=131047)
    stage.found(sent, at, rule)
    person, at = stage.agreed(), stage.moment(3)
    first, second = book.company.channels[:2]
    book.inbound(person, first, at, book.question(person))
    sent = book.free_form(person, second, at + HOUR, book.answer(person), fate="failed", code=131047)
    stage.found(sent, at + HOUR, rule)
    if stage.is_broker and book.wire.has_calls:
        person, at = stage.agreed(), stage.moment(3)
        book.call(person, stage.channel(person), at)
        book.free_form(person, stage.channel(person), at + 3 * HOUR, book.answer(person))


def body_missing(stage: Stage) -> None:
    """Sends of which only statuses are known for a week, and a log row with neither text nor template.
    No finding: statuses of the last days, whose log row may still come."""
    book, rule = stage.book, "capture.body_missing"
    # A report that does not name the sender leaves the company of an unlogged send unknown.
    for fate in ("read", "sent", "failed") if book.wire.names_sender else ("read", "read", "read_only"):
        person, at = stage.agreed(), _undeclared(stage)
        channel = stage.channel(person)
        sent = book.template(person, channel, stage.utility, at, fate=fate, is_logged=False)
        stage.found(sent, at + 1, rule)
    person, at = stage.agreed(), _undeclared(stage)
    stage.wrote(person, at)
    sent = book.free_form(person, stage.channel(person), at + HOUR, "")
    stage.found(sent, at + HOUR, rule)
    person = stage.agreed()
    recent = stage.season.end - 60 * HOUR
    book.template(person, stage.channel(person), stage.utility, recent, fate="read", is_logged=False)


def _undeclared(stage: Stage) -> int:
    """A moment for which, and for the hours around it, no company said that it lacks bodies."""
    spans = [(gap.since.timestamp(), gap.until.timestamp()) for gap in stage.book.gaps]
    while True:
        at = stage.moment(2)
        if not any(since - 2 * HOUR < at < until + 2 * HOUR for since, until in spans):
            return at


def conflicting(stage: Stage) -> None:
    """Two log rows with one message id, two register rows with one record id, that differ.
    No finding: the same row again in another spelling."""
    book, rule = stage.book, "capture.conflicting"
    for column in ("body", "sent_at", ""):
        person, at = stage.agreed(), stage.moment(2)
        stage.wrote(person, at)
        words = book.answer(person)
        sent = book.free_form(person, stage.channel(person), at + HOUR, words)
        when, file, row = book.sends[-1]
        again = row | {"to": row["to"].lstrip("+"), "sent_at": _in_utc(at + HOUR)}
        if column:
            changed = {"body": book.answer(person), "sent_at": book.clock(at + 2 * HOUR)}
            again[column] = changed[column]
            book.texts.append(changed["body"])
            stage.found(sent, at + HOUR, rule)
        book.sends.append((when, file, again))
    person, at = stage.person(), stage.moment(2)
    given = stage.long_ago()
    record = book.consent(person, "granted", given)
    book.consent(person, "granted", given + HOUR, record_id=record, method="paper")
    stage.found(record, given, rule, subject="consent_event")
    stage.send(person, stage.utility, at)


def _in_utc(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def captures(stage: Stage) -> None:
    """A body that is no JSON; and where bodies are signed, one signed with another secret and one
    changed after signing."""
    book = stage.book
    for way in ("secret", "changed", "broken") if book.wire.is_signed else ("broken", "broken"):
        person, at = stage.person(), stage.moment(1)
        channel, words = stage.channel(person), book.question(person)
        message_id = book.wire.message_id(book.rng, person, at, is_inbound=True)
        book.apart += [message_id, words]
        body = book.wire.inbound(person, channel, at, message_id, Content("text", words))
        if way == "secret":
            captured = book.webhook(body, at + 1, secret=b"not the secret of this app")
        elif way == "changed":
            captured = book.webhook(body, at + 1, signed=body.replace(str(at), str(at + 1)))
        else:
            captured = book.webhook(body[: len(body) * 2 // 3], at + 1, alike=True)
        rule = "capture.unreadable" if way == "broken" else "capture.signature_invalid"
        stage.found(captured, at + 1, rule, subject="capture")


def changed_number(stage: Stage) -> None:
    """No finding: somebody writes from another number, and agreed there too."""
    if not stage.book.wire.has_number_changes:
        return
    old, at = stage.agreed(), stage.moment(4)
    new = stage.agreed(country=old.country)
    new.name, new.channel_id = old.name, old.channel_id
    stage.wrote(old, at)
    stage.book.changed_number(old, new, stage.channel(old), at + DAY)
    stage.send(new, stage.utility, at + 2 * DAY)
