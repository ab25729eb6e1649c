"""Paths in, captures and refusals out: layouts, archives, pipes and everything that can be wrong."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import io
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.providers.worlds import RECEIVED, body, message, settings
from wa_analytics.capture import Capture
from wa_analytics.errors import CaptureUnreadable, InputRefused
from wa_analytics.providers import chunks, files, parser, record_split, streams
from wa_analytics.providers.signatures import signature_check
from wa_analytics.providers.table_rows import file_facts
from wa_analytics.records import UnknownRecord

LOG = "message_id,sent_at,channel_id,to,body\n"
ROW = "wamid.{n},2026-01-01T00:00:00Z,1065,+12025550123,hello {n}\n"
SECRET = "invented-secret"


def read(
    path: str | Path, provider: str = "send-log", stdin: bytes | None = None, **options: Any
) -> tuple[list[Capture], list[files.Refusal], list[dict[str, Any]]]:
    """(captures of records, refusals, facts of files)."""
    pipe = None if stdin is None else io.BytesIO(stdin)
    found = list(files.captures(path, provider, RECEIVED, settings(**options), pipe))
    captures = [one for one in found if isinstance(one, Capture)]
    facts = [stated for one in captures if (stated := file_facts(one)) is not None]
    return (
        [one for one in captures if file_facts(one) is None],
        [one for one in found if isinstance(one, files.Refusal)],
        facts,
    )


def refused(path: str | Path, provider: str = "send-log", **options: Any) -> str:
    """The one sentence for a path of which nothing is imported."""
    captures, refusals, facts = read(path, provider, **options)
    assert (captures, facts, len(refusals)) == ([], [], 1)
    sentence = refusals[0].sentence
    assert sentence.startswith(refusals[0].path)
    assert sentence.endswith(".")
    return sentence


def written(path: Path, stated: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(stated.encode() if isinstance(stated, str) else stated)
    return path


def bodies(captures: list[Capture]) -> list[bytes]:
    return [capture.body for capture in captures]


# CSV


def test_a_csv_is_one_capture_per_record_and_one_for_the_file(tmp_path: Path) -> None:
    text = LOG + ROW.format(n=1) + ROW.format(n=2)
    captures, refusals, facts = read(written(tmp_path / "Log of Ana.csv", text))
    assert refusals == []
    assert bodies(captures) == [ROW.format(n=n).encode().rstrip() for n in (1, 2)]
    digest = hashlib.sha256(text.encode()).hexdigest()
    assert captures[1] == Capture(
        body=ROW.format(n=2).encode().rstrip(),
        headers={
            "columns": '["message_id","sent_at","channel_id","to","body"]',
            "delimiter": ",",
            "file_digest": digest,
            "line": "3",
        },
        provider="send-log",
        received_at=RECEIVED,
        signature_code="absent",
        context=LOG.encode().rstrip(),
    )
    assert facts == [
        {
            "columns": ["message_id", "sent_at", "channel_id", "to", "body"],
            "length_bytes": len(text.encode()),
            "digest": digest,
            "record_count": 2,
        }
    ]


def test_the_file_s_name_is_kept_nowhere(tmp_path: Path) -> None:
    written(tmp_path / "ana.csv", LOG + ROW)
    written(tmp_path / "ana.json", json.dumps(body(messages=[message()])))
    for provider, name in (("send-log", "ana.csv"), ("meta-cloud", "ana.json")):
        for capture in files.captures(tmp_path / name, provider, RECEIVED, settings()):
            assert isinstance(capture, Capture)
            assert b"ana" not in msgspec.json.encode((capture.body, capture.headers, capture.context))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends_and_bom_are_not_part_of_a_record(
    tmp_path: Path, end: str, mark: bytes, last: bool
) -> None:
    text = (LOG + ROW.format(n=1) + "\n" + ROW.format(n=2)).replace("\n", end)
    path = written(tmp_path / "log.csv", mark + (text if last else text.rstrip()).encode())
    captures, refusals, _ = read(path)
    assert refusals == []
    assert [(capture.body, capture.context) for capture in captures] == [
        (ROW.format(n=n).encode().rstrip(), LOG.encode().rstrip()) for n in (1, 2)
    ]
    assert [capture.headers["line"] for capture in captures] == ["2", "4"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("ending", [".csv", ".txt"])
def test_delimiters(tmp_path: Path, delimiter: str, ending: str) -> None:
    text = (LOG + ROW.format(n=1)).replace(",", delimiter)
    captures, refusals, _ = read(written(tmp_path / f"log{ending}", text))
    assert refusals == []
    (record,) = parser("send-log")(captures[0], settings())
    assert record.text == "hello 1"  # type: ignore[union-attr]


def test_quoted_line_ends_stay_in_their_record(tmp_path: Path) -> None:
    first = 'wamid.1,2026-01-01T00:00:00Z,1065,+12025550123,"two\r\n\r\nlines, ""quoted"""'
    second = 'wamid.2,2026-01-01T00:00:00Z,1065,+12025550123,a 5" pipe'
    captures, _, facts = read(written(tmp_path / "log.csv", f"{LOG}{first}\r\n{second}\r\n{ROW}"))
    assert bodies(captures)[:2] == [first.encode(), second.encode()]
    assert [capture.headers["line"] for capture in captures] == ["2", "5", "6"]
    assert facts[0]["record_count"] == 3
    texts = [parser("send-log")(capture, settings())[0].text for capture in captures]  # type: ignore[union-attr]
    assert texts == ['two\r\n\r\nlines, "quoted"', 'a 5" pipe', "hello {n}"]


def test_a_quote_that_never_closes_spoils_only_its_own_line(tmp_path: Path) -> None:
    rows = [ROW.format(n=n) for n in range(40_000)]
    rows[3] = rows[3].replace("hello", '"hello')
    captures, refusals, _ = read(written(tmp_path / "log.csv", LOG + "".join(rows)))
    assert refusals == []
    assert bodies(captures) == [row.encode().rstrip() for row in rows]
    with pytest.raises(CaptureUnreadable, match="line 5: its quotes do not match"):
        parser("send-log")(captures[3], settings())


def test_a_file_cut_inside_quotes_keeps_its_other_records(tmp_path: Path) -> None:
    text = LOG + ROW.format(n=1) + ROW.format(n=2).replace("hello", '"hello')
    captures, refusals, _ = read(written(tmp_path / "log.csv", text.rstrip()))
    assert (len(captures), refusals) == (2, [])
    with pytest.raises(CaptureUnreadable, match="line 3"):
        parser("send-log")(captures[1], settings())


def test_a_file_cut_inside_a_letter_keeps_its_other_records(tmp_path: Path) -> None:
    text = (LOG + ROW.format(n=1) + ROW.format(n="é").rstrip()).encode()
    captures, refusals, _ = read(written(tmp_path / "log.csv", text[:-1]))
    assert (len(captures), refusals) == (2, [])
    with pytest.raises(CaptureUnreadable, match="line 3: is not UTF-8"):
        parser("send-log")(captures[1], settings())


@pytest.mark.parametrize("block_bytes", [1, 2, 3, 7, 64])
def test_records_do_not_depend_on_where_a_block_ends(block_bytes: int) -> None:
    text = LOG + 'a,"b\n\nc",d\r\n"e""\n",f\n\n\ng,h"i\n"j'

    def split(size: int) -> list[record_split.Numbered]:
        splitter = record_split.CsvSplitter(",")
        found = [
            one
            for block in record_split.blocks(io.BytesIO(text.encode()), size)
            for one in splitter.records(block)
        ]
        return found + splitter.rest()

    assert split(block_bytes) == split(1 << 20)
    assert [line for line, _ in split(1 << 20)] == [1, 2, 5, 9, 10]


def test_a_header_alone_is_a_table_without_records(tmp_path: Path) -> None:
    captures, refusals, facts = read(written(tmp_path / "log.csv", LOG))
    assert (captures, refusals, facts[0]["record_count"]) == ([], [], 0)


@pytest.mark.parametrize(
    ("provider", "columns", "lacking"),
    [
        ("send-log", "message_id,sent_at,to", "channel_id"),
        ("send-log", "id,when", "message_id, sent_at, channel_id, to"),
        ("consent-register", "party,purpose,occurred_at", "action"),
        ("directory", "name,email", "custodian_id"),
    ],
)
def test_a_table_without_a_needed_column(tmp_path: Path, provider: str, columns: str, lacking: str) -> None:
    path = written(tmp_path / "t.csv", f"\n{columns}\n1,2,3\n")
    assert refused(path, provider).startswith(f"{path}, line 2: the header line lacks {lacking}, ")


def test_a_column_twice(tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", LOG.rstrip() + ", TO \n")
    assert "line 1: the header line holds to twice" in refused(path)


# Lines and whole files


def test_ndjson_table(tmp_path: Path) -> None:
    text = '\ufeff{"message_id":"1"}\r\n\n  {"message_id":"2"}'
    captures, refusals, facts = read(written(tmp_path / "log.ndjson", text))
    assert bodies(captures) == [b'{"message_id":"1"}', b'  {"message_id":"2"}']
    assert [(one.headers["line"], one.context) for one in captures] == [("1", b""), ("3", b"")]
    assert (refusals, facts[0]["columns"], facts[0]["record_count"]) == ([], [], 2)


def test_a_json_file_is_one_body_exactly(tmp_path: Path) -> None:
    exact = ("\ufeff" + json.dumps(body(messages=[message()]), indent=1) + "\n").encode()
    captures, refusals, facts = read(written(tmp_path / "one.JSON", exact), "meta-cloud")
    assert (captures, refusals, facts) == ([Capture(exact, {}, "meta-cloud", RECEIVED)], [], [])


def test_what_is_not_json_is_kept_and_called_unreadable_later(tmp_path: Path) -> None:
    path = written(tmp_path / "hooks.ndjson", b'{"object":\n\xff\xfe\xfd\n' + json.dumps(body()).encode())
    captures, refusals, _ = read(path, "meta-cloud")
    assert (len(captures), refusals) == (3, [])
    for capture, words in zip(captures[:2], ("line 1: is not JSON", "line 2: is not UTF-8"), strict=True):
        with pytest.raises(CaptureUnreadable, match=words):
            parser("meta-cloud")(capture, settings())


# Spool lines


def spooled(**parts: Any) -> dict[str, Any]:
    exact = '{"object":"whatsapp_business_account","entry":[],"n":"\\u00e4 \u00e4"}'
    signature = hmac.new(SECRET.encode(), exact.encode(), hashlib.sha256).hexdigest()
    given = {
        "received_at": "2026-01-01T01:00:00+01:00",
        "headers": {"X-Hub-Signature-256": f"sha256={signature}", "User-Agent": "x"},
        "body": exact,
    }
    return {name: part for name, part in (given | parts).items() if part is not ...}


@pytest.mark.parametrize("name", ["spool.ndjson", "spool.jsonl", "spool.json", "spool.txt"])
def test_a_spool_line_keeps_time_signature_and_exact_text(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name, json.dumps(spooled()))
    (capture,), refusals, _ = read(path, "meta-cloud", app_secret=SECRET)
    assert refusals == []
    assert capture.body == spooled()["body"].encode()
    assert capture.received_at == 1_767_225_600_000_000
    assert capture.signature_code == "valid"
    assert capture.headers["x-hub-signature-256"].startswith("sha256=")
    assert capture.headers["user-agent"] == "x"


@pytest.mark.parametrize(
    ("parts", "secret", "code"),
    [
        ({}, None, "absent"),
        ({}, "another", "invalid"),
        ({"headers": {}}, SECRET, "absent"),
        ({"headers": ...}, SECRET, "absent"),
        ({"headers": {"x-hub-signature-256": "sha256=00"}}, SECRET, "invalid"),
        ({"body": "changed"}, SECRET, "invalid"),
    ],
)
def test_signature_codes(tmp_path: Path, parts: dict[str, Any], secret: str | None, code: str) -> None:
    path = written(tmp_path / "spool.ndjson", json.dumps(spooled(**parts)))
    (capture,), _, _ = read(path, "meta-cloud", app_secret=secret)
    assert capture.signature_code == code


def test_a_spool_time_without_offset_is_read_in_the_settings_zone_and_counted(tmp_path: Path) -> None:
    path = written(tmp_path / "spool.ndjson", json.dumps(spooled(received_at="2025-12-31T19:00:00")))
    (capture,), _, _ = read(path, "meta-cloud", time_zone="America/New_York")
    assert capture.received_at == 1_767_225_600_000_000
    assert UnknownRecord(kind="zoneless_time", name="received_at") in parser("meta-cloud")(
        capture, settings()
    )


@pytest.mark.parametrize(
    ("parts", "needs"),
    [
        ({"received_at": "soon"}, "`received_at`"),
        ({"received_at": None}, "`received_at`"),
        ({"body": {}}, "`body`"),
    ],
)
def test_a_broken_spool_line_is_kept_whole(tmp_path: Path, parts: dict[str, Any], needs: str) -> None:
    line = json.dumps(spooled(**parts))
    (capture,), refusals, _ = read(written(tmp_path / "spool.ndjson", line), "meta-cloud")
    assert (capture.body, capture.received_at, refusals) == (line.encode(), RECEIVED, [])
    with pytest.raises(CaptureUnreadable, match=f"line 1: a spool line needs .*{needs}"):
        parser("meta-cloud")(capture, settings())


def test_a_sender_cannot_speak_in_our_headers(tmp_path: Path) -> None:
    headers = {"Kind": "file", "source": "message_templates", "line": "77", "X-A": ["b"], "X-B": 5}
    line = json.dumps(spooled(headers=headers))
    (capture,), _, _ = read(written(tmp_path / "spool.ndjson", line), "meta-cloud")
    assert {name: capture.headers[name] for name in sorted(capture.headers) if name != "file_digest"} == {
        "http-kind": "file",
        "http-line": "77",
        "http-source": "message_templates",
        "line": "1",
        "x-a": "b",
        "x-b": "5",
    }


# Folders, archives, pipes


def test_a_folder_is_read_sorted_with_its_folders_and_without_dot_names(tmp_path: Path) -> None:
    for name in ("b/2.csv", "b/1.csv", "a.csv", ".hidden.csv", ".git/x.csv", "c/3.csv"):
        written(tmp_path / name, LOG + ROW.format(n=name))
    captures, refusals, _ = read(tmp_path)
    assert refusals == []
    names = [capture.body.split(b",")[0].decode().removeprefix("wamid.") for capture in captures]
    assert names == ["a.csv", "b/1.csv", "b/2.csv", "c/3.csv"]


def test_one_bad_file_costs_its_neighbours_nothing(tmp_path: Path) -> None:
    written(tmp_path / "1.csv", LOG + ROW)
    written(tmp_path / "2.csv", b"\xff\xfe")
    written(tmp_path / "3.xlsx", b"PK")
    written(tmp_path / "4.csv", b"")
    written(tmp_path / "5.csv", LOG + ROW)
    captures, refusals, _ = read(tmp_path)
    assert len(captures) == 2
    assert [Path(refusal.path).name for refusal in refusals] == ["2.csv", "3.xlsx", "4.csv"]


def test_archives_give_what_the_files_in_them_give(tmp_path: Path) -> None:
    text = (LOG + ROW.format(n=1)).encode()
    plain = read(written(tmp_path / "log.csv", text))
    packed = written(tmp_path / "log.csv.gz", gzip.compress(text))
    with zipfile.ZipFile(tmp_path / "log.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../log.csv", text)
        archive.writestr("__MACOSX/._log.csv", b"x")
        archive.writestr("folder/.hidden", b"x")
        archive.writestr("folder/", b"")
    with zipfile.ZipFile(tmp_path / "gz.zip", "w") as archive:
        archive.writestr("log.csv.gz", packed.read_bytes())
    for name in ("log.csv.gz", "log.zip", "gz.zip"):
        assert read(tmp_path / name) == plain
    assert read("-", stdin=text)[0][0].body == plain[0][0].body
    assert sorted(os.listdir(tmp_path)) == ["gz.zip", "log.csv", "log.csv.gz", "log.zip"]


def test_a_pipe(tmp_path: Path) -> None:
    text = (LOG + ROW.format(n=1)).encode()
    captures, refusals, facts = read("-", stdin=text)
    # The digest of a pipe is known only at its end.
    assert (len(captures), refusals, "file_digest" in captures[0].headers) == (1, [], False)
    assert facts[0]["digest"] == hashlib.sha256(text).hexdigest()
    assert facts[0]["length_bytes"] == len(text)
    assert read("-", stdin=gzip.compress(text))[0] == captures
    assert bodies(read("-", stdin=b'{"message_id":"1"}\n{"message_id":"2"}\n')[0]) == [
        b'{"message_id":"1"}',
        b'{"message_id":"2"}',
    ]


def test_a_pipe_of_webhook_bodies() -> None:
    one = json.dumps(body(messages=[message()]))
    assert bodies(read("-", "meta-cloud", stdin=f"{one}\n{one}".encode())[0]) == [one.encode()] * 2
    assert bodies(read("-", "meta-cloud", stdin=f"broken\n{one}".encode())[0]) == [b"broken", one.encode()]
    spread = json.dumps(body(messages=[message()]), indent=2).encode()
    assert bodies(read("-", "meta-cloud", stdin=spread)[0]) == [spread]


def test_a_pipe_in_a_folder_is_left_out(tmp_path: Path) -> None:
    """Nobody may ever write to it."""
    os.mkfifo(tmp_path / "1.csv")
    written(tmp_path / "2.csv", LOG + ROW)
    captures, (refusal,), _ = read(tmp_path)
    assert len(captures) == 1
    assert refusal.sentence.endswith("1.csv: is a pipe, socket or device; leave it out.")


def test_a_named_pipe(tmp_path: Path) -> None:
    import threading

    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(LOG + ROW,))
    writer.start()
    captures, refusals, _ = read(pipe)
    writer.join()
    assert (len(captures), refusals) == (1, [])


@pytest.mark.parametrize(
    ("stdin", "says"),
    [
        (b"", "nothing arrived"),
        (b"PK\x03\x04zip", "zip cannot be read from a pipe"),
        (LOG.encode("utf-16"), "not UTF-8"),
    ],
)
def test_a_pipe_refused(stdin: bytes, says: str) -> None:
    captures, (refusal,), facts = read("-", stdin=stdin)
    assert (captures, facts) == ([], [])
    assert refusal.sentence.startswith("standard input: ")
    assert says in refusal.sentence


def test_a_pipe_that_stops_being_utf8_keeps_what_came_before() -> None:
    text = (LOG + ROW.format(n=1)).encode() + b"wamid.2,\xe9\n" + ROW.format(n=3).encode()
    captures, (refusal,), facts = read("-", stdin=text)
    assert (len(captures), facts, refusal.line) == (1, [], 3)


# Refusals


def test_paths_that_cannot_be_read(tmp_path: Path) -> None:
    assert "does not exist" in refused(tmp_path / "nothing.csv")
    (tmp_path / "circle").symlink_to("circle")
    assert "cannot be read" in refused(tmp_path / "circle")
    (tmp_path / "empty").mkdir()
    assert "holds no file" in refused(tmp_path / "empty")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_no_permission(tmp_path: Path) -> None:
    path = written(tmp_path / "log.csv", LOG)
    path.chmod(0)
    assert "may not be read by this user" in refused(path)


def test_permission_has_its_own_sentence() -> None:
    assert "permission" in streams.sentence_of(PermissionError(13, "denied"))


@pytest.mark.parametrize("text", [b"", b"\n\n", b"\xef\xbb\xbf", b" \r\n "])
@pytest.mark.parametrize("name", ["f.csv", "f.ndjson", "f.json", "f.txt"])
def test_empty_files(tmp_path: Path, name: str, text: bytes) -> None:
    provider = "meta-cloud" if name == "f.json" else "send-log"
    assert "empty" in refused(written(tmp_path / name, text), provider)


@pytest.mark.parametrize("name", ["log.xlsx", "log", "log.pdf", "log.csv.bz2"])
def test_unknown_endings(tmp_path: Path, name: str) -> None:
    assert "is not known" in refused(written(tmp_path / name, LOG))


def test_a_table_where_webhook_bodies_are_wanted(tmp_path: Path) -> None:
    assert "meta-cloud takes no .csv files" in refused(written(tmp_path / "log.csv", LOG), "meta-cloud")


@pytest.mark.parametrize("coding", ["latin-1", "utf-16", "utf-16-le"])
def test_wrong_encoding_is_refused_with_its_line_and_no_value(tmp_path: Path, coding: str) -> None:
    text = LOG + ROW.format(n=1) + ROW.format(n="José")
    path = written(tmp_path / "log.csv", text.encode(coding))
    sentence = refused(path)
    assert "not UTF-8" in sentence
    assert "Jos" not in sentence
    if coding == "latin-1":
        assert sentence.startswith(f"{path}, line 3: ")


def test_wrong_encoding_is_found_beyond_the_first_block(tmp_path: Path) -> None:
    rows = "".join(ROW.format(n=f"{n}é") for n in range(30_000))
    path = written(tmp_path / "log.csv", (LOG + rows).encode() + b"\xe9\n")
    assert ", line 30002: is not UTF-8" in refused(path)


def test_bare_carriage_returns(tmp_path: Path) -> None:
    assert "carriage return" in refused(written(tmp_path / "log.csv", (LOG + ROW).replace("\n", "\r")))


@pytest.mark.parametrize("count", [50, 60_000])
def test_a_truncated_gz_keeps_its_whole_lines(tmp_path: Path, count: int) -> None:
    import random

    chance = random.Random(7)
    rows = [ROW.format(n=chance.random()) for _ in range(count)]
    packed = gzip.compress((LOG + "".join(rows)).encode())
    path = written(tmp_path / "log.csv.gz", packed[: len(packed) * 3 // 4])
    captures, (refusal,), facts = read(path)
    assert count // 2 < len(captures) < count
    assert bodies(captures) == [row.encode().rstrip() for row in rows[: len(captures)]]
    assert "file_digest" not in captures[0].headers
    assert (facts, refusal.line) == ([], len(captures) + 2)
    assert "truncated" in refusal.sentence


def test_damaged_archives(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress((LOG + ROW * 500).encode()))
    packed[-6] ^= 1
    assert "damaged" in refused(written(tmp_path / "crc.csv.gz", bytes(packed)))
    assert "damaged" in refused(written(tmp_path / "no.csv.gz", b"not a gz"))
    for name in ("cut.csv.gz", "cut.json.gz"):
        assert "truncated" in refused(written(tmp_path / name, bytes(packed[:5])), "send-log")
    assert "damaged" in refused(written(tmp_path / "no.zip", b"PK\x03\x04cut"))
    with zipfile.ZipFile(tmp_path / "crc.zip", "w") as archive:
        archive.writestr("log.csv", LOG + ROW)
    exact = (tmp_path / "crc.zip").read_bytes()
    written(tmp_path / "crc.zip", exact.replace(b"hello", b"hullo"))
    assert "damaged" in refused(tmp_path / "crc.zip")


def test_archives_within_archives_and_empty_ones(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    with zipfile.ZipFile(tmp_path / "twice.zip", "w") as archive:
        archive.writestr("inner.zip", b"PK")
    assert "holds no file" in refused(tmp_path / "empty.zip")
    assert "archive within an archive" in refused(tmp_path / "twice.zip")
    assert "archive within an archive" in refused(written(tmp_path / "a.gz.gz", b"x"))


def test_a_locked_zip(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "locked.zip", "w") as archive:
        archive.writestr("log.csv", LOG + ROW)
    exact = bytearray((tmp_path / "locked.zip").read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        exact[exact.index(mark) + place] |= 1
    assert "password" in refused(written(tmp_path / "locked.zip", bytes(exact)))


@pytest.mark.parametrize("name", ["bomb.csv.gz", "bomb.zip", "bomb.json.gz"])
def test_a_bomb_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(streams, "GROWTH_FREE_BYTES", 1 << 16)
    text = LOG.encode() + b"\n" * (8 << 20)
    if name.endswith(".zip"):
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("log.csv", text)
    else:
        written(tmp_path / name, gzip.compress(text))
    assert "300-fold" in refused(tmp_path / name)


def test_a_line_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_split, "RECORD_BYTES", 1 << 20)
    path = written(tmp_path / "log.ndjson", b'{"message_id":"1"}\n' + b"x" * (4 << 20))
    captures, (refusal,), (facts,) = read(path)
    assert (len(captures), refusal.line, facts["record_count"]) == (1, 2, 1)


@pytest.mark.parametrize("ending", [".ndjson", ".csv", ".csv.gz"])
def test_a_line_beyond_all_measure_costs_its_neighbours_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setattr(record_split, "RECORD_BYTES", 1 << 20)
    rows = [ROW.format(n=n) if "csv" in ending else f'{{"message_id":"wamid.{n}"}}\n' for n in range(4)]
    long = "x" * (5 << 20) + "\n"
    text = (LOG if "csv" in ending else "\n") + rows[0] + long + rows[1] + rows[2] + long + rows[3]
    exact = text.encode()
    path = written(tmp_path / f"log{ending}", gzip.compress(exact) if ending.endswith("gz") else exact)
    monkeypatch.setattr(streams, "GROWTH_FREE_BYTES", 64 << 20)
    captures, refusals, (facts,) = read(path)
    assert [capture.headers["line"] for capture in captures] == ["2", "4", "5", "7"]
    assert [refusal.line for refusal in refusals] == [3, 6]
    assert "is longer than any record can be" in refusals[0].sentence
    assert (facts["record_count"], facts["length_bytes"]) == (4, len(exact))


def test_a_file_that_grows_while_it_is_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "CHUNK_RECORDS", 100)
    path = written(tmp_path / "log.csv", LOG + "".join(ROW.format(n=n) for n in range(60_000)))
    found = files.captures(path, "send-log", RECEIVED, settings())
    assert isinstance(next(found), Capture)
    with path.open("a") as stream:
        stream.write(ROW.format(n="later"))
    *captures, last = found
    assert len(captures) == 60_000
    assert isinstance(last, files.Refusal)
    assert last.sentence.endswith(
        "changed while it was read; import it again when nothing writes to it any more."
    )


def test_a_link_to_a_folder_is_told(tmp_path: Path) -> None:
    written(tmp_path / "elsewhere" / "1.csv", LOG + ROW)
    (tmp_path / "in").mkdir()
    os.symlink("../elsewhere", tmp_path / "in" / "linked")
    assert "is a link to a folder and not followed" in refused(tmp_path / "in")


def test_a_json_file_beyond_all_measure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "WHOLE_BYTES", 1 << 20)
    path = written(tmp_path / "all.json", b"[" + b"1," * (1 << 20))
    assert "1 MiB where one record is expected" in refused(path, "meta-cloud")


def test_an_unknown_provider_is_told_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="meta-cloud, send-log, consent-register, directory"):
        list(files.captures(tmp_path, "telegraph", RECEIVED, settings()))
    with pytest.raises(InputRefused, match="telegraph"):
        parser("telegraph")


def test_a_refusal_is_an_error_s_sentence(tmp_path: Path) -> None:
    _, (refusal,), _ = read(tmp_path / "nothing")
    assert str(refusal.error()) == refusal.sentence


# Chunks for workers


def test_chunks_are_small_and_survive_a_pickle(tmp_path: Path) -> None:
    import pickle

    rows = [ROW.format(n=n) for n in range(4_500)]
    path = written(tmp_path / "log.csv", LOG + "".join(rows))
    chunks = list(files.raw_records(path, "send-log", settings()))
    assert [len(chunk[1]) for chunk in chunks if not isinstance(chunk, files.Refusal)] == [2000, 2000, 500, 1]

    def through_workers() -> Iterator[Capture]:
        for chunk in pickle.loads(pickle.dumps(chunks)):
            yield from files.captures_from(*chunk, RECEIVED, signature_check("send-log", settings()))

    assert list(through_workers()) == list(files.captures(path, "send-log", RECEIVED, settings()))


def test_large_records_make_smaller_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "CHUNK_BYTES", 1 << 20)
    monkeypatch.setattr(chunks, "CHUNK_RECORDS", 8)
    path = written(tmp_path / "big.ndjson", (b"x" * (1 << 18) + b"\n") * 40)
    made = [
        chunk
        for chunk in files.raw_records(path, "meta-cloud", settings())
        if not isinstance(chunk, files.Refusal)
    ]
    assert sum(len(records) for head, records in made if head.layout == "lines") == 40
    assert max(len(records) for _, records in made) <= 8


def test_workers_start_without_polars_and_httpx() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from wa_analytics.providers import PARSERS, files, parser;"
        "[parser(name) for name in PARSERS];"
        "print({'polars', 'httpx', 'sqlalchemy', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
