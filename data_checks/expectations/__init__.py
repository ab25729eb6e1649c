"""Great Expectations' side of a check. Importing this package imports Great Expectations (seconds
and 270 MB), so only `data_checks.run` does, and only when a run begins."""
