"""A provider's HTTP API, asked with patience: the exact bytes it answered, or one sentence why not.

Transport errors, 5xx and throttling are asked again, each wait twice the last and jittered, unless
the provider says how long. No secret leaves this module but in the request: answers and errors that
echo one have it cut out.
"""

from __future__ import annotations

import random
import re
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

import msgspec

from wa_analytics.errors import ProviderFailed

if TYPE_CHECKING:
    import httpx

GONE = (404, 410)
REFUSED = (401, 403)
ATTEMPTS = 5
IN_A_ROW = 3
LONGEST_WAIT_SECONDS = 300.0
ANSWER_LIMIT_BYTES = 64 << 20
TIMEOUT_SECONDS = 30.0
SLOWEST_BYTES = 10_000
"""Per second, on average from TIMEOUT_SECONDS on: a byte now and then would hold a pull for days."""
_PART_BYTES = 1 << 20
REDACTED = "[redacted]"
_SECRET_LIKE = re.compile(r"[A-Za-z0-9_|-]{40,}")

Sleep = Callable[[float], object]


class Fault(NamedTuple):
    """What an error body says. code: the provider's, -1 where it is no number."""

    code: int
    subcode: int | None
    details: str


class Answer(NamedTuple):
    """status: of HTTP. body: exact bytes, but for secrets cut out (`is_redacted`). stated: the JSON
    object, None where it is none. headers: lower-case names."""

    status: int
    body: bytes
    stated: dict[str, Any] | None
    fault: Fault | None
    headers: Mapping[str, str]
    is_redacted: bool = False

    @property
    def is_good(self) -> bool:
        return self.status == 200 and self.fault is None


class TooLarge(ProviderFailed):
    """An answer beyond its limit; the rest was not read."""


class Unavailable(ProviderFailed):
    """One thing could not be had in several attempts."""


class Exhausted(Unavailable):
    """Several things in a row could not be had, or the provider asks for a longer wait than is
    sensible: whoever asks for the next thing now will fare no better."""


class Api:
    """One provider's API. Subclasses say how requests are authorised and errors are told.

    secrets: what no answer and no error may hold. jitter: draws from [0, 1).
    """

    name = "The provider"

    def __init__(
        self,
        client: httpx.Client,
        secrets: tuple[str, ...],
        *,
        sleep: Sleep | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._client = client
        self._secrets = secrets
        self._sleep = sleep or time.sleep
        self._jitter = jitter
        self._due_wait = 0.0
        self._given_up = 0

    def ask(
        self,
        url: str,
        parameters: Mapping[str, str] | None = None,
        *,
        limit_bytes: int = ANSWER_LIMIT_BYTES,
        is_media: bool = False,
    ) -> Answer:
        """The answer, good or a refusal that asking again would not mend.

        Raises TooLarge, Unavailable, Exhausted.
        """
        import httpx

        self._settle()
        failure = ""
        for attempt in range(ATTEMPTS):
            wait = 2.0**attempt * (0.5 + self._jitter())
            try:
                answer = self._once(url, parameters, limit_bytes, is_media)
            except httpx.TransportError as error:
                failure = f"{self.name} could not be reached ({type(error).__name__})"
            except httpx.DecodingError:
                failure = f"{self.name} answered bytes that do not unpack"
            except httpx.InvalidURL:
                raise ProviderFailed(
                    f"{self.name} or the settings name an address that is none; check its `…_url` setting."
                ) from None
            else:
                told, self._due_wait = self._asked_to_wait(answer)
                if answer.status < 500 and not self._is_busy(answer):
                    self._given_up = 0
                    return answer
                failure = self.failure(answer)
                wait, self._due_wait = max(wait, told) if told else wait, 0.0
                if wait > LONGEST_WAIT_SECONDS:
                    raise Exhausted(f"{failure}; it asks to wait {wait:.0f} seconds, try again then.")
            if attempt + 1 < ATTEMPTS:
                self._sleep(wait)
        self._given_up += 1
        kind = Unavailable if self._given_up < IN_A_ROW else Exhausted
        raise kind(f"{failure}; gave up after {ATTEMPTS} attempts, try again later.")

    def failure(self, answer: Answer) -> str:
        """What a refusal says, without secrets, as the head of a sentence."""
        fault = answer.fault
        code = "no code" if fault is None else f"code {fault.code}"
        details = f": {fault.details}" if fault is not None and fault.details else ""
        return f"{self.name} answered {answer.status}, {code}{details}"

    def told(self, text: object) -> str:
        """Words of the provider's for a sentence of ours: no secret, nothing that looks like one."""
        if not isinstance(text, str):
            return ""
        for secret in self._spellings():
            text = text.replace(secret, REDACTED)
        shown = "".join(sign if sign.isprintable() else " " for sign in text)
        return _SECRET_LIKE.sub(REDACTED, " ".join(shown.split()))[:300].rstrip(" .")

    def _settle(self) -> None:
        """Take the wait that the last answer asked for before the next request."""
        wait, self._due_wait = self._due_wait, 0.0
        if wait > LONGEST_WAIT_SECONDS:
            raise Exhausted(
                f"{self.name} says that its limit is reached for {wait:.0f} seconds; try again then."
            )
        if wait:
            self._sleep(wait)

    def _once(
        self, url: str, parameters: Mapping[str, str] | None, limit_bytes: int, is_media: bool
    ) -> Answer:
        import httpx

        headers = self._headers(url)
        headers["Accept-Encoding"] = "identity" if is_media else "gzip"
        body = bytearray()
        begun = time.monotonic()
        with self._client.stream(
            "GET", url, params=dict(parameters) if parameters else None, headers=headers
        ) as answer:
            stated = answer.headers.get("Content-Length", "")
            if stated.isdigit() and int(stated) > limit_bytes:
                raise self._too_large(limit_bytes)
            for part in _unpacked(answer):
                body += part
                if len(body) > limit_bytes:
                    raise self._too_large(limit_bytes)
                if time.monotonic() - begun > TIMEOUT_SECONDS + len(body) / SLOWEST_BYTES:
                    raise httpx.ReadTimeout("an answer without end")
            status, told = answer.status_code, {k.lower(): v for k, v in answer.headers.items()}
        if is_media and status == 200:
            return Answer(status, bytes(body), None, None, told)
        exact, is_redacted = self._cut(bytes(body))
        document = json_object(exact)
        return Answer(status, exact, document, self._fault(document), told, is_redacted)

    def _too_large(self, limit_bytes: int) -> TooLarge:
        return TooLarge(f"{self.name} answered more than {limit_bytes:,} bytes; it was not read further.")

    def _cut(self, body: bytes) -> tuple[bytes, bool]:
        exact = body
        for secret in self._spellings():
            exact = exact.replace(secret.encode(), REDACTED.encode())
        return exact, exact != body

    def _spellings(self) -> list[str]:
        """Every secret as it is, in a URL, and in JSON."""
        found: set[str] = set()
        for one in filter(None, self._secrets):
            written = msgspec.json.encode(one).decode()[1:-1]
            found |= {one, quote(one), quote(one, safe=""), written, written.replace("/", r"\/")}
        return sorted(found, key=len, reverse=True)

    def _headers(self, url: str) -> dict[str, str]:
        raise NotImplementedError

    def _fault(self, stated: dict[str, Any] | None) -> Fault | None:
        raise NotImplementedError

    def _is_busy(self, answer: Answer) -> bool:
        return answer.status == 429

    def _asked_to_wait(self, answer: Answer) -> tuple[float, float]:
        """(seconds before this may be asked again, seconds before anything else may)."""
        return retry_after(answer.headers), 0.0


def retry_after(headers: Mapping[str, str]) -> float:
    """Whole seconds, at most a thousand million; a date would need a clock and is not read."""
    stated = headers.get("retry-after", "").strip()
    return min(float(stated), 1e9) if stated.isascii() and stated.isdigit() else 0.0


def _unpacked(answer: httpx.Response) -> Iterator[bytes]:
    """The body, at most _PART_BYTES at a time, whatever it was packed from: what httpx unpacks by
    itself, layer upon layer, has no measure. An empty part is a sign of life. Raises httpx.DecodingError."""
    import httpx

    packing = answer.headers.get("Content-Encoding", "").strip().lower()
    if packing in ("", "identity"):
        yield from answer.iter_raw()
        return
    if packing not in ("gzip", "x-gzip"):
        raise httpx.DecodingError("packed as nobody asked for")
    gzip, part = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16), b""
    try:
        for part in answer.iter_raw():
            yield gzip.decompress(part, _PART_BYTES)
            while gzip.unconsumed_tail:
                yield gzip.decompress(gzip.unconsumed_tail, _PART_BYTES)
    except zlib.error as error:
        raise httpx.DecodingError("no gzip") from error
    if part and not gzip.eof:
        raise httpx.DecodingError("it ends in the middle")


def json_object(body: bytes) -> dict[str, Any] | None:
    try:
        stated = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return stated if isinstance(stated, dict) else None


def whole_number(value: object) -> int | None:
    """An int, or digits that write one of at most 18; None for anything else."""
    if type(value) is int:
        return value if abs(value) < 10**18 else None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 18:
        return int(value)
    return None
