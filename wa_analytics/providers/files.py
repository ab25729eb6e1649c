"""An import path as captures: one per webhook body, spool line, CSV record or NDJSON line.

Two halves, so that the costly one can run in worker processes: `raw_records` (the parent) splits
files into raw records without reading them, `captures_from` (a pure function of picklable
arguments) gives each record its headers, time and signature. `captures` is both in one.

Every file of lines or records also gives one capture that stands for the file itself (columns,
length, digest, count; never its name, which may be a person's), so no import file ever needs
carving. A table that is not UTF-8 is refused whole; a webhook line that is not is kept, as
everything that a parser will call unreadable is. Memory stays constant.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from wa_analytics.capture import Capture
from wa_analytics.providers import require_known
from wa_analytics.providers.file_head import (
    BOM,
    FileHead,
    headed,
    layout_of,
    refused_head,
)
from wa_analytics.providers.record_split import (
    BLOCK_BYTES,
    CsvSplitter,
    DocumentSplitter,
    LineTooLong,
    Numbered,
    Readable,
    blocks,
    line_records,
)
from wa_analytics.providers.signatures import SignatureCheck, signature_check
from wa_analytics.providers.spool import webhook_capture
from wa_analytics.providers.streams import (
    READ_ERRORS,
    Joined,
    Refusal,
    Source,
    Survey,
    Welcome,
    sentence_of,
    sources,
    survey,
)
from wa_analytics.providers.table_rows import SHAPES
from wa_analytics.settings import Settings

__all__ = ["FileHead", "RawChunk", "Refusal", "captures", "captures_from", "raw_records"]

CHUNK_RECORDS = 2_000
CHUNK_BYTES = 8 << 20
WHOLE_BYTES = 64 << 20
# Firehose gives its files no ending.
WELCOME: dict[str, Welcome] = {"aws-social": lambda ending: ending == ""}
_HEAD_BYTES = 64 << 10

RawChunk = tuple[FileHead, list[Numbered]]


def captures(
    path: str | Path,
    provider: str,
    received_at: int,
    settings: Settings,
    stdin: BinaryIO | None = None,
) -> Iterator[Capture | Refusal]:
    """Every capture under `path` (file, folder, archive, `-`), and a Refusal for each file or
    place that could not be imported; the rest goes on.

    received_at: microseconds since 1970 UTC, for all but spool lines, which bring their own.
    Raises InputRefused for an unknown provider.
    """
    check = signature_check(provider, settings)
    for chunk in raw_records(path, provider, settings, stdin):
        if isinstance(chunk, Refusal):
            yield chunk
        else:
            yield from captures_from(*chunk, received_at, check)


def captures_from(
    head: FileHead, records: list[Numbered], received_at: int, check: SignatureCheck
) -> list[Capture]:
    """The captures of one chunk of raw records. Pure; runs anywhere."""
    provider, context = head.provider, head.context
    if head.layout == "facts":
        return [Capture(body, {"kind": "file"}, provider, received_at) for _, body in records]
    headers = {} if head.file_digest is None else {"file_digest": head.file_digest}
    if head.columns is not None:
        headers |= {"columns": head.columns, "delimiter": head.delimiter}
    if provider not in SHAPES:
        return [
            webhook_capture(
                body,
                dict(headers) if head.layout == "whole" else {**headers, "line": str(line)},
                provider,
                received_at,
                check,
                head.time_zone,
            )
            for line, body in records
        ]
    if head.layout == "whole":
        return [Capture(body, dict(headers), provider, received_at) for _, body in records]
    return [
        Capture(body, {**headers, "line": str(line)}, provider, received_at, "absent", context)
        for line, body in records
    ]


def raw_records(
    path: str | Path, provider: str, settings: Settings, stdin: BinaryIO | None = None
) -> Iterator[RawChunk | Refusal]:
    """Chunks of about CHUNK_RECORDS raw records with the head of their file, and refusals.

    Raises InputRefused for an unknown provider.
    """
    require_known(provider)
    welcome = WELCOME.get(provider)
    for source in sources(path, stdin, welcome) if welcome else sources(path, stdin):
        if isinstance(source, Refusal):
            yield source
        else:
            yield from _source_chunks(source, provider, settings.imports.time_zone)


def _source_chunks(source: Source, provider: str, time_zone: str) -> Iterator[RawChunk | Refusal]:
    place, is_table = source.place, provider in SHAPES
    try:
        seen = None
        if source.is_repeatable and source.ending != ".json":
            seen = survey(source, must_be_utf8=is_table)
            if seen.line_not_utf8 is not None:
                yield _refusal(
                    place, seen.line_not_utf8, "is not UTF-8; save the file as UTF-8 and import it."
                )
                return
        with source.open() as stream:
            tally = _Tallied(stream, is_seen=seen is not None)
            start = _ahead(tally)
            layout = layout_of(source.ending, provider, start)
            if layout is None:
                what = (
                    f"{provider} takes no {source.ending} files; export webhook bodies as .json or .ndjson."
                )
                yield _refusal(place, None, what)
            elif layout == "whole":
                yield from _whole(Joined(start, tally), FileHead(provider, "whole", place, time_zone))
            elif (fault := refused_head(start)) is not None:
                yield _refusal(place, None, fault)
            else:
                head = FileHead(provider, layout, place, time_zone, seen.digest if seen else None)
                if seen is not None and seen.is_truncated:
                    head = msgspec.structs.replace(head, file_digest=None)
                rest = Joined(start.removeprefix(BOM), tally)
                if layout == "documents":
                    yield from _recorded(head, _documents(rest), tally, seen)
                else:
                    yield from _lined(rest, head, tally, seen)
    except READ_ERRORS as error:
        yield _refusal(place, None, sentence_of(error))


def _whole(stream: Readable, head: FileHead) -> Iterator[RawChunk | Refusal]:
    body = bytearray()
    while block := stream.read(BLOCK_BYTES):
        body += block
        if len(body) > WHOLE_BYTES:
            yield _refusal(
                head.place,
                None,
                f"holds more than {WHOLE_BYTES >> 20} MiB where one record is expected; "
                "put many records into an .ndjson file, one per line.",
            )
            return
    if body.removeprefix(BOM).strip():
        yield head, [(1, bytes(body))]
    else:
        yield _refusal(head.place, None, "the file is empty; export it again.")


def _lined(
    stream: Readable, head: FileHead, tally: _Tallied, seen: Survey | None
) -> Iterator[RawChunk | Refusal]:
    """The chunks of a file of lines or CSV records, then the file's own capture."""
    pending: list[Numbered] = []
    pending_bytes = record_count = 0
    next_line = 1
    columns: list[str] | None = None
    splitter: CsvSplitter | None = None
    fault: Refusal | None = None
    is_table = head.provider in SHAPES
    found = blocks(stream)
    try:
        for block in found:
            if head.layout == "csv" and splitter is None:
                read = headed(head, block)
                if isinstance(read, Refusal):
                    yield read
                    return
                if read is None:
                    continue
                head, columns, block = read
                splitter = CsvSplitter(head.delimiter)
            records = splitter.records(block) if splitter is not None else line_records(block)
            next_line = block.first_line + len(block.lines)
            if seen is None and is_table and (bad := _line_not_utf8(records)) is not None:
                # A pipe cannot be looked at beforehand: what came before this line stays.
                fault = _refusal(
                    head.place,
                    bad,
                    "is not UTF-8; this line and all after it were not imported; "
                    "save the text as UTF-8 and import it again.",
                )
                pending.extend(record for record in records if record[0] < bad)
                break
            pending.extend(records)
            pending_bytes += sum(len(record) for _, record in records)
            while len(pending) >= CHUNK_RECORDS or pending_bytes > CHUNK_BYTES:
                chunk, pending = pending[:CHUNK_RECORDS], pending[CHUNK_RECORDS:]
                pending_bytes = sum(len(record) for _, record in pending)
                record_count += len(chunk)
                yield head, chunk
    except LineTooLong as error:
        fault = _refusal(
            head.place,
            error.line,
            "is longer than any record can be; it and all lines after it were not imported; "
            "check that each record ends with a line end.",
        )
    except READ_ERRORS as error:
        fault = _refusal(
            head.place, next_line, f"{sentence_of(error)[:-1]}; the records before this line were imported."
        )
    if splitter is not None:
        pending.extend(splitter.rest())
    if pending:
        record_count += len(pending)
        yield head, pending
    if fault is not None:
        yield fault
    elif (head.layout == "csv" and splitter is None) or (head.layout == "lines" and not record_count):
        yield _refusal(head.place, None, "the file is empty; export it again.")
    else:
        yield _facts(head, columns or [], tally, seen, record_count)


def _documents(stream: Readable) -> Iterator[list[Numbered]]:
    splitter = DocumentSplitter()
    try:
        while block := stream.read(BLOCK_BYTES):
            yield splitter.records(block)
    except (*READ_ERRORS, LineTooLong):
        yield splitter.rest()
        raise
    yield splitter.rest()


def _recorded(
    head: FileHead, found: Iterator[list[Numbered]], tally: _Tallied, seen: Survey | None
) -> Iterator[RawChunk | Refusal]:
    """The chunks of the records found, then the file's own capture."""
    pending: list[Numbered] = []
    record_count = 0
    fault: Refusal | None = None
    try:
        for records in found:
            pending += records
            while len(pending) >= CHUNK_RECORDS or sum(len(r) for _, r in pending) > CHUNK_BYTES:
                chunk, pending = pending[:CHUNK_RECORDS], pending[CHUNK_RECORDS:]
                record_count += len(chunk)
                yield head, chunk
    except LineTooLong as error:
        what = "is longer than any can be; what comes after it was not imported: check how it was written."
        fault = _refusal(head.place, None, f"record {error.line} {what}")
    except READ_ERRORS as error:
        fault = _refusal(head.place, None, f"{sentence_of(error)[:-1]}; what came before was imported.")
    if pending:
        record_count += len(pending)
        yield head, pending
    if fault is not None:
        yield fault
    elif not record_count:
        yield _refusal(head.place, None, "the file is empty; export it again.")
    else:
        yield _facts(head, [], tally, seen, record_count)


def _facts(
    head: FileHead, columns: list[str], tally: _Tallied, seen: Survey | None, record_count: int
) -> RawChunk:
    facts = {
        "columns": columns,
        "length_bytes": seen.length_bytes if seen is not None else tally.length_bytes,
        "digest": seen.digest if seen is not None else tally.digest(),
        "record_count": record_count,
    }
    body = msgspec.json.encode({"file": facts})
    return FileHead(head.provider, "facts", head.place, head.time_zone), [(0, body)]


def _line_not_utf8(records: list[Numbered]) -> int | None:
    for line, record in records:
        try:
            record.decode()
        except UnicodeDecodeError:
            return line
    return None


def _ahead(stream: Readable) -> bytes:
    """The first bytes, enough to see what kind of text this is."""
    start = b""
    try:
        while len(start) < _HEAD_BYTES and (block := stream.read(_HEAD_BYTES)):
            start += block
    except EOFError:
        # A truncated file raises again where its whole lines were read.
        pass
    return start


def _refusal(place: str, line: int | None, what: str) -> Refusal:
    where = place if line is None else f"{place}, line {line}"
    return Refusal(place, line, f"{where}: {what}")


class _Tallied:
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
