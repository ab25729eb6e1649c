"""`python -m dashboard.start.serve run …`: Streamlit's own command, with a first look made beside it.

Streamlit runs `main.py` only when somebody comes; imports and the first read would keep that one waiting.
"""

from __future__ import annotations

import contextlib
import threading


def _first_look() -> None:
    """Imports the pages and reads every company. What goes wrong is told by the page, to whoever opens it."""
    with contextlib.suppress(Exception):
        from dashboard import app, workbench  # noqa: F401

        screen = workbench.screen()
        for company in screen.companies:
            screen.seen(company.key)


if __name__ == "__main__":
    from streamlit.web.cli import main

    threading.Thread(target=_first_look, daemon=True).start()
    main(prog_name="streamlit")
