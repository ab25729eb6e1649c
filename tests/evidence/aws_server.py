"""S3 and KMS as moto serves them over loopback HTTP. Its defects that no test may lean on:
`get_object_retention` fails, a COMPLIANCE lock can be shortened and a disabled key still serves, all
of which the real services do otherwise."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

REGION = "eu-west-1"


@contextmanager
def served() -> Iterator[str]:
    """The address of a server of its own."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def aws_server() -> Iterator[str]:
    with served() as address:
        yield address


@pytest.fixture
def aws(aws_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The server's address, with credentials that open nothing anywhere else."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    return aws_server


def direct(service: str, address: str) -> Any:
    """A client beside the product's own."""
    import boto3

    return boto3.client(service, region_name=REGION, endpoint_url=address)


def bucket(store: Any, *, is_locked: bool = True) -> str:
    name = f"checkpoints-{uuid.uuid4().hex[:12]}"
    store.create_bucket(
        Bucket=name,
        ObjectLockEnabledForBucket=is_locked,
        CreateBucketConfiguration={"LocationConstraint": REGION},
    )
    return name
