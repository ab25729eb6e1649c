"""Freshness: a company whose messages stopped coming is a company whose other checks mean little."""

from __future__ import annotations

from data_checks.check import Check, Need, Rows

NEWEST = (
    "SELECT entity_coverage.entity, newest.newest_at FROM entity_coverage LEFT JOIN "
    "(SELECT entity, MAX(sent_at) AS newest_at FROM message WHERE sent_at <= :as_of "
    "GROUP BY entity) AS newest ON newest.entity = entity_coverage.entity"
)

CHECKS = (
    Check(
        key="freshness.capture",
        suite="freshness",
        title="Nothing new captured",
        meaning="The newest message of a company is older than `checks.capture_hours`: either nobody "
        "wrote, or the capture has stopped.",
        severity="high",
        rows=Rows(NEWEST, "'entity'", "entity", "newest_at"),
        population="newest_at IS NOT NULL",
        violation="newest_at < :capture_after",
        not_evaluated="newest_at IS NULL",
        unjudged={"": "no message captured up to this moment"},
        needs=(
            Need(
                "SELECT 1 FROM entity_coverage LIMIT 1",
                "no company is known yet: nothing captured, or `wa refresh` has not run",
            ),
        ),
        nothing="no company has a message up to this moment",
        context={"entity": "entity"},
    ),
)
