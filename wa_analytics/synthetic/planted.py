"""Violations planted on purpose, each with its answer.

Every scene plays on people of its own who appear nowhere else, so that one plant cannot disturb
another. What a scene's answer is follows from what it wrote, by the words of the rules: a stop, for
instance, makes the send that reveals it a finding too, and every marketing send until the person
resumes. Scenes marked "no finding" are near misses.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime

from wa_analytics.synthetic import bodies
from wa_analytics.synthetic.book import DAY, Book
from wa_analytics.synthetic.companies import Channel, Template
from wa_analytics.synthetic.people import Person, wamid
from wa_analytics.synthetic.seasons import Season

HOUR = 3_600
Answer = dict[str, str]


@dataclass(slots=True)
class Stage:
    """A company's book with the short words that scenes are written in."""

    book: Book
    season: Season
    answers: list[Answer] = field(default_factory=list)
    _casts: int = 0

    @property
    def is_broker(self) -> bool:
        return self.book.company.is_marketing_refused

    @property
    def utility(self) -> Template:
        return self.book.company.template("utility")

    @property
    def marketing(self) -> Template:
        return self.book.company.template("marketing")

    def person(self, country: str = "") -> Person:
        """Somebody new, of each country of the company in turn."""
        countries = [name for name, _ in self.book.company.countries]
        person = self.book.population.person(country or countries[self._casts % len(countries)])
        channels = self.book.company.channels
        is_second = person.country == "GB" or (self.is_broker and self._casts % 2 == 1)
        person.channel_id = channels[1 if is_second else 0].channel_id
        if self.is_broker:
            person.custodian_id = f"adv-{self._casts % 18 + 1:02d}"
        self._casts += 1
        return person

    def agreed(self, purpose: str = "all", country: str = "") -> Person:
        """Somebody new who agreed long before the six months."""
        person = self.person(country)
        self.book.consent(person, "granted", self.long_ago(), purpose)
        return person

    def long_ago(self) -> int:
        return self.season.start - int((60 + self.book.rng.random() * 300) * DAY)

    def moment(self, days: float) -> int:
        return self.season.moment(self.book.rng, days)

    def send(self, person: Person, template: Template, at: int, *rules: str, fate: str = "read") -> str:
        """A template send that breaks `rules` (none: a clean one)."""
        outside_id = self.book.template(person, self.channel(person), template, at, fate=fate)
        self.found(outside_id, at, *rules)
        return outside_id

    def wrote(self, person: Person, at: int) -> str:
        return self.book.inbound(person, self.channel(person), at, self.book.question(person))

    def channel(self, person: Person) -> Channel:
        return self.book.channel_of(person)

    def found(self, outside_id: str, at: int, *rules: str, subject: str = "message") -> None:
        for rule in rules:
            self.answers.append(
                {
                    "rule": rule,
                    "subject": subject,
                    "outside_id": outside_id,
                    "entity": self.book.company.key,
                    "occurred_at": datetime.fromtimestamp(at, UTC).isoformat(),
                }
            )


def opt_out_words(stage: Stage) -> None:
    """A whole text that says stop withdraws everything: as text, as button, as reply title."""
    book = stage.book
    for number, (country, word) in enumerate(book.company.opt_out_words):
        person, at = stage.agreed(country=country), stage.moment(8)
        sent = stage.send(person, stage.utility, at)
        if number == 1:
            content, type_ = bodies.button(word), "button"
        elif number == 2:
            content, type_ = bodies.button_reply(word), "interactive"
        else:
            content, type_ = bodies.text(word), "text"
        context = "" if type_ == "text" else bodies.context(stage.channel(person), sent)
        book.inbound(person, stage.channel(person), at + DAY, type_=type_, content=content, context=context)
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
    if stage.is_broker:
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
    else:
        cases = [("all", stage.utility, "utility", "marketing", ())]
        cases += [("utility", stage.utility, "utility", "marketing", ("consent.wrong_purpose",))]
        cases += [("all", stage.marketing, "utility", "utility", ())]
    for agreed_to, template, logged, priced, more in cases:
        person, at = stage.agreed(agreed_to), stage.moment(1)
        channel = stage.channel(person)
        sent = book.template(person, channel, template, at, purpose=logged, priced=priced)
        stage.found(sent, at, rule, *more)


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
    if stage.is_broker:
        person, at = stage.agreed(), stage.moment(3)
        book.call(person, stage.channel(person), at)
        book.free_form(person, stage.channel(person), at + 3 * HOUR, book.answer(person))


def body_missing(stage: Stage) -> None:
    """Sends of which only statuses are known for a week, and a log row with neither text nor template.
    No finding: statuses of the last days, whose log row may still come."""
    book, rule = stage.book, "capture.body_missing"
    for fate in ("read", "sent", "failed"):
        person, at = stage.agreed(), stage.moment(1)
        channel = stage.channel(person)
        sent = book.template(person, channel, stage.utility, at, fate=fate, is_logged=False)
        stage.found(sent, at + 1, rule)
    person, at = stage.agreed(), stage.moment(2)
    stage.wrote(person, at)
    sent = book.free_form(person, stage.channel(person), at + HOUR, "")
    stage.found(sent, at + HOUR, rule)
    person = stage.agreed()
    recent = stage.season.end - 60 * HOUR
    book.template(person, stage.channel(person), stage.utility, recent, fate="read", is_logged=False)


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
    """A body signed with another secret, one changed after signing, one that is no JSON."""
    book = stage.book
    for way in ("secret", "changed", "broken"):
        person, at = stage.person(), stage.moment(1)
        channel, words = stage.channel(person), book.question(person)
        message_id = wamid(book.rng, person.wa_id, is_inbound=True)
        book.apart += [message_id, words]
        inner = bodies.inbound(person, at, message_id, "text", bodies.text(words))
        body = bodies.envelope(channel, inner)
        if way == "secret":
            book.webhook(body, at + 1, secret=b"not the secret of this app")
        elif way == "changed":
            book.webhook(body, at + 1, signed=body.replace(str(at), str(at + 1)))
        else:
            body = body[: len(body) * 2 // 3]
            book.webhook(body, at + 1)
        rule = "capture.unreadable" if way == "broken" else "capture.signature_invalid"
        stage.found(hashlib.sha256(body.encode()).hexdigest(), at + 1, rule, subject="capture")


def changed_number(stage: Stage) -> None:
    """No finding: somebody writes from another number, and agreed there too."""
    old, at = stage.agreed(), stage.moment(4)
    new = stage.agreed(country=old.country)
    new.name, new.channel_id = old.name, old.channel_id
    stage.wrote(old, at)
    stage.book.changed_number(old, new, stage.channel(old), at + DAY)
    stage.send(new, stage.utility, at + 2 * DAY)


SCENES = (
    opt_out_words, near_misses_of_words, withdrawn_in_register, stopped_on_the_platform,
    stop_told_by_an_error, expired, refused, unconfirmed, wrong_purpose, never_asked, unknown_business,
    asked_again, recorded_late, incomplete_record, purpose_mismatch, window, body_missing, conflicting,
    captures, changed_number,
)  # fmt: skip


def planted(book: Book, season: Season) -> list[Answer]:
    """Plays every scene in the company's book; returns the answers."""
    stage = Stage(book, season)
    for scene in SCENES:
        scene(stage)
    return stage.answers
