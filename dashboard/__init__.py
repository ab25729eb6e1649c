"""The executive's screens: Streamlit on top of `wa_analytics`, one page per question.

`app.py` routes, `workbench.py` reads (once, cached), `pages/` lay out, `look.py` and `charts/` draw.
Loads nothing from outside; shows keys and counts, never a person.
"""
