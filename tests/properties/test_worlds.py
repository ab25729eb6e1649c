"""The made-up worlds themselves: every layout tells the same facts, and every rule is reached."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from datetime import datetime
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import oracle
from tests.oracle_consent import send_state, window_of
from tests.oracle_facts import facts
from tests.tangled import AS_OF, handed_over, random_world, worlds
from tests.world_files import Layout, write
from tests.worlds import World


def told(world: World, folder: Path, layout: Layout) -> set[tuple[str, str]]:
    """Every fact of every file, however batched, spooled, split or repeated."""
    facts_told: set[tuple[str, str]] = set()
    for provider, path in write(world, folder, layout).imports:
        text = path.read_bytes().decode("utf-8-sig")
        if provider != "meta-cloud":
            for row in csv.DictReader(io.StringIO(text, newline="")):
                facts_told.add((provider, json.dumps(row, sort_keys=True)))
            continue
        for line in text.splitlines():
            outer = json.loads(line)
            body = json.loads(outer["body"]) if "body" in outer else outer
            for entry in body["entry"]:
                (change,) = entry["changes"]
                value = change["value"]
                for status in value.pop("statuses", [None]):
                    fact = [entry["id"], entry.get("time"), change["field"], value, status]
                    facts_told.add((provider, json.dumps(fact, sort_keys=True)))
    return facts_told


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(case=worlds(), seed=st.integers(min_value=1, max_value=1000))
def test_every_layout_tells_the_same_facts(case: tuple[World, datetime], seed: int) -> None:
    world, _ = case
    with tempfile.TemporaryDirectory() as folder:
        plain = told(world, Path(folder) / "plain", Layout())
        mixed = told(world, Path(folder) / "mixed", Layout(seed, duplicated=True))
    assert plain == mixed


def test_the_worlds_reach_every_rule_and_state() -> None:
    rules: set[str] = set()
    states: set[str] = set()
    windows: set[str] = set()
    for seed in range(40):
        world = random_world(seed, 60)
        if seed % 2:
            world = handed_over(world, seed)
        rules |= {rule for rule, _, _ in oracle.findings(world, AS_OF)}
        known = facts(world)
        states |= {send_state(known, send).code for send in known.sends}
        windows |= {window_of(known, send) for send in known.sends}
    assert rules == oracle.RULES
    assert states == {*oracle.STATES, "granted", "not_judged", "not_evaluated"}
    assert windows == {"inside", "outside", "not_judged", "not_evaluated"}


def test_a_seed_gives_the_same_world() -> None:
    assert random_world(7, 100) == random_world(7, 100)
    assert random_world(7, 100) != random_world(8, 100)
