"""Sockets, signals and the order in which everything starts and stops.

Start: refuse what would be unsafe, open the database, bind, start the writer, listen. Stop (SIGTERM,
SIGINT): no new connections, answer what came, write what waits, keep the counts, seal, close.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import resource
import signal
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn

from wa_analytics.errors import SettingsInvalid
from wa_analytics.receiver.application import Application
from wa_analytics.receiver.committing import GroupCommit, started
from wa_analytics.receiver.endpoints import ENDPOINTS, Endpoint, Verifier
from wa_analytics.receiver.figures import Figures
from wa_analytics.receiver.protocol import Sweep, bounded_protocol
from wa_analytics.receiver.sealing import Sealing
from wa_analytics.receiver.sockets import bound, is_loopback
from wa_analytics.receiver.status import Status

if TYPE_CHECKING:
    from wa_analytics.settings import Settings

CONNECTIONS = 4_096
KEEP_ALIVE_SECONDS = 15
DRAIN_SECONDS = 10
SEAL_SECONDS = 8.0
"""How long the last checkpoint may take; what it leaves out is under the next one. With DRAIN_SECONDS and
`committing.END_SECONDS` a stop lasts less than the 30 s that supervisors allow before they kill."""
LOOPBACK = "127.0.0.1"
logger = logging.getLogger("wa_analytics.receiver")


@dataclass(frozen=True)
class Listening:
    """Where to listen and under what protection.

    port, status_port: 0 takes a free one. is_behind_proxy: a proxy on the way ends TLS.
    may_be_unsigned: take deliveries whose signature is absent or cannot be verified.
    """

    host: str = LOOPBACK
    port: int = 8080
    status_port: int = 8081
    is_behind_proxy: bool = False
    certificate: Path | None = None
    key: Path | None = None
    may_be_unsigned: bool = False


def endpoints_of(settings: Settings, may_be_unsigned: bool) -> dict[str, tuple[Endpoint, Verifier]]:
    """Path → endpoint and verifier, of the providers that the settings give a secret to.

    Raises SettingsInvalid where signatures cannot be verified: of none, or of a provider that is
    partly configured.
    """
    every = [(endpoint, endpoint.verifier(settings)) for endpoint in ENDPOINTS]
    found = {
        endpoint.path: (endpoint, verifier)
        for endpoint, verifier in every
        if may_be_unsigned or not verifier.missing or not verifier.cannot_subscribe
    }
    lacking = [pair for pair in found.values() if pair[1].missing] if found else every
    if lacking and not may_be_unsigned:
        others = "" if found else f" (or {', '.join(v.missing for _, v in every[1:])} for another provider)"
        endpoint, verifier = lacking[0]
        raise SettingsInvalid(
            f"Signatures of {endpoint.provider} cannot be verified: set {verifier.missing}{others}, "
            "or say --unsigned to take deliveries that nobody vouches for."
        )
    return found


def checked(listening: Listening) -> None:
    """Raises SettingsInvalid where bodies would cross a network in clear."""
    if (listening.certificate is None) != (listening.key is None):
        raise SettingsInvalid("Give --tls-certificate and --tls-key together.")
    if listening.certificate is not None and listening.key is not None:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
                listening.certificate, listening.key, password=_no_password
            )
        except (OSError, ValueError):
            raise SettingsInvalid(
                f"{listening.certificate} and {listening.key} are no certificate and its unencrypted key "
                "in PEM form; correct the paths."
            ) from None
    elif not listening.is_behind_proxy and not is_loopback(listening.host):
        raise SettingsInvalid(
            f"{listening.host} is reachable from other machines and bodies would travel in clear: give "
            "--tls-certificate and --tls-key, or --behind-proxy if a proxy in front ends TLS."
        )


def received(
    settings: Settings, url: str, listening: Listening, ready: Callable[[str, str], None]
) -> Figures:
    """Serve until SIGTERM or SIGINT, then drain; returns what was counted.

    url: of the database. ready: called once with the two base addresses when both listen.
    Raises SettingsInvalid, DatabaseUnavailable, KeyRefused.
    """
    checked(listening)
    endpoints = endpoints_of(settings, listening.may_be_unsigned)
    for endpoint, verifier in endpoints.values():
        provider = endpoint.provider
        if verifier.missing:
            logger.warning("Signatures of %s are not verified: set %s.", provider, verifier.missing)
        if verifier.cannot_subscribe != verifier.missing and verifier.cannot_subscribe:
            logger.warning("%s cannot verify this endpoint: set %s.", provider, verifier.cannot_subscribe)
    figures = Figures()
    open_enough()
    with (
        bound(listening.host, listening.port) as door,
        bound(LOOPBACK, listening.status_port, "--status-port") as window,
        asyncio.Runner(loop_factory=loop_factory()) as runner,
    ):
        runner.run(_served(settings, url, endpoints, figures, listening, door, window, ready))
    return figures


def open_enough() -> None:
    """As many open files as connections may be, where the machine's own bound allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * CONNECTIONS if hard == resource.RLIM_INFINITY else min(2 * CONNECTIONS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _served(
    settings: Settings,
    url: str,
    endpoints: dict[str, tuple[Endpoint, Verifier]],
    figures: Figures,
    listening: Listening,
    door: socket.socket,
    window: socket.socket,
    ready: Callable[[str, str], None],
) -> None:
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    addresses = _address(door, "https" if listening.certificate else "http"), _address(window, "http")
    commit = GroupCommit(partial(started, settings.home, url), figures)
    application = Application(
        endpoints,
        commit,
        figures,
        may_be_unsigned=listening.may_be_unsigned,
        is_crowded=lambda: len(webhooks.server_state.connections) > CONNECTIONS,
    )
    tls = {"ssl_certfile": listening.certificate, "ssl_keyfile": listening.key}
    webhooks = Quiet(configured(application, figures.unreadable_head, **tls))
    status = Quiet(configured(Status(figures, lambda: commit.is_running), limit_concurrency=CONNECTIONS))
    sealing: Sealing | None = None
    tasks: list[asyncio.Task[None]] = []
    try:
        await commit.open()
        sealing = Sealing(settings.home, url, figures)
        tasks += [
            loop.create_task(webhooks.serve(sockets=[door])),
            loop.create_task(status.serve(sockets=[window])),
            loop.create_task(_watched(commit, webhooks, status, sealing)),
            loop.create_task(_announced(stopping, webhooks, status, partial(ready, *addresses))),
        ]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        figures.is_stopping = True
        webhooks.should_exit = True
        await asyncio.wait(tasks[:1] or [loop.create_task(asyncio.sleep(0))])
        await commit.close()
        status.should_exit = True
        for task in tasks[2:]:
            task.cancel()
        if sealing is not None:
            await asyncio.to_thread(sealing.close, SEAL_SECONDS)
        failures = await asyncio.gather(*tasks, return_exceptions=True)
    for failure in failures:
        if isinstance(failure, Exception):
            raise failure


async def _announced(
    stopping: asyncio.Event, webhooks: Quiet, status: Quiet, ready: Callable[[], None]
) -> None:
    """Say that both listen, then wait for the signal to stop."""
    while not (webhooks.started and status.started):
        await asyncio.sleep(0.01)
    gc.collect()
    gc.freeze()
    ready()
    await stopping.wait()


class Quiet(uvicorn.Server):
    """Leaves signals to us, since two servers share one loop and the order of stopping matters."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def configured(
    application: Any, refused: Callable[[], None] = lambda: None, **options: Any
) -> uvicorn.Config:
    """uvicorn without access log, proxy headers or websockets: nobody's address is read or kept. Nor does it
    bound the connections by itself: who is turned away so is not counted.

    refused: told of each request that is answered 400 before the application sees it.
    """
    return uvicorn.Config(
        application,
        http=bounded_protocol(refused),
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        **options,
    )


async def _watched(commit: GroupCommit, webhooks: Quiet, status: Quiet, sealing: Sealing) -> None:
    sweeps = [(Sweep(), webhooks), (Sweep(), status)]
    while True:
        await asyncio.sleep(0.5)
        commit.tick()
        for sweep, server in sweeps:
            sweep.closed(server.server_state.connections, time.monotonic())
        sealing.tick()


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def _address(listener: socket.socket, scheme: str) -> str:
    host, port = listener.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _no_password() -> str:
    raise ValueError("the key is encrypted")
