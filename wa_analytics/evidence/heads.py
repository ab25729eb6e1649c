"""The signed heads that a verification holds the log to: from the database and from every place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from wa_analytics.errors import PlaceUnavailable
from wa_analytics.evidence.broken import Findings
from wa_analytics.evidence.disposal_notes import holds, told
from wa_analytics.evidence.note import NoteInvalid, VerifierKey, opened
from wa_analytics.evidence.stored import stored_rows

if TYPE_CHECKING:
    from wa_analytics.database import Database
    from wa_analytics.evidence.places import Place

DATABASE = "database"


@dataclass
class SignedHeads:
    """roots: size → root → where it is kept; digests: size → SHA-256 of its notes, for their
    timestamps; empty_places: places that keep none."""

    roots: dict[int, dict[bytes, list[str]]] = field(default_factory=lambda: defaultdict(dict))
    digests: dict[int, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    empty_places: tuple[str, ...] = ()


def signed_heads(
    database: Database,
    places: Sequence[Place],
    findings: Findings,
    trusted: Iterable[VerifierKey] = (),
) -> SignedHeads:
    """Every head whose signature holds; what does not hold becomes a finding.

    trusted: public keys that the caller knows from elsewhere. Without any, the keys are those on
    which the database and all places that keep some agree.
    """
    heads = SignedHeads()
    keys = set(trusted) or _agreed_keys(database, places, findings)
    sizes: set[int] = set()
    for tree_size, root, note in stored_rows(
        database, "SELECT tree_size, root, note FROM checkpoint ORDER BY tree_size"
    ):
        size = _added(heads, str(note), keys, DATABASE, findings, tree_size, root)
        if size is not None:
            sizes.add(size)
    for place in places:
        kept = 0
        try:
            for named, note in place.notes():
                kept += 1
                size = _added(heads, note, keys, place.name, findings, named, None)
                if size is not None and size not in sizes:
                    findings.of("checkpoint_missing", f"size {size} in {place.name}")
        except PlaceUnavailable:
            findings.of("place_unreadable", place.name)
            continue
        if not kept:
            heads.empty_places += (place.name,)
        _disposals(database, place, keys, findings)
    for size, roots in heads.roots.items():
        if len(roots) > 1:
            where = ", ".join(sorted({name for names in roots.values() for name in names}))
            findings.of("checkpoint_forked", f"size {size} in {where}")
    return heads


def _disposals(database: Database, place: Place, keys: set[VerifierKey], findings: Findings) -> None:
    """Every disposal that a place knows must stand in the log."""
    try:
        for named, note in place.disposals():
            try:
                facts = told(note, keys)
            except NoteInvalid:
                findings.of("disposal_forged", f"entry {named} in {place.name}")
                continue
            for fact in facts:
                if not holds(database, fact):
                    findings.at("disposal_missing", fact.sequence, where=place.name)
    except PlaceUnavailable:
        findings.of("place_unreadable", place.name)


def _added(
    heads: SignedHeads,
    note: str,
    keys: set[VerifierKey],
    where: str,
    findings: Findings,
    named: object,
    root: object,
) -> int | None:
    """The head's size if its signature holds; `named` and `root` are what stands beside the note."""
    try:
        head = opened(note, keys)
    except NoteInvalid:
        findings.of("checkpoint_forged", f"size {named} in {where}")
        return None
    if named != head.size or (root is not None and root != head.root):
        findings.of("checkpoint_altered", f"size {named} in {where}")
    heads.roots[head.size].setdefault(head.root, []).append(where)
    heads.digests[head.size].add(sha256(note.encode("utf-8", "surrogatepass")).digest())
    return head.size


def _agreed_keys(database: Database, places: Sequence[Place], findings: Findings) -> set[VerifierKey]:
    sources: dict[str, set[str]] = {
        DATABASE: {str(row[0]) for row in stored_rows(database, "SELECT verifier_key FROM verifier_key")}
    }
    for place in places:
        try:
            sources[place.name] = set(place.keys())
        except PlaceUnavailable:
            findings.of("place_unreadable", place.name)
    holding = {name: _parsed(name, texts, findings) for name, texts in sources.items() if texts}
    if not holding:
        return set()
    # By the key itself: one key may have signed under an older name of the log as well.
    agreed = set.intersection(*({key.public_key for key in keys} for keys in holding.values()))
    for name, keys in holding.items():
        if any(key.public_key not in agreed for key in keys):
            findings.of("verifier_key_unknown", name)
    return {key for keys in holding.values() for key in keys if key.public_key in agreed}


def _parsed(name: str, texts: set[str], findings: Findings) -> set[VerifierKey]:
    keys = set()
    for text in texts:
        try:
            keys.add(VerifierKey.of_text(text))
        except NoteInvalid:
            findings.of("verifier_key_unknown", name)
    return keys
