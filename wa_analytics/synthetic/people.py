"""Invented people with numbers that no subscriber can have.

Decision: a number comes from a range that the country's regulator keeps for fiction; where there is
none, or it is too small, from a prefix that the numbering plan does not allot. Some of these count
as invalid for `phonenumbers`; the workbench keeps such numbers.

| country | range | why nobody has it |
|---|---|---|
| US | +1 NPA 555 0100–0199 | kept for fiction (ATIS 0300115) |
| GB | +44 7700 900000–900999 | Ofcom, numbers for use in drama |
| IE | +353 20 91x xxxx | ComReg, numbers for use in drama |
| FR | +33 6 39 98 00 00–99 99 | ARCEP, numbers for audiovisual works |
| DE | +49 171 3920000–99, then +49 154 0xxx xxxx | Bundesnetzagentur, drama; 0154 is not allotted |
| NL | +31 6 0xxx xxxx | 060 is not allotted |
| ES | +34 55x xxx xxx | 55 is not allotted |
| BR | +55 DD 9 8xxx xxxx, DD of 20, 23, 25 … | these area codes do not exist |

Names are put together from two lists, e-mail addresses end in example.com.
"""

from __future__ import annotations

import base64
import random
from dataclasses import dataclass, field


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


US_AREA_CODES = _words(
    "201 202 203 205 206 207 208 209 210 212 213 214 215 216 217 218 219 224 225 228 "
    "229 231 234 239 240 248 251 252 253 254 256 260 262 267 269 270 272 276 281 301 "
    "302 303 304 305 307 308 309 310 312 313 314 315 316 317 318 319 401 402 404 405 "
    "406 407 408 409 410 412 413 414 415 417 419 501 502 503 504 505 507 508 509 510"
)
BR_AREA_CODES = _words("20 23 25 26 29 30 36 39 40 50 52 56 57 58 59 60 70 72 76 78 80 90")

CAPACITY = {
    "US": 8_000,
    "GB": 1_000,
    "IE": 100_000,
    "FR": 10_000,
    "DE": 100_100,
    "NL": 100_000,
    "ES": 100_000,
    "BR": 220_000,
}
LANGUAGE = {
    "US": "en",
    "GB": "en",
    "IE": "en",
    "FR": "fr",
    "DE": "de",
    "NL": "nl",
    "ES": "es",
    "BR": "pt",
}
USER_IDS_SINCE = 1_775_001_600  # webhooks carry business-scoped user ids since April 2026
STRIDE = 7_919  # a prime, so that index × stride runs through the whole range before it repeats

FIRST_NAMES = {
    "en": _words(
        "Amber Barnaby Cordelia Dexter Elowen Fletcher Gwendoline Harlan Imogen Jasper Keziah Lorcan "
        "Marnie Nesta Orson Philippa Quentin Rosalind Stellan Tamsin"
    ),
    "de": _words("Annegret Bertram Clothilde Dietlinde Eckart Friederike Gundula Hartmut Ilsebill Jorin"),
    "fr": _words("Apolline Bastien Clémence Désiré Églantine Firmin Ghislaine Honoré Isaure Léopold"),
    "nl": _words("Aagje Bavo Carlijn Douwe Eefje Floris Geertje Hidde Ineke Jorrit"),
    "es": _words("Ainhoa Baltasar Casilda Damián Eulalia Fermín Griselda Hilario Iñaki Jimena"),
    "pt": _words("Araci Benício Conceição Damião Eulália Fabrício Graziela Heitor Iracema João"),
}
LAST_NAMES = {
    "en": _words(
        "Ashgrove Birchwell Coldbrook Dunmarsh Eastlake Fernhollow Greystoke Hawthorne Inglewood "
        "Kestrelton Larkfield Moorcastle Northgate Oakenshaw Pennywhistle Quillfeather Ravenscar "
        "Silverdale Thistledown Wrenfield"
    ),
    "de": _words("Ahornbach Birkenau Dornfeld Eichwald Fichtelberg Grünspan Haselhuhn Lindwurm Mühlstein"),
    "fr": _words("Aubépine Boisclair Chantegrive Druelle Épinefort Feuillade Grandpré Hautmont Malrieu"),
    "nl": _words("Appelhof Berkenbosch Doornkamp Eikenhorst Fazantveld Grasduin Heidebloem Lindenzoom"),
    "es": _words("Alameda Bosquejo Castañar Dehesilla Encinares Fuenteclara Granadal Hontanar Jarales"),
    "pt": _words("Aroeira Buritizal Capixaba Embaúba Figueirópolis Guariroba Ipêroxo Jatobá Muriçoca"),
}


@dataclass(slots=True)
class Person:
    """One invented customer.

    phone: digits as the company's own records hold it; wa_id: digits as the platform tells it
    (in Brazil often without the ninth digit). user_id: business-scoped id, or empty.
    hides_phone_from: seconds since 1970 from which webhooks and send log name only the user_id.
    purposes: what the person agreed to long ago; left_at: when they asked for no more.
    """

    name: str
    country: str
    phone: str
    wa_id: str
    user_id: str = ""
    hides_phone_from: int | None = None
    purposes: frozenset[str] = frozenset()
    left_at: int | None = None
    channel_id: str = ""
    custodian_id: str = ""

    @property
    def language(self) -> str:
        return LANGUAGE[self.country]

    def shown_user_id(self, at: int) -> str:
        """The user id that the platform tells at a time, or nothing."""
        return self.user_id if at >= USER_IDS_SINCE else ""

    def is_hidden(self, at: int) -> bool:
        return self.hides_phone_from is not None and at >= self.hides_phone_from


@dataclass(slots=True)
class Population:
    """Hands out people, never the same number twice, and remembers all of them."""

    rng: random.Random
    people: list[Person] = field(default_factory=list)
    _given: dict[str, int] = field(default_factory=dict)

    def left(self, country: str) -> int:
        """How many numbers of the country are still free."""
        return CAPACITY[country] - self._given.get(country, 0)

    def person(self, country: str) -> Person:
        index = self._given.get(country, 0)
        if index >= CAPACITY[country]:
            raise ValueError(f"no reserved numbers left for {country}: ask for fewer messages")
        self._given[country] = index + 1
        phone = _number(country, index * STRIDE % CAPACITY[country])
        wa_id = phone
        if country == "BR" and index % 3 != 2:
            wa_id = phone[:4] + phone[5:]
        language = LANGUAGE[country]
        first, last = FIRST_NAMES[language], LAST_NAMES[language]
        name = f"{self.rng.choice(first)} {self.rng.choice(last)}"
        person = Person(name, country, phone, wa_id)
        self.people.append(person)
        return person

    def give_user_id(self, person: Person) -> None:
        """A business-scoped user id, `CC.` and digits (platform facts, June 2026)."""
        person.user_id = f"{person.country}.{self.rng.randrange(10**16, 10**17)}"


def _number(country: str, n: int) -> str:
    if country == "US":
        return f"1{US_AREA_CODES[n // 100]}55501{n % 100:02d}"
    if country == "GB":
        return f"447700900{n:03d}"
    if country == "IE":
        return f"3532091{n:05d}"
    if country == "FR":
        return f"3363998{n:04d}"
    if country == "DE":
        return f"491713920{n:03d}" if n < 100 else f"49154{n:08d}"
    if country == "NL":
        return f"3160{n * 97 % 10_000_000:07d}"
    if country == "ES":
        return f"3455{n * 97 % 10_000_000:07d}"
    return f"55{BR_AREA_CODES[n // 10_000]}98{n % 10_000 * 7:07d}"


def phone_forms(digits: str) -> set[str]:
    """Every way a number may stand in a file: with and without +, with and without ninth digit."""
    forms = {digits}
    if digits.startswith("55"):
        forms.add(digits[:4] + digits[5:] if len(digits) == 13 else f"{digits[:4]}9{digits[4:]}")
    return forms | {"+" + form for form in forms}


def wamid(rng: random.Random, address: str, *, is_inbound: bool) -> str:
    """A message id as the platform makes it: base64 that holds the person's address."""
    token = b"%020X" % rng.getrandbits(80) if is_inbound else b"%018X" % rng.getrandbits(72)
    who = address.encode()
    direction = b"\x12" if is_inbound else b"\x11"
    raw = (
        b"\x1c\x18" + bytes([len(who)]) + who
        + b"\x15\x02\x00" + direction + b"\x18" + bytes([len(token)]) + token + b"\x00"
    )  # fmt: skip
    return "wamid." + base64.b64encode(raw).decode()
