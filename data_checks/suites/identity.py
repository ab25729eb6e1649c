"""Identity: whose number it is."""

from __future__ import annotations

from data_checks.check import Check, Need, Rows

HOLDERS = (
    "SELECT i.party_id, MIN(h.changed_at) AS changed_at, MIN(NULLIF(h.entity, '')) AS entity "
    "FROM identifier i LEFT JOIN hand_over h ON h.right_party_id = i.party_id "
    "AND h.decision_code IS NULL WHERE i.kind_code = 'user_id' OR h.number_digest IS NOT NULL "
    "GROUP BY i.party_id"
)

CHECKS = (
    Check(
        key="identity.ambiguous",
        suite="identity",
        title="Number changed hands, nobody decided",
        meaning="A phone number stood with one user id and stands with another's now, and nothing but the "
        "number links the two: another person may have it. What the earlier holder agreed to does not "
        "pass on until `wa identity decide` says who it is.",
        severity="high",
        rows=Rows(HOLDERS, "'party'", "party_id", "changed_at"),
        population="1 = 1",
        violation="changed_at IS NOT NULL AND changed_at <= :as_of",
        needs=(
            Need(
                "SELECT 1 FROM identifier WHERE kind_code = 'user_id' LIMIT 1",
                "no user id is known: webhooks without one do not tell whose a number is",
            ),
        ),
        nothing="no user id is known",
        context={"entity": "entity"},
    ),
)
