"""No person in any output: the demo's every file and word is searched for everybody's secrets.

Searched: the workspace (database with its write-ahead log, reports, Data Docs, checkpoints, settings)
but not `keys/` and `demo/` (the input files), and all that `wa` printed; as bytes, and once more as
what every run of base64 in them decodes to.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from wa_analytics.synthetic.world import World, write_world

MESSAGES = 1_500
SEED = 11
END = datetime.now(UTC).replace(microsecond=0)
RUN_OF_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}={0,2}")
SHORTEST = 8
# What stands in providers' bodies: a phone without its plus, the platform's message id, Infobip's own,
# a user id.
PHONE, MESSAGE_ID = re.compile(r"\d{11,13}"), re.compile(r"wamid\..+")
OWN_ID, USER_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), re.compile(r"[A-Z]{2}\.\d{17}")
KINDS = {PHONE, MESSAGE_ID, OWN_ID, USER_ID}


@dataclass(frozen=True)
class Demo:
    home: Path
    world: World
    printed: dict[str, bytes]


COMMANDS = (
    ("findings", "--json"),
    ("findings",),
    ("doctor", "--json"),
    ("metrics", "--by", "entity,template,country", "--json"),
    ("controls", "--json"),
    ("scorecard",),
    ("incidents", "list", "--json"),
    ("gaps", "list", "--json"),
    ("gaps", "propose", "--json"),
    ("report", "scorecard"),
    ("explain", "MESSAGE", "--json"),
)
# One process for all, with every logger of every library at DEBUG on stderr.
CALLS = """
import contextlib, io, json, logging, sys
from wa_analytics.cli import main
logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
logging.getLogger("great_expectations").setLevel(logging.DEBUG)
home, *commands = json.loads(sys.argv[1])
printed, message = {}, ""
for words in commands:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        try:
            main(["--home", home, *(message if word == "MESSAGE" else word for word in words)])
        except SystemExit as stop:
            assert stop.code in (0, None), words
    printed[" ".join(words)] = out.getvalue()
    if words == ["findings", "--json"]:
        message = next(row["subject_id"] for row in json.loads(out.getvalue()) if row["subject"] == "message")
print(json.dumps(printed))
"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo, and what a curious person would call after it."""
    folder = tmp_path_factory.mktemp("privacy")
    home = folder / "home"
    options = ("--seed", str(SEED), "--messages", str(MESSAGES), "--as-of", END.isoformat(), "--no-serve")
    done = subprocess.run(
        [sys.executable, "-c", CALLS, json.dumps([str(home), ["demo", *options, "--json"], *COMMANDS])],
        capture_output=True,
        env={**os.environ, "COLUMNS": "400"},
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    told = json.loads(done.stdout)
    result = json.loads(next(iter(told.values())))
    assert (result["recall"], result["precision"]) == (1.0, 1.0)
    assert Path(result["report"]).is_file()
    # The same made-up group once more, only to know its people.
    world = write_world(
        folder / "again", seed=SEED, messages=MESSAGES, end=END, app_secret="made-up-app-secret"
    )
    printed = {f"wa {words}": out.encode() for words, out in told.items()} | {"stderr": done.stderr}
    return Demo(home, world, printed)


def outputs(demo: Demo) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of everything the demo left or said."""
    for path in sorted(demo.home.rglob("*")):
        place = path.relative_to(demo.home)
        if path.is_file() and place.parts[0] not in ("keys", "demo"):
            yield str(place), path.read_bytes()
    yield from demo.printed.items()


def found(secrets: Iterable[bytes], text: bytes) -> list[bytes]:
    return [secret for secret in secrets if secret in text]


def plain(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def decoded(text: bytes) -> bytes:
    """What the runs of base64 in it hold, at every one of the four places where one may begin."""
    parts = []
    for run in RUN_OF_BASE64.findall(text):
        plain = run.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
        for start in range(4):
            piece = plain[start:]
            parts.append(base64.b64decode(piece + b"A" * (-len(piece) % 4)))
    return b"\n".join(parts)


def test_the_same_world_was_searched_for(demo: Demo) -> None:
    """The rebuilt world is the demo's, byte for byte, so that the secrets are those of its people;
    and the search finds them where they are."""
    for provider, paths in demo.world.paths.items():
        for path in paths:
            twin = demo.home / "demo" / path.relative_to(demo.world.folder)
            assert twin.read_bytes() == path.read_bytes(), provider
    inputs = b"".join(plain(path) for paths in demo.world.paths.values() for path in paths)
    secrets = demo.world.people_secrets()
    assert len(secrets) > MESSAGES
    assert len(found([secret.encode() for secret in secrets], inputs)) > len(secrets) / 2
    assert set(demo.world.paths) >= {"meta-cloud", "infobip", "aws-social"}
    for provider in ("meta-cloud", "infobip", "aws-social"):
        told = b"".join(plain(path) for path in demo.world.paths[provider])
        own = {kind for kind in KINDS if any(kind.fullmatch(one) and one.encode() in told for one in secrets)}
        assert own == KINDS - ({USER_ID} if provider == "infobip" else {OWN_ID}), provider
    phone = next(secret for secret in secrets if secret.isdigit() and len(secret) > 10).encode()
    for lead in (b"", b"x", b"xy"):
        assert phone in decoded(b"id: wamid." + base64.b64encode(lead + phone + b"\x00") + b".")


def test_no_output_holds_a_person(demo: Demo) -> None:
    secrets = sorted(secret.encode() for secret in demo.world.people_secrets() if len(secret) >= SHORTEST)
    searched, bytes_searched = [], 0
    for name, text in outputs(demo):
        searched.append(name)
        bytes_searched += len(text)
        # Never the secret itself: this test's own output is an output too.
        assert len(found(secrets, text)) == 0, f"{name} holds people's secrets"
        if not name.startswith("wa.db"):
            assert len(found(secrets, decoded(text))) == 0, f"{name} holds people's secrets in base64"
    assert {"wa.db", "settings.toml", "reports/scorecard.html", "reports/data_docs/index.html"} <= set(
        searched
    )
    assert bytes_searched > 1_000_000
    assert b"DEBUG:great_expectations" in demo.printed["stderr"]


def test_no_cell_of_the_database_holds_a_person_in_base64(demo: Demo) -> None:
    """Text cells, decoded; the ciphertext is bytes and was searched as it stands."""
    import sqlite3

    connection = sqlite3.connect(f"file:{demo.home / 'wa.db'}?mode=ro", uri=True)
    secrets = sorted(secret.encode() for secret in demo.world.people_secrets() if len(secret) >= SHORTEST)
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    cells: set[str] = set()
    for table in tables:
        for row in connection.execute(f'SELECT * FROM "{table}"'):
            cells.update(cell for cell in row if isinstance(cell, str))
    connection.close()
    assert len(cells) > 1_000
    # Keyed digests are hexadecimal: base64 of them is noise, and there are many.
    text = "\n".join(cell for cell in cells if not re.fullmatch(r"[0-9a-f]{32}", cell)).encode()
    assert len(found(secrets, decoded(text))) == 0
