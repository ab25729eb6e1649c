"""Completeness: what the archive holds beside what the platform says there was, and what is missing.

Pure. `days` reconciles counts, `silence` knows when a number should have been heard, `diversion`
when its deliveries went elsewhere, `gaps` what people have declared.
"""
