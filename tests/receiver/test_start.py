"""What `wa receive` refuses to start with, and that it speaks TLS."""

from __future__ import annotations

import http.client
import resource
import socket
import ssl
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.receiver.conftest import PATH, PROGRAM, Receiver, environment, signed
from wa_analytics.errors import SettingsInvalid
from wa_analytics.receiver.serving import Listening, checked, open_enough
from wa_analytics.receiver.sockets import is_loopback
from wa_analytics.workspace import Workspace


@pytest.fixture
def home(tmp_path: Path) -> Path:
    Workspace.init(tmp_path / "home").close()
    return tmp_path / "home"


def refused(home: Path, *options: str, **variables: str) -> str:
    ran = subprocess.run(
        [*PROGRAM, "receive", "--port", "0", "--status-port", "0", *options],
        env=environment(home, **variables),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 2, ran.stderr
    assert "Traceback" not in ran.stderr
    return ran.stderr


def test_without_an_app_secret_it_does_not_start(home: Path) -> None:
    assert "WA_META_CLOUD__APP_SECRET" in refused(home, WA_META_CLOUD__APP_SECRET="")


def test_unsigned_deliveries_are_taken_when_told_so(home: Path) -> None:
    running = Receiver(home, ("--unsigned",), {"WA_META_CLOUD__APP_SECRET": ""}).start()
    try:
        assert running.post(b'{"entry": 1}', {}) == 200
        assert running.post(b'{"entry": 2}') == 200
        assert {capture.signature_code for capture in running.captures()} == {"absent"}
        assert "not verified" in running.said
    finally:
        running.end()


def test_with_a_secret_a_wrong_signature_is_refused_even_when_unsigned_is_allowed(home: Path) -> None:
    running = Receiver(home, ("--unsigned",)).start()
    try:
        assert running.post(b'{"entry": 1}', {}) == 200
        assert running.post(b'{"entry": 2}', {"X-Hub-Signature-256": "sha256=00"}) == 401
        assert running.post(b'{"entry": 3}') == 200
        assert sorted(capture.signature_code for capture in running.captures()) == ["absent", "valid"]
    finally:
        running.end()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_beyond_loopback_it_wants_tls_or_a_proxy(host: str) -> None:
    with pytest.raises(SettingsInvalid, match="--behind-proxy"):
        checked(Listening(host=host))
    checked(Listening(host=host, is_behind_proxy=True))


@pytest.mark.parametrize(("host", "is_local"), [
    ("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True),
    ("0.0.0.0", False), ("::", False), ("192.0.2.1", False), ("no.such.host.invalid", False),
])  # fmt: skip
def test_loopback_is_told_from_the_rest(host: str, is_local: bool) -> None:
    assert is_loopback(host) is is_local


def test_the_command_refuses_an_open_address(home: Path) -> None:
    assert "--behind-proxy" in refused(home, "--host", "0.0.0.0")


def test_a_port_in_use_is_one_sentence(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "--port" in refused(home, "--port", str(taken.getsockname()[1]))


def test_foreign_keys_are_refused(home: Path) -> None:
    (home / "keys" / "digest.key").write_text("00" * 32)
    assert "digest key" in refused(home)


def test_half_a_certificate_is_refused(home: Path, tmp_path: Path) -> None:
    assert "together" in refused(home, "--tls-certificate", str(tmp_path / "absent.pem"))
    (tmp_path / "none.pem").write_text("no certificate")
    path = str(tmp_path / "none.pem")
    assert "PEM" in refused(home, "--tls-certificate", path, "--tls-key", path)


def test_it_speaks_tls(home: Path, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain, private = tmp_path / "chain.pem", tmp_path / "private.pem"
    chain.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    running = Receiver(home, ("--tls-certificate", str(chain), "--tls-key", str(private))).start()
    try:
        context = ssl.create_default_context(cafile=str(chain))
        connection = http.client.HTTPSConnection("127.0.0.1", running.port, timeout=30, context=context)
        body = b'{"entry": "over TLS"}'
        connection.request("POST", PATH, body, signed(body))
        assert connection.getresponse().status == 200
        connection.close()
        assert [capture.body for capture in running.captures()] == [body]
    finally:
        running.end()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((1_024, 65_536), (8_192, 65_536)),
        ((1_024, 4_096), (4_096, 4_096)),
        ((20_000, 65_536), (20_000, 65_536)),
        ((1_024, resource.RLIM_INFINITY), (8_192, resource.RLIM_INFINITY)),
    ],
)
def test_open_files_are_as_many_as_connections_where_the_machine_allows_it(
    before: tuple[int, int], after: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    bounds = [before]
    monkeypatch.setattr(resource, "getrlimit", lambda _: bounds[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, wanted: bounds.append(wanted))
    open_enough()
    assert bounds[-1] == after


def test_neither_receiver_nor_writer_loads_polars() -> None:
    program = (
        "import sys; import wa_analytics.receiver.serving, wa_analytics.receiver.archive,"
        " wa_analytics.evidence.checkpoint; sys.exit('polars' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
