"""Chat exports: how phones write a line, what a file's dates say together, messages byte for byte."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.providers.worlds import RECEIVED
from wa_analytics.capture import Capture
from wa_analytics.errors import CaptureUnreadable
from wa_analytics.providers import files, parser
from wa_analytics.providers.chat_lines import Dates, line_of
from wa_analytics.providers.record_split import RECORD_BYTES
from wa_analytics.providers.table_rows import file_facts
from wa_analytics.records import Identifier, SupplementaryRecord
from wa_analytics.settings import Imports, Settings

NOON = 1_767_268_800_000_000


def read(
    path: str | Path, stdin: bytes | None = None, **imports: object
) -> tuple[list[Capture], list[files.Refusal]]:
    settings = Settings(imports=Imports(**imports))  # type: ignore[arg-type]
    pipe = None if stdin is None else io.BytesIO(stdin)
    found = list(files.captures(path, "chat-export", RECEIVED, settings, pipe))
    return (
        [one for one in found if isinstance(one, Capture) and file_facts(one) is None],
        [one for one in found if isinstance(one, files.Refusal)],
    )


def told(captures: list[Capture], **imports: object) -> list[SupplementaryRecord]:
    settings = Settings(imports=Imports(**imports))  # type: ignore[arg-type]
    records = [record for one in captures for record in parser("chat-export")(one, settings)]
    assert all(isinstance(record, SupplementaryRecord) for record in records)
    return records  # type: ignore[return-value]


def chat(
    tmp_path: Path, text: str | bytes, name: str = "chat.txt", **imports: object
) -> list[SupplementaryRecord]:
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    captures, refusals = read(path, **imports)
    assert refusals == []
    return told(captures, **imports)


# Lines


@pytest.mark.parametrize(
    ("line", "date", "time", "rest"),
    [
        ("13/06/2018, 21:25 - Ana: hello", ("13", "06", "2018"), (21, 25, 0), "Ana: hello"),
        ("[13/06/2018, 21:25:15] Ana: hello", ("13", "06", "2018"), (21, 25, 15), "Ana: hello"),
        ("\u200e[13/06/18 9:25:15\u202fPM] A: \u200eGIF", ("13", "06", "18"), (21, 25, 15), "A: GIF"),
        ("3/6/18, 1:55\u202fPM - Ana: x", ("3", "6", "18"), (13, 55, 0), "Ana: x"),
        ("3/6/18, 1:55 p.\u00a0m. - Ana: x", ("3", "6", "18"), (13, 55, 0), "Ana: x"),
        ("3/6/18, 12:55 a. m. - Ana: x", ("3", "6", "18"), (0, 55, 0), "Ana: x"),
        ("3/6/18, 12:55 pm - Ana: x", ("3", "6", "18"), (12, 55, 0), "Ana: x"),
        ("06/20/2020, 00:08 a. m. - Ana: x", ("06", "20", "2020"), (0, 8, 0), "Ana: x"),
        ("13.6.2018 klo 21.25.15 - Ana: x", ("13", "6", "2018"), (21, 25, 15), "Ana: x"),
        ("13.06.18 21.25.15: Ana: x", ("13", "06", "18"), (21, 25, 15), "Ana: x"),
        ("13. 6. 2018. 21:25:15 Ana: x", ("13", "6", "2018"), (21, 25, 15), "Ana: x"),
        ("2018-06-13 21:25 - Ana: x", ("2018", "06", "13"), (21, 25, 0), "Ana: x"),
        ("2018/6/13 下午9:25 - Ana: x", ("2018", "6", "13"), (21, 25, 0), "Ana: x"),
        ("2018. 6. 13. 오후 9:25, Ana : x", ("2018", "6", "13"), (21, 25, 0), "Ana : x"),
        ("[2018. 6. 13. 오후 9:25:15] Ana: x", ("2018", "6", "13"), (21, 25, 15), "Ana: x"),
        ("13-06-18 21:25 - Ana: x", ("13", "06", "18"), (21, 25, 0), "Ana: x"),
        ("13/06/2018, 21:25 – Ana: x", ("13", "06", "2018"), (21, 25, 0), "Ana: x"),
        ("13/06/2018 à 21:25 - Ana: x", ("13", "06", "2018"), (21, 25, 0), "Ana: x"),
        ("hello", None, None, None),
        ("13/06/2018", None, None, None),
        ("12/10/2021 10:30 dentist", None, None, None),
        ("[13/06/2018, 21:25:15 Ana: x", None, None, None),
        ("45/46/2018, 21:25 - Ana: x", None, None, None),
        ("13/06/2018, 29:25 - Ana: x", None, None, None),
        ("30/02/2018, 21:25 - Ana: x", None, None, None),
        ("", None, None, None),
    ],
)  # fmt: skip
def test_a_first_line(
    line: str, date: tuple[str, ...] | None, time: tuple[int, ...] | None, rest: str | None
) -> None:
    found = line_of(line)
    if date is None:
        assert found is None
    else:
        assert found is not None
        assert (found.date, (found.hour, found.minute, found.second), found.rest) == (date, time, rest)


@pytest.mark.parametrize(
    ("dates", "day_first", "order"),
    [
        (["13/06/18", "01/07/18"], None, "dmy"),
        (["06/13/18", "07/01/18"], None, "mdy"),
        # Every date can be read both ways; only one reading goes forward in time.
        (["01/02/18", "02/02/18", "01/03/18"], None, "dmy"),
        (["02/01/18", "02/02/18", "03/01/18"], None, "mdy"),
        (["05/05/18", "06/06/18"], None, None),
        (["05/05/18", "06/06/18"], True, "dmy"),
        (["05/05/18", "06/06/18"], False, "mdy"),
        # The file decides against the settings.
        (["13/06/18"], False, "dmy"),
        (["2018/05/06", "2018/06/07"], None, "ymd"),
        (["2018/05/06"], True, "ymd"),
        (["2018/13/06"], None, "ydm"),
        (["06/2018/13"], None, "myd"),
        ([], None, None),
    ],
)
def test_what_a_file_s_dates_say_together(
    dates: list[str], day_first: bool | None, order: str | None
) -> None:
    found = Dates()
    for date in dates:
        found.add(f"{date}, 21:25 - Ana: x")
    assert found.order(day_first) == order


@given(
    st.lists(st.datetimes(datetime(2015, 1, 1), datetime(2026, 1, 1)), min_size=1, max_size=12).map(sorted),
    st.sampled_from(["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%y", "%m-%d-%y", "%Y/%m/%d"]),
)
def test_whatever_order_was_written_nothing_else_is_inferred(moments: list[datetime], written: str) -> None:
    """Where the file cannot tell, it says so; it never says the other one."""
    dates = Dates()
    for moment in moments:
        dates.add(moment.strftime(f"{written}, %H:%M - Ana: x"))
    order = "".join(character.lower() for character in written if character.isalpha())
    assert dates.order(None) in (order, None)
    assert dates.order(order.index("d") < order.index("m")) == order


# Files


LINES = (
    b"\xe2\x80\x8e[01/01/2026, 12:00:00] Ana: Hello\r\n"
    b"[01/01/2026, 12:00:10] +44 7700 900123: two\r\n\r\nlines: 13/01/2026, 10:00 - no header\r\n"
    b"[13/01/2026, 12:00:00] ~\xe2\x80\xafBea: ok\r\n"
    b"[13/01/2026, 12:00:00] ~\xe2\x80\xafBea: ok\r\n"
    b"[13/01/2026, 12:01:00] Messages and calls are end-to-end encrypted.\r\n"
)


def test_a_message_is_the_exact_bytes_it_stands_in(tmp_path: Path) -> None:
    (tmp_path / "chat.txt").write_bytes(LINES)
    captures, refusals = read(tmp_path / "chat.txt")
    assert refusals == []
    assert b"\r\n".join(one.body for one in captures) + b"\r\n" == LINES
    assert [one.headers["line"] for one in captures] == ["1", "2", "5", "6", "7"]
    assert {(one.headers["date_order"], one.headers["line_style"]) for one in captures} == {("dmy", "]/")}
    assert [one.context for one in captures] == [b"", b"", b"", b"1", b""], "said twice, stored twice"
    assert [record.type for record in told(captures)] == ["text", "text", "text", "text", "system"]
    first, second, third, *_ = told(captures)
    assert first == SupplementaryRecord(
        occurred_at=NOON,
        type="text",
        sender="Ana",
        text="Hello",
        has_body=True,
        chat=hashlib.sha256(LINES).hexdigest(),
    )
    assert (second.people, second.text) == (
        (Identifier("phone", "+447700900123"),),
        "two\n\nlines: 13/01/2026, 10:00 - no header",
    )
    assert third.sender == "Bea"


def test_the_file_s_own_capture_counts_its_messages(tmp_path: Path) -> None:
    (tmp_path / "chat.txt").write_bytes(LINES)
    found = list(files.captures(tmp_path / "chat.txt", "chat-export", RECEIVED, Settings()))
    facts = [facts for one in found if isinstance(one, Capture) and (facts := file_facts(one))]
    assert [(one["record_count"], one["length_bytes"]) for one in facts] == [(5, len(LINES))]


def test_times_are_read_in_the_zone_of_the_settings(tmp_path: Path) -> None:
    (record,) = chat(tmp_path, "13/06/2026, 21:25 - Ana: x", time_zone="America/Sao_Paulo")
    assert record.occurred_at == 1_781_396_700_000_000


@pytest.mark.parametrize(
    ("words", "file_name"),
    [
        (
            "\u200e<attached: 00000042-PHOTO-2020-06-07-15-13-20.jpg>",
            "00000042-PHOTO-2020-06-07-15-13-20.jpg",
        ),
        ("< pièce jointe : 00000042-PHOTO.jpg >", "00000042-PHOTO.jpg"),
        ("IMG-20210428-WA0001.jpg (file attached)\nwith words", "IMG-20210428-WA0001.jpg"),
        ("a.jpg (Datei angehängt)", "a.jpg"),
        ("2015-08-04-PHOTO-00004762.jpg <\u200eattached>", "2015-08-04-PHOTO-00004762.jpg"),
        ("<Media omitted>", None),
        ("see a.jpg", None),
    ],
)
def test_a_line_names_its_file(tmp_path: Path, words: str, file_name: str | None) -> None:
    (record,) = chat(tmp_path, f"13/06/2026, 21:25 - Ana: {words}\n")
    assert record.file_name == file_name


@pytest.mark.parametrize(
    ("words", "type_", "text", "has_body", "is_edited"),
    [
        ("hello", "text", "hello", True, False),
        ("", "text", None, False, False),
        ("<Media omitted>", "media", "<Media omitted>", False, False),
        ("\u200e<Medien ausgeschlossen>", "media", "<Medien ausgeschlossen>", False, False),
        ("<Multimedia omitido>", "media", "<Multimedia omitido>", False, False),
        ("<Mídia oculta>", "media", "<Mídia oculta>", False, False),
        ("\u200eimage omitted", "media", "image omitted", False, False),
        ("\u200eBild weggelassen", "media", "Bild weggelassen", False, False),
        ("\u200e<attached: 00000042-PHOTO-2020-06-07-15-13-20.jpg>", "media", ..., False, False),
        ("< pièce jointe : 00000042-PHOTO.jpg >", "media", ..., False, False),
        ("IMG-20210428-WA0001.jpg (file attached)", "media", ..., False, False),
        ("a.jpg (Datei angehängt)\nDir auch frohe Ostern.", "media", ..., False, False),
        ("2015-08-04-PHOTO-00004762.jpg <\u200eattached>", "media", ..., False, False),
        ("I sent you the image, it was omitted before", "text", ..., True, False),
        ("This message was deleted", "deleted", ..., False, False),
        ("You deleted this message.", "deleted", ..., False, False),
        ("Diese Nachricht wurde gelöscht.", "deleted", ..., False, False),
        ("Mensagem apagada", "deleted", ..., False, False),
        ("Hello <This message was edited>", "text", "Hello", True, True),
        ("Hallo \u200e<Diese Nachricht wurde bearbeitet.>", "text", "Hallo", True, True),
        ("null", "call", "null", False, False),
        ("Missed voice call", "call", ..., False, False),
        ("Messages and calls are end-to-end encrypted. Only people in this chat", "system", ..., True, False),
    ],
)  # fmt: skip
def test_words_that_stand_for_something_else(
    tmp_path: Path, words: str, type_: str, text: str | None, has_body: bool, is_edited: bool
) -> None:
    (record,) = chat(tmp_path, f"13/06/2026, 21:25 - Ana: {words}\n")
    assert (record.type, record.has_body, record.is_edited) == (type_, has_body, is_edited)
    if text is not ...:
        assert record.text == text


@pytest.mark.parametrize(
    "words",
    [
        'Ana changed the subject to "a: b"',
        "You were added",
        "Your security code changed",
    ],
)
def test_lines_of_nobody(tmp_path: Path, words: str) -> None:
    (record,) = chat(tmp_path, f"13/06/2026, 21:25 - {words}\n")
    assert (record.type, record.sender, record.people) == ("system", None, ())


def test_a_line_of_the_app_names_numbers(tmp_path: Path) -> None:
    records = chat(tmp_path, "13/06/2026, 21:25 - +44 7700 900123 added +1 202-555-0111\n")
    assert [one.people for one in records] == [
        (Identifier("phone", "+447700900123"),),
        (Identifier("phone", "+12025550111"),),
    ]
    assert {(one.type, one.sender) for one in records} == {("system", None)}


def test_what_stands_before_the_first_message_is_kept_and_unreadable(tmp_path: Path) -> None:
    (tmp_path / "chat.txt").write_text("a note\n13/06/2026, 21:25 - Ana: x\n")
    captures, _ = read(tmp_path / "chat.txt")
    assert [one.body for one in captures] == [b"a note", b"13/06/2026, 21:25 - Ana: x"]
    with pytest.raises(CaptureUnreadable, match="line 1: no message"):
        told(captures[:1])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"05/05/26, 21:25 - Ana: x\n", "set imports.day_first in settings.toml"),
        (b"hello\n", "no line of it begins a message"),
        (b"\xff\xfe1\x003\x00", "is not UTF-8"),
        (b"13/06/2026, 21:25 - Ana: caf\xe9\n", "line 1: is not UTF-8"),
    ],
)
def test_a_chat_that_cannot_be_read_is_refused_whole(tmp_path: Path, text: bytes, says: str) -> None:
    (tmp_path / "chat.txt").write_bytes(text)
    captures, (refusal,) = read(tmp_path / "chat.txt")
    assert captures == []
    assert says in refusal.sentence


@pytest.mark.parametrize(("day_first", "month"), [(True, 6), (False, 5)])
def test_settings_decide_what_the_file_leaves_open(tmp_path: Path, day_first: bool, month: int) -> None:
    (record,) = chat(tmp_path, "05/06/2026, 21:25 - Ana: x", day_first=day_first)
    assert datetime.fromtimestamp(record.occurred_at / 1e6, UTC).month == month


def test_a_zip_with_what_was_sent(tmp_path: Path) -> None:
    path = tmp_path / "chat.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("_chat.txt", LINES)
        archive.writestr("../../00000042-PHOTO-2026.jpg", b"\xff\xd8 a picture")
        archive.writestr("letter.docx", b"PK a letter")
        archive.writestr("notes.txt", b"a text that was sent")
    captures, refusals = read(path)
    assert refusals == []
    sent = [one for one in captures if one.headers.get("source") == "chat_media"]
    assert sorted(one.body for one in sent) == [
        b"PK a letter",
        b"a text that was sent",
        b"\xff\xd8 a picture",
    ]
    assert {(one.type, one.file_name, one.occurred_at) for one in told(sent)} == {
        ("file", name, None) for name in ("00000042-PHOTO-2026.jpg", "letter.docx", "notes.txt")
    }
    assert len(captures) - len(sent) == 5
    assert not (tmp_path.parent / "00000042-PHOTO-2026.jpg").exists()


def test_a_folder_takes_its_pictures_and_nothing_strange(tmp_path: Path) -> None:
    (tmp_path / "chat.txt").write_bytes(LINES)
    (tmp_path / "p.jpg").write_bytes(b"picture")
    (tmp_path / "p.exe").write_bytes(b"program")
    (tmp_path / "p.csv").write_bytes(b"a,b")
    captures, refusals = read(tmp_path)
    assert len(captures) == 6
    assert sorted(one.sentence.partition(": ")[2][:22] for one in refusals) == [
        "chat-export takes no .",
        "the ending .exe is not",
    ]


def test_a_pipe(tmp_path: Path) -> None:
    captures, refusals = read("-", LINES)
    assert (len(captures), refusals) == (5, [])


def test_a_file_whose_name_is_no_text_is_kept(tmp_path: Path) -> None:
    (tmp_path / "chat.txt").write_bytes(b"13/06/2026, 21:25 - Ana: x\n")
    (tmp_path / os.fsdecode(b"bad\xff.jpg")).write_bytes(b"a picture")
    captures, refusals = read(tmp_path)
    assert refusals == []
    (sent,) = [one for one in captures if one.headers.get("source") == "chat_media"]
    assert (sent.body, msgspec.msgpack.decode(msgspec.msgpack.encode(sent.headers))["file_name"]) == (
        b"a picture",
        "bad?.jpg",
    )


def test_a_message_without_end(tmp_path: Path) -> None:
    (tmp_path / "chat.txt").write_bytes(
        b"13/06/2026, 21:25 - Ana: x\n" + b"x" * 1000 + (b"\n" + b"y" * 100_000) * 200
    )
    assert RECORD_BYTES < 20_000_000
    _, (refusal,) = read(tmp_path / "chat.txt")
    assert "is longer than any" in refusal.sentence


@given(st.binary(max_size=200) | st.text(max_size=80).map(lambda text: text.encode("utf-8", "replace")))
def test_any_text_gives_one_reading_or_one_sentence(text: bytes) -> None:
    captures, refusals = read("-", text)
    for one in captures:
        with suppress(CaptureUnreadable):
            parser("chat-export")(one, Settings())
    assert captures or refusals


@given(
    st.lists(
        st.sampled_from(["13/06/2026, 21:25 - Ana: ok", "hello", "", "13/06/2026, 21:26 - x"]), min_size=1
    )
)
def test_no_line_is_lost(lines: list[str]) -> None:
    text = "\n".join(["13/06/2026, 21:25 - Ana: ok", *lines])
    captures, _ = read("-", text.encode())
    kept = "\n".join(one.body.decode() for one in captures)
    assert [line for line in kept.splitlines() if line] == [line for line in text.splitlines() if line]
    assert len({(one.body, one.context, one.headers["line"]) for one in captures}) == len(captures)
