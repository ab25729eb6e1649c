"""The evidence log: append-only, encrypted entry by entry, provable without a key. See README.md."""
