"""One file per page: layout only. `page` is what `app.py` routes to."""
