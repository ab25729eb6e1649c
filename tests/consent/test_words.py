"""Opt-out words: whole texts only, and where they hold."""

from __future__ import annotations

import pytest

from tests.spec.drawn_table import drawn_rows
from wa_analytics.consent.words import opt_out_test, plus_one_countries

HEARD = """
text              | country | is_opt_out
stop              | BR      | yes
STOP!             |         | yes
Unsubscribe       | GB      | yes
opt out           | GB      | yes
Opt-Out.          | GB      | yes
optout            | GB      | yes
opt  .  out       | GB      | yes
“stop”            | GB      | yes
s t o p           | GB      | yes
please stop       | US      | no
stop it           | US      | no
stopping          | US      | no
👍                | US      | no
quit              | US      | yes
END               | CA      | yes
revoke            | PR      | yes
Cancel.           | US      | yes
quit              | GB      | no
cancel            | BR      | no
cancel            |         | no
parar             | BR      | yes
SAIR!             | US      | yes
Descadastrar      | PT      | yes
¡Baja!            | MX      | yes
baja ya           | MX      | no
ﬆop               | GB      | yes
"""


@pytest.mark.parametrize("row", drawn_rows(HEARD), ids=lambda row: f"{row['text']}-{row['country']}")
def test_shipped_words(row: dict[str, str | None]) -> None:
    text, country = row["text"], row["country"]
    assert text is not None
    assert opt_out_test({})(text, country) is (row["is_opt_out"] == "yes")


@pytest.mark.parametrize(
    "text",
    [
        "stop \u26a0\ufe0f",
        "STOP\u200b",
        "\u200estop",
        "stop \U0001f926\U0001f3fd\u200d\u2640\ufe0f",
        "STOP" + 70 * "!",
    ],
    ids=["emoji", "no_width", "direction", "joined_emoji", "long"],
)
def test_what_cannot_be_seen_and_length_change_no_word(text: str) -> None:
    assert opt_out_test({})(text, "BR")


def test_a_given_word_may_be_long() -> None:
    sentence = "Please take my number off every list that you or your partners keep of it"
    is_opt_out = opt_out_test({"en": (sentence,)})
    assert is_opt_out(f"{sentence}!", None)
    assert not is_opt_out(f"{sentence} today", None)


def test_given_words_hold_for_a_language_everywhere_and_for_a_country_there() -> None:
    is_opt_out = opt_out_test({"de": ("abmelden", "Nein, danke"), "AT": ("servus",)})
    assert is_opt_out("ABMELDEN", "US")
    assert is_opt_out("nein danke!", None)
    assert is_opt_out("neindanke", None)
    assert is_opt_out("Servus", "AT")
    assert not is_opt_out("Servus", "DE")
    assert is_opt_out("stop", "AT")


def test_an_empty_text_and_one_of_punctuation_say_nothing() -> None:
    is_opt_out = opt_out_test({})
    assert not any(is_opt_out(text, "US") for text in ("", "   ", "...", "!?"))


def test_calling_code_one_is_more_than_the_united_states() -> None:
    assert {"US", "CA", "PR", "DO"} <= plus_one_countries()
    assert not {"GB", "BR", "MX"} & plus_one_countries()
