"""What a command leaves behind when its program ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_what_was_written_stands_in_the_database_file_alone(tmp_path: Path) -> None:
    home, file = tmp_path / "home", tmp_path / "staff.csv"
    file.write_text("custodian_id,name\nc-1,Ada Example\n", encoding="utf-8")
    for words in (["init"], ["capture", "directory", str(file)], ["refresh"]):
        called = [sys.executable, "-c", "from wa_analytics.cli import main; main()", "--home", str(home)]
        subprocess.run([*called, *words], check=True, capture_output=True)
        assert sorted(path.name for path in home.glob("wa.db*")) == ["wa.db"], words


def test_a_terminal_that_lacks_a_sign_gets_the_rest(tmp_path: Path) -> None:
    home = tmp_path / "h\u2715me"
    called = [sys.executable, "-c", "from wa_analytics.cli import main; main()", "--home", str(home), "init"]
    ended = subprocess.run(
        called,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        encoding="latin-1",
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "h?me is ready" in ended.stdout


def test_a_reader_that_has_had_enough_is_no_finding(tmp_path: Path) -> None:
    called = [sys.executable, "-c", "from wa_analytics.cli import main; main()", "--home", str(tmp_path)]
    subprocess.run([*called, "init"], check=True, capture_output=True)
    for words in (["doctor"], ["retention", "schedule"], ["retention", "schedule", "--json"]):
        reader, writer = os.pipe()
        os.close(reader)
        ended = subprocess.run([*called, *words], stdout=writer, stderr=subprocess.PIPE, check=False)
        os.close(writer)
        assert (ended.returncode, ended.stderr) == (141, b""), words
