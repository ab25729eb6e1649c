"""The made-up group: same seed, same bytes; and its answer key is what the rules say of its files."""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections import Counter
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import phonenumbers
import pytest

from tests import oracle
from tests.synthetic import reading
from tests.synthetic.gaps import missing
from wa_analytics.synthetic.people import CAPACITY, US_AREA_CODES, Population, phone_forms
from wa_analytics.synthetic.world import World, write_world

END = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
SECRET = "a secret that signs nothing real"
MESSAGES = 2_000
COMPANIES = ("harborline", "celtair", "ipe_claro")
EVERYWHERE = sorted(
    {
        *(oracle.RULES - {"retention.conflict", "retention.unscheduled", "identity.ambiguous"}),
        "capture.unreadable",
    }
)
# FIN-01 is a fallback for any class, so nothing of the broker is unscheduled; the airline's schedule
# has no floor that a ceiling could end before; Infobip tells of no account that the Graph API knows;
# only the Cloud API signs what it sends; Infobip tells no user ids.
GAP_RULES = {
    "capture.unknown_message": {"harborline", "ipe_claro"},
    "capture.volume_gap": {"harborline", "ipe_claro"},
    "capture.status_missing": set(COMPANIES),
    "capture.silence": {"harborline"},
    "capture.media_missing": {"harborline"},
    "capture.diverted": {"harborline"},
    "capture.offboarded": {"ipe_claro"},
    "capture.unsupported": set(COMPANIES),
}
SOMEWHERE = {
    **GAP_RULES,
    "identity.ambiguous": {"harborline", "ipe_claro"},
    "capture.signature_invalid": {"harborline"},
    "retention.conflict": {"harborline", "ipe_claro"},
    "retention.unscheduled": {"celtair", "ipe_claro"},
}


class Written:
    """One written world and its files, read once."""

    def __init__(self, world: World) -> None:
        self.world = world

    @cached_property
    def spool(self) -> reading.Spool:
        return reading.spool(self.world.folder, SECRET)

    @cached_property
    def rows(self) -> reading.World:
        return reading.world(self.world.folder, self.spool)

    def declared(self) -> set[str]:
        """Messages known from statuses alone within the hours for which bodies are declared to lack."""
        logged = {send.message_id for send in self.rows.sends} | {one.message_id for one in self.rows.echoes}
        first: dict[str, tuple[datetime, str]] = {}
        for status in self.rows.statuses:
            if status.message_id not in logged:
                told = (status.at, status.channel_id)
                first[status.message_id] = min(told, first.get(status.message_id, told))
        return {
            message_id
            for message_id, (at, channel) in first.items()
            for gap in self.world.gaps
            if gap.subject == "bodies" and gap.channel_id == channel and gap.since <= at < gap.until
        }


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("world")
    return Written(write_world(folder, seed=11, messages=MESSAGES, end=END, app_secret=SECRET))


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path, written: Written) -> None:
    again = write_world(tmp_path / "a", seed=11, messages=MESSAGES, end=END, app_secret=SECRET)
    assert files(tmp_path / "a") == files(written.world.folder)
    assert again.answer == written.world.answer
    assert again.people_secrets() == written.world.people_secrets()
    write_world(tmp_path / "b", seed=12, messages=MESSAGES, end=END, app_secret=SECRET)
    assert files(tmp_path / "b") != files(tmp_path / "a")


@pytest.mark.parametrize("seed", [11, 3])
def test_the_answer_key_is_what_the_rules_say_of_the_files(
    seed: int, tmp_path: Path, written: Written
) -> None:
    """Brute force over the files, by an oracle that never saw the generator."""
    one = written
    if seed != 11:
        one = Written(write_world(tmp_path, seed=seed, messages=MESSAGES, end=END, app_secret=SECRET))
    planted = {
        (row["rule"], row["subject"], row["outside_id"])
        for row in one.world.answer
        if row["rule"] in oracle.RULES
    }
    lacking = one.declared()
    assert lacking
    stated = oracle.findings(one.rows, END)
    assert {("capture.body_missing", "message", message_id) for message_id in lacking} <= stated
    stated -= {("capture.body_missing", "message", message_id) for message_id in lacking}
    assert stated - planted == set()
    assert planted - stated == set()
    assert oracle.undecided(one.rows, END) & planted == set()


@pytest.mark.parametrize("seed", [11, 3])
def test_the_capture_gaps_are_what_the_files_and_the_platform_say(
    seed: int, tmp_path: Path, written: Written
) -> None:
    one = written
    if seed != 11:
        one = Written(write_world(tmp_path, seed=seed, messages=MESSAGES, end=END, app_secret=SECRET))
    planted = {
        (row["rule"], row["subject"], row["outside_id"])
        for row in one.world.answer
        if row["rule"] in GAP_RULES
    }
    stated = missing(one.world.graph, one.rows, one.spool, END)
    assert stated - planted == set()
    assert planted - stated == set()
    assert {rule for rule, _, _ in stated} == set(GAP_RULES)


def test_every_rule_is_planted_in_every_company_it_can_apply_to(written: Written) -> None:
    planted = {(row["rule"], row["entity"]) for row in written.world.answer}
    wanted = {(rule, company) for rule in EVERYWHERE for company in COMPANIES}
    wanted |= {(rule, company) for rule, companies in SOMEWHERE.items() for company in companies}
    assert planted == wanted


def test_answers_are_unique_and_stand_in_the_written_key(written: Written) -> None:
    answer = written.world.answer
    assert json.loads((written.world.folder / "answer-key.json").read_text()) == answer
    keys = [(row["rule"], row["subject"], row["outside_id"]) for row in answer]
    assert len(set(keys)) == len(keys)
    known = {*written.rows.outside_ids(), *written.rows.user_ids()}
    known |= {hashlib.sha256(text.encode()).hexdigest() for text in written.spool.captured}
    named = {row["outside_id"] for row in answer if row["subject"] in ("message", "consent_event", "capture")}
    unseen = {row["outside_id"] for row in answer if row["rule"] == "capture.unknown_message"}
    assert unseen
    assert named - unseen <= known
    assert not unseen & known


def test_clean_months_hold_no_message_finding(written: Written) -> None:
    world = written.world
    assert set(world.clean_month) == set(COMPANIES)
    for company, (start, end) in world.clean_interval.items():
        assert world.start <= start < end <= world.end
        inside = [
            row["rule"]
            for row in world.answer
            if row["entity"] == company
            and row["subject"] in ("message", "capture")
            and start <= datetime.fromisoformat(row["occurred_at"]) < end
        ]
        assert inside == []
        channels = next(e.channels for e in written.rows.entities if e.key == company)
        traffic = [s for s in written.rows.sends if s.channel_id in channels and start <= s.sent_at < end]
        assert len(traffic) > 10


def test_messages_are_as_many_as_asked_for_and_none_is_after_the_end(written: Written) -> None:
    rows, world = written.rows, written.world
    times = {one.message_id: one.at for one in (*rows.statuses, *rows.inbound, *rows.echoes)} | {
        one.call_id: one.at for one in rows.calls
    }
    times |= {send.message_id: send.sent_at for send in rows.sends}
    assert max(times.values()) <= END
    assert max(one.at for one in rows.statuses) <= END
    apart = sum(row["rule"] == "capture.signature_invalid" for row in world.answer)
    recent = sum(at >= world.start for at in times.values())
    assert recent - apart == world.message_count == MESSAGES
    assert len(times) - recent == world.older_count
    assert (END - min(times.values())).days > 6 * 365


def test_only_the_planted_bodies_are_unsigned_or_unreadable(written: Written) -> None:
    found: dict[str, set[str]] = {"capture.signature_invalid": set(), "capture.unreadable": set()}
    spool = written.spool
    for body, captured, is_signed in zip(spool.bodies, spool.captured, spool.is_signed, strict=True):
        name = hashlib.sha256(captured.encode()).hexdigest()
        if is_signed is False:
            found["capture.signature_invalid"].add(name)
        try:
            json.loads(body)
        except json.JSONDecodeError:
            found["capture.unreadable"].add(name)
    for rule, names in found.items():
        assert names == {row["outside_id"] for row in written.world.answer if row["rule"] == rule}


def test_bodies_are_escaped_as_the_platform_escapes_them(written: Written) -> None:
    for provider in ("meta-cloud", "aws-social"):
        bodies = written.spool.of(provider)
        assert all(body.isascii() for body in bodies)
        assert any("\\u" in body for body in bodies)
        assert not any(re.search(r"(?<!\\)/", body) for body in bodies)


def test_the_awkward_cases_are_there(written: Written) -> None:
    rows, bodies = written.rows, written.spool.captured
    repeated = Counter(bodies)
    assert any(count > 1 for count in repeated.values())
    told: dict[str, list[str]] = {}
    arrived: list[tuple[str, str]] = []
    for _, _, value in reading.changes(written.spool):
        for status in value.get("statuses", []):
            told.setdefault(status["id"], []).append(status["status"])
            arrived.append((status["id"], status["status"]))
    assert any("read" in names and "delivered" not in names for names in told.values())
    assert any(
        names.index("read") < names.index("sent") for names in told.values() if {"read", "sent"} <= {*names}
    )
    assert {row.error_code for row in rows.statuses} >= {131026, 131047, 131049, 131050}
    assert {row.category for row in rows.statuses} >= {"marketing", "utility", "service"}
    types = {row.type for row in rows.inbound}
    assert types >= {"text", "image", "audio", "document", "button", "list_reply", "reaction", "system"}
    assert any(not row.phone and row.user_id for row in rows.inbound)
    assert any(re.fullmatch(r"[A-Z]{2}\.\d+", send.to) for send in rows.sends)
    assert {row.value for row in rows.preferences} == {"stop", "resume"}
    assert rows.calls
    assert rows.echoes
    assert any(row.lawful_basis == "soft_opt_in" and row.jurisdiction == "GB" for row in rows.register)
    broker = [s for s in rows.sends if s.template_name == "market_outlook_invite"]
    failed = {s.message_id for s in rows.statuses if s.error_code == 131049}
    assert broker
    assert {send.message_id for send in broker} <= failed


def test_brazilian_numbers_stand_in_two_forms(written: Written) -> None:
    in_webhooks = {row.phone.lstrip("+") for row in written.rows.inbound if row.phone.startswith("+55")}
    in_register = {
        row.party.lstrip("+") for row in written.rows.register if row.party.lstrip("+")[:2] == "55"
    }
    assert {len(phone) for phone in in_register} == {13}
    assert {len(phone) for phone in in_webhooks} == {12, 13}
    short = {phone for phone in in_webhooks if len(phone) == 12}
    assert {f"{phone[:4]}9{phone[4:]}" for phone in short} & in_register


def test_secrets_name_everybody_in_the_files(written: Written) -> None:
    secrets = written.world.people_secrets()
    rows = written.rows
    for one in (*rows.inbound, *rows.statuses):
        assert {one.message_id, one.phone, one.user_id} - {""} <= secrets
    for send in rows.sends:
        assert {send.message_id, send.to} <= secrets
        assert len(send.body) < 16 or send.body in secrets
    assert {row.party for row in rows.register} <= secrets
    for custodian in rows.directory:
        assert {custodian.name, custodian.email, custodian.phone} <= secrets
    for _, _, value in reading.changes(written.spool):
        for contact in value.get("contacts", []):
            assert contact["profile"]["name"] in secrets
        for message in value.get("messages", []):
            text = message.get("text", {}).get("body", "")
            assert len(text) < 16 or text in secrets


RESERVED = {
    "US": rf"1({'|'.join(US_AREA_CODES)})55501\d\d",
    "GB": r"447700900\d{3}",
    "IE": r"3532091\d{5}",
    "FR": r"3363998\d{4}",
    "DE": r"491713920\d{3}|49154\d{8}",
    "NL": r"3160\d{7}",
    "ES": r"3455\d{7}",
    "BR": r"55(20|23|25|26|29|30|36|39|40|50|52|56|57|58|59|60|70|72|76|78|80|90)98\d{7}",
}


@pytest.mark.parametrize("country", sorted(CAPACITY))
def test_numbers_are_unique_and_nobody_has_them(country: str) -> None:
    population = Population(random.Random(1))
    count = min(CAPACITY[country], 12_000)
    phones = [population.person(country).phone for _ in range(count)]
    assert len(set(phones)) == count
    for phone in phones:
        assert re.fullmatch(RESERVED[country], phone)
    for phone in phones[:: max(1, count // 200)]:
        number = phonenumbers.parse("+" + phone)
        is_kept_for_fiction = country == "US" or phone.startswith("491713920")
        assert is_kept_for_fiction or not phonenumbers.is_valid_number(number)
    if count == CAPACITY[country]:
        with pytest.raises(ValueError, match="fewer messages"):
            population.person(country)


def test_phone_forms_have_both_brazilian_lengths() -> None:
    both = {"5520980000001", "552080000001", "+5520980000001", "+552080000001"}
    assert phone_forms("5520980000001") == phone_forms("552080000001") == both


def test_an_end_without_a_zone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="aware"):
        write_world(tmp_path, seed=1, messages=100, end=datetime(2026, 1, 1), app_secret="x")


@pytest.mark.parametrize(
    "end",
    [
        datetime(2026, 3, 31, 23, 59, tzinfo=UTC),
        datetime(2026, 10, 1, tzinfo=UTC),
        datetime(2028, 2, 29, 12, tzinfo=UTC),
    ],
)
def test_any_end_gives_a_world_with_clean_months(end: datetime, tmp_path: Path) -> None:
    world = write_world(tmp_path, seed=5, messages=900, end=end, app_secret=SECRET)
    for company, (start, after) in world.clean_interval.items():
        assert world.start <= start < after <= end, company
    assert {row["rule"] for row in world.answer} >= set(EVERYWHERE)
