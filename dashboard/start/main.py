"""What `wa dashboard` runs; the routes are in `dashboard/app.py`.

It stands in a folder of its own because Streamlit takes a folder `pages` beside the main script for
pages of its old kind and would serve those instead. Its settings stand beside it in `.streamlit/`.
"""

from __future__ import annotations

from dashboard.app import routes

routes()
