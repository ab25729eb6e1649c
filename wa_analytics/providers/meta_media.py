"""Meta's media files, fetched by their id.

A media id from a webhook holds for seven days, the address it resolves to for five minutes. Source:
Meta, Cloud API media.
"""

from __future__ import annotations

from collections.abc import Mapping

from wa_analytics.capture import Capture
from wa_analytics.errors import ProviderFailed
from wa_analytics.providers.graph import Graph
from wa_analytics.providers.http_api import Answer, Exhausted, TooLarge, whole_number
from wa_analytics.providers.media import media_capture
from wa_analytics.records import MediaRecord

PROVIDER = "meta-cloud"
ADDRESS_ATTEMPTS = 3
EXPIRED = (401, 403, 404, 410)
# The token is no good or has no permission: the next file will fare no better.
TOKEN_CODES = (10, 102, 190, 200)
# "Object does not exist": what the API says of an id that is gone.
GONE_CODE, GONE_SUBCODE = 100, 33


class MetaMedia:
    """Files behind media ids of Meta's. An upload's id holds thirty days, a webhook's seven."""

    provider = PROVIDER
    asked_days: int | None = 30

    def __init__(self, graph: Graph, limit_bytes: int) -> None:
        self._graph = graph
        self._limit_bytes = limit_bytes

    def fetched(self, announced: MediaRecord, announcing: Capture, at: int) -> Capture:
        """The announced file as a capture, or a capture of the answer that it is gone.

        at: microseconds since 1970 UTC. Raises ProviderFailed where asking again later may
        help, Exhausted where asking for another one now does not.
        """
        graph, refusal = self._graph, None
        for _ in range(ADDRESS_ATTEMPTS):
            resolved = graph.media(announced.media_id)
            if _is_gone(resolved):
                return media_capture(PROVIDER, announced, at, resolved.body, "lost")
            url = resolved.stated.get("url") if resolved.is_good and resolved.stated is not None else None
            if resolved.stated is None or not isinstance(url, str):
                told = f"{graph.failure(resolved)} where a media address was asked for."
                is_token = resolved.fault is not None and resolved.fault.code in TOKEN_CODES
                raise Exhausted(told) if is_token else ProviderFailed(told)
            size = whole_number(resolved.stated.get("file_size"))
            if size is not None and size > self._limit_bytes:
                raise TooLarge(
                    f"A media file has {size:,} bytes; raise meta_cloud.media_limit_bytes to fetch it."
                )
            answer = graph.download(url, self._limit_bytes)
            if answer.is_good:
                return media_capture(
                    PROVIDER,
                    announced,
                    at,
                    answer.body,
                    "fetched",
                    mime_type=_text(resolved.stated, "mime_type"),
                    sha256=_text(resolved.stated, "sha256"),
                )
            if answer.status not in EXPIRED:
                raise ProviderFailed(f"{graph.failure(answer)} where a media file was asked for.")
            refusal = answer  # The address has expired, or the file is gone: the id is asked anew.
        assert refusal is not None
        raise ProviderFailed(f"{graph.failure(refusal)}: no media address held; try again later.")


def _is_gone(answer: Answer) -> bool:
    if answer.status in (404, 410):
        return True
    fault = answer.fault
    return fault is not None and (fault.code, fault.subcode) == (GONE_CODE, GONE_SUBCODE)


def _text(stated: Mapping[str, object], name: str) -> str | None:
    value = stated.get(name)
    return value if isinstance(value, str) else None
