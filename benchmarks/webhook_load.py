"""A sender as Meta is one: signed unique bodies over many connections, each sent again until it is
acknowledged. Keeps what was acknowledged, so that it can be held against the log.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections import Counter
from collections.abc import Callable
from itertools import count
from pathlib import Path

from wa_analytics.evidence.log import entries
from wa_analytics.evidence.sealing import Opener
from wa_analytics.workspace import Workspace

FILLER = "the quick brown fox jumps over the lazy dog " * 30


def body_of(run: str, number: int) -> bytes:
    """1 to 2 kB that no other number has; a thousand a second of the sender's clock."""
    text = FILLER[: 500 + number * 37 % 1000]
    moment = 1_772_366_400 + number // 1_000
    return (
        '{"object":"whatsapp_business_account","entry":[{"id":"102290129340398","changes":[{"field":'
        '"messages","value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":'
        '"12025550100","phone_number_id":"106540352242922"},"contacts":[{"profile":{"name":'
        '"Ada Example"},"wa_id":"12025550123"}],"messages":[{"from":"12025550123","timestamp":'
        f'"{moment}","type":"text","id":"wamid.{run}.{number}","text":{{"body":"{text}"}}}}]}}}}]}}]}}'
    ).encode()


def request_of(path: str, body: bytes, secret: str) -> bytes:
    digest = hmac.digest(secret.encode(), body, hashlib.sha256).hex()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"X-Hub-Signature-256: sha256={digest}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Load:
    """acknowledged: numbers answered 200. answers: status → how often; 0 is a broken connection."""

    def __init__(self, run: str, port: int, path: str, secret: str) -> None:
        self.run, self.port, self.path, self.secret = run, port, path, secret
        self.acknowledged: set[int] = set()
        self.answers: Counter[int] = Counter()
        self._numbers = count()
        self._is_over = False

    async def sent(self, connections: int, is_over: Callable[[], bool], rate: float | None = None) -> None:
        """Send until `is_over`. rate: bodies a second over all connections; None is all it takes."""
        begun = time.monotonic()
        await asyncio.gather(*(self._one(is_over, begun, rate) for _ in range(connections)))

    async def _one(self, is_over: Callable[[], bool], begun: float, rate: float | None) -> None:
        line: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        try:
            while not is_over():
                number = next(self._numbers)
                request = request_of(self.path, body_of(self.run, number), self.secret)
                if rate is not None:
                    await asyncio.sleep(max(0.0, begun + number / rate - time.monotonic()))
                while not is_over():
                    try:
                        if line is None:
                            line = await asyncio.open_connection("127.0.0.1", self.port)
                        line[1].write(request)
                        head = await line[0].readuntil(b"\r\n\r\n")
                        status = int(head[9:12])
                    except (OSError, asyncio.IncompleteReadError):
                        status = 0
                        if line is not None:
                            line[1].close()
                            line = None
                        await asyncio.sleep(0.02)
                    self.answers[status] += 1
                    if status == 200:
                        self.acknowledged.add(number)
                        break
        finally:
            if line is not None:
                line[1].close()


def stored_bodies(home: Path) -> Counter[bytes]:
    """Every captured body in the workspace's log → how often it stands there."""
    workspace = Workspace.open(home)
    bodies: Counter[bytes] = Counter()
    opener = Opener(workspace.ring.wrapping_keys(workspace.database), workspace.ring.digest_key)
    start = 0
    while rows := entries(workspace.database, start, kind="capture"):
        bodies.update(capture.body for _, capture in opener.opened(rows))
        start = rows[-1].sequence + 1
    workspace.close()
    return bodies


def unproven(load: Load, bodies: Counter[bytes]) -> tuple[list[int], int]:
    """Acknowledged numbers that are not there, and how many bodies stand there more than once."""
    missing = [number for number in sorted(load.acknowledged) if not bodies[body_of(load.run, number)]]
    return missing, sum(1 for times in bodies.values() if times > 1)
