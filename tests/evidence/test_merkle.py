"""The tree against a second, naive one that follows RFC 6962's recursive definitions word by word."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wa_analytics.evidence import merkle

LEAVES = [hashlib.sha256(b"\0%d" % number).digest() for number in range(600)]


def _naive_root(leaves: list[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = max(2**n for n in range(20) if 2**n < len(leaves))
    return hashlib.sha256(b"\x01" + _naive_root(leaves[:k]) + _naive_root(leaves[k:])).digest()


def _naive_path(m: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = max(2**n for n in range(20) if 2**n < len(leaves))
    if m < k:
        return [*_naive_path(m, leaves[:k]), _naive_root(leaves[k:])]
    return [*_naive_path(m - k, leaves[k:]), _naive_root(leaves[:k])]


def _naive_consistency(m: int, leaves: list[bytes], is_known: bool = True) -> list[bytes]:
    if m == len(leaves):
        return [] if is_known else [_naive_root(leaves)]
    k = max(2**n for n in range(20) if 2**n < len(leaves))
    if m <= k:
        return [*_naive_consistency(m, leaves[:k], is_known), _naive_root(leaves[k:])]
    return [*_naive_consistency(m - k, leaves[k:], False), _naive_root(leaves[:k])]


class Nodes:
    """Complete subtrees of LEAVES; counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, level: int, index: int) -> bytes:
        self.asked += 1
        part = LEAVES[index << level : index + 1 << level]
        assert len(part) == 1 << level, "asked for a subtree that is not complete"
        return _naive_root(part)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 8, 9, 255, 256, 257, 600])
def test_root(size: int) -> None:
    assert merkle.root_of(LEAVES[:size]) == merkle.root(size, Nodes()) == _naive_root(LEAVES[:size])


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_inclusion(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 600))
    index = data.draw(st.integers(0, size - 1))
    nodes = Nodes()
    proof = merkle.inclusion_proof(index, size, nodes)
    assert proof == _naive_path(index, LEAVES[:size])
    assert nodes.asked <= 2 * size.bit_length()
    root = _naive_root(LEAVES[:size])
    merkle.check_inclusion(index, size, LEAVES[index], root, proof)
    other = data.draw(st.integers(0, size).filter(lambda n: n != index))
    with pytest.raises(merkle.ProofInvalid):
        merkle.check_inclusion(other, size, LEAVES[index], root, proof)
    with pytest.raises(merkle.ProofInvalid):
        merkle.check_inclusion(index, size, LEAVES[index + 1 if index < 599 else 0], root, proof)


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_consistency(data: st.DataObject) -> None:
    size2 = data.draw(st.integers(1, 600))
    size1 = data.draw(st.integers(1, size2))
    nodes = Nodes()
    proof = merkle.consistency_proof(size1, size2, nodes)
    assert proof == _naive_consistency(size1, LEAVES[:size2])
    assert nodes.asked <= 2 * size2.bit_length()
    root1, root2 = _naive_root(LEAVES[:size1]), _naive_root(LEAVES[:size2])
    merkle.check_consistency(size1, size2, root1, root2, proof)
    for at in range(len(proof)):
        flipped = [*proof[:at], bytes([proof[at][0] ^ 1]) + proof[at][1:], *proof[at + 1 :]]
        with pytest.raises(merkle.ProofInvalid):
            merkle.check_consistency(size1, size2, root1, root2, flipped)
    with pytest.raises(merkle.ProofInvalid):
        merkle.check_consistency(size1, size2, root1, root2, [*proof, root2])
    if size1 < size2:
        rewritten = _naive_root([*LEAVES[: size1 - 1], bytes(32)])
        with pytest.raises(merkle.ProofInvalid):
            merkle.check_consistency(size1, size2, rewritten, root2, proof)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (3, 3), (-1, 3)])
def test_no_inclusion_proof_outside_the_tree(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="is not in a tree"):
        merkle.inclusion_proof(index, size, Nodes())


@pytest.mark.parametrize(("size1", "size2"), [(0, 3), (4, 3)])
def test_no_consistency_proof_from_nothing_or_backwards(size1: int, size2: int) -> None:
    with pytest.raises(ValueError, match="no consistency proof"):
        merkle.consistency_proof(size1, size2, Nodes())
