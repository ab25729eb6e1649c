"""The Merkle tree of RFC 6962: roots, inclusion and consistency proofs, and their verification.

Pure. Whoever makes a proof gives `node(level, index)`, the hash of the complete subtree over the
leaves [index * 2**level, (index + 1) * 2**level); a proof asks for O(log N) of them.

Sources: RFC 6962 section 2.1 (tree, paths), RFC 9162 section 2.1 (how to verify), and for the
proofs about a subtree [start, end) draft-ietf-plants-merkle-tree-certs section 4.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

Node = Callable[[int, int], bytes]

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


class ProofInvalid(ValueError):
    """A proof that does not prove what it says."""


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 6962 2.1: SHA-256 of 0x01 and both children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(leaf_hashes: Sequence[bytes]) -> bytes:
    """Root over leaf hashes: pair by pair, an odd last one moves up as it is."""
    if not leaf_hashes:
        return EMPTY_ROOT
    level = list(leaf_hashes)
    while len(level) > 1:
        odd = level[-1:] if len(level) % 2 else []
        level = [node_hash(a, b) for a, b in zip(level[::2], level[1::2], strict=False)] + odd
    return level[0]


def _split(size: int) -> int:
    """Largest power of two below `size` (> 1)."""
    return 1 << (size - 1).bit_length() - 1


def range_hash(start: int, end: int, node: Node) -> bytes:
    """Hash of the leaves [start, end), start being a multiple of the next power of two."""
    parts = []
    at = start
    while at < end:
        level = (end - at).bit_length() - 1
        parts.append(node(level, at >> level))
        at += 1 << level
    if not parts:
        return EMPTY_ROOT
    whole = parts.pop()
    while parts:
        whole = node_hash(parts.pop(), whole)
    return whole


def root(size: int, node: Node) -> bytes:
    """The root over the first `size` leaves. node: hash of the perfect subtree at (level, index)."""
    return range_hash(0, size, node)


def inclusion_proof(index: int, size: int, node: Node) -> list[bytes]:
    """Path of leaf `index` in the tree of `size` leaves, from the leaf upwards."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    path = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(range_hash(middle, end, node))
            end = middle
        else:
            path.append(range_hash(start, middle, node))
            start = middle
    return path[::-1]


def consistency_proof(size1: int, size2: int, node: Node) -> list[bytes]:
    """Proof that the tree of `size2` leaves begins with the tree of `size1`."""
    if not 0 < size1 <= size2:
        raise ValueError(f"no consistency proof from {size1} to {size2}")
    path = []
    start, end = 0, size2
    is_known = True
    while end != size1:
        middle = start + _split(end - start)
        if size1 <= middle:
            path.append(range_hash(middle, end, node))
            end = middle
        else:
            path.append(range_hash(start, middle, node))
            start = middle
            is_known = False
    if not is_known:
        path.append(range_hash(start, end, node))
    return path[::-1]


def check_inclusion(
    index: int, size: int, leaf_hash: bytes, root_hash: bytes, proof: Iterable[bytes]
) -> None:
    """Raises ProofInvalid unless the leaf stands at `index` in the tree of that root."""
    check_subtree_inclusion(index, 0, size, leaf_hash, root_hash, proof)


def check_consistency(size1: int, size2: int, root1: bytes, root2: bytes, proof: Iterable[bytes]) -> None:
    """Raises ProofInvalid unless the second tree begins with the first.

    An empty first tree is refused: every tree begins with it, so nothing would be proven.
    """
    if size1 < 1:
        raise ProofInvalid("a proof from an empty tree says nothing")
    check_subtree_consistency(0, size1, size2, root1, root2, proof)


def _is_subtree(start: int, end: int) -> bool:
    """Whether [start, end) can be a subtree: start is a multiple of the power of two that holds it."""
    return 0 <= start < end and start % (1 << (end - start - 1).bit_length()) == 0


def _hashes(proof: Iterable[bytes], *others: bytes) -> list[bytes]:
    path = list(proof)
    if any(len(value) != HASH_BYTES for value in (*path, *others)):
        raise ProofInvalid("a hash has 32 bytes")
    return path


def check_subtree_inclusion(
    index: int, start: int, end: int, leaf_hash: bytes, root_hash: bytes, proof: Iterable[bytes]
) -> None:
    """The same for the subtree over the leaves [start, end)."""
    if not _is_subtree(start, end) or not start <= index < end:
        raise ProofInvalid("the leaf is not in that tree")
    path = _hashes(proof, leaf_hash, root_hash)
    at, last = index - start, end - start - 1
    value = leaf_hash
    for sibling in path:
        if last == 0:
            raise ProofInvalid("the proof is too long")
        if at & 1 or at == last:
            value = node_hash(sibling, value)
            while not at & 1 and at:
                at >>= 1
                last >>= 1
        else:
            value = node_hash(value, sibling)
        at >>= 1
        last >>= 1
    if last:
        raise ProofInvalid("the proof is too short")
    if value != root_hash:
        raise ProofInvalid("the proof leads to another root")


def check_subtree_consistency(
    start: int, end: int, size: int, root1: bytes, root2: bytes, proof: Iterable[bytes]
) -> None:
    """Raises ProofInvalid unless the tree of `size` leaves and root `root2` holds the subtree over
    the leaves [start, end) with hash `root1`. An empty subtree needs an empty proof."""
    if start == end:
        if not 0 <= end <= size or root1 != EMPTY_ROOT or list(proof):
            raise ProofInvalid("an empty subtree has the empty hash and an empty proof")
        return
    if not _is_subtree(start, end) or end > size:
        raise ProofInvalid("that is no subtree of the tree")
    path = _hashes(proof)
    first, last, tree_last = start, end - 1, size - 1
    while first != last and (last & 1 or last == tree_last):
        first, last, tree_last = first >> 1, last >> 1, tree_last >> 1
    if first == last:
        old = new = root1
    else:
        if not path:
            raise ProofInvalid("the proof is too short")
        old = new = path.pop(0)
    for sibling in path:
        if tree_last == 0:
            raise ProofInvalid("the proof is too long")
        if last & 1 or last == tree_last:
            if first < last:
                old = node_hash(sibling, old)
            new = node_hash(sibling, new)
            while not last & 1 and last:
                first, last, tree_last = first >> 1, last >> 1, tree_last >> 1
        else:
            new = node_hash(new, sibling)
        first, last, tree_last = first >> 1, last >> 1, tree_last >> 1
    if tree_last:
        raise ProofInvalid("the proof is too short")
    if old != root1 or new != root2:
        raise ProofInvalid("the proof leads to other roots")
