"""Pieces of HTML in the house look. Everything given is escaped; nothing is loaded from outside."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from pathlib import Path

import streamlit as st

from wa_analytics.reports.page import BADGES
from wa_analytics.reports.wording import LEGAL_FOOTER, moment

HERE = Path(__file__).parent
MARK = HERE / "brand" / "mark.png"
PRODUCT = "WhatsApp Compliance Workbench"
STYLE = HERE / "look.css"
MIMES = {".csv": "text/csv", ".html": "text/html"}
SEVERITY_CLASS = {"critical": "bad", "high": "bad", "medium": "open", "low": "calm"}


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


def safe(text: object) -> Html:
    """The text as markup: escaped, unless it is markup already."""
    return text if isinstance(text, Html) else Html(escape(str(text)))


def told(text: str) -> Html:
    """A sentence in which `words` between backticks are a command."""
    return Html(re.sub(r"`([^`]+)`", r"<code>\1</code>", safe(text)))


def whole_line(text: object) -> Html:
    """What must not be broken over two lines: a date, a number with its unit."""
    return Html(f'<span class="whole">{safe(text)}</span>')


def style() -> None:
    """The style sheet; once per page."""
    st.html(STYLE)


def badge(kind: str, words: str) -> Html:
    """A pill of class good, bad, open or calm; its words say it without the colour."""
    return Html(f'<span class="wb-badge {kind}">{safe(words)}</span>')


def verdict(outcome: str, words: str) -> Html:
    """A three-valued badge: ✓ no exception, ✕ exceptions, ? not evaluated."""
    kind, sign = BADGES[outcome]
    return badge(kind, f"{sign} {words}")


def severity(code: str) -> Html:
    if not code:
        return Html('<span class="wb-muted">–</span>')
    return badge(SEVERITY_CLASS[code], code)


def verdict_class(outcome: str) -> str:
    return BADGES[outcome][0]


def title(words: str, below: str) -> None:
    st.html(f'<h1 class="wb-title">{safe(words)}</h1><p class="wb-sub">{safe(below)}</p>')


def section(words: str, note: str = "") -> None:
    small = f"<small>{safe(note)}</small>" if note else ""
    st.html(f'<h2 class="wb-section" style="padding:0">{safe(words)}{small}</h2>')


def freshness(fresh: Mapping[str, object], as_of: datetime, time_zone: str) -> None:
    """Last capture, last check, whether a check is overdue or could not run: on every page."""
    captured, checked = (moment(fresh[name], time_zone) for name in ("last_capture_at", "last_check_at"))  # type: ignore[arg-type]
    could_not = fresh["last_check_outcome"] == "error"
    states = (
        [badge("bad", "✕ a check could not run") + told(" its reason stands with it")] if could_not else []
    )
    if fresh["is_check_overdue"]:
        expected = f" one is expected every {fresh['check_interval_hours']} h: `wa run`"
        states += [badge("bad", "✕ check overdue") + told(expected)]
    elif not could_not:
        states = [badge("good", "✓ checked in time")]
    state = "</span><span>".join(states)
    late = " late" if fresh["is_check_overdue"] or could_not else ""
    st.html(
        f'<div class="wb-fresh"><span>last capture <b>{safe(captured)}</b></span>'
        f'<span><i class="dot{late}"></i>last check <b>{safe(checked)}</b></span><span>{state}</span>'
        f'<span class="right">figures as of <b>{safe(moment(as_of, time_zone))}</b></span></div>'
    )


def card(body: str, kind: str = "") -> Html:
    return Html(f'<div class="wb-card {kind}">{body}</div>')


def cards(bodies: Sequence[Html], columns: int = 0) -> None:
    """Cards side by side, equally high; fewer beside each other on a narrow screen."""
    st.html(f'<div class="wb-grid" style="--n:{columns or len(bodies)}">{"".join(bodies)}</div>')


def number_card(kicker: str, number: str, unit: str, kind: str = "") -> Html:
    return card(
        f'<div class="kicker">{safe(kicker)}</div><div class="number {kind}">{safe(number)}</div>'
        f'<div class="unit">{safe(unit)}</div>'
    )


def table(
    head: Sequence[str], rows: Iterable[Sequence[object]], numeric: Iterable[int] = (), height: int = 0
) -> Html:
    """A table; `numeric` columns stand to the right. Higher than `height` pixels it scrolls.

    On a phone each row becomes a few lines, where a cell carries the name of its column with it.
    """
    right = set(numeric)

    def cell(tag: str, index: int, content: object) -> str:
        kind = ' class="n"' if index in right else ""
        name = f' data-column="{safe(head[index])}"' if tag == "td" else ""
        return f"<{tag}{kind}{name}>{safe(content)}</{tag}>"

    top = "".join(cell("th", index, words) for index, words in enumerate(head))
    body = "".join(
        f"<tr>{''.join(cell('td', index, content) for index, content in enumerate(row))}</tr>" for row in rows
    )
    limit = f' style="--h:{height}px"' if height else ""
    return Html(
        f'<div class="wb-scroll"{limit}><table class="wb"><thead><tr>{top}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def with_note(main: object, note: object) -> Html:
    """A cell with a second, quieter line."""
    return Html(f"{safe(main)}<small>{safe(note)}</small>") if note else safe(main)


def facts(pairs: Iterable[tuple[object, object]]) -> Html:
    """Names and what stands behind them, one pair a line."""
    lines = "".join(f"<dt>{safe(name)}</dt><dd>{safe(value)}</dd>" for name, value in pairs)
    return Html(f'<dl class="wb">{lines}</dl>')


def legend(colours: Mapping[str, str], dashed: Sequence[str] = ()) -> Html:
    """What the colours of a picture mean; `dashed`: the names drawn as a dashed line."""
    marks = []
    for name, colour in colours.items():
        kind = "dashed" if name in dashed else ""
        marks.append(f'<span><i class="{kind}" style="--c:{safe(colour)}"></i>{safe(name)}</span>')
    return Html(f'<div class="wb-legend">{"".join(marks)}</div>')


def quiet(words: object) -> Html:
    return Html(f'<span class="wb-muted">{safe(words)}</span>')


def change(words: str, is_better: bool | None) -> Html:
    kind = {True: "wb-better", False: "wb-worse", None: "wb-muted"}[is_better]
    return Html(f'<span class="{kind}">{safe(words)}</span>')


def download(
    label: str,
    made: Callable[[], str | bytes],
    file_name: str,
    *,
    note: str | None = None,
    is_primary: bool = False,
) -> None:
    """A button that has the file made when somebody asks for it, and leaves the page as it is."""
    st.download_button(
        label,
        made,
        file_name=file_name,
        mime=MIMES[Path(file_name).suffix],
        on_click="ignore",
        help=note,
        type="primary" if is_primary else "secondary",
    )


def footer() -> None:
    st.html(f'<div class="wb-foot">{safe(LEGAL_FOOTER)}</div>')
