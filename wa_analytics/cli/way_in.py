"""Commands by which evidence comes in: init, capture, pull, refresh, rebuild."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wa_analytics.cli.invocation import Json, current, invoked, moment
from wa_analytics.cli.output import answered, emit, say
from wa_analytics.cli.progress import bars

if TYPE_CHECKING:
    from wa_analytics.workspace import Workspace

SHOWN = 20


def register(app: typer.Typer) -> None:
    app.command("init")(init)
    app.command("capture")(capture)
    app.command("pull")(pull)
    app.command("refresh")(refresh)
    app.command("rebuild")(rebuild)


def init(
    context: typer.Context,
    database_url: Annotated[
        str | None, typer.Option(metavar="URL", help="PostgreSQL instead of the embedded SQLite.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make the workspace: settings, keys, tables. Keeps what it finds and upgrades what is older."""
    from wa_analytics.settings import unknown_keys
    from wa_analytics.workspace import Workspace

    workspace = Workspace.init(invoked(context).home, database_url)
    for key in unknown_keys(workspace.home):
        say(f"settings.toml: nothing reads the key {key}; check its spelling.")
    if as_json:
        emit({"home": str(workspace.home), "database": workspace.database.dialect})
    else:
        typer.echo(f"Workspace {workspace.home} is ready ({workspace.database.dialect}).")
        typer.echo(f"Next: put your companies into {workspace.home / 'settings.toml'}, then `wa capture`.")


def capture(
    context: typer.Context,
    provider: Annotated[
        str,
        typer.Argument(help="meta-cloud, send-log …; a wrong one is answered with all."),
    ],
    paths: Annotated[list[str], typer.Argument(metavar="PATH", help="Files, folders or - for stdin.")],
    as_json: Json = False,
) -> None:
    """Store every capture of import files, byte for byte, encrypted.

    Exit code 2 if anything was refused or kept as unreadable; the rest is imported all the same.
    """
    from wa_analytics.pipeline.workers import readied_for

    readied_for(paths)
    workspace = current(context)
    with bars() as bar:
        progress = sealing(workspace, bar(f"capture {provider}", None))
        outcome = workspace.capture(provider, paths, moment(None), progress=progress)
    if as_json:
        emit(
            {
                "provider": provider,
                "stored": outcome.stored,
                "repeated": outcome.repeated,
                "already_disposed": outcome.already_disposed,
                "refused": outcome.refused,
                "unreadable": outcome.unreadable,
            }
        )
    else:
        typer.echo(
            f"{provider}: {outcome.stored:,} captured, {outcome.repeated:,} known already, "
            f"{len(outcome.refused):,} refused, {len(outcome.unreadable):,} kept but unreadable."
            + (f" {outcome.already_disposed:,} disposed of before." if outcome.already_disposed else "")
        )
    told(outcome.refused + outcome.unreadable)
    is_sealed = sealed(workspace)
    if not outcome.is_clean or not is_sealed:
        raise typer.Exit(2)


def pull(
    context: typer.Context,
    provider: Annotated[str, typer.Argument(help="meta-cloud, infobip, twilio or aws-social.")],
    what: Annotated[
        str | None,
        typer.Argument(
            help="templates, phone-numbers, subscribed-apps, analytics, message-history, media; "
            "twilio: messages, media; infobip: media; aws-social: queue, media. Default all."
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="ISO-8601", help="From when on counts and messages are asked for."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Ask a provider's API and store its answers as captures.

    Exit code 2 if anything could not be had; the rest is stored all the same.
    """
    from wa_analytics.pipeline.pulling.pull import ALL, pulled, whats

    wanted = whats(provider, what)
    workspace = current(context)
    start = moment(since, "--since") if since else None
    if "media" in wanted:
        workspace.refresh()  # What is announced and what is held stand in the facts.
    with bars() as bar:
        outcomes = pulled(
            workspace.database,
            workspace.ring,
            workspace.settings,
            provider,
            what,
            moment(None),
            since=start,
            bar=lambda title: sealing(workspace, bar(title, None)),
        )
    failed = [sentence for one in outcomes for sentence in (*one.failed, *one.refused)]
    if as_json:
        documents = [one.document() for one in outcomes]
        if len(wanted) == 1:
            emit({"provider": provider, **documents[0]})
        else:
            sums = {
                name: sum(one[name] for one in documents)
                for name in ("captured", "known", "lost", "altered", "already_disposed")
            }
            emit({"provider": provider, "what": ALL, **sums, "failed": failed, "pulls": documents})
    else:
        for one in outcomes:
            typer.echo(
                f"{provider} {one.what}: {one.stored:,} captured, {one.repeated:,} known already"
                + (f", {one.lost:,} lost" if one.lost else "")
                + (f", {one.altered:,} not as announced" if one.altered else "")
                + (f", {len(one.failed) + len(one.refused):,} failed" if one.failed or one.refused else "")
                + (f", {one.already_disposed:,} disposed of before" if one.already_disposed else "")
                + "."
            )
    told(failed)
    if not sealed(workspace) or failed:
        raise typer.Exit(2)


def refresh(
    context: typer.Context,
    as_of: Annotated[str | None, typer.Option(hidden=True)] = None,
    as_json: Json = False,
) -> None:
    """Bring messages, consent and retention up to date."""
    moment(as_of)  # Nothing derived depends on it; a wrong one is told all the same.
    _brought_up(context, "refresh", as_json)


def rebuild(context: typer.Context, as_json: Json = False) -> None:
    """Make every derived table anew from the evidence alone."""
    _brought_up(context, "rebuild", as_json)


def _brought_up(context: typer.Context, how: str, as_json: bool) -> None:
    workspace = current(context)
    with bars() as bar:
        done: Any = getattr(workspace, how)(progress=lambda title: bar(title, None))
    document = {
        "entries": done.entries,
        "messages": done.messages,
        "events": done.events,
        "was_whole": done.was_whole,
    }
    answered(
        document,
        f"{done.entries:,} entries read, {done.messages:,} messages and {done.events:,} consent events "
        f"{'evaluated anew' if done.was_whole else 'changed'}.",
        as_json,
    )
    if not sealed(workspace):
        raise typer.Exit(2)


def told(problems: list[str]) -> None:
    """The first sentences, and how many more there are."""
    for sentence in problems[:SHOWN]:
        say(sentence)
    if len(problems) > SHOWN:
        say(f"… and {len(problems) - SHOWN:,} more of the kind; `--json` lists them all.")


def sealing(workspace: Workspace, advance: Callable[..., None]) -> Callable[[int], None]:
    """Progress that also seals, so that in a long import no entry waits longer than the settings say."""
    import time

    every = workspace.settings.evidence.seal_seconds
    due = time.monotonic() + every

    def advanced(rows: int) -> None:
        nonlocal due
        advance(rows)
        if time.monotonic() >= due:
            sealed(workspace)
            due = time.monotonic() + every

    return advanced


def sealed(workspace: Workspace) -> bool:
    """Seal what waits; at the end of a command too, since nobody would after it. If it cannot be
    done, what was stored stays and a sentence says so."""
    from wa_analytics.errors import EvidenceBroken, PlaceUnavailable

    try:
        checkpoint = workspace.seal_pending(at=moment(None))
    except (EvidenceBroken, PlaceUnavailable) as error:
        say(str(error))
        return False
    if checkpoint is not None and checkpoint.timestamp_refusal:
        say(checkpoint.timestamp_refusal)
    return True
