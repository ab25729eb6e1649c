"""Records of a file in chunks, with the head they share; the last chunk stands for the file itself."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import msgspec

from wa_analytics.providers.file_head import BOM, FileHead
from wa_analytics.providers.record_split import BLOCK_BYTES, LineTooLong, Numbered, Readable
from wa_analytics.providers.streams import READ_ERRORS, Refusal, sentence_of
from wa_analytics.providers.survey import Survey

CHUNK_RECORDS = 2_000
CHUNK_BYTES = 8 << 20
WHOLE_BYTES = 64 << 20
_HEAD_BYTES = 64 << 10

RawChunk = tuple[FileHead, list[Numbered]]
Contextual = tuple[bytes, list[Numbered]]
"""Records, and what belongs to the identity of each beside its bytes."""


def whole(stream: Readable, head: FileHead) -> Iterator[RawChunk | Refusal]:
    body = all_of(stream)
    if body is None:
        remedy = (
            "put many records into an .ndjson file, one per line."
            if head.chat is None
            else "keep it elsewhere and import the chat without it."
        )
        what = f"holds more than {WHOLE_BYTES >> 20} MiB where one record is expected; {remedy}"
        yield refusal(head.place, None, what)
    elif body.removeprefix(BOM).strip():
        yield head, [(1, body)]
    else:
        yield refusal(head.place, None, "the file is empty; export it again.")


def all_of(stream: Readable) -> bytes | None:
    """None beyond WHOLE_BYTES."""
    body = bytearray()
    while block := stream.read(BLOCK_BYTES):
        body += block
        if len(body) > WHOLE_BYTES:
            return None
    return bytes(body)


def recorded(
    head: FileHead, found: Iterator[Contextual], tally: Tallied, seen: Survey | None
) -> Iterator[RawChunk | Refusal]:
    """The chunks of the records found, then the file's own capture."""
    pending: list[Numbered] = []
    record_count = 0
    fault: Refusal | None = None
    try:
        for context, records in found:
            if context:
                if pending:
                    record_count += len(pending)
                    yield head, pending
                    pending = []
                record_count += len(records)
                yield msgspec.structs.replace(head, context=context), records
                continue
            pending += records
            while len(pending) >= CHUNK_RECORDS or sum(len(r) for _, r in pending) > CHUNK_BYTES:
                chunk, pending = pending[:CHUNK_RECORDS], pending[CHUNK_RECORDS:]
                record_count += len(chunk)
                yield head, chunk
    except LineTooLong as error:
        what = "is longer than any can be; what comes after it was not imported: check how it was written."
        fault = refusal(head.place, None, f"record {error.line} {what}")
    except READ_ERRORS as error:
        fault = refusal(head.place, None, f"{sentence_of(error)[:-1]}; what came before was imported.")
    if pending:
        record_count += len(pending)
        yield head, pending
    if fault is not None:
        yield fault
    elif not record_count:
        yield refusal(head.place, None, "the file is empty; export it again.")
    else:
        yield facts(head, [], tally, seen, record_count)


def facts(
    head: FileHead, columns: list[str], tally: Tallied, seen: Survey | None, record_count: int
) -> RawChunk | Refusal:
    """The file's own capture."""
    if seen is not None and seen.length_bytes != tally.length_bytes:
        what = "changed while it was read; import it again when nothing writes to it any more."
        return refusal(head.place, None, what)
    facts = {
        "columns": columns,
        "length_bytes": seen.length_bytes if seen is not None else tally.length_bytes,
        "digest": seen.digest if seen is not None else tally.digest(),
        "record_count": record_count,
    }
    body = msgspec.json.encode({"file": facts})
    return FileHead(head.provider, "facts", head.place, head.time_zone), [(0, body)]


def ahead(stream: Readable) -> bytes:
    """The first bytes, enough to see what kind of text this is."""
    start = b""
    try:
        while len(start) < _HEAD_BYTES and (block := stream.read(_HEAD_BYTES)):
            start += block
    except EOFError:
        # A truncated file raises again where its whole lines were read; one cut in its head does not.
        if not start:
            raise
    return start


def refusal(place: str, line: int | None, what: str) -> Refusal:
    where = place if line is None else f"{place}, line {line}"
    return Refusal(place, line, f"{where}: {what}")


class Tallied:
    """A stream whose length and, unless a survey told it, digest are known once it was read."""

    def __init__(self, stream: Readable, *, is_seen: bool) -> None:
        self._stream = stream
        self._digest = None if is_seen else hashlib.sha256()
        self.length_bytes = 0

    def read(self, size: int, /) -> bytes:
        block = self._stream.read(size)
        self.length_bytes += len(block)
        if self._digest is not None:
            self._digest.update(block)
        return block

    def digest(self) -> str:
        return self._digest.hexdigest() if self._digest is not None else ""
