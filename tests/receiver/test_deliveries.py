"""One delivery over real HTTP: handshake, signature, size, and what is kept of it."""

from __future__ import annotations

import gzip
import http.client
import json
import subprocess
from pathlib import Path

import pytest

from tests.receiver.conftest import PATH, PROGRAM, SECRET, TOKEN, Receiver, environment, signed

VECTOR = b'{"object":"whatsapp_business_account","entry":[]}'
VECTOR_SIGNATURE = "sha256=dec6a680679a968e7e0319355b23599cbfc54502c0784668e9618baa0c633756"


def query(**parts: str) -> str:
    return PATH + "?" + "&".join(f"hub.{name}={value}" for name, value in parts.items())


def test_the_handshake_gives_the_challenge_back_as_it_came(receiver: Receiver) -> None:
    asked = query(mode="subscribe", challenge="1158201444", verify_token=TOKEN)
    status, body, headers = receiver.asked("GET", asked)
    assert (status, body) == (200, b"1158201444")
    assert headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    "asked",
    [
        query(mode="subscribe", challenge="1", verify_token="another"),
        query(mode="subscribe", challenge="1", verify_token="%C3%A9"),
        query(mode="subscribe", challenge="1"),
        query(mode="unsubscribe", challenge="1", verify_token=TOKEN),
        query(mode="subscribe", verify_token=TOKEN),
        query(mode="subscribe", challenge="1" * 600, verify_token=TOKEN),
        query(mode="subscribe", challenge="1", verify_token=TOKEN) + f"&hub.verify_token={TOKEN}",
        PATH,
    ],
)
def test_any_other_handshake_is_refused(receiver: Receiver, asked: str) -> None:
    status, body, _ = receiver.asked("GET", asked)
    assert (status, body) == (403, b"")


def test_the_signature_vector_is_accepted(receiver: Receiver) -> None:
    headers = {
        "X-Hub-Signature-256": VECTOR_SIGNATURE,
        "Content-Type": "application/json",
        "User-Agent": "facebookexternalua",
        "X-Forwarded-For": "203.0.113.7",
        "Cookie": "session=1",
    }
    assert receiver.post(VECTOR, headers) == 200
    (capture,) = [capture for capture in receiver.captures() if capture.body == VECTOR]
    assert (capture.provider, capture.signature_code) == ("meta-cloud", "valid")
    assert capture.headers == {
        "x-hub-signature-256": VECTOR_SIGNATURE,
        "content-type": "application/json",
        "user-agent": "facebookexternalua",
    }


@pytest.mark.parametrize(
    ("headers", "outcome"),
    [
        ({"X-Hub-Signature-256": "sha256=" + "0" * 64}, "signature_invalid"),
        ({"X-Hub-Signature-256": "sha256=\xe9"}, "signature_invalid"),
        ({"X-Hub-Signature-256": "nonsense"}, "signature_invalid"),
        (signed(b"other bytes"), "signature_invalid"),
        (signed(b'{"refused": true}', "another secret"), "signature_invalid"),
        ({}, "signature_absent"),
    ],
)
def test_a_delivery_without_a_right_signature_is_refused_counted_and_not_kept(
    receiver: Receiver, headers: dict[str, str], outcome: str
) -> None:
    body = b'{"refused": true}'
    name = f'wa_receiver_requests_total{{provider="meta-cloud",outcome="{outcome}"}}'
    before = receiver.figure(name)
    assert receiver.post(body, headers) == 401
    assert receiver.figure(name) == before + 1
    assert body not in {capture.body for capture in receiver.captures()}


def test_a_repetition_is_acknowledged_and_stored_once(receiver: Receiver) -> None:
    body = b'{"entry": "sent again and again"}'
    assert [receiver.post(body) for _ in range(3)] == [200, 200, 200]
    assert [capture.body for capture in receiver.captures()].count(body) == 1


def test_bytes_are_kept_as_they_came(receiver: Receiver) -> None:
    bodies = [b"\xff\x00 no JSON at all", b"", b'{"a":1,"a":2}', b"[" * 100_000, b'{"n":1e999999}']
    assert [receiver.post(body) for body in bodies] == [200] * len(bodies)
    assert set(bodies) <= {capture.body for capture in receiver.captures()}


def test_a_body_of_three_megabytes_is_taken_and_one_byte_more_is_not(receiver: Receiver) -> None:
    largest = b"x" * (3 * 1024 * 1024)
    assert receiver.post(largest) == 200
    assert receiver.post(largest + b"x") == 413
    assert receiver.post(largest * 2) == 413
    assert [len(capture.body) for capture in receiver.captures()].count(len(largest)) == 1


def test_who_asks_first_is_told_before_sending(receiver: Receiver) -> None:
    head = f"POST {PATH} HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 9000000\r\n\r\n"
    assert receiver.raw(head.encode()).startswith(b"HTTP/1.1 413 ")


def test_a_body_without_length_is_cut_off_at_the_same_size(receiver: Receiver) -> None:
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    head = f"POST {PATH} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    assert receiver.raw(head + chunk * 49 + b"0\r\n\r\n").startswith(b"HTTP/1.1 413 ")
    endless = receiver.raw(head + chunk * 400)
    assert endless == b"" or endless.startswith(b"HTTP/1.1 4")
    assert receiver.post(b'{"after": "oversize"}') == 200


def test_a_compressed_body_is_never_unpacked(receiver: Receiver) -> None:
    bomb = gzip.compress(bytes(50_000_000))
    assert receiver.post(bomb, {**signed(bomb), "Content-Encoding": "gzip"}) == 200
    assert bomb in {capture.body for capture in receiver.captures()}


@pytest.mark.parametrize(("method", "path", "status"), [
    ("POST", "/", 404),
    ("POST", "/webhooks/meta-cloud/", 404),
    ("POST", "/webhooks/elsewhere", 404),
    ("GET", "/metrics", 404),
    ("GET", "/healthz", 404),
    ("PUT", PATH, 405),
    ("DELETE", PATH, 405),
])  # fmt: skip
def test_other_paths_and_methods_are_refused(receiver: Receiver, method: str, path: str, status: int) -> None:
    assert receiver.asked(method, path, b"{}" if method != "GET" else None)[0] == status


def test_one_connection_serves_many_deliveries(receiver: Receiver) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=30)
    statuses = []
    for number in range(20):
        body = f'{{"kept alive": {number}}}'.encode()
        headers = signed(body) if number % 2 else {"X-Hub-Signature-256": "sha256=00"}
        connection.request("POST", PATH, body, headers)
        answer = connection.getresponse()
        statuses.append((answer.status, answer.read()))
    connection.close()
    assert statuses == [(401, b""), (200, b"")] * 10


def test_health_and_metrics_tell_how_it_goes(receiver: Receiver) -> None:
    assert receiver.post(b'{"entry": "counted"}') == 200
    status, body = receiver.status("/healthz")
    assert (status, json.loads(body)) == (200, {"status": "ok", "waiting": 0})
    assert receiver.figure('wa_receiver_captures_total{provider="meta-cloud",outcome="stored"}') >= 1
    assert receiver.figure("wa_receiver_database_available") == 1
    assert receiver.figure("wa_receiver_held_bytes") == 0
    text = receiver.status("/metrics")[1]
    samples = [line for line in text.splitlines() if not line.startswith("#")]
    assert all(len(line.rsplit(" ", 1)) == 2 and float(line.rsplit(" ", 1)[1]) >= 0 for line in samples)
    assert receiver.status("/elsewhere")[0] == 404


def test_a_later_import_of_the_same_bodies_finds_them_known(receiver: Receiver, tmp_path: Path) -> None:
    bodies = [f'{{"entry": "imported later", "number": {number}}}'.encode() for number in range(5)]
    assert {receiver.post(body) for body in bodies} == {200}
    (tmp_path / "same.ndjson").write_bytes(b"\n".join(bodies) + b"\n")
    ran = subprocess.run(
        [*PROGRAM, "capture", "meta-cloud", str(tmp_path / "same.ndjson"), "--json"],
        env=environment(receiver.home),
        capture_output=True,
        text=True,
        check=False,
    )
    assert json.loads(ran.stdout)["repeated"] == 5, ran.stderr
    stored = [capture.body for capture in receiver.captures()]
    assert [stored.count(body) for body in bodies] == [1] * 5


def test_nothing_of_a_delivery_is_said_aloud(receiver: Receiver) -> None:
    assert SECRET not in receiver.said
    assert TOKEN not in receiver.said
    text = receiver.status("/metrics")[1]
    assert "facebookexternalua" not in text
    assert "203.0.113.7" not in text
