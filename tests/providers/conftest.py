from __future__ import annotations

from hypothesis import settings

# The first example imports a parser; how long that takes says nothing of the law under test.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
