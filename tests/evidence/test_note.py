from __future__ import annotations

import hashlib
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wa_analytics.evidence.note import Head, NoteInvalid, VerifierKey, opened, signed, verified_text

# Notes made by other implementations (Go's sumdb/note, an Elixir one).
FOREIGN = [
    (
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n\n"
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpR"
        "Zb6KE6RyyBwJnAM=\n",
    ),
    (
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "This is an example message.\n\n"
        "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwH"
        "jG1Yu72IneyaQM=\n",
    ),
]
SEED, OTHER = bytes(range(32)), bytes(32)
NAME = "example.com/log"
KEY = VerifierKey.of_seed(NAME, SEED)
HEAD = Head(NAME, 20, hashlib.sha256(b"root").digest())
NOTE = signed(HEAD.text, NAME, SEED)


@pytest.mark.parametrize(("key", "note"), FOREIGN)
def test_notes_of_other_implementations_verify(key: str, note: str) -> None:
    known = VerifierKey.of_text(key)
    assert known.text == key
    assert verified_text(note, [known]) == note[: note.index("\n\n") + 1]
    with pytest.raises(NoteInvalid):
        verified_text(note.replace("a", "b", 1), [known])


def test_a_checkpoint_is_the_drawn_text() -> None:
    root = b64encode(HEAD.root).decode()
    assert NOTE.startswith(f"example.com/log\n20\n{root}\n\n— example.com/log ")
    assert NOTE.count("\n") == 5
    assert opened(NOTE, [KEY]) == HEAD
    assert signed(HEAD.text, NAME, SEED) == NOTE


def test_unknown_signatures_are_ignored_and_a_wrong_one_refuses_all() -> None:
    foreign = signed(HEAD.text, "example.com/witness", OTHER).rpartition("\n\n")[2]
    assert opened(NOTE + foreign, [KEY]) == HEAD
    witness = VerifierKey.of_seed("example.com/witness", OTHER)
    assert opened(NOTE + foreign, [KEY, witness]) == HEAD
    wrong = signed(HEAD.text.replace("20", "21"), "example.com/witness", OTHER).rpartition("\n\n")[2]
    assert opened(NOTE + wrong, [KEY]) == HEAD
    with pytest.raises(NoteInvalid, match="does not match"):
        opened(NOTE + wrong, [KEY, witness])


@pytest.mark.parametrize(
    "key",
    [
        VerifierKey.of_seed(NAME, OTHER),
        VerifierKey.of_seed("example.com/other", SEED),
        VerifierKey(NAME, bytes(32)),
    ],
)
def test_another_key_or_name_has_not_signed(key: VerifierKey) -> None:
    with pytest.raises(NoteInvalid, match="no known key"):
        opened(NOTE, [key])


@given(st.integers(0, len(NOTE) - 1), st.integers(1, 127))
def test_any_changed_character_is_refused(at: int, flip: int) -> None:
    changed = NOTE[:at] + chr(ord(NOTE[at]) ^ flip) + NOTE[at + 1 :]
    with pytest.raises(NoteInvalid):
        opened(changed, [KEY])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "origin\n5\n",
        f"origin\n05\n{b64encode(bytes(32)).decode()}\n",
        f"origin\n-5\n{b64encode(bytes(32)).decode()}\n",
        f"origin\n٥\n{b64encode(bytes(32)).decode()}\n",
        f"origin\n5\n{b64encode(bytes(31)).decode()}\n",
        f"\n5\n{b64encode(bytes(32)).decode()}\n",
        f"origin\n5\n{b64encode(bytes(32)).decode()}\n\nextension\n",
        f"origin\n5\n{b64encode(bytes(32)).decode()}",
    ],
)
def test_a_malformed_head_is_refused(text: str) -> None:
    with pytest.raises(NoteInvalid):
        Head.of_text(text)


def test_extension_lines_are_not_read() -> None:
    assert Head.of_text(HEAD.text + "an extension\n") == HEAD


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b", "a\tb"])
def test_a_name_that_no_note_may_bear(name: str) -> None:
    with pytest.raises(ValueError, match="cannot stand"):
        signed(HEAD.text, name, SEED)


@pytest.mark.parametrize("text", ["", "a", "a+b", "a+00000000+AAAA", KEY.text[:-4], "x" + KEY.text])
def test_a_malformed_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(NoteInvalid):
        VerifierKey.of_text(text)
