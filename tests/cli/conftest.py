"""`wa` as scripts see it: arguments in, exit code, stdout and stderr out; in this process."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from wa_analytics.cli import main


@dataclass(frozen=True)
class Told:
    """How a call ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)


Wa = Callable[..., Told]


def called(*words: str, stdin: str | None = None) -> Told:
    """Run `wa WORDS…`."""
    out, err = io.StringIO(), io.StringIO()
    patch = pytest.MonkeyPatch()
    if stdin is not None:
        patch.setattr("sys.stdin", io.StringIO(stdin))
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                main(list(words))
                code = 0
            except SystemExit as stop:
                code = int(stop.code or 0)
    finally:
        patch.undo()
    assert "Traceback" not in err.getvalue() + out.getvalue()
    return Told(code, out.getvalue(), err.getvalue())


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty workspace."""
    home = tmp_path / "home"
    assert called("--home", str(home), "init").code == 0
    return home


@pytest.fixture
def wa(home: Path) -> Wa:
    """`wa --home HOME …`."""

    def at_home(*words: str, stdin: str | None = None) -> Told:
        return called("--home", str(home), *words, stdin=stdin)

    return at_home
