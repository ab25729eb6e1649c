"""One small demo workspace for all tests of this folder."""

from __future__ import annotations

from tests.demo_workspace import demo

__all__ = ["demo"]
