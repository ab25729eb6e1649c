"""Routes only. `start/main.py` runs them; the workspace is the one that WA_HOME names."""

from __future__ import annotations

import streamlit as st

from dashboard.look import MARK, PRODUCT
from dashboard.pages import completeness, consent, incidents, overview, retention


def routes() -> None:
    """Show the page that the address names."""
    st.set_page_config(page_title=PRODUCT, page_icon=str(MARK), layout="wide")
    st.logo(str(MARK), size="large")
    pages = {
        "overview": st.Page(overview.page, title="Overview", default=True),
        "completeness": st.Page(completeness.page, title="Completeness", url_path="completeness"),
        "consent": st.Page(consent.page, title="Consent", url_path="consent"),
        "retention": st.Page(retention.page, title="Retention", url_path="retention"),
        "incidents": st.Page(incidents.page, title="Incidents", url_path="incidents"),
    }
    st.session_state["pages"] = pages
    st.navigation(list(pages.values()), position="top").run()
