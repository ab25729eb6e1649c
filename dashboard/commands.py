"""`wa dashboard` and `wa lab`, reached through the entry-point group `wa_analytics.commands`.

Imported by every `wa` call, so nothing heavy is imported here: both start a process of their own with
this interpreter, in this workspace (`WA_HOME`), so that they work from an installed wheel as well.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

HERE = Path(__file__).parent
STOP_SECONDS = 5
Port = Annotated[int, typer.Option(min=1, max=65535, help="Where to listen.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this package to `app`."""
    app.command("dashboard")(dashboard)
    app.command("lab")(lab)


def dashboard(
    context: typer.Context,
    port: Port = 8501,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Serve the dashboard of this workspace until Ctrl-C."""
    from wa_analytics.cli import current, say
    from wa_analytics.receiver.sockets import bound

    home = current(context).home
    bound(host, port).close()
    say(f"Dashboard of {home} on http://{host}:{port} – stop with Ctrl-C.")
    raise typer.Exit(_waited(serve(home, port, host=host)))


def lab(
    context: typer.Context,
    port: Port = 8888,
    has_browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open a browser window.")
    ] = True,
) -> None:
    """Open JupyterLab on a copy of the notebooks.

    The copy is this workspace's own; notebooks that you changed there are kept.
    """
    from wa_analytics.cli import current, say

    home = current(context).home
    folder = copied_notebooks(home)
    say(f"Notebooks in {folder} – stop with Ctrl-C.")
    raise typer.Exit(_waited(_started(lab_command(folder, port, has_browser=has_browser), home)))


def serve(home: Path, port: int, *, host: str = "127.0.0.1") -> subprocess.Popen[bytes]:
    """The dashboard of `home` as a process of its own; the caller ends it."""
    return _started(dashboard_command(port, host), home)


def dashboard_command(port: int, host: str) -> list[str]:
    """The call of Streamlit; look and privacy settings stand in `.streamlit/config.toml` beside it."""
    options = {
        "server.port": str(port),
        "server.address": host,
        "server.headless": "true",
        "browser.gatherUsageStats": "false",
        "browser.serverAddress": host,
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "dashboard.start.serve", "run", str(HERE / "start" / "main.py"), *flags]


def lab_command(folder: Path, port: int, *, has_browser: bool) -> list[str]:
    """The call of JupyterLab, told to ask nobody for news, updates or extensions."""
    options = {
        "ServerApp.port": str(port),
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.root_dir": str(folder),
        "ServerApp.open_browser": str(has_browser),
        "LabApp.news_url": "None",
        "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        "LabApp.extension_manager": "readonly",
        "LabApp.app_settings_dir": str(HERE / "lab"),  # overrides.json: do not offer news either
    }
    if getattr(os, "geteuid", lambda: 1)() == 0:
        options["ServerApp.allow_root"] = "True"  # containers; it listens on this machine only, with a token
    flags = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "jupyterlab", *flags]


def shipped_notebooks() -> list[Path]:
    """The numbered notebooks: inside an installed wheel, else beside this package in a checkout."""
    import wa_analytics

    inside = Path(str(wa_analytics.__file__)).parent / "notebooks"
    folder = inside if inside.is_dir() else HERE.parent / "notebooks"
    return sorted(folder.glob("[0-9][0-9]_*.ipynb"))


def copied_notebooks(home: Path) -> Path:
    """`<home>/notebooks` with every shipped notebook; one that is there already is left alone."""
    folder = home.resolve() / "notebooks"
    folder.mkdir(exist_ok=True)
    for notebook in shipped_notebooks():
        if not (folder / notebook.name).exists():
            shutil.copyfile(notebook, folder / notebook.name)
    return folder


def _started(command: Sequence[str], home: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(list(command), env={**os.environ, "WA_HOME": str(home.resolve())})  # noqa: S603


def _waited(process: subprocess.Popen[bytes]) -> int:
    """Wait for the process; Ctrl-C ends it and is no failure, nor is a service manager's SIGTERM."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return process.wait()
    except KeyboardInterrupt:
        pass
    finally:
        _stopped(process)
    return 0


def _stopped(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
