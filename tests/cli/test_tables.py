"""Tables on terminals: wide, narrow, without colour, into a pipe, and with what strangers wrote in them."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.cli.conftest import Wa
from wa_analytics.cli.tables import table

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
AT = datetime(2025, 3, 4, 12, tzinfo=UTC)
ROWS = [
    {
        "incident_id": f"INC-000{number}",
        "severity_code": "critical",
        "title": "Webhooks delivered to another address – Harborline Securities",
        "finding_count": 12_000 + number,
        "breach": "breach? undecided",
        "policy_due_at": AT,
        "party_id": "cd5070fe9800588f327952c170beb44f",
    }
    for number in range(1, 4)
]


def printed(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    rows: list[dict[str, Any]],
    **env: str,
) -> str:
    for name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    table(pl.DataFrame(rows), title="3 incidents")
    return capsys.readouterr().out


@pytest.mark.parametrize("width", [40, 60, 80, 100, 132, 200])
def test_no_word_is_broken_however_narrow_the_terminal(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = printed(capsys, monkeypatch, ROWS, COLUMNS=str(width), FORCE_COLOR="1")
    plain = COLOURS.sub("", shown)
    for row in ROWS:
        for word in (
            row["incident_id"],
            "critical",
            "Harborline",
            "Securities",
            row["party_id"],
            "undecided",
        ):
            assert word in plain
        assert f"{row['finding_count']:,}" in plain
    assert plain.count("2025-03-04 12:00") == 3
    longest = max(len(word) for word in plain.split())
    for line in plain.splitlines():
        assert len(line.rstrip()) <= max(width, len("policy due at (UTC)") + 2 + longest)


def test_a_terminal_without_colours_gets_none(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for width in ("60", "200"):
        shown = printed(capsys, monkeypatch, ROWS, COLUMNS=width, TTY_COMPATIBLE="1", TERM="dumb")
        assert "\x1b" not in shown


def test_into_a_pipe_each_row_is_one_line_whatever_its_length(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    body = " ".join(["Where is my bag?"] * 200) + "\nand my coat?"
    rows = [row | {"body": body} for row in ROWS]
    lines = printed(capsys, monkeypatch, rows, COLUMNS="60").splitlines()
    assert len(lines) == 2 + len(rows)
    assert all(body.replace("\n", " ") in line for line in lines[2:])


def test_what_strangers_wrote_gives_the_terminal_no_orders(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    body = "\x1b]0;owned\x07 [red]case[/red] [/x] :warning: caf\u00e9 \u009b31m"
    for env in ({}, {"COLUMNS": "300", "FORCE_COLOR": "1"}, {"COLUMNS": "30", "FORCE_COLOR": "1"}):
        shown = COLOURS.sub("", printed(capsys, monkeypatch, [{"body": body, "number": 1}], **env))
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", shown)
        assert " ".join(shown.split()).count("[red]case[/red] [/x] :warning: café") == 1


def test_a_row_of_nothing_but_numbers_and_a_column_of_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = printed(capsys, monkeypatch, [{"ratio": 0.5, "is_held": True, "none": None}])
    assert shown.split() == ["3", "incidents", "ratio", "is", "held", "none", "0.5000", "yes"]


def test_a_real_terminal_of_60_columns_keeps_ids_whole(wa: Wa, home: Path) -> None:
    """Through a pseudo-terminal, as a person's shell has it."""
    assert (
        wa("incidents", "open", "Statement sent to the wrong recipient", "--severity", "critical").code == 0
    )
    receiver, sender = pty.openpty()
    env = {**os.environ, "COLUMNS": "60", "TERM": "xterm-256color"}
    code = "import sys; from wa_analytics.cli import main; main(sys.argv[1:])"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "--home", str(home), "incidents", "list"], stdout=sender, env=env
    )
    os.close(sender)
    shown = b""
    try:
        while piece := os.read(receiver, 65536):
            shown += piece
    except OSError:
        pass  # Linux says so that the other end is closed
    os.close(receiver)
    assert process.wait() == 0
    text = COLOURS.sub("", shown.decode())
    assert {"INC-0001", "critical", "undecided", "recipient"} <= set(text.split())


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_json_says_the_same_in_every_encoding_of_stdout(wa: Wa, home: Path, encoding: str) -> None:
    title = "Beschwerde über Łódź 漢字 🎉"
    assert wa("incidents", "open", title).code == 0
    code = "import sys; from wa_analytics.cli import main; main(sys.argv[1:])"
    told = subprocess.run(
        [sys.executable, "-c", code, "--home", str(home), "incidents", "list", "--json"],
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
    )
    assert json.loads(told.stdout.decode(encoding))[0]["title"] == title
    assert (title.encode() in told.stdout) == (encoding == "utf-8")
