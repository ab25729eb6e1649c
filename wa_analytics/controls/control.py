"""A control of the catalogue, and the verdict on it."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal

import msgspec

Outcome = Literal["pass", "fail", "not_evaluated"]
VerdictCode = Literal["effective", "deficient", "not_evaluated"]


class Scope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which messages and consent events a control speaks of; an empty tuple means any.

    `countries`: the outside person's; `EEA` is a group. A company seated in `seats` answers for
    everyone it writes to. `relies_on_consent`: only marketing whose lawful basis is consent or not
    stated, and other purposes only where the register says consent.
    """

    countries: tuple[str, ...] = ()
    seats: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    relies_on_consent: bool = False


class Evidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One piece the citation needs: computed by `measure` and held to `at_most` (the name of a
    parameter), gated by `checks` that must have run; or `missing`, what is not connected yet."""

    piece: str
    measure: str = ""
    at_most: str = ""
    checks: tuple[str, ...] = ()
    missing: str = ""


class Control(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule: where it stands, what it asks in our words, whom it binds, what shows it."""

    id: str
    framework: str
    citation: str
    paraphrase: str
    parameters: dict[str, int]
    evidence: tuple[Evidence, ...]
    scope: Scope = Scope()
    entity_kinds: tuple[str, ...] = ()
    needs_setting: str = ""


class PieceVerdict(msgspec.Struct, frozen=True):
    """What one piece of evidence showed; counts are null where nothing was counted."""

    piece: str
    outcome: Outcome
    numerator: int | None
    denominator: int | None
    reason: str


class Verdict(msgspec.Struct, frozen=True):
    """What is said of one control for one company at a moment."""

    control: str
    framework: str
    citation: str
    entity: str
    verdict: VerdictCode
    reason: str
    evidence: tuple[PieceVerdict, ...]

    def row(self) -> dict[str, Any]:
        """The verdict as plain values, as `wa controls --json` prints it."""
        return dict(msgspec.to_builtins(self))


@lru_cache(maxsize=1)
def catalogue() -> tuple[Control, ...]:
    """The shipped controls, in the order of the file."""
    text = files("wa_analytics.controls").joinpath("catalogue.json").read_text(encoding="utf-8")
    return msgspec.convert(json.loads(text), tuple[Control, ...])
