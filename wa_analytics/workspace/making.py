"""A workspace made, or one that is there brought up to date: folders, settings, tables, keys."""

from __future__ import annotations

import json
from pathlib import Path

from wa_analytics.database import Database, normal_url
from wa_analytics.errors import SettingsInvalid
from wa_analytics.evidence.keys import KeyRing
from wa_analytics.settings import Settings, read_settings

SETTINGS_TEMPLATE = """\
# Settings of this workspace. Every key can also come from the environment:
# WA_META_CLOUD__APP_SECRET, WA_DATABASE_URL … (nesting is two underscores).

# database_url = "postgresql://wa@localhost/wa"     # without it: wa.db beside this file

# [meta_cloud]
# app_secret = "…"          # checks X-Hub-Signature-256; better set in the environment

# [[entity]]
# key = "acme"
# name = "Acme Securities LLC"
# kind = "broker_dealer"    # decides which retention rows and controls bind it
# jurisdiction = "US"
# time_zone = "America/New_York"
# channels = ["106540352242922"]
# waba_ids = ["102290129340398"]
# business_names = ["Acme Securities"]
# owner = "Head of compliance"
"""


def made(home: Path | str | None, database_url: str | None) -> tuple[Settings, Database]:
    """Keeps keys, settings and tables that it finds.

    Raises SettingsInvalid, DatabaseUnavailable, KeyRefused.
    """
    settings = read_settings(home)
    place = Path(settings.home)
    if database_url:
        _require_same_database(place, settings, database_url)
    for folder in (place, place / "checkpoints", place / "reports"):
        folder.mkdir(parents=True, exist_ok=True)
    database = Database(database_url or settings.database_address)
    database.migrate()  # before its address is written down: one that does not answer would stay there
    written = place / "settings.toml"
    line = f"database_url = {json.dumps(database_url)}\n" if database_url else ""
    if not written.exists():
        written.write_text(line + SETTINGS_TEMPLATE, encoding="utf-8")
        written.chmod(0o600)
    elif line and settings.database_url is None:
        written.write_text(line + written.read_text(encoding="utf-8"), encoding="utf-8")
    settings = read_settings(home)
    KeyRing.create(place, settings)
    if database.path is not None:
        database.path.chmod(0o600)
    return settings, database


def _require_same_database(place: Path, settings: Settings, given: str) -> None:
    """What a workspace holds does not move to another database by naming one. Raises SettingsInvalid."""
    named = settings.database_url
    if named is not None and normal_url(named.get_secret_value()) != normal_url(given):
        raise SettingsInvalid(
            f"{place / 'settings.toml'} or WA_DATABASE_URL names another database; its evidence would stay "
            "there, so make a workspace in another folder with --home."
        )
    if named is None and settings.sqlite_file.is_file():
        raise SettingsInvalid(
            f"{place} keeps its evidence in wa.db, which would stay behind; make a workspace in another "
            "folder with --home."
        )
