"""The laws of every way in, on seeds cut, joined and disturbed. `make fuzz` looks longer."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tests.fuzz.laws import LAWS, SEEDS, SETTINGS
from tests.providers.worlds import RECEIVED
from wa_analytics.providers import PARSERS, files, streams


@st.composite
def disturbed(draw: st.DrawFn) -> bytes:
    """A seed with a part repeated, left out or replaced."""
    seed = draw(st.sampled_from(SEEDS))
    at = draw(st.integers(0, len(seed)))
    to = draw(st.integers(at, min(len(seed), at + 40)))
    part = draw(
        st.binary(max_size=12) | st.sampled_from([b"\xff", b"9" * 400, b"null", b"[[", b'{"":', b'"', b"\n"])
    )
    return seed[:at] + draw(st.sampled_from([part, seed[at:to] * 2, b""])) + seed[to:]


@pytest.mark.parametrize("name", sorted(LAWS))
@given(exact=st.binary(max_size=120) | disturbed())
@examples(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_law_holds(name: str, exact: bytes) -> None:
    LAWS[name](exact)


@pytest.mark.parametrize("name", sorted(LAWS))
def test_the_law_holds_for_every_seed(name: str) -> None:
    for seed in SEEDS:
        LAWS[name](seed)


def test_every_parser_has_a_law() -> None:
    assert {f"parse {provider}" for provider in PARSERS} <= set(LAWS)


@pytest.mark.parametrize("provider", ["infobip", "aws-social", "twilio", "chat-export"])
def test_a_bomb_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, provider: str) -> None:
    monkeypatch.setattr(streams, "GROWTH_FREE_BYTES", 1 << 16)
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("chat.txt", b"13/06/2026, 21:25 - Ana: x\n" + b"0" * (30 << 20))
    (refusal,) = [
        one for one in files.captures(path, provider, RECEIVED, SETTINGS) if isinstance(one, files.Refusal)
    ]
    assert "was stopped" in refusal.sentence


@pytest.mark.parametrize("provider", ["aws-social", "chat-export"])
def test_a_pipe_without_end_is_stopped(provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from wa_analytics.providers import chunks, record_split

    monkeypatch.setattr(chunks, "WHOLE_BYTES", 1 << 20)
    monkeypatch.setattr(record_split, "RECORD_BYTES", 1 << 20)
    found = list(files.captures("-", provider, RECEIVED, SETTINGS, io.BytesIO(b'{"a":"' + b"x" * (5 << 20))))
    (refusal,) = [one for one in found if isinstance(one, files.Refusal)]
    assert "long" in refusal.sentence
