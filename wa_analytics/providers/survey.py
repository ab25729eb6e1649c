"""A source read once before anything of it is stored: how long, which bytes, whether it is text."""

from __future__ import annotations

import hashlib

import msgspec

from wa_analytics.providers.record_split import BLOCK_BYTES
from wa_analytics.providers.streams import Source


class Survey(msgspec.Struct):
    """What a first reading of a source tells: its length and digest, the first line that is not
    UTF-8, and whether it ends in the middle."""

    length_bytes: int = 0
    digest: str = ""
    line_not_utf8: int | None = None
    is_truncated: bool = False


def survey(source: Source, *, must_be_utf8: bool) -> Survey:
    """Raises READ_ERRORS but EOFError; reads the source once, in constant memory."""
    found, digest, line, tail = Survey(), hashlib.sha256(), 1, b""
    with source.open() as stream:
        try:
            while block := stream.read(BLOCK_BYTES):
                found.length_bytes += len(block)
                digest.update(block)
                if not must_be_utf8 or (not tail and block.isascii()):
                    line += block.count(b"\n") if must_be_utf8 else 0
                    continue
                text, tail = tail + block, b""
                try:
                    text.decode()
                except UnicodeDecodeError as error:
                    if error.reason != "unexpected end of data" or len(text) - error.start > 3:
                        found.line_not_utf8 = line + text.count(b"\n", 0, error.start)
                        return found
                    tail = text[error.start :]
                line += text.count(b"\n")
        except EOFError:
            found.is_truncated = True
    found.digest = digest.hexdigest()
    return found
