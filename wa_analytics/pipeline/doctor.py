"""What the workbench has to go on: configured, connected, captured, checked, missing."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from wa_analytics.errors import KeyRefused, PlaceUnavailable
from wa_analytics.evidence.keyfile import read_key
from wa_analytics.evidence.keys import DIGEST
from wa_analytics.evidence.log import size
from wa_analytics.evidence.master import master_source
from wa_analytics.evidence.places import folders_of, places_of
from wa_analytics.evidence.timestamp import undated
from wa_analytics.pipeline.connections import LIVE, connections, unasked
from wa_analytics.pipeline.pulling.pull import pull_rows
from wa_analytics.reports.wording import several
from wa_analytics.settings import Settings, unknown_keys

if TYPE_CHECKING:
    from wa_analytics.database import Database


class LastCapture(NamedTuple):
    """When something was last captured, by the entries before `sequence` of the log whose first one has
    this `capture_id`."""

    capture_id: str | None = None
    sequence: int = 0
    received_at: datetime | None = None


def last_capture(database: Database, known: LastCapture | None = None) -> LastCapture:
    """When something was last captured.

    known: what an earlier call gave. Only entries since are read then: all of a long log take seconds.
    """
    first, end = database.scalar("SELECT capture_id FROM entry WHERE sequence = 0"), size(database)
    if known is None or known.capture_id != first or known.sequence > end:
        known = LastCapture()  # nothing read yet, another log, or one that lost its tail
    since = database.frame(
        "SELECT max(received_at) AS received_at FROM entry WHERE sequence >= :known AND kind = 'capture'",
        known=known.sequence,
    )["received_at"][0]
    told = [moment for moment in (known.received_at, since) if moment is not None]
    return LastCapture(first, end, max(told, default=None))


def freshness(
    database: Database, settings: Settings, at: datetime, captured: LastCapture | None = None
) -> dict[str, Any]:
    """Last capture, last check and whether a check is overdue; for `wa doctor` and every page.

    captured: the last capture, where it was looked for already.
    """
    captured = captured or last_capture(database)
    checked = database.frame(
        "SELECT as_of, finished_at, outcome_code FROM check_run WHERE finished_at IS NOT NULL "
        "ORDER BY finished_at DESC LIMIT 1"
    )
    last_check = checked["finished_at"][0] if checked.height else None
    due = timedelta(hours=settings.checks.interval_hours)
    return {
        "last_capture_at": captured.received_at,
        "last_check_at": last_check,
        "last_check_as_of": checked["as_of"][0] if checked.height else None,
        "last_check_outcome": checked["outcome_code"][0] if checked.height else None,
        "is_check_overdue": last_check is None or at - last_check > due,
        "check_interval_hours": settings.checks.interval_hours,
    }


def diagnosed(database: Database, settings: Settings, at: datetime) -> dict[str, Any]:
    """A document of `lines` (state, what), `providers`, `pulls`, `unknown` (counts by name), `freshness`."""
    fresh = freshness(database, settings, at)
    total = size(database)
    reached = database.scalar("SELECT max(sequence) FROM watermark WHERE name = 'state'") or 0
    waiting = database.scalar(
        "SELECT count(*) FROM entry WHERE sequence >= :reached AND kind IN ('capture', 'disposal')",
        reached=reached,
    )
    providers = connections(database, settings, at)
    lines = [
        _line("ok" if settings.entity else "missing", _companies(settings)),
        *_meta_lines(settings, providers),
        _line("ok" if total else "missing", f"{several(total, 'entry', 'entries')} in the evidence log"),
        _line("stale" if waiting else "ok",
              f"{several(waiting, 'capture waits', 'captures wait')} for `wa refresh`"),
        _line(
            "ok" if fresh["last_capture_at"] else "missing",
            f"last capture: {_when(fresh['last_capture_at'])}",
        ),
        _line(
            "overdue" if fresh["is_check_overdue"] else "ok",
            f"last check: {_when(fresh['last_check_at'])} (expected every {fresh['check_interval_hours']} h)",
        ),
    ]  # fmt: skip
    for provider in ("consent-register", "directory"):
        rows = database.scalar(
            "SELECT count(*) FROM entry WHERE provider = :provider AND kind = 'capture'", provider=provider
        )
        if not rows:
            lines.append(
                _line("not connected", f"no {provider} was ever captured: what needs it is not evaluated")
            )
    lines.append(_line("not connected", "no device inventory: personal devices are not evaluated"))
    pulls = pull_rows(database, settings)
    lines += [
        _line("ok" if row["outcome"] == "complete" else "missing",
              f"last pull of {row['provider']} {row['what']}: {_when(row['last_at'])}"
              + ("" if row["outcome"] in ("complete", "never") else f", {row['outcome']}"))
        for row in pulls
    ]  # fmt: skip
    lines += _evidence_lines(database, settings, total)
    lines += _unknown_lines(settings)
    gaps = database.scalar("SELECT count(*) FROM declared_gap WHERE withdrawn_at IS NULL")
    lines.append(
        _line("declared" if gaps else "ok", f"{several(gaps, 'declared gap')} in force (`wa gaps list`)")
    )
    loose = database.scalar("SELECT count(*) FROM channel WHERE entity IS NULL")
    if loose:
        lines.append(
            _line(
                "missing",
                f"{several(loose, 'channel belongs', 'channels belong')} to no company in settings.toml",
            )
        )
    return {
        "lines": lines,
        "providers": providers,
        "pulls": pulls,
        "unknown": database.frame(
            "SELECT provider, note_code AS kind, name, count(DISTINCT sequence) AS captures "
            "FROM capture_note GROUP BY provider, note_code, name ORDER BY 4 DESC, 1, 2, 3"
        ).to_dicts(),
        "freshness": fresh,
    }


def diagnosed_without_database(settings: Settings, trouble: str) -> dict[str, Any]:
    """The document of `diagnosed` as far as settings, keys and folders tell it.

    trouble: the sentence of the database that cannot be used.
    """
    providers = unasked(settings)
    return {
        "lines": [
            _line("broken", trouble),
            _line("ok" if settings.entity else "missing", _companies(settings)),
            *_meta_lines(settings, providers),
            _key_line(settings),
            *_place_lines(settings),
            *_unknown_lines(settings),
        ],
        "providers": providers,
        "pulls": [],
        "unknown": [],
        "freshness": None,
    }


def _key_line(settings: Settings) -> dict[str, str]:
    """Whether master and digest key are to be had; a KMS is not asked."""
    try:
        read_key(settings.home / "keys" / DIGEST)
        if settings.keys.source != "kms":
            master_source(settings.home, settings).key()
    except KeyRefused as error:
        return _line("missing", str(error))
    return _line("ok", f"keys: digest key in keys/, master key from {settings.keys.source}")


def _place_lines(settings: Settings) -> list[dict[str, str]]:
    """What every folder of checkpoints holds; one behind a network is not asked."""
    lines = []
    for place in folders_of(settings.home, settings):
        try:
            newest = place.newest()
        except PlaceUnavailable as error:
            lines.append(_line("broken", str(error)))
            continue
        what = f"a checkpoint of {several(newest[0], 'entry', 'entries')}" if newest else "no checkpoint"
        lines.append(_line("ok" if newest else "missing", f"{place.name} keeps {what}"))
    return [*lines, *_further_place_lines(settings)]


def _further_place_lines(settings: Settings) -> list[dict[str, str]]:
    if settings.evidence.places:
        return []
    return [_line("missing", "no further place for checkpoints (evidence.places): "
                             "an older copy put back would not be seen")]  # fmt: skip


def _unknown_lines(settings: Settings) -> list[dict[str, str]]:
    return [
        _line("unknown", f"settings.toml: nothing reads the key {key}; is it misspelt?")
        for key in unknown_keys(settings.home)
    ]


def _meta_lines(settings: Settings, providers: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Nothing where another provider delivers and Meta's was never heard: then its secret lacks nobody."""
    if settings.meta_cloud.app_secret:
        return [_line("ok", "Meta app secret set: signatures are checked")]
    is_heard = {row["provider"]: bool(row["captures"]) for row in providers}
    if not is_heard["meta-cloud"] and any(is_heard[name] for name in LIVE):
        return []
    what = "Meta app secret not set (WA_META_CLOUD__APP_SECRET): signatures cannot be checked"
    return [_line("missing", what)]


def _evidence_lines(database: Database, settings: Settings, total: int) -> list[dict[str, str]]:
    """Last checkpoint, last verification, and whether one stolen disk would give away both the
    ciphertext and its keys."""
    sealed = database.frame("SELECT tree_size, created_at FROM checkpoint ORDER BY tree_size DESC LIMIT 1")
    size, created_at = sealed.row(0) if sealed.height else (0, None)
    waiting = total - size
    proven = database.frame(
        "SELECT outcome_code, finished_at, finding_count FROM verify_run ORDER BY finished_at DESC LIMIT 1"
    )
    outcome, finished_at, findings = proven.row(0) if proven.height else (None, None, 0)
    words = {
        "pass": "proven",
        "fail": f"NOT PROVEN, {several(findings, 'finding')} of evidence.broken",
        "not_evaluated": "not proven: no checkpoint stood",
        None: "run `wa verify`",
    }
    lines = [
        _line("stale" if waiting else "ok" if total else "missing",
              f"last checkpoint: {_when(created_at)}, "
              f"{several(waiting, 'entry waits', 'entries wait')} for `wa checkpoint`"),
        _line({"pass": "ok", "fail": "broken", None: "missing"}.get(outcome, "missing"),
              f"last verification: {_when(finished_at)}, {words[outcome]}"),
    ]  # fmt: skip
    if settings.evidence.timestamp_url is not None:
        lines.append(_timestamp_line(database, settings))
    lines += _further_place_lines(settings)
    if is_on_one_volume(database, settings):
        lines.append(_line("warning", "keys and database share one volume: whoever takes it can read "
                                      "everything; move keys/ to another one"))  # fmt: skip
    return lines


def _timestamp_line(database: Database, settings: Settings) -> dict[str, str]:
    try:
        dated, waiting = undated(database, places_of(settings.home, settings)[0])
    except PlaceUnavailable as error:
        return _line("broken", str(error))
    said = (
        "no checkpoint bears a timestamp"
        if dated is None
        else f"last timestamp: over {several(dated, 'entry', 'entries')}"
    )
    asked = "; does evidence.timestamp_url answer?" if waiting else ""
    return _line(
        "stale" if waiting else "ok", f"{said}, {several(waiting, 'checkpoint')} since without one{asked}"
    )


def is_on_one_volume(database: Database, settings: Settings) -> bool:
    """Whether `keys/` stands on the volume of the SQLite file; PostgreSQL is taken to be elsewhere."""
    keys = settings.home / "keys"
    if database.path is None or not (database.path.exists() and keys.is_dir()):
        return False
    return database.path.stat().st_dev == keys.stat().st_dev


def _companies(settings: Settings) -> str:
    if not settings.entity:
        return "no [[entity]] in settings.toml: one company `default` owns everything"
    keys = [entity.key for entity in settings.entity]
    return f"{several(len(keys), 'company', 'companies')}: {', '.join(keys)}"


def _line(state: str, what: str) -> dict[str, str]:
    return {"state": state, "what": what}


def _when(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "never"
