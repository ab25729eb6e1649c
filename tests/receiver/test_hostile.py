"""Requests that no provider sends: malformed heads, endless ones, clients that never finish."""

from __future__ import annotations

import asyncio
import resource
import socket
import time
from contextlib import ExitStack

import pytest

from tests.receiver.conftest import PATH, SECRET, Receiver, signed
from wa_analytics.capture import Capture
from wa_analytics.receiver.application import Application
from wa_analytics.receiver.committing import Outcome
from wa_analytics.receiver.endpoints import ENDPOINTS
from wa_analytics.receiver.figures import Figures
from wa_analytics.receiver.protocol import REQUEST_SECONDS, Sweep
from wa_analytics.receiver.serving import CONNECTIONS, Quiet, configured
from wa_analytics.receiver.sockets import bound
from wa_analytics.settings import MetaCloud, Settings

BODY = b'{"smuggled": true}'
SIGNATURE = f"X-Hub-Signature-256: {signed(BODY)['X-Hub-Signature-256']}".encode()


LINE = b"POST " + PATH.encode()


def request(*headers: bytes, body: bytes = BODY, line: bytes = LINE + b" HTTP/1.1") -> bytes:
    return b"\r\n".join((line, b"Host: h", *headers, b"", b"")) + body


def length(body: bytes = BODY) -> bytes:
    return b"Content-Length: %d" % len(body)


@pytest.mark.parametrize(
    "sent",
    [
        request(SIGNATURE, length(), b"Transfer-Encoding: chunked", body=b"0\r\n\r\n" + BODY),
        request(SIGNATURE, b"Transfer-Encoding: chunked", length(), body=b"0\r\n\r\n" + BODY),
        request(SIGNATURE, length(), length()),
        request(SIGNATURE, b"Content-Length: 18, 18"),
        request(SIGNATURE, b"Content-Length: +18"),
        request(SIGNATURE, b"Content-Length: -1"),
        request(SIGNATURE, b"Content-Length : 18"),
        request(SIGNATURE, b"Transfer-Encoding: xchunked, identity"),
        request(SIGNATURE, SIGNATURE, length()),
        request(SIGNATURE, b"X-Hub-Signature-256: sha256=00", length()),
        request(SIGNATURE, length(), b"X\x00Y: 1"),
        request(SIGNATURE, length(), line=LINE + b" HTTP/9.9"),
        request(SIGNATURE, length(), line=LINE),
        request(SIGNATURE, b"Transfer-Encoding: chunked", body=b"zz\r\n" + BODY + b"\r\n0\r\n\r\n"),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
        b"\r\n" * 50_000,
    ],
)
def test_a_head_with_two_readings_is_refused_and_nothing_is_stored(receiver: Receiver, sent: bytes) -> None:
    before = len(receiver.captures())
    counted = _malformed(receiver)
    answer = receiver.raw(sent)
    assert answer == b"" or answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 501 ")), answer
    assert answer.count(b"HTTP/1.1 ") <= 1
    assert _malformed(receiver) - counted == answer.count(b"HTTP/1.1 400 ")
    assert len(receiver.captures()) == before
    assert receiver.post(b'{"still": "here"}') == 200


def _malformed(receiver: Receiver) -> float:
    """Requests counted as malformed, whether or not it was known what they asked for."""
    return sum(
        receiver.figure(f'wa_receiver_requests_total{{provider="{provider}",outcome="malformed"}}')
        for provider in ("", "meta-cloud")
    )


def test_a_trailer_gives_no_signature(receiver: Receiver) -> None:
    body = b'{"signed": "behind the body"}'
    trailer = f"X-Hub-Signature-256: {signed(body)['X-Hub-Signature-256']}".encode()
    answer = receiver.raw(
        request(
            b"Transfer-Encoding: chunked",
            b"Trailer: X-Hub-Signature-256",
            body=b"%x\r\n%b\r\n0\r\n%b\r\n\r\n" % (len(body), body, trailer),
        )
    )
    assert b" 200 " not in answer
    assert body not in {capture.body for capture in receiver.captures()}


def test_a_chunked_body_is_the_bytes_between_the_frames(receiver: Receiver) -> None:
    body = b'{"sent": "in chunks"}'
    frames = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:5], body[5:6], body[6:]))
    head = f"X-Hub-Signature-256: {signed(body)['X-Hub-Signature-256']}".encode()
    sent = request(head, b"Transfer-Encoding: chunked", b"Connection: close", body=frames + b"0\r\n\r\n")
    assert receiver.raw(sent).startswith(b"HTTP/1.1 200 ")
    assert [capture.body for capture in receiver.captures()].count(body) == 1


@pytest.mark.parametrize(
    "endless",
    [
        b"POST " + PATH.encode() + b" HTTP/1.1\r\nX-Long: " + b"x" * 1_000_000,
        b"POST " + PATH.encode() + b" HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(50_000)),
        b"POST /" + b"x" * 1_000_000,
    ],
)
def test_an_endless_head_is_cut_off(receiver: Receiver, endless: bytes) -> None:
    answer = receiver.raw(endless)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")
    assert receiver.post(b'{"still": "here"}') == 200


def test_an_upgrade_is_not_taken(receiver: Receiver) -> None:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }
    assert receiver.asked("GET", PATH, None, upgrade)[0] == 403


def test_deliveries_in_one_packet_are_answered_in_order(receiver: Receiver) -> None:
    bodies = [b'{"pipelined": 1}', b'{"pipelined": 2}']
    heads = [f"X-Hub-Signature-256: {signed(body)['X-Hub-Signature-256']}".encode() for body in bodies]
    first = request(heads[0], length(bodies[0]), body=bodies[0])
    wrong = request(b"X-Hub-Signature-256: sha256=00", length(), body=BODY)
    last = request(heads[1], length(bodies[1]), b"Connection: close", body=bodies[1])
    with socket.create_connection(("127.0.0.1", receiver.port), timeout=30) as line:
        line.sendall(first + wrong + last)
        answer = b""
        while part := line.recv(65536):
            answer += part
    statuses = [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [b"200", b"401", b"200"]


def test_more_connections_than_may_be_are_told_to_come_again_and_counted(receiver: Receiver) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * CONNECTIONS
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"this machine allows {hard} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    overloaded = 'wa_receiver_requests_total{provider="meta-cloud",outcome="overloaded"}'
    before = receiver.figure(overloaded)
    with ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for _ in range(CONNECTIONS):
            stack.enter_context(socket.create_connection(("127.0.0.1", receiver.port), timeout=30))
        status = 200
        deadline = time.monotonic() + 10
        while status == 200 and time.monotonic() < deadline:
            body = b'{"crowded": true}'
            status, _, headers = receiver.asked("POST", PATH, body, signed(body))
        assert (status, headers["Retry-After"]) == (503, "5")
    assert receiver.figure(overloaded) - before == 1
    deadline = time.monotonic() + 10
    while receiver.post(b'{"still": "here"}') != 200 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert receiver.post(b'{"still": "here"}') == 200


class Kept:
    """A store in memory, for a server inside the test."""

    def __init__(self) -> None:
        self.captures: list[Capture] = []
        self.waiting: list[asyncio.Future[Outcome]] = []

    def offered(self, capture: Capture) -> asyncio.Future[Outcome]:
        self.captures.append(capture)
        self.waiting.append(asyncio.get_running_loop().create_future())
        return self.waiting[-1]


def test_clients_that_do_not_get_on_are_closed_and_those_that_wait_for_the_disk_are_not() -> None:
    async def tried() -> tuple[list[bytes], bytes]:
        settings = Settings(meta_cloud=MetaCloud(app_secret=SECRET))  # type: ignore[arg-type]
        endpoint = ENDPOINTS[0]
        kept = Kept()
        application = Application({PATH: (endpoint, endpoint.verifier(settings))}, kept, Figures())
        with bound("127.0.0.1", 0) as door:
            port = door.getsockname()[1]
            server = Quiet(configured(application))
            serving = asyncio.create_task(server.serve(sockets=[door]))
            lines = [await asyncio.open_connection("127.0.0.1", port) for _ in range(4)]
            whole = request(SIGNATURE, length())
            for (_, writer), part in zip(lines, (b"", whole[:20], whole[:-5], whole), strict=True):
                writer.write(part)
            while len(server.server_state.connections) < 4 or not kept.waiting:
                await asyncio.sleep(0)
            sweep = Sweep()
            connections = server.server_state.connections
            assert sweep.closed(connections, 1000.0) == 0
            assert sweep.closed(connections, 1000.0 + REQUEST_SECONDS) == 0
            assert sweep.closed(connections, 1001.0 + REQUEST_SECONDS) == 3
            slow = []
            for reader, _ in lines[:3]:
                try:
                    slow.append(await reader.read())
                except ConnectionResetError:
                    slow.append(b"")
            kept.waiting[0].set_result("durable")
            answered = await lines[3][0].readuntil(b"\r\n\r\n")
            for _, writer in lines:
                writer.close()
            server.should_exit = True
            await serving
            assert len(kept.captures) == 1
        return slow, answered

    slow, answered = asyncio.run(tried())
    assert slow == [b"", b"", b""]
    assert answered.startswith(b"HTTP/1.1 200 ")
