"""A bucket with object lock: a place for checkpoints that nobody can rewrite before the lock ends.

Every object is put under a COMPLIANCE lock and never over another. Reading goes through the list of
versions, so a note hidden by a delete marker, or by a newer version, still counts.

    <prefix>/checkpoint/<countdown>-<size>.checkpoint     C2SP signed note
    <prefix>/timestamp/<countdown>-<size>.tsr             RFC 3161 response
    <prefix>/disposals/<countdown>-<entry>.disposals      signed note of disposals
    <prefix>/verifier-key/<key id>.verifier-key           public key

Stores list names upwards only, so `countdown` (10^20 - 1 - size) puts the newest first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from wa_analytics.errors import PlaceUnavailable
from wa_analytics.evidence.aws import AwsFailed, client, failures

if TYPE_CHECKING:
    from wa_analytics.settings import Evidence

SCHEME = "s3://"
COUNTDOWN = 10**20 - 1
READERS, BATCH, LARGEST_OBJECT = 8, 256, 1 << 24
_CHECKPOINT, _TIMESTAMP, _KEY, _DISPOSALS = "checkpoint", "tsr", "verifier-key", "disposals"
_FOLDERS = {
    _CHECKPOINT: "checkpoint/",
    _TIMESTAMP: "timestamp/",
    _KEY: "verifier-key/",
    _DISPOSALS: "disposals/",
}
_NAME = re.compile(r"(\d{20})-(\d{1,20})\.(?:checkpoint|tsr|disposals)(?:\.\d+)?")
_STANDS_ALREADY = frozenset(("PreconditionFailed", "ConditionalRequestConflict"))
_HINTS = {
    "InvalidRequest": "was the bucket made with object lock?",
    "ObjectLockConfigurationNotFoundError": "the bucket has no object lock",
    "unlocked": "it does not show a COMPLIANCE lock; the bucket needs object lock, and we "
    "s3:PutObjectRetention and s3:GetObjectRetention",
}


class S3Place:
    """`s3://bucket/prefix` at any S3-compatible store that has object lock and conditional puts."""

    def __init__(self, address: str, evidence: Evidence, name: str) -> None:
        self.address = address
        bucket, _, prefix = address.removeprefix(SCHEME).partition("/")
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._evidence = evidence
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    def put(self, size: int, note: str) -> None:
        self._put(size, _CHECKPOINT, note.encode())

    def put_key(self, key_id: str, text: str) -> None:
        self._kept(f"{self._folder(_KEY)}{key_id}.{_KEY}", text.encode() + b"\n")

    def put_timestamp(self, size: int, response: bytes) -> None:
        self._put(size, _TIMESTAMP, response)

    def notes(self) -> Iterator[tuple[int, str]]:
        for size, content in self._contents(_CHECKPOINT):
            yield size, content.decode("utf-8", "replace")

    def put_disposals(self, newest: int, note: str) -> None:
        self._put(newest, _DISPOSALS, note.encode())

    def disposals(self) -> Iterator[tuple[int, str]]:
        for newest, content in self._contents(_DISPOSALS):
            yield newest, content.decode("utf-8", "replace")

    def newest_disposals(self) -> tuple[int, str] | None:
        return self._newest(_DISPOSALS)

    def newest(self) -> tuple[int, str] | None:
        return self._newest(_CHECKPOINT)

    def _newest(self, suffix: str) -> tuple[int, str] | None:
        first: tuple[str, str] | None = None
        for key, version in self._versions(self._folder(suffix), 10):
            if first is not None and key != first[0]:
                break
            # Of several versions the oldest was there first; what came over it is for `verify`.
            first = key, version
        if first is None:
            return None
        return self._size(first[0]), self._read(*first).decode("utf-8", "replace")

    def keys(self) -> list[str]:
        versions = list(self._versions(self._folder(_KEY)))
        return sorted({self._read(*one).decode("utf-8", "replace").strip() for one in versions})

    def timestamps(self, above: int = -1) -> Iterator[tuple[int, bytes]]:
        return self._contents(_TIMESTAMP, above)

    def newest_timestamp(self) -> int | None:
        for key, _ in self._versions(self._folder(_TIMESTAMP), 1):
            return self._size(key)
        return None

    def _put(self, size: int, suffix: str, content: bytes) -> None:
        key = f"{self._folder(suffix)}{COUNTDOWN - size:020}-{size}.{suffix}"
        rival = 0
        while not self._kept(key if not rival else f"{key}.{rival}", content):
            rival += 1

    def _kept(self, key: str, content: bytes) -> bool:
        """Put under lock and never over another; False if something else stands there."""
        until = datetime.now(UTC) + timedelta(days=self._evidence.s3_retention_days)
        with self._told() as store:
            try:
                with failures():
                    put = store.put_object(
                        Bucket=self._bucket,
                        Key=key,
                        Body=content,
                        IfNoneMatch="*",
                        ChecksumAlgorithm="SHA256",
                        ObjectLockMode="COMPLIANCE",
                        ObjectLockRetainUntilDate=until,
                    )
            except AwsFailed as failed:
                if failed.code not in _STANDS_ALREADY:
                    raise
                return any(self._read(*one) == content for one in self._versions(key) if one[0] == key)
            # A store that does not know locks may take the words and lock nothing.
            with failures():
                told = store.head_object(Bucket=self._bucket, Key=key, VersionId=put.get("VersionId", "null"))
            if told.get("ObjectLockMode") != "COMPLIANCE":
                raise AwsFailed("unlocked")
        return True

    def _contents(self, suffix: str, above: int = -1) -> Iterator[tuple[int, bytes]]:
        """(size, content) of every version, by growing size."""
        named = []
        for key, version in self._versions(self._folder(suffix)):
            size = self._size(key)
            if above >= 0 and size <= above:
                break
            named.append((size, key, version))
        named.reverse()
        with ThreadPoolExecutor(READERS) as readers:
            for at in range(0, len(named), BATCH):
                chunk = named[at : at + BATCH]
                contents = readers.map(lambda one: self._read(one[1], one[2]), chunk)
                yield from ((size, content) for (size, _, _), content in zip(chunk, contents, strict=True))

    def _versions(self, prefix: str, page: int = 1000) -> Iterator[tuple[str, str]]:
        """(key, version) under a prefix, by key, the newest version of a key first; no delete markers."""
        with self._told() as store, failures():
            pages = store.get_paginator("list_object_versions").paginate(
                Bucket=self._bucket, Prefix=prefix, PaginationConfig={"PageSize": page}
            )
            for told in pages:
                for version in told.get("Versions", ()):
                    yield version["Key"], version["VersionId"]

    def _read(self, key: str, version: str) -> bytes:
        with self._told() as store, failures():
            body = store.get_object(Bucket=self._bucket, Key=key, VersionId=version)["Body"]
            with body:
                content: bytes = body.read(LARGEST_OBJECT)
                return content

    def _folder(self, suffix: str) -> str:
        return self._prefix + _FOLDERS[suffix]

    @staticmethod
    def _size(key: str) -> int:
        """The size that a name tells; -1 for a name that we do not give."""
        match = _NAME.fullmatch(key.rpartition("/")[2])
        if match is None or int(match[1]) + int(match[2]) != COUNTDOWN:
            return -1
        return int(match[2])

    @contextmanager
    def _told(self) -> Iterator[Any]:
        """The client, its failures told as PlaceUnavailable."""
        evidence = self._evidence
        try:
            yield client("s3", evidence.s3_region, evidence.s3_endpoint_url)
        except AwsFailed as failed:
            raise PlaceUnavailable(
                f"The checkpoint store {self.address} cannot be used "
                f"({_HINTS.get(failed.code, failed.code)}); mend it or correct `evidence.places`, "
                "then run `wa checkpoint` again."
            ) from None
