"""The verifier that travels inside bundles: one file, nothing of ours, right about every primitive."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from wa_analytics.evidence import merkle
from wa_analytics.evidence.layout import packed, unpacked_raw
from wa_analytics.evidence.standalone import verify_bundle

FOLDER = Path(verify_bundle.__file__).parent


def test_it_needs_the_standard_library_and_ed25519_alone() -> None:
    tree = ast.parse((FOLDER / "verify_bundle.py").read_text())
    modules = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules.add(node.module or "")
    foreign = {module for module in modules if module.split(".")[0] not in sys.stdlib_module_names}
    assert foreign == {
        "cryptography.exceptions",
        "cryptography.hazmat.primitives.asymmetric.ed25519",
    }


@settings(max_examples=60, deadline=None)
@given(
    key=st.binary(min_size=32, max_size=32),
    nonce=st.binary(min_size=12, max_size=12),
    plain=st.binary(max_size=200),
    associated=st.binary(max_size=40),
)
def test_it_opens_what_aes_gcm_sealed(key: bytes, nonce: bytes, plain: bytes, associated: bytes) -> None:
    sealed = AESGCM(key).encrypt(nonce, plain, associated)
    assert verify_bundle.opened(key, nonce, sealed, associated) == plain


# GCM specification (McGrew, Viega), test case 16.
KEY = bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2)
NONCE = bytes.fromhex("cafebabefacedbaddecaf888")
ASSOCIATED = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
PLAIN = bytes.fromhex(
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
)
SEALED = bytes.fromhex(
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
    "76fc6ece0f4e1768cddf8853bb2d551b"
)


def test_a_published_vector() -> None:
    assert verify_bundle.opened(KEY, NONCE, SEALED, ASSOCIATED) == PLAIN


@pytest.mark.parametrize("at", [0, 59, 60, 75])
def test_a_changed_ciphertext_or_tag_does_not_open(at: int) -> None:
    changed = bytearray(SEALED)
    changed[at] ^= 1
    with pytest.raises(ValueError, match="tag"):
        verify_bundle.opened(KEY, NONCE, bytes(changed), ASSOCIATED)


@pytest.mark.parametrize(
    ("key", "nonce", "associated"),
    [
        (bytes(32), NONCE, ASSOCIATED),
        (KEY, bytes(12), ASSOCIATED),
        (KEY, NONCE, ASSOCIATED + b"\0"),
        (KEY, NONCE, ASSOCIATED[:-1]),
        (KEY[:16], NONCE, ASSOCIATED),
        (KEY, NONCE[:8], ASSOCIATED),
    ],
)
def test_another_key_nonce_or_associated_data_does_not_open(
    key: bytes, nonce: bytes, associated: bytes
) -> None:
    with pytest.raises(ValueError, match="tag"):
        verify_bundle.opened(key, nonce, SEALED, associated)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 13])
def test_its_tree_is_the_tree(size: int) -> None:
    leaves = [bytes([n]) * 32 for n in range(size)]

    def node(level: int, index: int) -> bytes:
        return merkle.root_of(leaves[index << level : (index + 1) << level])

    root = merkle.root_of(leaves)
    for index in range(size):
        path = merkle.inclusion_proof(index, size, node)
        assert verify_bundle.root_by_inclusion(index, size, leaves[index], path) == root
        for wrong in ([*path, root], path[:-1]) if path else ([root],):
            with pytest.raises(ValueError, match="too"):
                verify_bundle.root_by_inclusion(index, size, leaves[index], wrong)
    for first in range(1, size + 1):
        path = merkle.consistency_proof(first, size, node)
        known = merkle.root_of(leaves[:first])
        assert verify_bundle.roots_by_consistency(first, size, known, path) == (known, root)
        with pytest.raises(ValueError, match="too long"):
            verify_bundle.roots_by_consistency(first, size, known, [*path, root])


def test_it_takes_containers_apart_as_the_log_does() -> None:
    container = packed({"content-type": "application/json"}, b"body", b"context")
    headers, context, body = unpacked_raw(container)
    assert verify_bundle.parts_of(container) == (headers, context, body)
    assert (context, body) == (b"context", b"body")
    for wrong in (b"", b"\x02" + container[1:], container[:9], b"\x01" + b"\xff" * 8):
        with pytest.raises(ValueError):
            verify_bundle.parts_of(wrong)
