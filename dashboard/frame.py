"""What surrounds every page: style, title, company filter, freshness above; the legal line below."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import streamlit as st

from dashboard import look, workbench
from wa_analytics.errors import WorkbenchError

MOST_BUTTONS, MOST_LETTERS = 5, 90

Body = Callable[[workbench.Screen, workbench.Seen], None]


def framed(title: str, question: str) -> Callable[[Body], Callable[[], None]]:
    """Makes a page of a body that draws what is seen of one company.

    A workspace that is missing or cannot be read is one sentence, not a trace.
    """

    def wrapped(body: Body) -> Callable[[], None]:
        @wraps(body)
        def page() -> None:
            look.style()
            try:
                screen = workbench.screen()
                left, right = st.columns([6, 7], vertical_alignment="bottom")
                with right, st.container(horizontal=True, horizontal_alignment="right", key="filter"):
                    company = _company(screen)
                with st.spinner("Reading the workspace …"):
                    seen = screen.seen(company)
            except WorkbenchError as error:
                look.title(look.PRODUCT, "There is nothing to show now.")
                st.warning(str(error))
                look.footer()
                return
            shown = seen.board.overview
            with left:
                look.title(title, f"{shown.title}: {question}?")
            look.freshness(screen.freshness, shown.as_of, shown.time_zone)
            body(screen, seen)
            look.footer()

        return page

    return wrapped


def _company(screen: workbench.Screen) -> str | None:
    """The chosen company; kept in the address, so that a link opens the same view."""
    names = {company.key or "group": company.name for company in screen.companies}
    if len(names) == 1:
        return screen.companies[0].key
    options = list(names)
    if len(options) <= MOST_BUTTONS and sum(map(len, names.values())) <= MOST_LETTERS:
        chosen = st.segmented_control(
            "Company",
            options,
            default=options[0],
            format_func=names.__getitem__,
            key="company",
            bind="query-params",
            persist_state="session",
            required=True,
            wrap=True,
            label_visibility="collapsed",
        )
    else:
        chosen = st.selectbox(
            "Company",
            options,
            format_func=names.__getitem__,
            key="company",
            bind="query-params",
            persist_state="session",
            label_visibility="collapsed",
        )
    return None if chosen in (None, "group") else chosen
