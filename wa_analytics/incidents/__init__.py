"""Incidents: findings of one cause, with severity, a kind, dates and a life.

Pure: frames and rows in, rows out; the workspace writes them. `detect.detected` groups findings,
`lifecycle` answers commands, `deadlines.clocks` says what runs and how much is left.
"""
