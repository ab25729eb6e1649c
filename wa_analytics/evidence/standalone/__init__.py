"""What travels inside bundles, for people who do not have this program. Not imported by it."""
