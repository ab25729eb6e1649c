"""What the receiver counts, and its Prometheus text form (exposition format 0.0.4).

Counts live in memory and start at zero with the program. No label ever holds a value out of a
delivery.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter

from wa_analytics.receiver.frames import Report

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
REFUSALS = frozenset(("signature_invalid", "signature_absent", "too_large"))
ROWS = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000)


class Distribution:
    """How often a quantity fell under each bound."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, quantity: float) -> None:
        self.counts[bisect_left(self.bounds, quantity)] += 1
        self.total += quantity

    def lines(self, name: str, meaning: str) -> list[str]:
        lines = [f"# HELP {name} {meaning}", f"# TYPE {name} histogram"]
        below = 0
        for bound, count in zip((*self.bounds, None), self.counts, strict=True):
            below += count
            lines.append(f'{name}_bucket{{le="{"+Inf" if bound is None else f"{bound:g}"}"}} {below}')
        return [*lines, f"{name}_sum {self.total:.6f}", f"{name}_count {below}"]


class Figures:
    """answers: (provider, outcome) → requests. captures: (provider, stored or repeated) → captures.

    waiting_count, held_bytes: deliveries not answered yet and the bytes of theirs in memory.
    is_available: whether the last attempt to write succeeded; `trouble`: why not. sealed_count:
    entries under the newest checkpoint that this receiver made.
    """

    def __init__(self) -> None:
        self.answers: Counter[tuple[str, str]] = Counter()
        self.captures: Counter[tuple[str, str]] = Counter()
        self.body_bytes = 0
        self.held_bytes = 0
        self.waiting_count = 0
        self.is_available = True
        self.trouble = ""
        self.is_stopping = False
        self.commit_failures = 0
        self.seal_failures = 0
        self.sealed_count = 0
        self.last_commit_at = 0.0
        self.answer_seconds = Distribution(SECONDS)
        self.commit_seconds = Distribution(SECONDS)
        self.batch_captures = Distribution(ROWS)
        self._told: Counter[str] = Counter()

    def unreadable_head(self) -> None:
        """One more request that was answered 400 before anybody knew what it asked for."""
        self.answers["", "malformed"] += 1

    def refused(self) -> Counter[str]:
        """Provider → deliveries refused for their signature or size; their bodies are not kept."""
        refused: Counter[str] = Counter()
        for (provider, outcome), count in self.answers.items():
            if outcome in REFUSALS:
                refused[provider] += count
        return refused

    def refusals_untold(self) -> dict[str, int]:
        """Those since the last call."""
        refused = self.refused()
        untold = dict(refused - self._told)
        self._told = refused
        return untold

    def committed(self, report: Report) -> None:
        """Take in how a batch went."""
        if not report.is_stored:
            self.commit_failures += 1
            return
        for provider, count in report.stored.items():
            self.captures[provider, "stored"] += count
        for provider, count in report.repeated.items():
            self.captures[provider, "repeated"] += count
        self.last_commit_at = time.time()
        self.commit_seconds.add(report.seconds)
        self.batch_captures.add(report.count)

    def prometheus(self) -> str:
        """All of it as text."""
        lines = _family(
            "wa_receiver_requests_total", "counter", "Requests by how they were answered.",
            [(f'{{provider="{p}",outcome="{o}"}}', n) for (p, o), n in sorted(self.answers.items())],
        )  # fmt: skip
        lines += _family(
            "wa_receiver_captures_total", "counter", "Captures on disk: new ones and repetitions.",
            [(f'{{provider="{p}",outcome="{o}"}}', n) for (p, o), n in sorted(self.captures.items())],
        )  # fmt: skip
        for name, kind, meaning, number in (
            ("body_bytes_total", "counter", "Bytes of accepted bodies.", self.body_bytes),
            ("commit_failures_total", "counter", "Batches that could not be stored.", self.commit_failures),
            ("seal_failures_total", "counter", "Checkpoints that could not be made.", self.seal_failures),
            ("sealed_entries", "gauge", "Entries under the newest checkpoint made here.", self.sealed_count),
            ("waiting", "gauge", "Deliveries that wait for the disk.", self.waiting_count),
            ("held_bytes", "gauge", "Bytes of bodies in memory.", self.held_bytes),
            ("database_available", "gauge", "1 if the last write succeeded.", int(self.is_available)),
            ("last_commit_timestamp_seconds", "gauge", "Time of the last commit.", self.last_commit_at),
        ):
            lines += _family(f"wa_receiver_{name}", kind, meaning, [("", number)])
        lines += self.answer_seconds.lines(
            "wa_receiver_answer_seconds", "From a complete body to its answer."
        )
        lines += self.commit_seconds.lines(
            "wa_receiver_commit_seconds", "To encrypt and append one batch, until it is on disk."
        )
        lines += self.batch_captures.lines("wa_receiver_batch_captures", "Captures per commit.")
        return "\n".join(lines) + "\n"


def _family(name: str, kind: str, meaning: str, samples: list[tuple[str, float]]) -> list[str]:
    lines = [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]
    lines += [f"{name}{labels} {number}" for labels, number in samples]
    return lines
