"""When a checkpoint stood at the latest: an RFC 3161 authority's signed word over the note's bytes.

Checkpoints bear no time of their own. The response is kept beside the note under the same number
(`….tsr`), in every place, and anyone can check it without us:

    openssl ts -verify -data ….checkpoint -in ….tsr -CAfile roots.pem

A timestamp over one head dates every entry below it, so a head that got none, because the authority
was away, is covered by the next one that does. Needs the extra `timestamp` (rfc3161-client).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from wa_analytics.errors import PlaceUnavailable, SettingsInvalid
from wa_analytics.evidence.stored import stored_rows

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from rfc3161_client import TimeStampRequest, TimeStampResponse

    from wa_analytics.database import Database
    from wa_analytics.evidence.broken import Findings
    from wa_analytics.evidence.places import Place
    from wa_analytics.settings import Settings

CONNECT_SECONDS, WHOLE_SECONDS, LARGEST_RESPONSE = 3.0, 10.0, 1 << 16
SHA256_OID = "2.16.840.1.101.3.4.2.1"
_HEADERS = {"content-type": "application/timestamp-query", "accept": "application/timestamp-reply"}
_CONTINUES = "the checkpoint stands without a timestamp, and the next one will cover it"


class TimestampRefused(Exception):
    """No timestamp, or one that does not hold; the reason in a few words."""


@dataclass(frozen=True)
class TimestampProof:
    """What the timestamps of a log prove.

    tree_size: the largest head with a valid one, dated_at: its time, so every entry below existed
    by then; valid_count: heads with a valid one; undated_count: heads above `tree_size`, where any
    timestamp is kept; unjudged_count: timestamps that could not be judged (without roots only the
    note's hash is compared), `reason` saying what is missing.
    """

    valid_count: int = 0
    tree_size: int | None = None
    dated_at: datetime | None = None
    undated_count: int = 0
    unjudged_count: int = 0
    reason: str = ""


def trusted_roots(home: Path, settings: Settings) -> list[Certificate]:
    """The certificates of `evidence.timestamp_roots`, none where it is not set. Raises SettingsInvalid."""
    from cryptography.x509 import load_pem_x509_certificates

    named = settings.evidence.timestamp_roots
    if named is None:
        return []
    try:
        return load_pem_x509_certificates((Path(home) / named).read_bytes())
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "no certificate in PEM form"
        raise SettingsInvalid(
            f"evidence.timestamp_roots: {named} cannot be used ({why}); "
            "name the PEM file of your timestamping authority's certificates."
        ) from None


def stamp(places: Sequence[Place], size: int, note: str, home: Path, settings: Settings) -> str:
    """Have a note dated unless it is, and give every place the timestamps that it has not got yet.

    Returns one sentence where the authority gave none, else nothing: that never stops anybody from
    sealing. Raises PlaceUnavailable after all other places have been served.
    """
    url = settings.evidence.timestamp_url
    if url is None or not places:
        return ""
    own, *others = places
    refusal = ""
    if own.newest_timestamp() != size:
        try:
            roots = trusted_roots(home, settings)
            own.put_timestamp(size, requested(url.get_secret_value(), note.encode(), roots))
        except (TimestampRefused, SettingsInvalid) as error:
            refusal = f"No timestamp from evidence.timestamp_url ({error}); {_CONTINUES}."
    failure: PlaceUnavailable | None = None
    for place in others:
        try:
            newest = place.newest_timestamp()
            for known, response in own.timestamps(-1 if newest is None else newest):
                place.put_timestamp(known, response)
        except PlaceUnavailable as error:
            failure = error
    if failure is not None:
        raise failure
    return refusal


def undated(database: Database, own: Place) -> tuple[int | None, int]:
    """(size of the newest head with a timestamp, how many heads were sealed since), unjudged; for
    telling quickly whether the authority still answers. Raises PlaceUnavailable."""
    newest = own.newest_timestamp()
    above = -1 if newest is None else newest
    rows = stored_rows(database, "SELECT count(*) FROM checkpoint WHERE tree_size > ?", (above,))
    return newest, int(rows[0][0])


def requested(url: str, content: bytes, roots: Sequence[Certificate] = ()) -> bytes:
    """The authority's response over `content`, checked. Raises TimestampRefused."""
    try:
        from rfc3161_client import HashAlgorithm, TimestampRequestBuilder
    except ModuleNotFoundError:
        raise TimestampRefused("rfc3161-client is not installed; install wa-analytics[timestamp]") from None
    request = TimestampRequestBuilder().data(content).hash_algorithm(HashAlgorithm.SHA256)
    query = request.nonce(nonce=True).cert_request(cert_request=True).build()
    response = _fetched(url, query)
    found = decoded(response)
    if found.tst_info.nonce != query.nonce:
        raise TimestampRefused("the response answers another request")
    check(found, sha256(content).digest(), roots)
    return response


def decoded(response: bytes) -> TimeStampResponse:
    """Raises TimestampRefused unless it is a granted response, strict DER."""
    from rfc3161_client import decode_timestamp_response
    from rfc3161_client.tsp import PKIStatus

    try:
        found = decode_timestamp_response(response)
        status = PKIStatus(found.status)
        if status is PKIStatus.GRANTED:
            _ = found.tst_info.gen_time, found.tst_info.message_imprint.message
            return found
    except ValueError:
        raise TimestampRefused("the response is not RFC 3161 in strict DER") from None
    raise TimestampRefused(f"the authority answered {status.name.lower()}")


def check(response: TimeStampResponse, digest: bytes, roots: Sequence[Certificate]) -> None:
    """Hold a response to a SHA-256 and, where there are roots, to a chain that was valid at its time.

    Raises TimestampRefused.
    """
    from rfc3161_client import VerificationError, VerifierBuilder

    imprint = response.tst_info.message_imprint
    if imprint.hash_algorithm.dotted_string != SHA256_OID or imprint.message != digest:
        raise TimestampRefused("the timestamp is over other bytes")
    if not roots:
        return
    try:
        VerifierBuilder(roots=list(roots)).build().verify(response, digest)
    except (VerificationError, ValueError, TypeError):
        raise TimestampRefused("no trusted certificate has signed the timestamp") from None


def check_timestamps(
    places: Sequence[Place],
    digests: Mapping[int, set[bytes]],
    roots: Sequence[Certificate],
    findings: Findings,
    is_recorded: Callable[[int], bool],
) -> TimestampProof:
    """Hold every kept timestamp to the notes of its size; what does not hold becomes a finding.

    digests: size → SHA-256 of the notes, signatures checked, that stand for it anywhere.
    is_recorded: whether the database holds a checkpoint of a size by now.
    """
    has_client = find_spec("rfc3161_client") is not None
    reason = "" if roots else "evidence.timestamp_roots names no certificate to trust"
    if not has_client:
        reason = "rfc3161-client is not installed"
    dated: dict[int, datetime] = {}
    unjudged: set[int] = set()
    seen = 0
    for place in places:
        try:
            for size, response in place.timestamps():
                seen += 1
                where = f"size {size} in {place.name}"
                notes = digests.get(size)
                if not notes:
                    # One that was sealed while we read is for the next verification.
                    if not is_recorded(size):
                        findings.of("timestamp_orphaned", where)
                    continue
                if not has_client:
                    unjudged.add(size)
                    continue
                at = _dated(response, notes, roots)
                if at is None:
                    findings.of("timestamp_invalid", where)
                elif roots:
                    dated[size] = min(at, dated.get(size, at))
                else:
                    unjudged.add(size)
        except PlaceUnavailable:
            findings.of("place_unreadable", place.name)
    newest = max(dated, default=None)
    return TimestampProof(
        valid_count=len(dated),
        tree_size=newest,
        dated_at=None if newest is None else dated[newest],
        undated_count=sum(size > (-1 if newest is None else newest) for size in digests) if seen else 0,
        unjudged_count=len(unjudged),
        reason=reason if unjudged else "",
    )


def _dated(response: bytes, digests: set[bytes], roots: Sequence[Certificate]) -> datetime | None:
    """The time of a response that holds over one of the digests."""
    for digest in digests:
        try:
            found = decoded(response)
            check(found, digest, roots)
        except TimestampRefused:
            continue
        return found.tst_info.gen_time
    return None


def _fetched(url: str, query: TimeStampRequest) -> bytes:
    """Bounded in size and in time, however slowly an authority may talk. Raises TimestampRefused."""
    import httpx

    deadline = time.monotonic() + WHOLE_SECONDS
    content = b""
    try:
        timeout = httpx.Timeout(WHOLE_SECONDS, connect=CONNECT_SECONDS)
        with httpx.stream("POST", url, content=query.as_bytes(), headers=_HEADERS, timeout=timeout) as told:
            if told.status_code != httpx.codes.OK:
                raise TimestampRefused(f"it answered {told.status_code}")
            for chunk in told.iter_bytes():
                content += chunk
                if len(content) > LARGEST_RESPONSE or time.monotonic() > deadline:
                    raise TimestampRefused("its answer is too large or too slow")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise TimestampRefused(type(error).__name__) from None
    return content
