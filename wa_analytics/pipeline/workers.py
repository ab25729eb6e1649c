"""Worker processes that know nothing of the program that starts them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from types import ModuleType
from typing import Any


class Workers(ProcessPoolExecutor):
    """A pool of spawned processes. A spawned process otherwise begins by running its parent's main
    module: the whole command line, or an analyst's script, which without a guard would start over."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        with _nameless_main():
            return super().submit(fn, *args, **kwargs)


@contextmanager
def _nameless_main() -> Iterator[None]:
    main: Any = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
