"""An SQS queue that an SNS topic of AWS End User Messaging Social fills, emptied into the evidence.

A message is deleted only once its capture is on disk; whatever happens in between, it comes again and
is recognised. Source: AWS, SQS API reference (ReceiveMessage, DeleteMessageBatch).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from wa_analytics.capture import Capture
from wa_analytics.errors import SettingsInvalid
from wa_analytics.evidence.aws import AwsFailed, client, failures
from wa_analytics.providers.http_api import Unavailable
from wa_analytics.providers.signatures import signature_check
from wa_analytics.settings import Settings

if TYPE_CHECKING:
    from wa_analytics.pipeline.pulling.pulled import Pulled
    from wa_analytics.pipeline.pulling.storing import Storing

PROVIDER = "aws-social"
WAIT_SECONDS = 10
"""Of one long poll: shorter than the client's patience."""
EMPTY_POLLS = 2
"""A single poll may come back empty although messages wait; two long ones in a row are taken to say that
none do."""
BATCH = 10


class Queue:
    """Raises SettingsInvalid without a queue in the settings."""

    def __init__(self, settings: Settings, at: int, wait_seconds: int = WAIT_SECONDS) -> None:
        given = settings.aws_social
        if not given.queue_url:
            raise SettingsInvalid(
                "aws_social.queue_url is not set; set WA_AWS_SOCIAL__QUEUE_URL to the queue's address."
            )
        self._url, self._at, self._wait_seconds = given.queue_url, at, wait_seconds
        self._check = signature_check(PROVIDER, settings)
        with _told():
            self._sqs = client("sqs", given.region, given.endpoint_url)

    def pull(self, storing: Storing, outcome: Pulled) -> None:
        """Store what waits, batch by batch, until two polls in a row bring nothing. Raises Unavailable."""
        left: set[str] = set()
        empty = 0
        while empty < EMPTY_POLLS:
            batch = self._received()
            empty = 0 if batch else empty + 1
            if not batch:
                continue
            captures = [self._capture(message["Body"]) for message in batch]
            is_stored = storing.take_all(captures, outcome)
            stored = [message for message, is_one in zip(batch, is_stored, strict=True) if is_one]
            undeleted = self._deleted(stored, outcome) if stored else []
            seen = {
                message["MessageId"] for message in batch if message not in stored or message in undeleted
            }
            if len(seen) == len(batch) and seen <= left:
                return
            left |= seen

    def _received(self) -> list[dict[str, Any]]:
        with _told(), failures():
            answer = self._sqs.receive_message(
                QueueUrl=self._url, MaxNumberOfMessages=BATCH, WaitTimeSeconds=self._wait_seconds
            )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def _capture(self, text: str) -> Capture:
        body = text.encode()
        return Capture(body, {"source": "sqs"}, PROVIDER, self._at, self._check(body, {}))

    def _deleted(self, messages: list[dict[str, Any]], outcome: Pulled) -> list[dict[str, Any]]:
        """Those of them that could not be deleted."""
        entries = [
            {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
            for number, message in enumerate(messages)
        ]
        with _told(), failures():
            answer = self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)
        failed = [messages[int(one["Id"])] for one in answer.get("Failed", ())]
        if failed:
            outcome.failed.append(
                f"queue: {len(failed)} messages were stored but could not be deleted; they come again and "
                "are recognised then."
            )
        return failed


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except AwsFailed as error:
        raise Unavailable(
            f"The queue could not be had ({error.code}); check aws_social.queue_url, the region and the "
            "right to receive and delete."
        ) from None
