"""Why a subject stands as it does: the state columns in sentences, and the evidence behind them."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from wa_analytics.pipeline.identity import chain_of

if TYPE_CHECKING:
    import polars as pl

    from wa_analytics.database import Database

CONSENT = {
    "granted": "consent was in force",
    "withdrawn": "consent had been withdrawn",
    "refused": "consent had been refused",
    "expired": "consent had expired",
    "unconfirmed": "consent had been asked for and never confirmed",
    "wrong_purpose": "consent had been given for another purpose only",
    "never_asked": "no record of consent was found",
    "not_judged": "no rule asks for consent here",
    "not_evaluated": "consent could not be evaluated",
}
WINDOW = {
    "inside": "it was sent inside the 24-hour service window",
    "outside": "it was free-form and sent outside the 24-hour service window",
    "not_evaluated": "the service window could not be evaluated",
}


@dataclass(frozen=True)
class Explanation:
    """subject: message, consent_event or party; lines: sentences; timeline: what happened, with
    the log's sequence numbers as proof. identifiers: of a party, its dated chain (`identity.CHAIN`)."""

    subject: str
    subject_id: str
    lines: tuple[str, ...]
    timeline: pl.DataFrame
    identifiers: pl.DataFrame | None = None

    def __str__(self) -> str:
        return "\n".join([f"{self.subject} {self.subject_id}", *(f"  · {line}" for line in self.lines)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        lines = "".join(f"<li>{escape(line)}</li>" for line in self.lines)
        return (
            f"<div><b>{escape(self.subject)}</b> <code>{escape(self.subject_id)}</code>"
            f"<ul>{lines}</ul>"
            f"{'' if self.identifiers is None else self.identifiers._repr_html_()}"
            f"{self.timeline._repr_html_()}</div>"
        )


def explained(database: Database, subject_id: str) -> Explanation | None:
    """The explanation of a message, consent event or party id; None where none is known."""
    message = database.frame("SELECT * FROM message WHERE message_id = :id", id=subject_id)
    if message.height:
        return _message(database, message.row(0, named=True))
    event = database.frame("SELECT * FROM consent_event WHERE event_id = :id", id=subject_id)
    if event.height:
        return _event(database, event.row(0, named=True))
    party = database.scalar("SELECT min(party_id) FROM identifier WHERE party_id = :id", id=subject_id)
    return _party(database, subject_id) if party else None


def _message(database: Database, row: dict[str, Any]) -> Explanation:
    direction = "sent to a person" if row["direction_code"] == "outbound" else "received from a person"
    place = f" in {row['country_code']}" if row["country_code"] else ""
    lines = [
        f"{row['kind_code'] or row['type_code'] or 'message'} {direction}{place}"
        f" on {row['sent_at']:%Y-%m-%d %H:%M:%S} UTC by {row['entity'] or 'an unknown company'}"
    ]
    if row["template_name"]:
        lines.append(f"template {row['template_name']}")
    if row["direction_code"] == "outbound":
        lines.append(
            f"judged as {row['purpose_code'] or 'of unknown purpose'}: {CONSENT[row['consent_code']]}"
        )
        if row["consent_reason_code"]:
            lines.append(f"not evaluated: {row['consent_reason_code'].replace('_', ' ')}")
        if row["withdrawn_at"]:
            known = {True: "known", False: "not yet recorded", None: "told by the platform"}[row["was_known"]]
            lines.append(
                f"the person says no since {row['withdrawn_at']:%Y-%m-%d %H:%M:%S} UTC ({known} when sent)"
            )
        if row["window_code"] in WINDOW:
            lines.append(WINDOW[row["window_code"]])
        lines.append(f"delivery: {row['status_code'] or 'no status'}")
    lines += _changes_told(database, row["message_id"])
    if row["retain_until"]:
        lines.append(f"keep until {row['retain_until']:%Y-%m-%d} ({row['retain_rule']})")
    if row["dispose_by"]:
        lines.append(f"dispose by {row['dispose_by']:%Y-%m-%d} ({row['dispose_rule']})")
    timeline = database.frame(
        "SELECT occurred_at, 'status ' || status_code AS what, sequence FROM status_fact "
        "WHERE message_id = :id UNION ALL "
        "SELECT sent_at AS occurred_at, source_code AS what, sequence FROM message_fact "
        "WHERE message_id = :id UNION ALL "
        "SELECT occurred_at, action_code || ' ' || direction_code AS what, sequence FROM message_version "
        "WHERE message_id = :id UNION ALL "
        "SELECT occurred_at, event_code AS what, sequence FROM channel_event "
        "WHERE message_id = :id UNION ALL "
        "SELECT f.occurred_at, 'file ' || f.source_code AS what, f.sequence FROM media_fact f "
        "WHERE f.message_id = :id OR (f.message_id IS NULL AND f.media_digest IN "
        "(SELECT media_digest FROM media_fact WHERE message_id = :id)) ORDER BY 1, 2",
        id=row["message_id"],
    )
    if row["party_id"]:
        events = database.frame(
            "SELECT DISTINCT e.occurred_at, 'consent ' || e.purpose_code || ' ' || e.action_code AS what, "
            "f.sequence FROM consent_event e LEFT JOIN consent_fact f ON f.event_id = e.event_id "
            "WHERE e.party_id = :party AND e.occurred_at <= :at ORDER BY 1, 2",
            party=row["party_id"],
            at=row["sent_at"],
        )
        timeline = timeline.vstack(events.select(timeline.columns).cast(timeline.schema)).sort("occurred_at")
    return Explanation("message", row["message_id"], tuple(lines), timeline)


def _changes_told(database: Database, message_id: str) -> list[str]:
    """Edits, revocation and files of a message; the original stays what it was."""
    lines = []
    versions = database.frame(
        "SELECT action_code, count(DISTINCT version_digest) AS number, "
        "CASE WHEN action_code = 'revoke' THEN min(occurred_at) ELSE max(occurred_at) END AS occurred_at "
        "FROM message_version WHERE message_id = :id GROUP BY action_code ORDER BY action_code",
        id=message_id,
    )
    for version in versions.iter_rows(named=True):
        at = f"{version['occurred_at']:%Y-%m-%d %H:%M:%S} UTC; the original is kept"
        if version["action_code"] == "revoke":
            lines.append(f"revoked on {at}")
        else:
            times = "once" if version["number"] == 1 else f"{version['number']} times"
            lines.append(f"edited {times}, the last time on {at}")
    files = database.frame(
        "SELECT a.type_code, max(CASE WHEN f.source_code = 'fetched' THEN 1 ELSE 0 END) AS is_held, "
        "max(CASE WHEN f.source_code = 'lost' THEN 1 ELSE 0 END) AS is_lost, "
        "max(CASE WHEN f.is_intact THEN 0 WHEN f.is_intact IS NULL THEN 0 ELSE 1 END) AS is_damaged "
        "FROM media_fact a JOIN media_fact f ON f.media_digest = a.media_digest "
        "WHERE a.message_id = :id AND a.source_code = 'announced' "
        "GROUP BY a.media_digest, a.type_code ORDER BY a.type_code, a.media_digest",
        id=message_id,
    )
    for file in files.iter_rows(named=True):
        state = "held" if file["is_held"] else "lost at the provider" if file["is_lost"] else "not fetched"
        damage = ", not with the announced digest" if file["is_damaged"] else ""
        lines.append(f"{file['type_code']} file announced, {state}{damage}")
    return lines


def _event(database: Database, row: dict[str, Any]) -> Explanation:
    lines = [
        f"{row['action_code']} for {row['purpose_code']} on {row['occurred_at']:%Y-%m-%d %H:%M:%S} UTC "
        f"({row['source_code'].replace('_', ' ')}), given to "
        f"{row['entity'] or ('every company' if row['is_any_entity'] else 'a business nobody answers to')}"
    ]
    for column, words in (
        ("is_incomplete", "the record lacks method, wording or business name"),
        ("is_conflicting", "two register rows tell it differently"),
        ("is_asked_again", "the person was asked again after a withdrawal in force"),
    ):
        if row[column]:
            lines.append(words)
    timeline = database.frame(
        "SELECT occurred_at, 'told as ' || action_code AS what, sequence FROM consent_fact "
        "WHERE event_id = :id ORDER BY sequence",
        id=row["event_id"],
    )
    return Explanation("consent_event", row["event_id"], tuple(lines), timeline)


def _party(database: Database, party_id: str) -> Explanation:
    identifiers = chain_of(database, party_id)
    timeline = database.frame(
        "SELECT occurred_at, 'consent ' || purpose_code || ' ' || action_code AS what FROM consent_event "
        "WHERE party_id = :id UNION ALL SELECT sent_at AS occurred_at, "
        "direction_code || ' ' || coalesce(purpose_code, type_code, '') || ' ' || consent_code AS what "
        "FROM message WHERE party_id = :id ORDER BY 1, 2",
        id=party_id,
    )
    lines = (
        f"{identifiers.filter(identifiers['kind_code'] != 'username').height} linked identifiers",
        *_changed_hands(database, party_id),
        f"{timeline.height} events and messages",
    )
    return Explanation("party", party_id, lines, timeline, identifiers)


def _changed_hands(database: Database, party_id: str) -> list[str]:
    decided = {
        None: "nobody decided whether they are one person",
        "same": "decided: one person",
        "different": "decided: two persons",
    }
    rows = database.frame(
        "SELECT right_party_id, left_party_id, changed_at, decision_code FROM hand_over "
        "WHERE right_party_id = :party OR left_party_id = :party ORDER BY changed_at",
        party=party_id,
    )
    return [
        f"a number changed hands on {at:%Y-%m-%d %H:%M:%S} UTC from party {left} to party {right}: "
        f"{decided[code]}"
        for right, left, at, code in rows.iter_rows()
    ]
