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

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from wa_analytics.capture import Capture
from wa_analytics.providers import chunks as sized
from wa_analytics.providers import require_known
from wa_analytics.providers.chat_files import CHAT_FILES, chat_chunks
from wa_analytics.providers.chunks import (
    Contextual,
    RawChunk,
    Tallied,
    ahead,
    facts,
    recorded,
    refusal,
    whole,
)
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
    Numbered,
    Readable,
    blocks,
    line_records,
)
from wa_analytics.providers.signatures import SignatureCheck, signature_check
from wa_analytics.providers.spool import webhook_capture
from wa_analytics.providers.streams import READ_ERRORS, Joined, Refusal, Source, Welcome, sentence_of, sources
from wa_analytics.providers.survey import Survey, survey
from wa_analytics.providers.table_rows import SHAPES
from wa_analytics.settings import Imports, Settings

__all__ = ["FileHead", "RawChunk", "Refusal", "captures", "captures_from", "raw_records"]

# Firehose gives its files no ending; a chat comes with the files that were sent in it.
WELCOME: dict[str, Welcome] = {
    "aws-social": lambda ending, is_member: ending == "",
    "chat-export": lambda ending, is_member: is_member or ending in CHAT_FILES,
}
COMPANION = {"source": "chat_media"}


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
    if head.chat is not None:
        if not head.chat:
            headers |= {"file_name": _file_name(head.place)}
            return [Capture(body, headers | COMPANION, provider, received_at) for _, body in records]
        order, style = head.chat
        headers |= {"date_order": order, "line_style": style}
        return [
            Capture(body, {**headers, "line": str(line)}, provider, received_at, "absent", context)
            for line, body in records
        ]
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


def _file_name(place: str) -> str:
    """As text, whatever bytes the file system holds."""
    name = place.replace("\\", "/").rpartition("/")[2].rpartition(" › ")[2]
    return name.encode(errors="replace").decode()


def raw_records(
    path: str | Path, provider: str, settings: Settings, stdin: BinaryIO | None = None
) -> Iterator[RawChunk | Refusal]:
    """Chunks of about sized.CHUNK_RECORDS raw records with the head of their file, and refusals.

    Raises InputRefused for an unknown provider.
    """
    require_known(provider)
    welcome = WELCOME.get(provider)
    for source in sources(path, stdin, welcome) if welcome else sources(path, stdin):
        if isinstance(source, Refusal):
            yield source
        else:
            yield from _source_chunks(source, provider, settings.imports)


def _source_chunks(source: Source, provider: str, imports: Imports) -> Iterator[RawChunk | Refusal]:
    place, is_table, time_zone = source.place, provider in SHAPES, imports.time_zone
    if provider == "chat-export":
        yield from chat_chunks(source, imports)
        return
    try:
        seen = None
        if source.is_repeatable and source.ending != ".json":
            seen = survey(source, must_be_utf8=is_table)
            if seen.line_not_utf8 is not None:
                yield refusal(
                    place, seen.line_not_utf8, "is not UTF-8; save the file as UTF-8 and import it."
                )
                return
        with source.open() as stream:
            tally = Tallied(stream, is_seen=seen is not None)
            start = ahead(tally)
            layout = layout_of(source.ending, provider, start)
            if layout is None:
                what = (
                    f"{provider} takes no {source.ending} files; export webhook bodies as .json or .ndjson."
                )
                yield refusal(place, None, what)
            elif layout == "whole":
                yield from whole(Joined(start, tally), FileHead(provider, "whole", place, time_zone))
            elif (fault := refused_head(start)) is not None:
                yield refusal(place, None, fault)
            else:
                head = FileHead(provider, layout, place, time_zone, seen.digest if seen else None)
                if seen is not None and seen.is_truncated:
                    head = msgspec.structs.replace(head, file_digest=None)
                rest = Joined(start.removeprefix(BOM), tally)
                if layout == "documents":
                    yield from recorded(head, _documents(rest), tally, seen)
                else:
                    yield from _lined(rest, head, tally, seen)
    except READ_ERRORS as error:
        yield refusal(place, None, sentence_of(error))


def _lined(
    stream: Readable, head: FileHead, tally: Tallied, seen: Survey | None
) -> Iterator[RawChunk | Refusal]:
    """The chunks of a file of lines or CSV records, then the file's own capture."""
    pending: list[Numbered] = []
    pending_bytes = record_count = 0
    next_line = 1
    columns: list[str] | None = None
    splitter: CsvSplitter | None = None
    fault: Refusal | None = None
    is_table = head.provider in SHAPES
    too_long: list[int] = []
    try:
        for block in blocks(stream, too_long=too_long.append):
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
                fault = refusal(
                    head.place,
                    bad,
                    "is not UTF-8; this line and all after it were not imported; "
                    "save the text as UTF-8 and import it again.",
                )
                pending.extend(record for record in records if record[0] < bad)
                break
            pending.extend(records)
            pending_bytes += sum(len(record) for _, record in records)
            while len(pending) >= sized.CHUNK_RECORDS or pending_bytes > sized.CHUNK_BYTES:
                chunk, pending = pending[: sized.CHUNK_RECORDS], pending[sized.CHUNK_RECORDS :]
                pending_bytes = sum(len(record) for _, record in pending)
                record_count += len(chunk)
                yield head, chunk
    except READ_ERRORS as error:
        fault = refusal(
            head.place, next_line, f"{sentence_of(error)[:-1]}; the records before this line were imported."
        )
    if splitter is not None:
        pending.extend(splitter.rest())
    if pending:
        record_count += len(pending)
        yield head, pending
    for line in too_long:
        what = "is longer than any record can be and was not imported; give each record a line."
        yield refusal(head.place, line, what)
    if fault is not None:
        yield fault
    elif too_long and not record_count:
        return
    elif (head.layout == "csv" and splitter is None) or (head.layout == "lines" and not record_count):
        yield refusal(head.place, None, "the file is empty; export it again.")
    else:
        yield facts(head, columns or [], tally, seen, record_count)


def _documents(stream: Readable) -> Iterator[Contextual]:
    splitter = DocumentSplitter()
    while block := stream.read(BLOCK_BYTES):
        yield b"", splitter.records(block)
    yield b"", splitter.rest()


def _line_not_utf8(records: list[Numbered]) -> int | None:
    for line, record in records:
        try:
            record.decode()
        except UnicodeDecodeError:
            return line
    return None
