"""Ordinary traffic: everything in it is clean.

People agreed long before the six months, on complete rows recorded in time; replies in the company's
own words follow an inbound message of that person on that channel within hours; every send stands in
the send log with its text or its template; who leaves gets no template any more.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from wa_analytics.synthetic import contents
from wa_analytics.synthetic.book import DAY, Book
from wa_analytics.synthetic.companies import (
    CARE_DESK,
    LOUNGE_PILOT,
    TELECONSULT,
    UNSCHEDULED_TEMPLATE,
    Channel,
    Template,
)
from wa_analytics.synthetic.people import USER_IDS_SINCE, Person, Population
from wa_analytics.synthetic.seasons import Season

MESSAGES_PER_PERSON = 13
FATES = ("read",) * 62 + ("delivered",) * 27 + ("read_only",) * 4 + ("sent",) * 5 + ("failed",) * 2
MEDIA = ("image", "image", "image", "audio", "audio", "document", "document", "video", "sticker")
RARE = ("reaction", "button", "list_reply", "location", "contacts", "order")
LEAVING_WORD = {"en": "Stop", "de": "STOP", "fr": "stop", "nl": "Stop.", "es": "Baja", "pt": "Sair"}
PRICED_ALSO = {"marketing": "marketing_lite", "authentication": "authentication-international"}
# Older messages: share, and between how many days before the end; (channel number). A number's
# traffic has no pause, since a pause would be a silence.
OLDER: dict[str, tuple[tuple[float, int, int, int], ...]] = {
    "broker_dealer": ((0.92, 186, 2_553, 0), (0.05, 186, 2_550, 1), (0.03, 2_560, 2_600, 0)),
    "airline": ((0.86, 186, 728, 0), (0.10, 186, 725, 1), (0.04, 733, 770, 0)),
    "clinic": ((0.74, 186, 1_822, 0), (0.06, 1_830, 1_980, 0), (0.2, 186, 2_550, 1)),
}


def customers(book: Book, count: int, season: Season) -> list[Person]:
    """`count` people of the company with their register rows, written long before the six months."""
    rng, company, population = book.rng, book.company, book.population
    purposes = tuple(dict.fromkeys(template.purpose for template in company.templates))
    without_marketing = tuple(purpose for purpose in purposes if purpose != "marketing")
    people = []
    for number in range(count):
        person = population.person(_country(book, population))
        person.channel_id = home_channel(book, person, number)
        if company.kind == "broker_dealer":
            person.custodian_id = f"adv-{number % 18 + 1:02d}"
        if rng.random() < 0.35 and book.wire.has_user_ids:
            population.give_user_id(person)
            if season.start >= USER_IDS_SINCE and rng.random() < 0.12:
                person.hides_phone_from = season.start + 45 * DAY
        agreed_at = season.start - int((40 + rng.random() * 700) * DAY)
        chance = rng.random()
        chosen = ("all",) if chance < 0.6 else purposes if chance < 0.85 else without_marketing
        person.purposes = frozenset(purposes if "all" in chosen else chosen)
        _agree(book, person, chosen, agreed_at)
        if rng.random() < 0.04:
            person.left_at = season.start + int((0.1 + 0.85 * rng.random()) * (season.end - season.start))
        people.append(person)
    return people


def _country(book: Book, population: Population) -> str:
    chance = book.rng.random()
    for country, share in book.company.countries:
        chance -= share
        if chance < 0 and population.left(country) > 80:
            return country
    return max((country for country, _ in book.company.countries), key=population.left)


def home_channel(book: Book, person: Person, number: int) -> str:
    """The channel a person writes to: the airline's by country, the broker's by turns."""
    channels = book.company.channels
    if book.company.kind == "airline":
        return channels[1 if person.country == "GB" else 0].channel_id
    if book.company.kind == "broker_dealer":
        return channels[number % 2].channel_id
    return channels[0].channel_id


def _agree(book: Book, person: Person, chosen: tuple[str, ...], at: int) -> None:
    """Register rows, now and then as double opt-in, soft opt-in, with an end far off, or with the
    person's user id beside the phone."""
    rng = book.rng
    cells = {}
    if person.hides_phone_from and rng.random() < 0.5:
        cells["user_id"] = person.user_id
    if rng.random() < 0.1:
        cells["expires_at"] = book.clock(book.end + int((200 + rng.random() * 400) * DAY))
    for purpose in chosen:
        more = dict(cells)
        if purpose == "marketing" and person.country == "GB":
            more["lawful_basis"] = "soft_opt_in"
        if purpose in ("utility", "authentication"):
            more["lawful_basis"] = "contract"
        if rng.random() < 0.12:
            book.consent(person, "requested", at - 3_600, purpose)
            book.consent(person, "confirmed", at, purpose, **more)
        else:
            if rng.random() < 0.05:
                more["business_name"] = "  " + book.company.business_names[0].upper().replace(" ", "  ")
            book.consent(person, "granted", at, purpose, **more)


def introductions(book: Book, people: list[Person], season: Season) -> None:
    """Who hides the phone later, and who leaves, does it on record."""
    for person in people:
        channel = book.channel_of(person)
        if person.hides_phone_from is not None:
            at = season.start + int((1 + book.rng.random() * 30) * DAY)
            book.inbound(person, channel, at, book.question(person))
            book.free_form(person, channel, at + 900, book.answer(person))
        if person.left_at is not None:
            way = book.rng.random()
            if way < 0.4:
                book.inbound(person, channel, person.left_at, LEAVING_WORD[person.language])
            elif way < 0.7:
                book.consent(person, "withdrawn", person.left_at)
            else:
                book.preference(person, channel, person.left_at, "stop")


def ordinary(book: Book, people: list[Person], quota: int, season: Season) -> None:
    """Exactly `quota` messages of clean traffic."""
    rng, company = book.rng, book.company
    picks: list[Template] = []
    for template in company.templates:
        picks += [template] * round(template.share * 100)
    goal = book.message_count + quota
    while (room := goal - book.message_count) > 0:
        at = season.working_moment(rng, company.zone_hours)
        person = people[int(rng.random() * len(people))]
        channel = book.channel_of(person)
        template = picks[int(rng.random() * len(picks))]
        has_left = person.left_at is not None and at >= person.left_at
        if rng.random() < 0.6 and not has_left and template.purpose in person.purposes:
            _template_episode(book, person, channel, template, at, room)
        elif company.kind == "airline" and at > season.end - 88 * DAY and rng.random() < 0.35:
            conversation(book, person, company.channel(CARE_DESK), at, room)
        elif company.kind == "clinic" and rng.random() < 0.12:
            conversation(book, person, company.channel(TELECONSULT), at, room)
        else:
            conversation(book, person, channel, at, room)


def _template_episode(
    book: Book, person: Person, channel: Channel, template: Template, at: int, room: int
) -> None:
    rng = book.rng
    priced = PRICED_ALSO.get(template.purpose, "") if rng.random() < 0.1 else ""
    if book.company.is_marketing_refused:
        priced = ""
    fate = FATES[int(rng.random() * len(FATES))]
    sent = book.template(person, channel, template, at, fate=fate, priced=priced)
    if room > 2 and fate.startswith("read") and rng.random() < 0.15:
        replied_at = at + 7_200 + int(rng.random() * 9_000)
        content = contents.rare(rng, RARE[int(rng.random() * 3)], sent)
        book.inbound(person, channel, replied_at, content=content)
        if rng.random() < 0.6:
            book.free_form(person, channel, replied_at + 60 + int(rng.random() * 3_600), book.answer(person))


def conversation(
    book: Book, person: Person, channel: Channel, at: int, room: int, *, is_plain: bool = False
) -> None:
    """Questions and answers, at most `room` messages, over at most eight hours.

    is_plain: texts only, whose body is held beyond doubt (a picture's bytes are elsewhere).
    """
    rng = book.rng
    goal = book.message_count + room
    reply: Callable[[Person, Channel, int, str], str] = book.free_form
    if book.company.kind == "clinic" and not person.is_hidden(at) and rng.random() < 0.03:
        reply = book.echo
    for _ in range(1 + int(rng.random() * 2.3)):
        if book.message_count >= goal:
            return
        if not is_plain and book.may_hold_file(at) and rng.random() < 0.12:
            type_ = MEDIA[int(rng.random() * len(MEDIA))]
            caption = book.question(person) if type_ in ("image", "document") else ""
            asked = book.inbound(person, channel, at, content=contents.media(rng, type_, caption))
        else:
            asked = book.inbound(person, channel, at, book.question(person))
        if not is_plain and book.message_count < goal and rng.random() < 0.06:
            type_ = RARE[int(rng.random() * len(RARE))]
            about = asked if type_ == "reaction" else ""
            book.inbound(person, channel, at + 20, content=contents.rare(rng, type_, about))
        if book.message_count < goal and rng.random() < 0.94:
            at += 60 + int(rng.random() ** 2 * 5_000)
            reply(person, channel, at, book.answer(person))
        at += 120 + int(rng.random() * 3_000)


def older(book: Book, people: list[Person], count: int) -> None:
    """Conversations of up to seven years back, some of them kept too long."""
    rng = book.rng
    goal = book.message_count + count
    most, *few = OLDER[book.company.kind]
    for share, nearest, farthest, number in (*few, (1.0, *most[1:])):
        part = min(goal, book.message_count + max(4, round(share * count)))
        channel = book.company.channels[number]
        while book.message_count < part:
            days = nearest + rng.random() * (farthest - nearest)
            person = _known_before(people, rng)
            room = part - book.message_count
            conversation(book, person, channel, book.end - int(days * DAY), room, is_plain=True)


def _known_before(people: list[Person], rng: random.Random) -> Person:
    """One of the longest-standing tenth: few people wrote that long ago."""
    return people[int(rng.random() * max(1, len(people) // 10))]


def leftovers(book: Book, people: list[Person], count: int, season: Season) -> None:
    """What no schedule names, and what the care desk should have disposed of: a known few."""
    rng, company = book.rng, book.company
    goal = book.message_count + count
    if company.kind == "airline":
        lounge, desk = company.channel(LOUNGE_PILOT), company.channel(CARE_DESK)
        pilot = book.message_count + max(6, count // 4)
        at = season.moment(rng, 14)
        while (room := pilot - book.message_count) > 0:
            conversation(book, people[int(rng.random() * len(people))], lounge, at, room)
            at += int(rng.random() * 3_600)
        while (room := goal - book.message_count) > 0:
            at = season.moment(rng, 1, latest=season.end - 89 * DAY - DAY // 2)
            conversation(book, people[int(rng.random() * len(people))], desk, at, room, is_plain=True)
    if company.kind == "clinic":
        goal -= count - max(6, count // 4)
        while book.message_count < goal:
            at = season.moment(rng, 1)
            person = people[int(rng.random() * len(people))]
            if person.left_at is None and "utility" in person.purposes:
                book.template(person, book.channel_of(person), UNSCHEDULED_TEMPLATE, at)
