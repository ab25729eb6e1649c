"""Identifiers and parties.

Decision: a party is the connected set of identifiers that evidence links; `party_id` is the
smallest identifier digest of the set, so it depends on no order. Beside the exact form of a phone a
canonical one stands (Brazil's ninth digit, Mexico's 1, Argentina's 9), linked under a rule that
names it. A number the plan calls invalid is kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from wa_analytics.records import Identifier

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

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
        self._known: dict[Identifier, Known] = {}

    def known(self, identifier: Identifier) -> Known:
        """What is known of an identifier from its text alone; remembered."""
        found = self._known.get(identifier)
        if found is None:
            found = self._known[identifier] = self._looked_up(identifier)
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


def parsed_phone(phone: str) -> PhoneNumber | None:
    """What `phonenumbers.parse` makes of `+digits`, None where that refuses it. Where no national prefix
    could be stripped, the digits alone tell it, in a fifth of the time."""
    digits = phone[1:]
    if phone[:1] == "+" and digits.isdecimal() and digits.isascii() and 7 <= len(digits) <= 15:
        for length in (1, 2, 3):
            found = _calling_code(digits[:length])
            if found is not None:
                new, is_prefixed = found
                if digits[length] == "0" or is_prefixed(digits, length):
                    break
                return new(int(digits[:length]), int(digits[length:]))
    import phonenumbers

    try:
        return phonenumbers.parse(phone)
    except phonenumbers.NumberParseException:
        return None


@cache
def _calling_code(code: str) -> tuple[type[PhoneNumber], Callable[[str, int], Any]] | None:
    """Whether the digits are a calling code: what makes a number of it, and a test whether a national
    prefix may stand at a place of a text."""
    import phonenumbers
    from phonenumbers.re_util import enable_pattern_cache

    enable_pattern_cache()
    if int(code) not in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
        return None
    region = phonenumbers.region_code_for_country_code(int(code))
    metadata = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(int(code), region)
    prefix = None if metadata is None else metadata.national_prefix_for_parsing
    return phonenumbers.PhoneNumber, re.compile(prefix or "(?!)").match


def _phone_country(phone: str) -> tuple[str | None, bool]:
    import phonenumbers

    number = parsed_phone(phone)
    if number is None:
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
