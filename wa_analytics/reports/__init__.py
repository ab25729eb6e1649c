"""Reports: what people read. Charts, the incident report, the scorecard, and what they share.

`overview.overview` is the one summary that scorecard and dashboard both show. Pages are
self-contained HTML: no script, no outside address, no person. Altair, vl-convert and Jinja2 are
imported when something is drawn.
"""
