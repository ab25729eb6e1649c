"""A seeded made-up group of companies, with planted violations and their answer key.

It writes the providers' own bytes and never reads them with `providers`.
"""
