"""A made-up group of companies, written as the files its systems would have left, with answers.

    world = write_world(folder, seed=7, end=now, app_secret="…")

The same arguments give the same bytes. `end` is the only time; chance comes from `random.Random`.
What was planted, and where it must be found, is `world.answer`; see `planted.py` for the scenes.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from wa_analytics.synthetic import files, traffic
from wa_analytics.synthetic.book import DAY, Book, Gap
from wa_analytics.synthetic.companies import CLASS_RULES, COMPANIES, Company, settings_toml
from wa_analytics.synthetic.graph import Graph
from wa_analytics.synthetic.people import Population, phone_forms
from wa_analytics.synthetic.planted import planted
from wa_analytics.synthetic.schedule import retention_answers, schedule_csv
from wa_analytics.synthetic.seasons import Season, season

OLDER_SHARE = 0.06
LEFTOVERS = 0.0035


@dataclass(frozen=True)
class World:
    """What was written.

    settings_toml: entities, record classes and further opt-out words, to add to `settings.toml`.
    retention_csv: the schedule, also written as `retention.csv`.
    answer: rows of rule, subject, outside_id, entity, occurred_at (ISO 8601, UTC); outside_id is the
        message id, the record_id, the media id, the SHA-256 of a body's bytes, a channel or account,
        `channel|day`, or `floor authority|ceiling authority`; also written as `answer-key.json`.
    clean_month: company → `YYYY-MM` in its time zone, without any message finding.
    clean_interval: company → the same month as half-open instants.
    paths: provider → files to capture, in the order in which to capture them.
    message_count, older_count: messages within the six months before `end`, and before them.
    gaps: what the companies declare that they lack.
    graph: what the platform's API answers of the group; `graph_server.served` puts it on loopback.
    """

    folder: Path
    start: datetime
    end: datetime
    settings_toml: str
    retention_csv: str
    answer: list[dict[str, str]]
    clean_month: dict[str, str]
    clean_interval: dict[str, tuple[datetime, datetime]]
    paths: dict[str, list[Path]]
    message_count: int
    older_count: int
    gaps: list[Gap]
    graph: Graph = field(repr=False, compare=False)
    _secrets: Callable[[], set[str]] = field(repr=False, compare=False)

    def people_secrets(self) -> set[str]:
        """Everything that must appear in no output: phones in every form, user ids, names, e-mail
        addresses, message and media ids, and every text of 16 characters or more."""
        return self._secrets()


def write_world(folder: Path, *, seed: int, messages: int = 50_000, end: datetime, app_secret: str) -> World:
    """Writes a group of three companies into `folder`.

    messages: inbound and outbound within the six months before `end` (planted ones included; below
        about 600 the planted ones alone); about 6 % more are older. end: aware; nothing happens
        after it. app_secret: signs the webhook bodies.
    """
    if end.tzinfo is None:
        raise ValueError("end needs a time zone: pass an aware datetime")
    rng = random.Random(seed)
    end = end.astimezone(UTC).replace(microsecond=0)
    population = Population(rng)
    answer: list[dict[str, str]] = []
    paths: dict[str, list[Path]] = {name: [] for name in ("directory", "consent-register", "send-log")}
    books: list[Book] = []
    seasons: dict[str, Season] = {}
    addresses: set[str] = set()
    recent = 0
    for company in COMPANIES:
        when = seasons[company.key] = season(company, end)
        book = Book(company, rng, population, app_secret.encode(), when.start, when.end)
        staff = files.staff_of(company, population)
        addresses.update(files.email(person, number) for number, person in enumerate(staff, start=1))
        answer += _company(book, when, messages)
        answer += retention_answers(
            company.key, company.kind, company.jurisdiction, CLASS_RULES, book.kept, end
        )
        recent += sum(message.sent_at >= when.start for message in book.kept)
        paths[company.provider] = files.write_deliveries(book, folder)
        paths["send-log"] += files.write_send_log(book, folder)
        paths["consent-register"] += files.write_register(book, folder)
        paths["directory"] += files.write_directory(company, staff, when.start, folder, rng)
        book.spool.clear()
        books.append(book)
    answer.sort(key=lambda row: (row["entity"], row["rule"], row["occurred_at"], row["outside_id"]))
    (folder / "answer-key.json").write_bytes(json.dumps(answer, indent=1).encode())
    (folder / "retention.csv").write_bytes(schedule_csv().encode())
    (folder / "settings.toml").write_bytes(settings_toml().encode())
    return World(
        folder=folder,
        start=datetime.fromtimestamp(min(when.start for when in seasons.values()), UTC),
        end=end,
        settings_toml=settings_toml(),
        retention_csv=schedule_csv(),
        answer=answer,
        clean_month={key: when.clean_month for key, when in seasons.items()},
        clean_interval={
            key: (datetime.fromtimestamp(when.clean_from, UTC), datetime.fromtimestamp(when.clean_to, UTC))
            for key, when in seasons.items()
        },
        paths=paths,
        message_count=recent,
        older_count=sum(book.message_count for book in books) - recent,
        gaps=[gap for book in books for gap in book.gaps],
        graph=Graph(book.known for book in books),
        _secrets=lambda: _secrets(population, books, addresses),
    )


def _company(book: Book, when: Season, messages: int) -> list[dict[str, str]]:
    """One company's traffic: what is planted, what is left over, what is ordinary, what is older."""
    company = book.company
    quota = _quota(company, messages)
    _templates(book)
    answer = planted(book, when, rounds=1 + messages // 15_000)
    wanted = max(20, (quota - book.message_count) // traffic.MESSAGES_PER_PERSON)
    free = sum(max(0, book.population.left(country) - 81) for country, _ in company.countries)
    people = traffic.customers(book, min(wanted, free), when)
    traffic.introductions(book, people, when)
    traffic.leftovers(book, people, max(8, round(messages * LEFTOVERS)), when)
    traffic.ordinary(book, people, max(0, quota - book.message_count), when)
    traffic.older(book, people, max(16, round(messages * OLDER_SHARE * company.older_share)))
    return answer


def _quota(company: Company, messages: int) -> int:
    """The company's part of `messages`; the last one takes what rounding leaves."""
    if company is COMPANIES[-1]:
        return messages - sum(_quota(other, messages) for other in COMPANIES[:-1])
    return round(messages * company.share)


def _templates(book: Book) -> None:
    """The platform's word on every template, from before the six months."""
    number = 700_000_000_000_000
    for waba_id in book.company.waba_ids or [""]:
        for template in book.company.templates:
            number += 1
            at = book.start - 30 * DAY
            book.webhook(book.wire.template(waba_id, template, at, number), at + 2)


def _secrets(population: Population, books: list[Book], addresses: set[str]) -> set[str]:
    found = set(addresses)
    for person in population.people:
        found |= phone_forms(person.phone) | phone_forms(person.wa_id) | {person.name}
        if person.user_id:
            found.add(person.user_id)
    for book in books:
        found |= book.secrets()
    return found
