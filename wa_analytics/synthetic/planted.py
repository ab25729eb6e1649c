"""Violations planted on purpose, each with its answer: consent; and the list of all scenes.

Every scene plays on people of its own who appear nowhere else, so that one plant cannot disturb
another. What a scene's answer is follows from what it wrote, by the words of the rules: a stop, for
instance, makes the send that reveals it a finding too, and every marketing send until the person
resumes. Scenes marked "no finding" are near misses.
"""

from __future__ import annotations

from dataclasses import replace

from wa_analytics.synthetic.book import DAY, Book
from wa_analytics.synthetic.companies import Template
from wa_analytics.synthetic.contents import Content
from wa_analytics.synthetic.people import USER_IDS_SINCE
from wa_analytics.synthetic.planted_captures import (
    body_missing,
    captures,
    changed_number,
    conflicting,
    window,
)
from wa_analytics.synthetic.planted_gaps import GAPS
from wa_analytics.synthetic.seasons import Season
from wa_analytics.synthetic.stage import HOUR, Answer, Stage


def opt_out_words(stage: Stage) -> None:
    """A whole text that says stop withdraws everything: as text, as button, as reply title."""
    book = stage.book
    for number, (country, word) in enumerate(book.company.opt_out_words):
        person, at = stage.agreed(country=country), stage.moment(8)
        sent = stage.send(person, stage.utility, at)
        content = Content("text", word)
        if number in (1, 2):
            content = Content("button" if number == 1 else "button_reply", word, about=sent)
        book.inbound(person, stage.channel(person), at + DAY, content=content)
        stage.send(person, stage.utility, at + 3 * DAY, "consent.withdrawn")
        stage.send(person, stage.marketing, at + 6 * DAY, "consent.withdrawn")


def near_misses_of_words(stage: Stage) -> None:
    """No finding: a stop word inside a sentence; +1 words from elsewhere."""
    person, at = stage.agreed(), stage.moment(3)
    stage.book.inbound(person, stage.channel(person), at, "Please do not stop, I like these messages.")
    stage.send(person, stage.utility, at + DAY)
    if not stage.is_broker:
        person, at = stage.agreed(), stage.moment(3)
        stage.book.inbound(person, stage.channel(person), at, "Cancel")
        stage.send(person, stage.utility, at + DAY)


def withdrawn_in_register(stage: Stage) -> None:
    """Marketing withdrawn: marketing is a finding, utility is not. Withdrawn beats granted at the
    same instant."""
    person, at = stage.agreed(), stage.moment(9)
    stage.book.consent(person, "withdrawn", at, "marketing")
    stage.send(person, stage.marketing, at + 2 * DAY, "consent.withdrawn")
    stage.send(person, stage.utility, at + 3 * DAY)
    stage.book.consent(person, "granted", at + 5 * DAY, "marketing")
    stage.send(person, stage.marketing, at + 8 * DAY)
    person, at = stage.person(), stage.moment(3)
    stage.book.consent(person, "withdrawn", at)
    stage.book.consent(person, "granted", at)
    stage.send(person, stage.utility, at + DAY, "consent.withdrawn", fate="failed")


def stopped_on_the_platform(stage: Stage) -> None:
    """A stop holds from its own second on, for marketing only, until the person resumes."""
    person, at = stage.agreed(), stage.moment(9)
    stage.send(person, stage.marketing, at)
    stage.book.preference(person, stage.channel(person), at + DAY, "stop")
    stage.send(person, stage.marketing, at + DAY, "consent.withdrawn")
    stage.send(person, stage.marketing, at + 3 * DAY, "consent.withdrawn")
    stage.send(person, stage.utility, at + 4 * DAY)
    stage.book.preference(person, stage.channel(person), at + 5 * DAY, "resume")
    stage.send(person, stage.marketing, at + 7 * DAY)


def stop_told_by_an_error(stage: Stage) -> None:
    """131050: the send that met it is a finding, and so are later ones; a newer grant ends it."""
    if stage.is_broker or not stage.book.wire.has_codes:
        return
    book = stage.book
    for _ in range(2):
        person, at = stage.agreed(), stage.moment(10)
        channel = stage.channel(person)
        first = book.template(person, channel, stage.marketing, at, fate="failed", code=131050)
        stage.found(first, at, "consent.withdrawn")
        stage.send(person, stage.marketing, at + 2 * DAY, "consent.withdrawn")
        stage.send(person, stage.utility, at + 3 * DAY)
        book.consent(person, "granted", at + 5 * DAY, "marketing")
        stage.send(person, stage.marketing, at + 9 * DAY)


def expired(stage: Stage) -> None:
    """A grant with an end: good before, expired from that very second on."""
    for fate in ("read", "delivered"):
        person, at = stage.person(), stage.moment(6)
        ends = at + 2 * DAY
        stage.book.consent(person, "granted", stage.long_ago(), expires_at=stage.book.clock(ends))
        stage.send(person, stage.utility, ends - 1)
        stage.send(person, stage.utility, ends, "consent.expired", fate=fate)
        stage.send(person, stage.marketing, at + 5 * DAY, "consent.expired")


def refused(stage: Stage) -> None:
    for template in (stage.utility, stage.marketing):
        person, at = stage.person(), stage.moment(4)
        stage.book.consent(person, "refused", at)
        stage.send(person, template, at + 2 * DAY, "consent.refused")


def unconfirmed(stage: Stage) -> None:
    """Double opt-in that was never confirmed; and (no finding) one that was."""
    for purpose, template in (("all", stage.utility), ("marketing", stage.marketing)):
        person, at = stage.person(), stage.moment(4)
        stage.book.consent(person, "requested", at, purpose)
        stage.send(person, template, at + 2 * DAY, "consent.unconfirmed")
    person, at = stage.person(), stage.moment(4)
    stage.book.consent(person, "requested", at)
    stage.book.consent(person, "confirmed", at + HOUR)
    stage.send(person, stage.utility, at + 2 * DAY)


def wrong_purpose(stage: Stage) -> None:
    """Agreed to something else, even if that is withdrawn since."""
    company = stage.book.company
    pairs = [("utility", stage.marketing), ("marketing", stage.utility)]
    if company.kind == "airline":
        pairs.append(("utility", company.template("authentication")))
    for purpose, template in pairs:
        person, at = stage.agreed(purpose), stage.moment(3)
        stage.send(person, template, at, "consent.wrong_purpose")
    person, at = stage.agreed("marketing"), stage.moment(5)
    stage.book.consent(person, "withdrawn", at, "marketing")
    stage.send(person, stage.utility, at + 3 * DAY, "consent.wrong_purpose")


def never_asked(stage: Stage) -> None:
    """Nobody in the register; a grant recorded only for a time after the send; another's business."""
    for template, fate in ((stage.utility, "read"), (stage.utility, "failed"), (stage.marketing, "read")):
        at = stage.moment(1)
        stage.send(stage.person(), template, at, "consent.never_asked", fate=fate)
    person, at = stage.person(), stage.moment(3)
    stage.send(person, stage.utility, at, "consent.never_asked")
    stage.book.consent(person, "granted", at + DAY)
    stage.send(person, stage.utility, at + 2 * DAY)


def unknown_business(stage: Stage) -> None:
    """A grant given to a business that no company of the group answers to governs nothing."""
    book = stage.book
    for is_sent_to in (True, False):
        person, at = stage.person(), stage.moment(3)
        given = stage.long_ago()
        record = book.consent(person, "granted", given, business_name="Brindlemark Travel Club")
        stage.found(record, given, "consent.unknown_business", subject="consent_event")
        if is_sent_to:
            stage.send(person, stage.utility, at, "consent.never_asked")


def asked_again(stage: Stage) -> None:
    """A request while a withdrawal holds: by register, by word, by platform stop."""
    book = stage.book
    for way in ("register", "word", "stop"):
        person, at = stage.agreed(), stage.moment(6)
        if way == "register":
            book.consent(person, "withdrawn", at, "marketing")
        elif way == "word":
            book.inbound(person, stage.channel(person), at, book.company.opt_out_words[-1][1])
        else:
            book.preference(person, stage.channel(person), at, "stop")
        record = book.consent(person, "requested", at + 3 * DAY, "marketing")
        stage.found(record, at + 3 * DAY, "consent.asked_again", subject="consent_event")
        if way == "register":
            book.consent(person, "confirmed", at + 4 * DAY, "marketing")
            stage.send(person, stage.marketing, at + 5 * DAY)


def recorded_late(stage: Stage) -> None:
    """Agreed in full at the time, but the register did not know it yet."""
    book = stage.book
    person, at = stage.person(), stage.moment(8)
    book.consent(person, "granted", at - 2 * DAY, recorded_at=book.clock(at + 3 * DAY))
    stage.send(person, stage.utility, at, "consent.recorded_late")
    stage.send(person, stage.utility, at + 5 * DAY)
    person, at = stage.agreed(), stage.moment(8)
    book.consent(person, "withdrawn", at)
    book.consent(person, "granted", at + DAY, recorded_at=book.clock(at + 6 * DAY))
    stage.send(person, stage.utility, at + 3 * DAY, "consent.recorded_late")
    stage.send(person, stage.utility, at + 7 * DAY)


def incomplete_record(stage: Stage) -> None:
    """Grants that do not say how, to which words, or to whom."""
    lacks = ({"method": ""}, {"wording": "", "wording_version": ""}, {"business_name": ""})
    for number, cells in enumerate(lacks):
        person, at = stage.person(), stage.long_ago()
        action = "confirmed" if number == 0 else "granted"
        record = stage.book.consent(person, action, at, **cells)
        stage.found(record, at, "consent.incomplete_record", subject="consent_event")
        stage.send(person, stage.utility, stage.moment(1))


def purpose_mismatch(stage: Stage) -> None:
    """The send log, the price and the template tell different purposes: judged as marketing."""
    book, rule = stage.book, "consent.purpose_mismatch"
    cases: list[tuple[str, Template, str, str, tuple[str, ...]]]
    if stage.is_broker:
        cases = [("all", stage.utility, "marketing", "utility", ())]
        cases += [("utility", stage.utility, "marketing", "utility", ("consent.wrong_purpose",))]
    elif not book.wire.has_prices:
        cases = [("all", stage.marketing, "utility", "", ())]
        cases += [("utility", stage.marketing, "utility", "", ("consent.wrong_purpose",))]
    else:
        cases = [("all", stage.utility, "utility", "marketing", ())]
        cases += [("utility", stage.utility, "utility", "marketing", ("consent.wrong_purpose",))]
        cases += [("all", stage.marketing, "utility", "utility", ())]
    for agreed_to, template, logged, priced, more in cases:
        person, at = stage.agreed(agreed_to), stage.moment(1)
        channel = stage.channel(person)
        sent = book.template(person, channel, template, at, purpose=logged, priced=priced)
        stage.found(sent, at, rule, *more)


def number_given_on(stage: Stage) -> None:
    """A number stands with another user id: nothing is inherited and somebody must decide; what the new
    holder agrees to counts. No finding: the same where the platform tells of the change."""
    if not stage.book.wire.has_user_ids or stage.season.start < USER_IDS_SINCE:
        return
    for is_told in (False, True):
        first, at = stage.agreed(), stage.moment(9)
        stage.book.population.give_user_id(first)
        second = replace(first)
        stage.book.population.give_user_id(second)
        stage.book.population.people.append(second)
        stage.wrote(first, at)
        stage.send(first, stage.utility, at + HOUR)
        if is_told:
            stage.book.changed_user_id(first, second, stage.channel(first), at + DAY)
        stage.wrote(second, at + 2 * DAY)
        rules = () if is_told else ("consent.never_asked",)
        stage.send(second, stage.utility, at + 3 * DAY, *rules)
        if not is_told:
            stage.found(second.user_id, at + 2 * DAY, "identity.ambiguous", subject="party")
            stage.book.consent(second, "granted", at + 5 * DAY)
            stage.send(second, stage.utility, at + 6 * DAY)


SCENES = (
    opt_out_words, near_misses_of_words, withdrawn_in_register, stopped_on_the_platform,
    stop_told_by_an_error, expired, refused, unconfirmed, wrong_purpose, never_asked, unknown_business,
    asked_again, recorded_late, incomplete_record, purpose_mismatch, window, body_missing, conflicting,
    captures, changed_number, number_given_on,
)  # fmt: skip


def planted(book: Book, season: Season, rounds: int) -> list[Answer]:
    """Plays every scene in the company's book, and in each further round about half of them again,
    capture gaps only once; returns the answers."""
    stage = Stage(book, season, rounds)
    for gap in GAPS:
        gap(stage)
    for number in range(rounds):
        for scene in SCENES:
            if number == 0 or book.rng.random() < 0.5:
                scene(stage)
    return stage.answers
