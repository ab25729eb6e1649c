"""A workspace as Python sees it: frames to analyse, figures to chart, a message to explain.

    ws = wa.open()
    ws.messages                                   # one row per message, keyed digests only
    ws.metric("consent_coverage", by=["entity"]).chart()
    ws.explain(ws.findings("consent.withdrawn")["subject_id"][0])

Nothing here reads the clock but `now`, which the command line and notebooks use as default.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wa_analytics import tables as t
from wa_analytics.database import Database
from wa_analytics.errors import (
    AlreadyRunning,
    DatabaseUnavailable,
    InputRefused,
    KeyRefused,
    ReasonRequired,
    SettingsInvalid,
    WorkspaceMissing,
)
from wa_analytics.evidence.keys import KeyRing
from wa_analytics.retention.schedule import ScheduleRow, read_schedule
from wa_analytics.settings import Settings, read_settings

if TYPE_CHECKING:
    import polars as pl
    from filelock import FileLock
    from sqlmodel import SQLModel

    from wa_analytics.completeness.gaps import Gap
    from wa_analytics.controls.control import Verdict
    from wa_analytics.evidence.checkpoint import Checkpoint
    from wa_analytics.evidence.key_restore import Restored
    from wa_analytics.evidence.note import VerifierKey
    from wa_analytics.pipeline.bundles import BundleMade
    from wa_analytics.pipeline.derived import DerivedProof
    from wa_analytics.pipeline.intake import Captured
    from wa_analytics.pipeline.judgement import Judgement
    from wa_analytics.pipeline.proof import Proof
    from wa_analytics.pipeline.refresh import Refreshed
    from wa_analytics.reports.metric_table import MetricTable
    from wa_analytics.reports.overview import Freshness, Overview

logger = logging.getLogger("wa_analytics")

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


def now() -> datetime:
    """The present moment; every function that needs a time takes it as an argument."""
    return datetime.now(UTC)


class Workspace:
    """One workspace: its settings, database, keys and derived tables."""

    def __init__(self, home: Path, settings: Settings, database: Database) -> None:
        self.home = home
        self.settings = settings
        self.database = database
        self._locks: dict[str, FileLock] = {}

    @classmethod
    def open(cls, home: Path | str | None = None) -> Workspace:
        """The workspace in `home` (default `WA_HOME`, else ./wa-home).

        Raises WorkspaceMissing, SettingsInvalid, DatabaseUnavailable.
        """
        settings = read_settings(home)
        place = Path(settings.home)
        if not (place / "keys").is_dir() and settings.database_url is None:
            raise WorkspaceMissing(f"There is no workspace in {place}; run `wa init` there first.")
        database = Database(_url(settings))
        if not database.is_current():
            raise DatabaseUnavailable(
                f"The tables of {place} are of another version; run `wa init` to bring them up to date."
            )
        workspace = cls(place, settings, database)
        workspace._settle_restored()
        return workspace

    def _settle_restored(self) -> None:
        """On a database put back to an older copy, dispose again; without the keys only say so, since
        nothing can be read without them."""
        from wa_analytics.evidence.disposal_notes import lacks_newest
        from wa_analytics.evidence.places import folders_of

        if lacks_newest(self.database, folders_of(self.home, self.settings)):
            try:
                _ = self.ring
            except KeyRefused as error:
                logger.warning("Whether the database was put back to an older copy is not known. %s", error)

    @classmethod
    def init(cls, home: Path | str | None = None, database_url: str | None = None) -> Workspace:
        """Make the workspace, or bring what is there up to date; keeps keys, settings and tables."""
        settings = read_settings(home)
        place = Path(settings.home)
        if database_url:
            _require_same_database(place, settings, database_url)
        for folder in (place, place / "checkpoints", place / "reports"):
            folder.mkdir(parents=True, exist_ok=True)
        database = Database(database_url or _url(settings))
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
        workspace = cls(place, settings, database)
        _ = workspace.ring
        return workspace

    def close(self) -> None:
        self.database.close()

    @cached_property
    def ring(self) -> KeyRing:
        """The keys. Raises KeyRefused; reading tables does not need them.

        On a database that was put back to an older copy, what was disposed of since is disposed of
        again before anyone gets the keys.
        """
        from wa_analytics.pipeline.replay import is_put_back, replayed

        ring = KeyRing.open(self.home, self.settings, self.database)
        if is_put_back(self.database, ring, self.settings):
            with self.locked("refresh"):
                done = replayed(self.database, ring, self.settings, self.schedule, at=now(), actor=actor())
            logger.warning(done.sentence)
        return ring

    @cached_property
    def schedule(self) -> tuple[ScheduleRow, ...]:
        return read_schedule(self.home)

    # The way in

    def capture(
        self,
        provider: str,
        paths: Sequence[str],
        received_at: datetime,
        *,
        progress: Callable[[int], None] | None = None,
    ) -> Captured:
        """Store what import files hold; see `wa capture`."""
        from wa_analytics.pipeline.intake import captured

        return captured(
            self.database, self.ring, self.settings, provider, paths, received_at, progress=progress
        )

    def refresh(self, *, progress: Any = None) -> Refreshed:
        """Bring facts and state up to the log's end."""
        from wa_analytics.pipeline.refresh import refresh

        with self.locked("refresh"):
            done = refresh(self.database, self.ring, self.settings, self.schedule, progress=progress)
            self._late_settled(done, progress)
        return done

    def rebuild(self, *, progress: Any = None) -> Refreshed:
        """Every derived table anew, from the evidence alone."""
        from wa_analytics.pipeline.refresh import rebuild

        with self.locked("refresh"):
            done = rebuild(self.database, self.ring, self.settings, self.schedule, progress=progress)
            self._late_settled(done, progress)
        return done

    def _late_settled(self, done: Refreshed, progress: Any) -> None:
        """What came in after its records were disposed of goes too."""
        if not done.late:
            return
        from wa_analytics.pipeline.disposal import settled
        from wa_analytics.pipeline.late import late_disposed

        if late_disposed(self.database, self.ring, self.settings, done.late, now(), actor()):
            settled(self.database, self.ring, self.settings, self.schedule, now(), progress=progress)

    @contextmanager
    def locked(self, name: str, *, wait_seconds: float = 600) -> Iterator[None]:
        """One at a time across processes. Raises AlreadyRunning."""
        from filelock import FileLock, Timeout

        lock = self._locks.setdefault(name, FileLock(self.home / f".{name}.lock"))
        try:
            with lock.acquire(timeout=wait_seconds):
                yield
        except Timeout:
            raise AlreadyRunning(
                f"Another {name} is running in {self.home}; wait for it or stop it."
            ) from None

    # Frames

    def table(self, table: type[SQLModel]) -> pl.DataFrame:
        """All rows of a table of `wa_analytics.tables`."""
        return self.database.table(table)

    @property
    def messages(self) -> pl.DataFrame:
        """One row per message; columns as in `tables.Message`."""
        return self.table(t.Message)

    @property
    def consent_events(self) -> pl.DataFrame:
        """One row per consent event; columns as in `tables.ConsentEvent`."""
        return self.table(t.ConsentEvent)

    @property
    def parties(self) -> pl.DataFrame:
        """One row per outside identifier with its party; columns as in `tables.Identifier`."""
        return self.table(t.Identifier)

    @property
    def templates(self) -> pl.DataFrame:
        """What the platform said of templates; columns as in `tables.TemplateFact`."""
        return self.table(t.TemplateFact)

    @property
    def custodians(self) -> pl.DataFrame:
        """Employees; columns as in `tables.Custodian`, equal rows once."""
        return self.table(t.Custodian).drop("fact_id", "sequence").unique().sort("custodian_id")

    @property
    def channels(self) -> pl.DataFrame:
        """Business numbers seen in evidence; columns as in `tables.Channel`."""
        return self.table(t.Channel)

    @property
    def coverage(self) -> pl.DataFrame:
        """What was captured of each company; columns as in `tables.EntityCoverage`."""
        return self.table(t.EntityCoverage)

    def findings(self, rule: str | None = None, status: str | None = "open") -> pl.DataFrame:
        """Findings, newest subject first; `rule` may be a subject (`consent`) or a key
        (`consent.withdrawn`). status: open, resolved, or None for both. Raises InputRefused for a
        rule that nobody knows: a misspelt one has no findings, which would look like good news."""
        if rule:
            self._require_rule(rule)
        conditions: list[str] = []
        params: dict[str, Any] = {}
        if rule:
            conditions.append("(rule = :rule OR rule LIKE :subject)")
            params |= {"rule": rule, "subject": f"{rule}.%"}
        if status:
            conditions.append("status_code = :status")
            params["status"] = status
        frame = self.database.table(t.Finding, " AND ".join(conditions), **params)
        return frame.sort("occurred_at", "finding_id", descending=[True, False], nulls_last=True)

    def _require_rule(self, rule: str) -> None:
        from wa_analytics.incidents.detect import TITLES

        checked = self.database.frame(
            "SELECT check_key FROM check_result UNION SELECT rule AS check_key FROM finding"
        )["check_key"]
        known = {*TITLES, *checked}
        subjects = sorted({each.partition(".")[0] for each in known})
        if rule in known or rule in subjects:
            return
        subject = rule.partition(".")[0]
        near = sorted(each for each in known if each.startswith(f"{subject}.")) or subjects
        raise InputRefused(f"There is no rule or subject {rule!r}; choose from {', '.join(near)}.")

    # Figures, verdicts, incidents

    def judgement(self, as_of: datetime | None = None) -> Judgement:
        """What the state says at `as_of`; without one, at the latest check run's."""
        from wa_analytics.pipeline.judgement import Judgement, latest_check_run

        if as_of is None:
            run = latest_check_run(self.database)
            as_of = run["as_of"] if run else now()
        return Judgement(self.database, self.settings, self.schedule, as_of)

    def metric(
        self,
        name: str,
        by: Sequence[str] = (),
        *,
        as_of: datetime | None = None,
        interval: Any = None,
    ) -> MetricTable:
        """A metric by dimensions (entity, channel, purpose, country, template, business_unit) and
        interval (day, week, month): `.frame` and `.chart()`. Raises InputRefused."""
        return self.judgement(as_of).metrics([name], by, interval)[0]

    def controls(self, as_of: datetime | None = None) -> list[Verdict]:
        """Each control's verdict on each company it binds."""
        return self.judgement(as_of).verdicts

    def incidents(self, status: str | None = None) -> pl.DataFrame:
        """Recorded incidents, the severest first."""
        from wa_analytics.pipeline.judgement import incident_frame

        return incident_frame(self.database, status)

    def freshness(self, at: datetime | None = None) -> dict[str, Any]:
        """Last capture, last check, and whether a check is overdue at `at`."""
        from wa_analytics.pipeline.doctor import freshness

        return freshness(self.database, self.settings, at or now())

    def overview(self, entity: str | None = None, as_of: datetime | None = None) -> Overview:
        """What scorecard and dashboard show of one company, or of the group."""
        return self.judgement(as_of).overview(self.last_seen(), entity)

    def scorecard_html(self, as_of: datetime | None = None) -> str:
        """The scorecard as one self-contained page."""
        return self.judgement(as_of).scorecard_html(self.last_seen())

    def incident_html(self, incident_id: str, as_of: datetime | None = None) -> str:
        """An incident's report as one self-contained page. Raises InputRefused."""
        return self.judgement(as_of).incident_html(incident_id)

    def last_seen(self) -> Freshness:
        """How old the answers are."""
        from wa_analytics.reports.overview import Freshness

        told = self.freshness()
        return Freshness(told["last_capture_at"], told["last_check_at"], told["check_interval_hours"])

    # Outside ids

    def lookup(
        self, outside_ids: Iterable[str], *, as_of: datetime | None = None, at: datetime | None = None
    ) -> pl.DataFrame:
        """(outside_id, kind, id) in input order; kind message, party, consent_event, custodian or
        null. as_of: whose a number that changed hands was then; without it, whose it is. The look-up
        itself is journalled (how many, never which)."""
        from wa_analytics.evidence.log import journal
        from wa_analytics.pipeline.lookup import looked_up

        ids = [str(outside) for outside in outside_ids]
        found = looked_up(self.database, self.ring.digest, ids, as_of)
        journal(
            self.database,
            self.ring,
            actor=actor(),
            action="lookup",
            reason="",
            outcome="done",
            at=at or now(),
            detail={"count": len(ids), "found": found["id"].count()},
        )
        return found

    def reveal(self, message_ids: Iterable[str], *, reason: str, at: datetime | None = None) -> pl.DataFrame:
        """Who and what, in clear: message_id, source, sent_at, outside_id, people, text.

        Raises ReasonRequired without a reason. Journalled before anything is shown.
        """
        from wa_analytics.pipeline.lookup import revealed

        ids = [str(message_id) for message_id in message_ids]
        self._journalled("reveal", reason, at, {"message_ids": ids})
        return revealed(self.database, self.ring, self.settings, ids)

    def search(
        self,
        text: str,
        *,
        reason: str,
        is_regex: bool = False,
        at: datetime | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> pl.DataFrame:
        """Messages whose text holds all words of `text`, or matches it as a regular expression:
        message_id, sent_at, source. What they say is for `reveal`.

        Raises ReasonRequired, InputRefused. Journalled, with the text searched for, before it begins.
        """
        from wa_analytics.pipeline.search import found, match_of

        match = match_of(text, is_regex=is_regex)
        self._journalled("search", reason, at, {"text": text, "is_regex": is_regex})
        return found(self.database, self.ring, self.settings, match, progress=progress)

    def _journalled(self, action: str, reason: str, at: datetime | None, detail: dict[str, Any]) -> int:
        """Say in the journal what is about to be shown. Raises ReasonRequired."""
        from wa_analytics.evidence.log import journal

        if not reason.strip():
            raise ReasonRequired(f"A {action} needs a reason; say why with --reason.")
        return journal(
            self.database,
            self.ring,
            actor=actor(),
            action=action,
            reason=reason,
            outcome="granted",
            at=at or now(),
            detail=detail,
        )

    # Gaps

    def gaps(self, *, is_every: bool = False) -> pl.DataFrame:
        """Declared gaps in force, or withdrawn ones too; columns of `declared_gap`."""
        from wa_analytics.pipeline.gaps import gaps

        return gaps(self.database, is_every=is_every)

    def proposed_gaps(self) -> list[Gap]:
        """Stretches that open findings show and that a person could declare; see `wa gaps`."""
        from wa_analytics.pipeline.gaps import proposed

        return proposed(self.database)

    # Proof

    def checkpoint(self, *, at: datetime | None = None) -> Checkpoint:
        """Seal the log: a signed head over all entries, kept in the database and in every place.

        Raises EvidenceBroken, PlaceUnavailable.
        """
        from wa_analytics.evidence.checkpoint import seal

        return seal(self.database, self.ring, at or now())

    def seal_pending(self, *, at: datetime | None = None) -> Checkpoint | None:
        """Seal what waits for a checkpoint; None if nothing does. For the end of a program."""
        from wa_analytics.evidence.checkpoint import seal_pending
        from wa_analytics.pipeline.collecting import uncollected

        with uncollected():
            return seal_pending(self.database, self.ring, at or now())

    def seal_if_due(self, *, at: datetime | None = None) -> Checkpoint | None:
        """Seal if entries have waited for `evidence.seal_seconds`. For programs that go on."""
        from wa_analytics.evidence.checkpoint import seal_if_due

        return seal_if_due(self.database, self.ring, at or now())

    def verify(
        self,
        *,
        is_derived: bool = False,
        trusted: Sequence[VerifierKey] = (),
        at: datetime | None = None,
        progress: Callable[[str], Callable[[int, int], None]] | None = None,
    ) -> Proof:
        """Prove the log from its stored bytes; needs no key. `.outcome`, `.findings`, `.frame`.

        trusted: public keys known from elsewhere; without any, those of database and places.
        is_derived: also hold the derived tables against a rebuild, which needs the keys; without
        them that part is not evaluated. The run and its findings are recorded.
        """
        from wa_analytics.evidence.key_copies import copies_of
        from wa_analytics.evidence.places import places_of
        from wa_analytics.evidence.timestamp import trusted_roots
        from wa_analytics.evidence.verify import verify
        from wa_analytics.pipeline.proof import Proof, recorded

        started_at = at or now()
        places = places_of(self.home, self.settings)
        advance = progress("evidence") if progress else None
        roots = trusted_roots(self.home, self.settings)
        # Whoever may not enter the folder of the keys verifies without their copies.
        has_copies = self.settings.keys.copies is not None or os.access(self.home / "keys", os.R_OK | os.X_OK)
        copies = copies_of(self.home, self.settings) if has_copies else None
        verification = verify(self.database, places, advance, trusted=trusted, roots=roots, copies=copies)
        proof = Proof(verification, self._derived_proof(progress) if is_derived else None)
        recorded(self.database, proof, started_at, at or now())
        return proof

    def bundle(
        self, message_ids: Iterable[str], *, reason: str, out: Path | str, at: datetime | None = None
    ) -> BundleMade:
        """Write the messages with their proof to the zip file `out`; see `wa bundle`.

        Raises ReasonRequired, InputRefused for an id nobody knows or a file that exists already.
        """
        from wa_analytics.pipeline.bundles import bundled, chosen_entries

        ids, path = list(dict.fromkeys(map(str, message_ids))), Path(out)
        if path.exists():
            raise InputRefused(f"{path} exists already; name another file.")
        chosen = chosen_entries(self.database, self.ring, ids)
        self._journalled("bundle", reason, at, {"message_ids": ids})
        checkpoint = self.checkpoint(at=at)
        return bundled(self.database, self.ring, self.settings, chosen, checkpoint, path, at or now())

    def rotate_keys(self, *, reason: str, new_master: bytes | None = None, at: datetime | None = None) -> int:
        """A new master key over the wrapping keys; returns how many. Journalled.

        new_master: needed only where the master key comes from the environment.
        """
        from wa_analytics.evidence.rotation import rotate

        if not reason.strip():
            raise ReasonRequired("A new master key needs a reason; say why with --reason.")
        return rotate(
            self.database, self.ring, actor=actor(), reason=reason, at=at or now(), new_master=new_master
        )

    def restore_keys(self, *, reason: str, at: datetime | None = None) -> Restored:
        """Put back what one place of the keys lost and the other still has; see `wa keys restore`."""
        from wa_analytics.evidence.key_restore import restored

        if not reason.strip():
            raise ReasonRequired("Putting keys back needs a reason; say why with --reason.")
        with self.locked("refresh"):
            return restored(self.database, self.ring, actor=actor(), reason=reason, at=at or now())

    def _derived_proof(self, progress: Any) -> DerivedProof:
        from wa_analytics.pipeline.derived import DerivedProof, derived_proof

        try:
            ring = self.ring
        except KeyRefused as error:
            return DerivedProof("not_evaluated", str(error))
        with self.locked("refresh"):
            return derived_proof(self.database, ring, self.settings, self.schedule, progress=progress)

    def explain(self, subject_id: str) -> Any:
        """Why a message, a consent event or a party stands as it does, in sentences, no person in
        them. Raises InputRefused for an id nobody knows."""
        from wa_analytics.pipeline.explain import explained

        found = explained(self.database, str(subject_id))
        if found is None:
            raise InputRefused(
                f"Nothing is known under {subject_id!r}; give our id of a message, consent event or "
                "party (`wa lookup` finds it)."
            )
        return found


def actor() -> str:
    """Who acts: `WA_ACTOR`, set by whatever authenticated the person, else the account name of the
    operating system."""
    import getpass

    if named := os.environ.get("WA_ACTOR", "").strip():
        return named[:100]

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _require_same_database(place: Path, settings: Settings, given: str) -> None:
    """What a workspace holds does not move to another database by naming one. Raises SettingsInvalid."""
    from wa_analytics.database import normal_url

    named = settings.database_url
    if named is not None and normal_url(named.get_secret_value()) != normal_url(given):
        raise SettingsInvalid(
            f"{place / 'settings.toml'} or WA_DATABASE_URL names another database; its evidence would stay "
            "there, so make a workspace in another folder with --home."
        )
    if named is None and (place / "wa.db").is_file():
        raise SettingsInvalid(
            f"{place} keeps its evidence in wa.db, which would stay behind; make a workspace in another "
            "folder with --home."
        )


def _url(settings: Settings) -> str:
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    return f"sqlite:///{settings.home / 'wa.db'}"
