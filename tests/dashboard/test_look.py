"""The look is one: the screen's colours are the reports', and its pieces escape what they are given."""

from __future__ import annotations

import ast
import itertools
import math
import tomllib
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from dashboard import look
from dashboard.charts.completeness import DAYS, number_days
from dashboard.charts.consent import SOURCES, STATES, judged_sends, sends_without_consent
from dashboard.charts.retention import RETENTION, due_dates
from wa_analytics.reports import charts

ROOM = Path(look.__file__).parent
CONFIG = tomllib.loads((ROOM / "start" / ".streamlit" / "config.toml").read_text(encoding="utf-8"))


def test_theme_has_the_colours_of_the_reports() -> None:
    theme = CONFIG["theme"]
    assert theme["primaryColor"] == charts.ACCENT
    assert theme["textColor"] == charts.INK
    assert theme["borderColor"] == charts.GRID
    assert tuple(theme["chartCategoricalColors"]) == charts.SERIES


#: what is left of red, green and blue (linear) where one kind of cone is missing: Machado, Oliveira and
#: Fernandes, A Physiologically-based Model for Simulation of Color Vision Deficiency, 2009
SEEN = {
    "all cones": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "no red": ((0.152, 1.053, -0.205), (0.115, 0.786, 0.099), (-0.004, -0.048, 1.052)),
    "no green": ((0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969)),
    "no blue": ((1.256, -0.077, -0.179), (-0.078, 0.931, 0.148), (0.005, 0.691, 0.304)),
}
APART = 17  # CIELAB units; 2 to 3 are just noticeable side by side


def lab(colour: str, cones: str) -> tuple[float, float, float]:
    stated = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in stated]
    red, green, blue = (
        min(1, max(0, sum(share * part for share, part in zip(row, linear, strict=True))))
        for row in SEEN[cones]
    )
    white = (
        (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505,
        0.2126 * red + 0.7152 * green + 0.0722 * blue,
        (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089,
    )
    x, y, z = (part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116 for part in white)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize(
    "colours",
    [
        [colour for _, colour in STATES.values()],
        list(RETENTION.values()),
        list(SOURCES.values()),
        list(DAYS.values()),
    ],
    ids=["consent states", "retention", "opt-out sources", "days"],
)
@pytest.mark.parametrize("cones", SEEN)
def test_colours_of_one_picture_stay_apart_for_every_eye(colours: list[str], cones: str) -> None:
    near = [
        (one, other)
        for one, other in itertools.combinations(colours, 2)
        if math.dist(lab(one, cones), lab(other, cones)) < APART
    ]
    assert near == []


def test_nothing_is_told_or_loaded_from_outside() -> None:
    assert CONFIG["browser"]["gatherUsageStats"] is False
    texts = [path.read_text(encoding="utf-8") for path in (*ROOM.rglob("*.py"), ROOM / "look.css")]
    assert not [text for text in texts if "://" in text.replace("http://{host}", "")]
    assert not [text for text in texts if ":material/" in text or "url(" in text]


def test_pieces_escape_what_they_are_given() -> None:
    evil = '<img src=x onerror="a">'
    built = (
        look.table([evil], [[evil]]),
        look.badge("bad", evil),
        look.with_note(evil, evil),
        look.number_card(evil, evil, evil),
        look.facts([(evil, evil)]),
        look.change(evil, True),
        look.legend({evil: evil}, ()),
    )
    assert [piece for piece in built if "<img" in piece] == []


def test_only_the_workbench_opens_a_workspace() -> None:
    forbidden = {"open", "init", "Workspace", "Database"}
    for path in ROOM.rglob("*.py"):
        if path.name in ("workbench.py",):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "wa":
                assert node.attr not in forbidden, path
            if isinstance(node, ast.ImportFrom) and node.module:
                assert not node.module.startswith(("wa_analytics.database", "wa_analytics.workspace")), path


def test_pictures_above_each_other_share_their_weeks_and_months_end_with_their_last_day() -> None:
    as_of = datetime(2026, 11, 25, 12, tzinfo=UTC)
    states = [
        (date(2026, 6, 1), "granted", 9),
        (date(2026, 8, 3), "withdrawn", 2),
        (date(2026, 11, 23), "granted", 5),
    ]
    sends = pl.DataFrame(states, schema=["week", "state", "sends"], orient="row")
    exceptions, judged = sends_without_consent(sends, as_of), judged_sends(sends, as_of)
    assert exceptions is not None
    assert judged is not None
    assert exceptions.legend == {"withdrawn": STATES["withdrawn"][1]}
    scales = [found.chart.to_dict()["encoding"]["x"]["scale"] for found in (exceptions, judged)]
    assert scales[0] == scales[1]
    due = pl.DataFrame(
        [(date(2027, 2, 1), "due in 90 days", 3)], schema=["month", "state", "messages"], orient="row"
    )
    picture = due_dates(due, as_of)
    assert picture is not None
    assert '"as of"' in picture.chart.to_json(), "the figures' moment, which need not be today"
    last = picture.chart.to_dict()["layer"][0]["encoding"]["x"]["scale"]["domainMax"]
    assert (last["year"], last["month"], last["date"]) == (2027, 2, 28)


def test_group_names_the_company_of_each_number() -> None:
    row = {
        "channel_id": "1090001", "entity": "celtair", "day_on": date(2026, 11, 1), "state": "silent",
        "inbound_count": 0, "outbound_count": 0, "platform_sent_count": None, "expected_count": 4.25,
    }  # fmt: skip
    picture = number_days(pl.DataFrame([row]), {"celtair": "Celtair Airways"}, has_company=True)
    assert picture is not None
    assert "1090001 · Celtair Airways" in str(picture.chart.to_dict()["datasets"])
    assert picture.legend == {"silent": DAYS["silent"]}
