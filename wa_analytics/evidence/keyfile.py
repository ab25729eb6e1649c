"""Key files: 32 bytes as hex, readable by their owner alone, written whole or not at all."""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from pathlib import Path

from wa_analytics.errors import KeyRefused

KEY_BYTES = 32
MASTER, NEXT_MASTER = "master.key", "master.key.next"


def key_of_text(text: str, name: str) -> bytes:
    """32 bytes from 64 hex or 44 base64 characters; `name` is for the sentence."""
    text = text.strip()
    try:
        key = bytes.fromhex(text) if len(text) == 2 * KEY_BYTES else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != KEY_BYTES:
        raise KeyRefused(
            f"{name} does not hold 32 bytes as hex or base64; put the original back from its copy."
        )
    return key


def folder_checked(folder: Path) -> None:
    """Raises KeyRefused unless the folder is there and closed to others."""
    if not folder.is_dir():
        raise KeyRefused(
            f"The key folder {folder} is missing; put it back from its copy, "
            "or run `wa init` for a new workspace."
        )
    if folder.stat().st_mode & 0o077:
        raise KeyRefused(f"Others may enter the key folder {folder}; run `chmod 700 {folder}`.")


def read_key(path: Path) -> bytes:
    """The key in a file. Raises KeyRefused if it is missing, readable by others or no key."""
    return key_of_text(_content(path, 1024), str(path))


def read_ciphertext(path: Path) -> bytes:
    """What `write_key` wrote, of whatever length. Raises KeyRefused as `read_key` does."""
    try:
        ciphertext = bytes.fromhex(_content(path, 16_384))
    except ValueError:
        ciphertext = b""
    if not ciphertext:
        raise KeyRefused(f"{path} does not hold bytes as hex; put the original back from its copy.")
    return ciphertext


def _content(path: Path, limit: int) -> str:
    folder_checked(path.parent)
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        raise KeyRefused(
            f"The key {path} is missing; put it back from its copy: "
            "a new one cannot read what the old one locked."
        ) from None
    except OSError as error:
        raise KeyRefused(f"The key {path} cannot be read ({error.strerror}).") from None
    with os.fdopen(descriptor, "rb") as file:
        if os.fstat(descriptor).st_mode & 0o077:
            raise KeyRefused(f"Others may read the key {path}; run `chmod 600 {path}`.")
        return file.read(limit).decode("ascii", "replace")


def make_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _synced(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_key(path: Path, key: bytes, *, replace: bool = False) -> bool:
    """Write a key beside its place, then move it there; False if one stood there already."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(key.hex() + "\n")
            file.flush()
            os.fsync(descriptor)
        if replace:
            os.replace(draft, path)
        else:
            try:
                os.link(draft, path)
            except FileExistsError:
                return False
        _synced(path.parent)
        return True
    finally:
        draft.unlink(missing_ok=True)


def move_key(source: Path, target: Path) -> None:
    os.replace(source, target)
    _synced(target.parent)
