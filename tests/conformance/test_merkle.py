"""Every vector of the third-party Merkle collection, the rejected ones included."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from wa_analytics.evidence import merkle

FOLDER = Path(__file__).parents[3] / "shared" / "conformance" / "merkle"
COUNTS = {"inclusion": 98, "consistency": 98, "subtreeinclusion": 204, "subtreeconsistency": 118}


def _vectors(kind: str) -> list[Any]:
    files = sorted((FOLDER / kind).rglob("*.json")) if FOLDER.is_dir() else []
    return [pytest.param(path, id=str(path.relative_to(FOLDER))) for path in files] or [
        pytest.param(
            None, marks=pytest.mark.skip(reason="the conformance vectors are not beside the checkout")
        )
    ]


def _check(kind: str, v: dict[str, Any]) -> None:
    proof = [b64decode(part) for part in v["proof"] or []]
    if kind.endswith("inclusion"):
        leaf, root = b64decode(v["leafHash"]), b64decode(v["root"])
        if kind == "inclusion":
            merkle.check_inclusion(v["leafIdx"], v["treeSize"], leaf, root, proof)
        else:
            merkle.check_subtree_inclusion(v["leafIdx"], v["start"], v["end"], leaf, root, proof)
        return
    root1, root2 = b64decode(v["root1"]), b64decode(v["root2"])
    if kind == "consistency":
        merkle.check_consistency(v["size1"], v["size2"], root1, root2, proof)
    else:
        merkle.check_subtree_consistency(v["start"], v["end"], v["size"], root1, root2, proof)


@pytest.mark.parametrize("kind", COUNTS)
def test_the_collection_is_whole(kind: str, shared_folder: Path) -> None:
    assert len(_vectors(kind)) == COUNTS[kind]


@pytest.mark.parametrize(
    ("kind", "path"),
    [pytest.param(kind, *p.values, id=p.id, marks=p.marks) for kind in COUNTS for p in _vectors(kind)],
)
def test_a_vector(kind: str, path: Path) -> None:
    vector = json.loads(path.read_text())
    if vector["wantErr"]:
        with pytest.raises(merkle.ProofInvalid):
            _check(kind, vector)
    else:
        _check(kind, vector)


def test_the_tree_of_eight_leaves(shared_folder: Path) -> None:
    tree = json.loads((shared_folder / "conformance/merkle/tree_of_8_leaves.json").read_text())
    levels = [[bytes.fromhex(node) for node in level] for level in tree["node_hashes_hex_by_level"]]
    from wa_analytics.evidence.layout import leaf_hash

    leaves = [leaf_hash(bytes.fromhex(leaf)) for leaf in tree["leaf_inputs_hex"]]
    assert leaves == levels[0]
    assert merkle.root_of(leaves) == levels[-1][0]
    assert merkle.root(8, lambda level, index: levels[level][index]) == levels[-1][0]
