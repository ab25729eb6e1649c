"""`wa dashboard` and `wa lab`: quick to import, private by default, careful with people's copies."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

import wa_analytics as wa
from dashboard import commands
from wa_analytics.cli import main


def test_module_imports_nothing_heavy() -> None:
    script = (
        "import sys, dashboard.commands\n"
        "print([name for name in ('streamlit', 'polars', 'altair', 'pandas', 'sqlalchemy', 'jupyterlab') "
        "if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_dashboard_listens_on_this_machine_only_and_tells_nobody() -> None:
    call = commands.dashboard_command(8501, "127.0.0.1")
    assert call[1:4] == ["-m", "dashboard.start.serve", "run"]
    assert Path(call[4]).is_file()
    assert "--server.address=127.0.0.1" in call
    assert "--browser.gatherUsageStats=false" in call
    assert (Path(call[4]).parent / ".streamlit" / "config.toml").is_file()


def test_lab_asks_nobody_for_news_or_updates(tmp_path: Path) -> None:
    call = commands.lab_command(tmp_path, 8888, has_browser=False)
    assert "--LabApp.news_url=None" in call
    assert "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate" in call
    assert "--LabApp.extension_manager=readonly" in call
    assert "--ServerApp.open_browser=False" in call


def test_lab_options_are_known_to_jupyterlab(tmp_path: Path) -> None:
    call = commands.lab_command(tmp_path, 8888, has_browser=False)
    options = [option for option in call if option.startswith("--LabApp.")]
    script = (
        "import sys\nfrom jupyterlab.labapp import LabApp\n"
        "app = LabApp()\napp.parse_command_line(sys.argv[1:])\n"
        "from jupyterlab_server.settings_utils import _get_overrides\n"
        "said = _get_overrides(app.app_settings_dir)[0]['@jupyterlab/apputils-extension:notification']\n"
        "print(app.news_url is None, app.check_for_updates_class.__name__, app.extension_manager,"
        " said['fetchNews'])"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, *options], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "NeverCheckForUpdate", "readonly", "false"]


def test_notebooks_are_copied_once_and_changes_kept(tmp_path: Path) -> None:
    wa.init(tmp_path).close()
    folder = commands.copied_notebooks(tmp_path)
    names = [path.name for path in sorted(folder.glob("*.ipynb"))]
    assert names == [path.name for path in commands.shipped_notebooks()]
    assert "00_tour.ipynb" in names
    (folder / names[0]).write_text("mine", encoding="utf-8")
    (folder / names[1]).unlink()
    commands.copied_notebooks(tmp_path)
    assert (folder / names[0]).read_text(encoding="utf-8") == "mine"
    assert (folder / names[1]).exists()


@pytest.mark.parametrize("words", [("dashboard",), ("demo", "--messages", "600")])
def test_a_port_that_is_taken_is_told_before_anything_is_done(
    tmp_path: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    wa.init(tmp_path / "dashboard").close()
    home = tmp_path / words[0]
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SystemExit) as ended:
        main(["--home", str(home), *words, "--port", str(taken.getsockname()[1])])
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "in use" in told
    assert not (home / "demo").exists()


@pytest.mark.parametrize("command", ["dashboard", "lab"])
def test_without_a_workspace_one_sentence_and_exit_code_2(tmp_path: Path, command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "wa_analytics.cli", "--home", str(tmp_path / "nowhere"), command]
        if (Path(wa.__file__).parent / "cli" / "__main__.py").exists()
        else [str(Path(sys.executable).parent / "wa"), "--home", str(tmp_path / "nowhere"), command],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "wa init" in done.stderr
