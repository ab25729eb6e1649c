"""Provider-native files of a company's book: deliveries, send log, register, directory."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from wa_analytics.synthetic.book import REGISTER_COLUMNS, SEND_COLUMNS, Book
from wa_analytics.synthetic.companies import Company
from wa_analytics.synthetic.people import Person, Population

DIRECTORY_COLUMNS = (
    "custodian_id", "name", "email", "business_unit", "jurisdiction", "is_regulated", "phone",
    "supervisor_id", "active_from", "active_to",
)  # fmt: skip
UNITS = {
    "broker_dealer": ("Private Clients", "Retirement Plans", "Client Service"),
    "airline": ("Reservations", "Care Desk"),
    "clinic": ("Recepção", "Teleconsulta"),
}
STAFF = {"broker_dealer": 18, "airline": 8, "clinic": 8}


def write_deliveries(book: Book, folder: Path) -> list[Path]:
    """`<provider>/<company>-<month>.ndjson`, one line per delivery in order of arrival; what is older
    than the six months is one file per year, gzipped where it comes from a bucket."""
    parts: dict[str, list[str]] = defaultdict(list)
    names: dict[int, str] = {}
    for received_ms, _, line in sorted(book.spool):
        day = received_ms // 86_400_000
        if day not in names:
            names[day] = _period(received_ms // 1_000, book.start)
        parts[names[day]].append(line)
    provider, paths = book.company.provider, []
    for name, lines in parts.items():
        path, text = folder / provider / f"{book.company.key}-{name}.ndjson", "\n".join(lines) + "\n"
        if provider == "aws-social" and len(name) == 4:
            paths.append(
                _written(path.with_name(path.name + ".gz"), gzip.compress(text.encode(), 1, mtime=0))
            )
        else:
            paths.append(_written(path, text))
    return paths


def write_send_log(book: Book, folder: Path) -> list[Path]:
    """`send-log/<company>-<month>.csv`; the airline's care desk logs to one NDJSON file.

    The airline's has a column of its own (`campaign`), the clinic's begins with a byte order mark.
    """
    parts: dict[str, list[dict[str, str]]] = defaultdict(list)
    for at, desk, row in sorted(book.sends, key=lambda entry: entry[0]):
        parts[desk or _period(at, book.start)].append(row)
    kind = book.company.kind
    columns = (*SEND_COLUMNS, "campaign") if kind == "airline" else SEND_COLUMNS
    paths = []
    for name, rows in parts.items():
        stem = folder / "send-log" / f"{book.company.key}-{name}"
        if name == "care-desk":
            lines = (json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows)
            paths.append(_written(stem.with_name(stem.name + ".ndjson"), "\n".join(lines) + "\n"))
            continue
        cells = ([row.get(column) or "" for column in columns] for row in rows)
        text = _csv(columns, cells)
        paths.append(
            _written(stem.with_name(stem.name + ".csv"), "\ufeff" + text if kind == "clinic" else text)
        )
    return paths


def write_register(book: Book, folder: Path) -> list[Path]:
    """`consent-register/<company>.csv`, in the order in which rows were written."""
    rows = ([row[column] for column in REGISTER_COLUMNS] for row in book.register)
    text = _csv(REGISTER_COLUMNS, rows)
    return [_written(folder / "consent-register" / f"{book.company.key}.csv", text)]


def write_directory(
    company: Company, staff: Sequence[Person], start: int, folder: Path, rng: random.Random
) -> list[Path]:
    """`directory/<company>.csv`: who works where, and since when."""
    units, is_broker = UNITS[company.kind], company.kind == "broker_dealer"
    stem = "adv" if is_broker else f"{company.key}-staff"
    rows = []
    for number, person in enumerate(staff, start=1):
        since = datetime.fromtimestamp(start - rng.randrange(300, 3_000) * 86_400, UTC).date().isoformat()
        rows.append(
            [
                f"{stem}-{number:02d}", person.name, email(person, number), units[number % len(units)],
                company.jurisdiction, str(is_broker).lower(), "+" + person.phone,
                "" if number == 1 else f"{stem}-01", since, "",
            ]
        )  # fmt: skip
    path = folder / "directory" / f"{company.key}.csv"
    return [_written(path, _csv(DIRECTORY_COLUMNS, rows))]


def staff_of(company: Company, population: Population) -> list[Person]:
    return [population.person(company.countries[0][0]) for _ in range(STAFF[company.kind])]


def email(person: Person, number: int) -> str:
    """An address under a reserved domain, in ASCII."""
    letters = "".join(c for c in person.name.lower().replace(" ", ".") if c.isascii())
    return f"{letters}.{number}@example.com"


def _period(at: int, start: int) -> str:
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment:%Y-%m}" if at >= start - 86_400 else f"{moment:%Y}"


def _csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


def _written(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path
