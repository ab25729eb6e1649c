"""`wa demo`: the made-up group through the very commands that users have."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wa_analytics.cli.invocation import AsOf, Invocation, Json, current, moment
from wa_analytics.cli.output import emit, say

if TYPE_CHECKING:
    from wa_analytics.settings import Settings
    from wa_analytics.synthetic.world import World
    from wa_analytics.workspace import Workspace

APP_SECRET = "made-up-app-secret"  # noqa: S105
LABEL = "on planted deterministic violations; says nothing about your own data"
# Media files come last and by themselves: what is announced is known after a refresh.
OF_A_WORKSPACE = ("wa.db", "keys", "settings.toml")
PULLED = ("templates", "phone-numbers", "subscribed-apps", "analytics", "message-history")
JUDGED = ("consent", "window", "capture", "retention", "identity")
ACCESS_TOKEN = "made-up-access-token"  # noqa: S105


def register(app: typer.Typer) -> None:
    app.command("demo")(demo)


def demo(
    context: typer.Context,
    seed: Annotated[int, typer.Option(help="Another world.")] = 7,
    messages: Annotated[int, typer.Option(help="Messages of the last six months.", min=600)] = 50_000,
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Open the dashboard at the end.")] = True,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where the dashboard listens.")] = 8501,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """The whole way with a made-up group of companies."""
    from wa_analytics.errors import InputRefused
    from wa_analytics.synthetic.graph import APP_ID, CALLBACK
    from wa_analytics.synthetic.graph_server import served
    from wa_analytics.synthetic.world import write_world
    from wa_analytics.workspace.making import SETTINGS_TEMPLATE

    invocation = context.find_object(Invocation)
    assert invocation is not None
    from wa_analytics.settings import read_settings

    settings = read_settings(invocation.home)
    home = Path(settings.home)
    _refuse_used(settings)
    if not (home / "demo").is_dir() and any((home / name).exists() for name in OF_A_WORKSPACE):
        raise InputRefused(
            f"{home} holds a workspace of your own; run the demo elsewhere: wa --home DIR demo."
        )
    if serve:
        from wa_analytics.receiver.sockets import bound

        bound("127.0.0.1", port, "--port").close()  # told now, not after the whole way
    _emptied(home)
    took: dict[str, float] = {}
    began = time.perf_counter()

    def step(name: str, *arguments: str, allowed: tuple[int, ...] = (0,)) -> None:
        start = time.perf_counter()
        _run(home, arguments, allowed, quiet=as_json)
        took[name] = took.get(name, 0) + time.perf_counter() - start

    say("Writing the made-up group; some of its bodies are broken on purpose, and refused below …")
    start = time.perf_counter()
    world = write_world(
        home / "demo",
        seed=seed,
        messages=messages,
        end=moment(as_of).replace(microsecond=0),
        app_secret=APP_SECRET,
    )
    took["write the world"] = time.perf_counter() - start
    (home / "settings.toml").write_text(
        f'[meta_cloud]\napp_secret = "{APP_SECRET}"\naccess_token = "{ACCESS_TOKEN}"\n'
        f'app_id = "{APP_ID}"\ncallback_url = "{CALLBACK}"\n\n{world.settings_toml}\n'
        + "".join(f"# {line}".rstrip() + "\n" for line in SETTINGS_TEMPLATE.splitlines()),
        encoding="utf-8",
    )
    (home / "retention.csv").write_text(world.retention_csv, encoding="utf-8")

    step("init", "init")
    for provider, paths in world.paths.items():
        # The world holds unreadable bodies on purpose, so capture ends with 2 and goes on.
        step("capture", "capture", provider, *map(str, paths), allowed=(0, 2))
    with served(world.graph) as address, environment("WA_META_CLOUD__GRAPH_URL", address):
        if as_of is None:
            for what in PULLED:
                step("pull", "pull", "meta-cloud", what)
            step("refresh", "refresh")
            step("pull", "pull", "meta-cloud", "media")
        else:
            _pulled_then(home, world.end)
    step("refresh", "refresh")
    for gap in world.gaps:
        told = ("--since", gap.since.isoformat(), "--until", gap.until.isoformat(), "--reason", gap.reason)
        place = ("--entity", gap.entity, "--channel", gap.channel_id)
        step("check and incidents", "gaps", "declare", gap.subject, *told, *place)
    # The platform was asked after the group's end, so the checks speak of now.
    step("check and incidents", "run", "--as-of", moment(as_of).isoformat(), allowed=(0, 1))
    start = time.perf_counter()
    workspace = current(context)
    breach_by_hand(workspace, world.end)
    score = compared(workspace, world)
    report = _reported(workspace)
    took["answer key and reports"] = time.perf_counter() - start
    if as_json:
        emit(
            {
                **score,
                "label": LABEL,
                "report": str(report),
                "seconds": {k: round(v, 2) for k, v in took.items()},
            }
        )
    else:
        _run(home, ("scorecard",), (0,), quiet=False)
        typer.echo("")
        typer.echo(
            f"Recall {score['recall']:.3f} ({score['found']:,} of {score['planted']:,} planted), "
            f"precision {score['precision']:.3f} ({score['found']:,} of {score['told']:,} told): {LABEL}."
        )
        typer.echo(f"Incident report: {report}")
        shares = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in took.items())
        typer.echo(f"{time.perf_counter() - began:.1f} s in all: {shares}.")
    if score["recall"] != 1.0 or score["precision"] != 1.0:
        say("The product and the answer key differ; `wa demo --json` names each difference.")
        raise typer.Exit(2)
    if serve:
        _run(home, ("dashboard", "--port", str(port)), (0,), quiet=False)


def _refuse_used(settings: Settings) -> None:
    """Before anything is emptied: keys of the demo before open what a database still holds."""
    from sqlalchemy import inspect, text

    from wa_analytics.database import Database
    from wa_analytics.errors import InputRefused

    if settings.database_url is None:
        return
    with closing(Database(settings.database_address)) as database, database.reading() as connection:
        has_entries = inspect(connection).has_table("entry")
        is_used = has_entries and connection.execute(text("SELECT 1 FROM entry LIMIT 1")).first()
    if is_used:
        raise InputRefused(
            "The database that WA_DATABASE_URL or settings.toml names holds evidence already; name an empty "
            "one, or none for the embedded database."
        )


def _emptied(home: Path) -> None:
    """The demo's own workspace, made anew each time."""
    import shutil

    if (home / "demo").is_dir():
        for file in (*home.glob("wa.db*"), *home.glob("settings.toml")):
            file.unlink()
        for name in ("keys", "checkpoints", "reports", "demo"):  # demo last: it says whose they are
            shutil.rmtree(home / name, ignore_errors=True)
    home.mkdir(parents=True, exist_ok=True)


def _run(home: Path, arguments: tuple[str, ...], allowed: tuple[int, ...], *, quiet: bool) -> None:
    """One command as a user would type it, in this process."""
    import contextlib
    import io

    from wa_analytics.cli import app

    with contextlib.redirect_stdout(io.StringIO()) if quiet else contextlib.nullcontext():
        say(f"$ wa {' '.join(arguments[:2])}{' …' if len(arguments) > 2 else ''}")
        try:
            app(["--home", str(home), *arguments], standalone_mode=True)
        except SystemExit as ended:
            code = int(ended.code or 0)
            if code not in allowed:
                raise typer.Exit(code) from None


def _pulled_then(home: Path, at: datetime) -> None:
    """What `wa pull meta-cloud` would have stored at another time than now."""
    from wa_analytics.pipeline.pulling.pull import pulled
    from wa_analytics.workspace import Workspace

    workspace = Workspace.open(home)
    workspace.refresh()
    pulled(workspace.database, workspace.ring, workspace.settings, "meta-cloud", None, at)


@contextmanager
def environment(variable: str, value: str) -> Iterator[None]:
    """An environment variable as a user would set it, for as long as it lasts."""
    before = os.environ.get(variable)
    os.environ[variable] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[variable]
        else:
            os.environ[variable] = before


def breach_by_hand(workspace: Workspace, end: datetime) -> None:
    """What only a person can decide: one incident is a breach, known since yesterday noon."""
    from wa_analytics.incidents.lifecycle import breach_decided, next_id, opened
    from wa_analytics.pipeline.judgement import incident_states, recorded

    companies = workspace.settings.entities
    airline = next((company for company in companies if company.kind == "airline"), companies[0])
    known = [state.incident_id for state in incident_states(workspace.database)]
    reported = opened(
        next_id(known),
        title="Booking list sent to the wrong recipient",
        at=end - timedelta(hours=20),
        actor="demo",
        severity="high",
        entity=airline.key,
        owner=airline.owner,
        note="reported by the care desk",
    )
    decided = breach_decided(
        reported[0],
        is_breach=True,
        at=end - timedelta(hours=18),
        actor="demo",
        note="a file with bookings of other travellers went out",
        aware_at=end - timedelta(hours=20),
        risk="risk",
    )
    recorded(workspace.database, [reported, decided])


def _reported(workspace: Workspace) -> Path:
    """The scorecard, and the report of the largest of the severest incidents that findings opened."""
    found = workspace.incidents("open")
    found = found.filter(found["rule"].is_not_null() & found["entity"].is_not_null())
    severest = found.filter(found["severity_code"] == found["severity_code"][0])
    incident_id = severest.sort("finding_count", descending=True)["incident_id"][0]
    path = workspace.home / "reports" / f"{incident_id}.html"
    path.write_text(workspace.incident_html(incident_id), encoding="utf-8")
    (workspace.home / "reports" / "scorecard.html").write_text(workspace.scorecard_html(), encoding="utf-8")
    return path


def compared(workspace: Workspace, world: World) -> dict[str, Any]:
    """The findings against the answer key, subject by subject."""
    from wa_analytics.pipeline.answers import planted_subjects, told_subject

    expected = planted_subjects(workspace.database, workspace.ring, world.answer)
    told = {
        told_subject(*row)
        for row in workspace.findings().select("rule", "subject", "subject_id").iter_rows()
        if row[0].split(".")[0] in JUDGED
    }
    found = told & expected
    return {
        "planted": len(expected),
        "told": len(told),
        "found": len(found),
        "recall": len(found) / len(expected) if expected else 1.0,
        "precision": len(found) / len(told) if told else 1.0,
        "missed": [list(one) for one in sorted(expected - told)],
        "unexpected": [list(one) for one in sorted(told - expected)],
    }
