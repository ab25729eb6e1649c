"""Completeness: what the archive lacks by the platform's own word, or by what should have come.

A row that lies in a declared gap (`wa gaps`) is counted as declared and is no finding.
"""

from __future__ import annotations

from data_checks.check import Check, Need, Rows
from data_checks.subjects import (
    ANY_MESSAGE,
    ANY_SEND,
    MESSAGE_CONTEXT,
    MESSAGE_SEEN,
    MESSAGES,
    SEND_CONTEXT,
    in_declared_gap,
)
from wa_analytics.completeness.diversion import FAMILIES

PLACE = {"entity": "entity", "channel_id": "channel_id"}
IDS_TOLD = (
    "SELECT message_id, MIN(entity) AS entity, MIN(channel_id) AS channel_id, "
    "COALESCE(MIN(occurred_at), MIN(observed_at)) AS told_at FROM platform_message GROUP BY message_id"
)
SENDS_LOGGED = (
    "SELECT message.*, told_from FROM message LEFT JOIN (SELECT channel_id AS told_channel, "
    "MIN(first_status_at) AS told_from FROM message WHERE first_status_at IS NOT NULL GROUP BY channel_id) "
    "AS told ON told_channel = channel_id WHERE has_send_log"
)
MEDIA = (
    "SELECT media.*, MAX(held_count + lost_count) OVER (PARTITION BY entity) AS fetching_count FROM "
    "(SELECT media_digest, MIN(entity) AS entity, MIN(channel_id) AS channel_id, "
    "MIN(CASE WHEN source_code = 'announced' THEN occurred_at END) AS announced_at, "
    "MAX(CASE WHEN source_code = 'fetched' AND COALESCE(is_intact, TRUE) THEN 1 ELSE 0 END) AS held_count, "
    "MAX(CASE WHEN source_code = 'lost' OR (source_code = 'fetched' AND NOT COALESCE(is_intact, TRUE)) "
    "THEN 1 ELSE 0 END) AS lost_count FROM media_fact GROUP BY media_digest) AS media"
)


def _listed(codes: tuple[str, ...]) -> str:
    return ", ".join(f"'{code}'" for code in codes)


def _codes(rule: str) -> str:
    """The events that the rule reads."""
    return _listed(
        tuple(code for family in FAMILIES if family.rule == rule for code in (*family.begins, *family.ends))
    )


def _standing(rule: str) -> str:
    """One row per number or account that the platform told of: since when deliveries have been
    going elsewhere or nowhere, null where they arrive. At the same instant the beginning counts."""
    families = " ".join(
        f"WHEN event_code IN ({_listed(family.begins + family.ends)}) THEN '{family.name}'"
        for family in FAMILIES
    )
    begins = _listed(tuple(code for family in FAMILIES for code in family.begins))
    told = (
        "SELECT COALESCE(channel_id, account_id, entity) AS place, CASE WHEN channel_id IS NOT NULL "
        "THEN 'channel' WHEN account_id IS NOT NULL THEN 'account' ELSE 'entity' END AS place_code, "
        f"channel_id, entity, occurred_at, CASE {families} END AS family_code, "
        f"CASE WHEN event_code IN ({begins}) THEN 1 ELSE 0 END AS begins_count FROM channel_event "
        f"WHERE occurred_at <= :as_of AND event_code IN ({_codes(rule)}) "
        "AND COALESCE(channel_id, account_id, entity) IS NOT NULL"
    )
    ended = (
        "SELECT told.*, MAX(CASE WHEN begins_count = 0 THEN occurred_at END) "
        f"OVER (PARTITION BY place, place_code, family_code) AS ended_at FROM ({told}) AS told"
    )
    return (
        "SELECT place, place_code, MIN(channel_id) AS channel_id, MIN(entity) AS entity, "
        "MIN(CASE WHEN begins_count = 1 AND (ended_at IS NULL OR occurred_at >= ended_at) "
        f"THEN occurred_at END) AS stopped_at FROM ({ended}) AS ended GROUP BY place, place_code"
    )


def _stopped(rule: str, title: str, meaning: str, missing: str) -> Check:
    return Check(
        key=f"capture.{rule}",
        suite="completeness",
        title=title,
        meaning=meaning,
        severity="critical",
        rows=Rows(_standing(f"capture.{rule}"), "place_code", "place", "stopped_at"),
        population="place IS NOT NULL",
        violation="stopped_at IS NOT NULL",
        # Declared only as long as the gap lasts: when it was to be over, the finding is back.
        declared=in_declared_gap(f"capture.{rule}", ":as_of"),
        needs=(
            Need(
                f"SELECT 1 FROM channel_event WHERE event_code IN ({_codes(f'capture.{rule}')}) LIMIT 1",
                missing,
            ),
        ),
        nothing="the platform told of no number and no account up to this moment",
        context=PLACE,
    )


CHECKS = (
    Check(
        key="capture.volume_gap",
        suite="completeness",
        title="Fewer messages held than the platform sent",
        meaning="On a number's UTC day the platform counts more messages sent than the archive holds, "
        "failed ones and those within five minutes of the day included, once "
        "`completeness.settle_hours` have passed.",
        severity="high",
        rows=Rows("channel_day", "'channel_day'", "channel_id || '|' || day_on", "day_from"),
        population="day_to <= :settle_before AND platform_sent_count IS NOT NULL "
        "AND platform_observed_at >= day_to",
        violation="platform_sent_count > outbound_count + edge_count",
        declared=in_declared_gap("capture.volume_gap", "day_from", "day_to"),
        not_evaluated="day_to <= :as_of AND (outbound_count > 0 OR platform_sent_count IS NOT NULL) "
        "AND (day_to > :settle_before OR platform_sent_count IS NULL OR platform_observed_at < day_to)",
        unjudged_by="CASE WHEN platform_sent_count IS NULL THEN 'untold' "
        "WHEN day_to > :settle_before THEN 'unsettled' ELSE 'early' END",
        unjudged={
            "untold": "the platform's own count was never captured",
            "unsettled": "not settled yet",
            "early": "the platform was asked before the day was over",
        },
        needs=(
            Need(
                "SELECT 1 FROM platform_volume LIMIT 1",
                "the platform's own counts were never captured; `wa pull meta-cloud` fetches them",
            ),
        ),
        nothing="no day of a number is known up to this moment",
        context=PLACE,
    ),
    Check(
        key="capture.unknown_message",
        suite="completeness",
        title="Message the platform knows and the archive lacks",
        meaning="The platform's message history names an id that the archive neither holds nor has "
        "lawfully disposed of, once `completeness.settle_hours` have passed.",
        severity="high",
        rows=Rows(IDS_TOLD, "'message'", "message_id", "told_at"),
        population="told_at <= :settle_before",
        # An edit or a revocation has an id of its own.
        violation="NOT EXISTS (SELECT 1 FROM (SELECT message_id AS held_id FROM message "
        "UNION ALL SELECT version_digest FROM message_version) AS held WHERE held_id = message_id) "
        "AND NOT EXISTS (SELECT 1 FROM (SELECT message_id AS gone_id FROM disposed_message) AS gone "
        "WHERE gone_id = message_id)",
        declared=in_declared_gap("capture.unknown_message", "told_at"),
        not_evaluated="told_at <= :as_of AND told_at > :settle_before",
        unjudged={"": "not settled yet"},
        needs=(
            Need(
                "SELECT 1 FROM platform_message LIMIT 1",
                "the platform's message history was never captured; `wa pull meta-cloud` fetches it",
            ),
        ),
        nothing="the platform's message history names no message up to this moment",
        context=PLACE,
    ),
    Check(
        key="capture.status_missing",
        suite="completeness",
        title="Send without any status",
        meaning="A send-log row of which the platform told no status, once `completeness.settle_hours` "
        "have passed: either it was never sent, or webhooks were lost. Sends of before the channel's first "
        "status are not judged; messages from the Business app have none.",
        severity="medium",
        rows=Rows(SENDS_LOGGED, "'message'", "message_id", "sent_at"),
        population="sent_at <= :settle_before AND sent_at >= told_from",
        violation="first_status_at IS NULL",
        declared=in_declared_gap("capture.status_missing", "sent_at"),
        not_evaluated=f"{MESSAGE_SEEN} AND (sent_at > :settle_before OR told_from IS NULL "
        "OR sent_at < told_from)",
        unjudged_by="CASE WHEN sent_at > :settle_before THEN 'unsettled' ELSE 'untold' END",
        unjudged={
            "unsettled": "not settled yet",
            "untold": "no status of the channel was captured up to then",
        },
        needs=(ANY_SEND,),
        nothing="no send log is known up to this moment",
        context=SEND_CONTEXT,
    ),
    Check(
        key="capture.silence",
        suite="completeness",
        title="Number silent against its own pattern",
        meaning="No inbound on a number for longer than its weekly pattern makes probable; one finding per "
        "stretch, named by its first day. `completeness.false_alarms_per_year` says how sure it is.",
        severity="high",
        rows=Rows("channel_day", "'channel_day'", "channel_id || '|' || silent_on", "day_from"),
        population="day_to <= :as_of AND is_silent IS NOT NULL",
        violation="is_silent",
        declared=in_declared_gap("capture.silence", "day_from", "day_to"),
        not_evaluated="day_to <= :as_of AND is_silent IS NULL AND inbound_count > 0",
        unjudged={"": "too little or too uneven traffic before"},
        needs=(ANY_MESSAGE,),
        nothing="no inbound is known on a whole day before this moment",
        context=PLACE,
        is_grouped=True,
    ),
    Check(
        key="capture.media_missing",
        suite="completeness",
        title="Media file not held",
        meaning="A message announced a file that was not fetched within the seven days its id lives, that "
        "the provider has lost, or whose bytes are not those announced.",
        severity="high",
        rows=Rows(MEDIA, "'media'", "media_digest", "announced_at"),
        population="announced_at <= :as_of AND fetching_count > 0 "
        "AND (announced_at <= :media_before OR held_count + lost_count > 0)",
        violation="held_count = 0",
        declared=in_declared_gap("capture.media_missing", "announced_at"),
        not_evaluated="announced_at <= :as_of AND (fetching_count = 0 "
        "OR (announced_at > :media_before AND held_count + lost_count = 0))",
        unjudged_by="CASE WHEN fetching_count = 0 THEN 'idle' ELSE 'open' END",
        unjudged={"idle": "no media file was ever fetched", "open": "may still be fetched"},
        needs=(Need("SELECT 1 FROM media_fact LIMIT 1", "no message announced a media file"),),
        nothing="no message announced a media file up to this moment",
        context=PLACE,
    ),
    _stopped(
        "diverted",
        "Deliveries go elsewhere",
        "The newest subscription or callback of a number or account that was read sends its webhooks to "
        "another address, or to none.",
        "subscriptions and callbacks were never read; `wa pull meta-cloud` fetches them",
    ),
    _stopped(
        "offboarded",
        "Account no longer delivers",
        "The platform told that an account was offboarded, disconnected or removed from the app, and nothing "
        "later that it is back (webhook field account_update).",
        "no account event was ever captured (webhook field account_update)",
    ),
    Check(
        key="capture.unsupported",
        suite="completeness",
        title="Message the platform could not pass on",
        meaning="An inbound message of type `unsupported`: the person wrote something that the platform "
        "delivers without its content (polls, edits, newer kinds).",
        severity="low",
        rows=MESSAGES,
        population=f"{MESSAGE_SEEN} AND direction_code = 'inbound'",
        violation="COALESCE(type_code, '') = 'unsupported'",
        declared=in_declared_gap("capture.unsupported", "sent_at"),
        needs=(ANY_MESSAGE,),
        nothing="no inbound message is known up to this moment",
        context=MESSAGE_CONTEXT,
    ),
)
