"""Bundles taken apart and put together again, by someone with or without the log's signing key."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wa_analytics.errors import InputRefused
from wa_analytics.evidence.bundle_check import bundle_proof
from wa_analytics.evidence.note import VerifierKey, signed
from wa_analytics.evidence.standalone import verify_bundle

Files = dict[str, bytes]


def read(path: Path) -> Files:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path: Path, files: Files) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def resealed(files: Files, seed: bytes, change: Callable[[dict[str, Any], Files], None]) -> Files:
    """The bundle after `change`, with digests and signature made anew: what only the log's own
    keeper could do, so that what is found is found by the proofs."""
    files = dict(files)
    manifest = json.loads(files["bundle.json"])
    change(manifest, files)
    manifest["files"] = {
        name: hashlib.sha256(content).hexdigest()
        for name, content in files.items()
        if name not in ("bundle.json", "bundle.note")
    }
    files["bundle.json"] = json.dumps(manifest).encode()
    name = VerifierKey.of_text(files["keys/verifier-keys.txt"].decode().split()[0]).name
    digest = hashlib.sha256(files["bundle.json"]).hexdigest()
    files["bundle.note"] = signed(f"wa-bundle/1\n{digest}\n", name, seed).encode()
    return files


def codes(path: Path, key: VerifierKey | None = None) -> list[str]:
    """What `wa verify` finds; the verifier that travels inside must be of one mind with it."""
    arguments = [str(path), *(["--key", key.text] if key else [])]
    travelling = verify_bundle.main(arguments)
    try:
        proof = bundle_proof(path, [key] if key else [])
    except InputRefused:
        assert travelling == 2
        return ["refused"]
    assert travelling == (0 if proof.is_proven else 1)
    return [found.code for found in proof.findings]


def alone(path: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """The verifier out of the bundle itself, run without this package."""
    program = folder / "verify_bundle.py"
    program.write_bytes(read(path)["verify_bundle.py"])
    return subprocess.run(
        [sys.executable, "-I", str(program), str(path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
