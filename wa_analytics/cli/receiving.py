"""The command by which evidence comes in live: receive."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wa_analytics.cli.invocation import Json, current
from wa_analytics.cli.output import emit, say


def register(app: typer.Typer) -> None:
    app.command("receive")(receive)


def receive(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8080,
    status_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Of /healthz and /metrics, on loopback alone.")
    ] = 8081,
    is_behind_proxy: Annotated[
        bool, typer.Option("--behind-proxy", help="A proxy in front ends TLS; allows a host beyond loopback.")
    ] = False,
    tls_certificate: Annotated[Path | None, typer.Option(help="PEM file, with its chain.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM file, not encrypted.")] = None,
    is_unsigned: Annotated[
        bool, typer.Option("--unsigned", help="Take deliveries without a signature that can be verified.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Receive webhooks until SIGTERM; acknowledge what is on disk.

    Served are those of meta-cloud, infobip, twilio and aws-social whose secrets are set. 200 only after
    the body is stored; 503 while the database is away, so that the provider sends again. With --json
    the counts are printed at the end.
    """
    import logging

    from wa_analytics.receiver.serving import Listening, endpoints_of, received

    workspace = current(context)
    url = workspace.database.url
    workspace.database.close()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")

    paths = sorted(endpoints_of(workspace.settings, is_unsigned))

    def ready(webhooks: str, status: str) -> None:
        places = ", ".join(webhooks + path for path in paths)
        say(f"Receiving on {places}; status on {status}/healthz and {status}/metrics.")

    figures = received(
        workspace.settings,
        url,
        Listening(host, port, status_port, is_behind_proxy, tls_certificate, tls_key, is_unsigned),
        ready,
    )
    counts = {"stored": 0, "repeated": 0}
    for (_, outcome), count in figures.captures.items():
        counts[outcome] += count
    counts["refused"] = figures.refused().total()
    if as_json:
        emit(counts)
    else:
        say("Stopped: {stored:,} stored, {repeated:,} known already, {refused:,} refused.".format(**counts))
