"""Imported last by the process that workers are forked from: all that it has imported stays, so nobody
need look through it for cycles, neither a worker nor, taking it apart, that process at its end."""

from __future__ import annotations

import gc

gc.freeze()
