"""Identifiers and parties.

Decision: a party is the connected set of identifiers that evidence links; `party_id` is the
smallest identifier digest of the set, so it depends on no order. Beside the exact form of a phone a
canonical one stands (Brazil's ninth digit, Mexico's 1, Argentina's 9), linked under a rule that
names it. A number the plan calls invalid is kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from wa_analytics.records import Identifier

Digest = Callable[[str, str], str]


class Known(NamedTuple):
    """What is known of one identifier."""

    digest: str
    country_code: str | None
    is_valid: bool
    canonical: Identifier | None
    canonical_rule: str | None
    number: str | None = None
    """Digest of a phone's canonical form; None for other kinds."""


def canonical_phone(phone: str) -> tuple[str, str] | None:
    """The canonical form of `+digits` and the rule that gives it, or None where it is the same.

    Brazil: mobiles get the ninth digit; Mexico: the old mobile 1 goes; Argentina: the mobile 9 goes, and
    so does the 15 that is dialled after the area code at home, of the three lengths an area code has.
    Source: the numbering plans as `phonenumbers` has them.
    """
    digits = phone[1:]
    if digits.startswith("55") and len(digits) == 12 and digits[4] in "6789":
        return f"+{digits[:4]}9{digits[4:]}", "phone.br_ninth_digit"
    if digits.startswith("521") and len(digits) == 13:
        return f"+52{digits[3:]}", "phone.mx_mobile_one"
    if digits.startswith("549") and len(digits) == 13:
        return f"+54{digits[3:]}", "phone.ar_mobile_nine"
    if digits.startswith("54") and len(digits) in (14, 15) and (home := _AR_HOME.match(digits)):
        return f"+54{home[1]}{home[2]}", "phone.ar_mobile_fifteen"
    return None


# An area code and its subscriber number have ten digits together; 0 is the trunk prefix.
_AR_HOME = re.compile(
    r"540?(?=[1-9])(11(?=15[0-9]{8}$)|[23][0-9]{2}(?=15[0-9]{7}$)|[23][0-9]{3}(?=15[0-9]{6}$))15([0-9]+)$"
)


class Identities:
    """Looks identifiers up once each: digest, country, canonical form."""

    def __init__(self, digest: Digest) -> None:
        self._digest = digest
        self._known: dict[tuple[str, str], Known] = {}

    def known(self, identifier: Identifier) -> Known:
        """What is known of an identifier from its text alone; remembered."""
        key = (identifier.kind, identifier.value)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._looked_up(identifier)
        return found

    def _looked_up(self, identifier: Identifier) -> Known:
        digest = self._digest(identifier.kind, identifier.value)
        if identifier.kind == "phone":
            country, valid = _phone_country(identifier.value)
            if found := canonical_phone(identifier.value):
                number = self._digest("phone", found[0])
                return Known(digest, country, valid, Identifier("phone", found[0]), found[1], number)
            return Known(digest, country, valid, None, None, digest)
        country = None
        if identifier.kind == "user_id":
            prefix = identifier.value[:2]
            country = prefix if prefix.isascii() and prefix.isupper() else None
        return Known(digest, country, True, None, None)


def _phone_country(phone: str) -> tuple[str | None, bool]:
    import phonenumbers
    from phonenumbers.re_util import enable_pattern_cache

    enable_pattern_cache()
    try:
        number = phonenumbers.parse(phone)
    except phonenumbers.NumberParseException:
        return None, False
    found = region = phonenumbers.region_code_for_number(number)
    if region is None:
        region = phonenumbers.region_code_for_country_code(number.country_code or 0)
    valid = found is not None and phonenumbers.is_valid_number_for_region(number, found)
    return (None if region in (None, "ZZ", "001") else region), valid


def parties(links: Iterable[tuple[str, str]], identifiers: Iterable[str]) -> dict[str, str]:
    """Identifier digest → party id, over `identifiers` and everything `links` joins to them."""
    parent: dict[str, str] = {}

    def root(node: str) -> str:
        above = parent.setdefault(node, node)
        while above != node:
            parent[node] = node = parent.setdefault(above, above)
            above = parent[node]
        return node

    for left, right in links:
        a, b = root(left), root(right)
        if a < b:
            parent[b] = a
        elif b < a:
            parent[a] = b
    for digest in identifiers:
        root(digest)
    return {digest: root(digest) for digest in list(parent)}
