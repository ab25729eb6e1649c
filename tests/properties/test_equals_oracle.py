"""The product's findings equal the brute-force oracle's, in any order and with duplicates.

Everything goes through the command line that users have (DESIGN section 8): files in, JSON out.
The maker of the worlds and the oracle share no code with the product.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from tests import oracle
from tests.tangled import AS_OF, NOON, handed_over, random_world, worlds
from tests.world_files import Layout, Written, write
from tests.worlds import World
from wa_analytics.cli import app

Triple = tuple[str, str, str]


COMPARED = ("consent_coverage", "version_fidelity")


@dataclass(frozen=True)
class Answer:
    """The product's answer in outside ids. `rows`: the finding behind each triple."""

    rows: dict[Triple, dict[str, Any]]
    metrics: dict[str, tuple[int, int]]

    @property
    def findings(self) -> set[Triple]:
        return set(self.rows)


def wa(home: Path, *arguments: str, stdin: str | None = None, allowed: tuple[int, ...] = (0,)) -> str:
    """Run `wa --home HOME …` in this process and give what it printed on stdout."""
    result = CliRunner().invoke(app, ["--home", str(home), *arguments], input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code in allowed, f"wa {arguments[0]} ended with {result.exit_code}: {result.stderr}"
    return result.stdout


def imported(home: Path, written: Written, database_url: str | None = None) -> None:
    """A fresh workspace that holds the written files, refreshed."""
    home.mkdir(parents=True)
    shutil.copy(written.settings, home / "settings.toml")
    shutil.copy(written.retention, home / "retention.csv")
    wa(home, "init", *(["--database-url", database_url] if database_url else []))
    for provider, path in written.imports:
        wa(home, "capture", provider, str(path))
    wa(home, "refresh")


def outside_by_ours(home: Path, outside_ids: list[str]) -> dict[str, str]:
    """Our id → outside id, by `wa lookup -`."""
    rows = json.loads(wa(home, "lookup", "-", "--json", stdin="".join(f"{one}\n" for one in outside_ids)))
    assert [row["outside_id"] for row in rows] == outside_ids
    # Of several ids of one person the first.
    return {row["id"]: row["outside_id"] for row in reversed(rows) if row["id"] is not None}


def pair_of_rows(subject_id: str, authorities: list[str]) -> str:
    """`<floor row>|<ceiling row>` in the authorities that name the rows of a made-up schedule."""
    sides = subject_id.split("|")
    named = ["".join(name for name in authorities if name in side) or side for side in sides]
    return "|".join(named)


def product_answer(home: Path, world: World, as_of: datetime) -> Answer:
    """Check the workspace at `as_of` and read the open findings of the oracle's rules."""
    moment = as_of.isoformat()
    wa(home, "check", "--as-of", moment, "--json", allowed=(0, 1))
    outside = outside_by_ours(home, world.user_ids()) | outside_by_ours(home, world.outside_ids())
    authorities = [row.authority for row in world.retention]
    rows: dict[Triple, dict[str, Any]] = {}
    for row in json.loads(wa(home, "findings", "--json")):
        if row["rule"] not in oracle.RULES:
            continue
        if row["subject"] == "retention_pair":
            subject_id = pair_of_rows(row["subject_id"], authorities)
        else:
            subject_id = outside.get(row["subject_id"], f"unknown {row['subject_id']}")
        triple = (row["rule"], row["subject"], subject_id)
        assert triple not in rows, f"two findings of {triple}"
        rows[triple] = row
    told = json.loads(wa(home, "metrics", *COMPARED, "--as-of", moment, "--json"))
    metrics = dict.fromkeys(COMPARED, (0, 0))
    for metric in told:
        if metric["group"] == {}:
            metrics[metric["metric"]] = (metric["numerator"] or 0, metric["denominator"] or 0)
    return Answer(rows, metrics)


def product_findings(
    folder: Path, as_of: datetime, home: Path, world: World, database_url: str | None = None
) -> set[Triple]:
    """Findings of the world's files in `folder`, imported into the fresh workspace `home`."""
    imported(home, write(world, folder), database_url)
    return product_answer(home, world, as_of).findings


def differences(answer: Answer, world: World, as_of: datetime) -> list[str]:
    """What product and oracle tell differently, in words; empty when they agree."""
    open_questions = oracle.undecided(world, as_of)
    expected = oracle.findings(world, as_of) - open_questions
    found = answer.findings - open_questions
    told = [f"missing {one}" for one in sorted(expected - found)]
    told += [f"not expected {one}" for one in sorted(found - expected)]
    wanted = oracle.attributes(world, as_of)
    for (rule, _, subject_id), row in sorted(answer.rows.items()):
        if rule.removeprefix("consent.") not in oracle.STATES or subject_id not in wanted:
            continue
        for name, value in wanted[subject_id].items():
            have = row[name] if name in row else row.get(f"{name}_code")
            agrees = have in value if isinstance(value, frozenset) else have == value
            if not agrees:
                told.append(f"{rule} {subject_id}: {name} is {have!r}, expected {value!r}")
    figures = oracle.metrics(world, as_of)
    for name, figure in answer.metrics.items():
        if figure != figures[name]:
            told.append(f"{name} is {figure}, expected {figures[name]}")
    return told


@settings(
    max_examples=6,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(case=worlds(), seed=st.integers(min_value=1, max_value=1000))
def test_tangled_worlds_in_any_order_and_with_duplicates(case: tuple[World, datetime], seed: int) -> None:
    world, as_of = case
    with tempfile.TemporaryDirectory() as folder:
        plain, mixed = Path(folder) / "plain", Path(folder) / "mixed"
        imported(plain / "home", write(world, plain / "files"))
        imported(mixed / "home", write(world, mixed / "files", Layout(seed, duplicated=True)))
        first = product_answer(plain / "home", world, as_of)
        second = product_answer(mixed / "home", world, as_of)
    assert differences(first, world, as_of) == []
    assert second.findings == first.findings
    assert differences(second, world, as_of) == []


@settings(
    max_examples=5,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(case=worlds(), seed=st.integers(min_value=1, max_value=1000))
def test_numbers_that_changed_hands_in_any_order(case: tuple[World, datetime], seed: int) -> None:
    world, as_of = handed_over(case[0], seed), case[1]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        imported(home, write(world, Path(folder) / "files", Layout(seed, duplicated=True)))
        assert differences(product_answer(home, world, as_of), world, as_of) == []


def test_a_larger_world_of_changing_hands_on_both_databases(database_url: str | None, tmp_path: Path) -> None:
    world = handed_over(random_world(3, 160), 3)
    assert len([rule for rule, *_ in oracle.findings(world, AS_OF) if rule == "identity.ambiguous"]) > 2
    home = tmp_path / "home"
    imported(home, write(world, tmp_path / "files", Layout(3, duplicated=True)), database_url)
    assert differences(product_answer(home, world, AS_OF), world, AS_OF) == []


@pytest.mark.parametrize("seed", [1, 2])
def test_larger_worlds_on_both_databases(seed: int, database_url: str | None, tmp_path: Path) -> None:
    world = random_world(seed, 220)
    home = tmp_path / "home"
    imported(home, write(world, tmp_path / "files", Layout(seed, duplicated=True)), database_url)
    for as_of in (AS_OF, NOON):  # the later first: what is not yet so at NOON must be resolved again
        assert differences(product_answer(home, world, as_of), world, as_of) == []


def test_a_late_capture_is_judged_like_an_early_one(tmp_path: Path) -> None:
    """Files imported one by one, each followed by a refresh, end where one refresh ends."""
    world = random_world(4, 60)
    written = write(world, tmp_path / "files", Layout(5))
    home = tmp_path / "home"
    imported(home, Written(written.imports[:1], written.settings, written.retention))
    product_answer(home, world, AS_OF)
    for provider, path in written.imports[1:]:
        wa(home, "capture", provider, str(path))
        wa(home, "refresh")
    incremental = product_answer(home, world, AS_OF)
    assert differences(incremental, world, AS_OF) == []
    wa(home, "rebuild")
    assert product_answer(home, world, AS_OF).findings == incremental.findings
