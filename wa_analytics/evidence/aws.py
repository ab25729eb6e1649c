"""AWS services (S3, KMS, SQS, End User Messaging Social) as far as evidence needs them. boto3 comes with
the extra `aws`.

Credentials are found as boto3 finds them (environment, profile, role); the workbench holds none.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

CONNECT_SECONDS, READ_SECONDS, ATTEMPTS = 5, 15, 2


class AwsFailed(Exception):
    """A request that failed. code: the service's own (`AccessDenied`) or the kind of failure
    (`EndpointConnectionError`); holds no value and no secret."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@lru_cache(maxsize=8)
def client(service: str, region: str, endpoint_url: str) -> Any:
    """A boto3 client that gives up soon. Empty strings mean what the environment says.

    Raises AwsFailed where boto3 is missing or cannot make one.
    """
    try:
        import boto3
        from botocore.config import Config
    except ModuleNotFoundError:
        raise AwsFailed("boto3 is not installed; install wa-analytics[aws]") from None
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        # Other makers' stores rarely know a bucket by a host name of its own, nor newer checksums.
        s3={"addressing_style": "path" if endpoint_url else "auto"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    with failures():
        try:
            return boto3.Session().client(
                service, region_name=region or None, endpoint_url=endpoint_url or None, config=config
            )
        except ValueError:
            raise AwsFailed("invalid endpoint") from None


@contextmanager
def failures() -> Iterator[None]:
    """Turns botocore's errors into AwsFailed."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise AwsFailed(str(error.response.get("Error", {}).get("Code", "unknown"))) from None
    except BotoCoreError as error:
        raise AwsFailed(type(error).__name__) from None
