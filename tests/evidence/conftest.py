"""A workspace with keys, on either database, and captures of invented people."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.evidence.aws_server import aws, aws_server
from wa_analytics.capture import Capture
from wa_analytics.database import Database
from wa_analytics.evidence.keys import KeyRing
from wa_analytics.evidence.log import append
from wa_analytics.evidence.sealing import Sealer
from wa_analytics.settings import Settings

__all__ = ["aws", "aws_server"]

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
RECEIVED_AT = 1_772_357_400_000_001


def capture(number: int, **given: object) -> Capture:
    body = json.dumps({"from": "+12025550123", "text": f"fictional words {number}"}).encode()
    fields: dict[str, object] = {
        "body": body,
        "headers": {"content-type": "application/json"},
        "provider": "meta-cloud",
        "received_at": RECEIVED_AT + number,
        "signature_code": "valid",
    }
    return Capture(**(fields | given))  # type: ignore[arg-type]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def settings(home: Path) -> Settings:
    return Settings(home=home)


@pytest.fixture
def ring(home: Path, settings: Settings, database: Database) -> KeyRing:
    KeyRing.create(home, settings)
    return KeyRing.open(home, settings, database)


@pytest.fixture
def sealer(ring: KeyRing, database: Database) -> Sealer:
    handle = ring.wrapping_key(database, NOW, 1_000)
    return Sealer(handle.id, handle.key, ring.digest_key)


@pytest.fixture
def filled(database: Database, sealer: Sealer) -> Callable[[int], None]:
    """Appends so many more captures."""
    stored = 0

    def fill(amount: int) -> None:
        nonlocal stored
        append(database, sealer.sealed(capture(stored + n) for n in range(amount)))
        stored += amount

    return fill
