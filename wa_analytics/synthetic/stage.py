"""The stage on which scenes are played: a company's book and the short words scenes are written in."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from wa_analytics.synthetic.book import DAY, Book
from wa_analytics.synthetic.companies import Channel, Template
from wa_analytics.synthetic.people import Person
from wa_analytics.synthetic.seasons import Season

HOUR = 3_600
Answer = dict[str, str]


@dataclass(slots=True)
class Stage:
    """Casts new people, sends as them, and notes what must be found. rounds: how often scenes are played,
    which grows with the traffic."""

    book: Book
    season: Season
    rounds: int = 1
    answers: list[Answer] = field(default_factory=list)
    _casts: int = 0

    @property
    def is_broker(self) -> bool:
        return self.book.company.is_marketing_refused

    @property
    def has_graph(self) -> bool:
        """Whether the Graph API tells of the company's accounts."""
        return bool(self.book.company.waba_ids)

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
