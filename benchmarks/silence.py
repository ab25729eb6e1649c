"""How often silence is alleged of numbers that were heard all the time, and how soon a dead one shows.

    python benchmarks/silence.py [--years 4000] [--false-alarms 0.01]

Traffic is made up: a weekly pattern (weekends a tenth to all of a weekday), Poisson or twice to ten
times as spread, 0.5 to 200 messages a day. Nothing is missing from it, so every alarm is a false one.
"""

from __future__ import annotations

import argparse
import json

import numpy as np

from wa_analytics.completeness.silence import alpha_of, heard

RATES = (0.5, 2.0, 5.0, 20.0, 200.0)
SPREADS = (1.0, 2.0, 5.0, 10.0)
START = 20_000


def traffic(rng: np.random.Generator, rate: float, spread: float, days: int) -> dict[int, int]:
    """Inbound per day of one number."""
    weekend = rng.uniform(0.1, 1.0)
    weekly = np.array([weekend if day in (2, 3) else 1.0 for day in range(7)])
    mean = rate * weekly[np.arange(START, START + days) % 7]
    if spread > 1:
        counts = rng.poisson(rng.gamma(mean / (spread - 1), spread - 1))
    else:
        counts = rng.poisson(mean)
    return {START + day: int(count) for day, count in enumerate(counts)}


def measured(years: int, false_alarms: float, seed: int = 7) -> dict[str, object]:
    """Per rate and spread: stretches alleged per number and year, share of days judged, and days until a
    dead number shows."""
    rng = np.random.default_rng(seed)
    alpha, days = alpha_of(false_alarms), 365 + 56
    rows, alarms, judged_years = [], 0, 0.0
    each = max(1, years // (len(RATES) * len(SPREADS)))
    for rate in RATES:
        for spread in SPREADS:
            stretches, judged, delays = 0, 0, []
            for _ in range(each):
                counts = traffic(rng, rate, spread, days)
                told = heard(counts, START + days, alpha)
                stretches += len({one.since for one in told if one.since is not None})
                judged += sum(one.is_silent is not None for one in told)
                silent = [one.day for one in heard(counts, START + days + 60, alpha) if one.is_silent]
                late = [day for day in silent if day >= START + days]
                if late:
                    delays.append(late[0] - (START + days) + 1)
            alarms, judged_years = alarms + stretches, judged_years + judged / 365
            rows.append(
                {
                    "rate": rate,
                    "spread": spread,
                    "false_alarms_per_number_year": round(stretches / (judged / 365), 4) if judged else None,
                    "judged_days_ratio": round(judged / (each * days), 3),
                    "days_until_seen": float(np.median(delays)) if delays else None,
                }
            )
    return {
        "allowed_per_number_year": false_alarms,
        "number_years": round(judged_years),
        "false_alarms": alarms,
        "false_alarms_per_number_year": round(alarms / judged_years, 4),
        "by_traffic": rows,
    }


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--years", type=int, default=4000)
    asked.add_argument("--false-alarms", type=float, default=0.01)
    given = asked.parse_args()
    print(json.dumps(measured(given.years, given.false_alarms), indent=1))
