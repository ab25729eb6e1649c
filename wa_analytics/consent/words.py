"""Opt-out words: a whole text that says stop.

Everywhere: stop, unsubscribe, opt out. Calling code +1 also the per-se words of 47 CFR
64.1200(a)(10): quit, end, revoke, cancel. Lists by language hold everywhere, since a number tells
no language; lists by ISO country (upper case) hold there.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache

EVERYWHERE = ("stop", "unsubscribe", "opt out")
NORTH_AMERICA = ("quit", "end", "revoke", "cancel")
BY_LANGUAGE: dict[str, tuple[str, ...]] = {
    "pt": ("parar", "sair", "descadastrar"),
    "es": ("baja",),
}
VARIATION_SELECTORS = range(0xFE00, 0xFE10)


class _Spaced(dict[int, int | None]):
    """For `str.translate`: punctuation and symbols are spaces, what cannot be seen (joiners, direction
    marks, how an emoji is drawn) is nothing. Learns each character once."""

    def __missing__(self, code: int) -> int | None:
        kind = unicodedata.category(chr(code))
        is_unseen = kind == "Cf" or code in VARIATION_SELECTORS
        self[code] = None if is_unseen else ord(" ") if kind[0] in "PS" else code
        return self[code]


_spaced = _Spaced()


def spoken(text: str) -> str:
    """Case-folded, punctuation and symbols to space, spaces collapsed, nothing that cannot be seen."""
    return " ".join(text.casefold().translate(_spaced).split())


@lru_cache(maxsize=1)
def plus_one_countries() -> frozenset[str]:
    """ISO countries whose calling code is +1."""
    import phonenumbers

    return frozenset(phonenumbers.region_codes_for_country_code(1))


def opt_out_test(given: Mapping[str, tuple[str, ...]]) -> Callable[[str, str | None], bool]:
    """A test of (text, country) with the shipped words and the `given` ones."""
    everywhere = set(EVERYWHERE)
    by_country: dict[str, set[str]] = {country: set(NORTH_AMERICA) for country in plus_one_countries()}
    for place, words in [*BY_LANGUAGE.items(), *given.items()]:
        target = by_country.setdefault(place, set()) if place.isupper() else everywhere
        target.update(words)

    def both_forms(words: set[str]) -> frozenset[str]:
        plain = {spoken(word) for word in words}
        return frozenset(plain | {word.replace(" ", "") for word in plain})

    common = both_forms(everywhere)
    local = {country: both_forms(words) for country, words in by_country.items()}
    none: frozenset[str] = frozenset()
    longest = max(map(len, common.union(*local.values())))

    def is_opt_out(text: str, country: str | None) -> bool:
        # Most texts are told by their beginning.
        if len(text) > 2 * longest and sum(map(str.isalnum, text[: 2 * longest])) > longest:
            return False
        said = spoken(text)
        joined = said.replace(" ", "")
        here = local.get(country or "", none)
        return said in common or joined in common or said in here or joined in here

    return is_opt_out
