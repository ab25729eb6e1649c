"""One small demo workspace for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.demo_workspace import Demo, chosen_home, made


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    built = made(tmp_path_factory.mktemp("demo"), messages=2000)
    with chosen_home(built.home):
        yield built
    built.workspace.close()
