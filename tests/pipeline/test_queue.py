"""`wa pull aws-social queue` against SNS and SQS as moto serves them over loopback HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.evidence.aws_server import REGION, aws, aws_server, direct
from tests.file_server import Server
from tests.providers.worlds import body, message
from wa_analytics import tables as t
from wa_analytics.errors import SettingsInvalid
from wa_analytics.evidence.log import entries
from wa_analytics.evidence.sealing import Opener
from wa_analytics.pipeline.pulling import queue
from wa_analytics.pipeline.pulling.pull import pull_rows, pulled
from wa_analytics.pipeline.pulling.pulled import Pulled
from wa_analytics.workspace import Workspace

__all__ = ["aws", "aws_server"]
NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture(autouse=True)
def short_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue.Queue.__init__, "__defaults__", (0,))


@pytest.fixture
def sqs(aws: str) -> Any:
    return direct("sqs", aws)


@pytest.fixture
def address(sqs: Any) -> str:
    return str(sqs.create_queue(QueueName=f"whatsapp-{uuid4().hex[:8]}")["QueueUrl"])


@pytest.fixture
def workspace(aws: str, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    for name, value in {"QUEUE_URL": address, "REGION": REGION, "ENDPOINT_URL": aws}.items():
        monkeypatch.setenv(f"WA_AWS_SOCIAL__{name}", value)
    opened = Workspace.init(tmp_path / "home")
    yield opened
    opened.close()


def pull(workspace: Workspace) -> Pulled:
    (outcome,) = pulled(workspace.database, workspace.ring, workspace.settings, "aws-social", "queue", NOW)
    return outcome


def event(number: int) -> str:
    entry = body(messages=[message(id=f"wamid.{number}")])["entry"][0]
    return json.dumps({"whatsAppWebhookEntry": json.dumps(entry), "messageId": str(number)})


def bodies(workspace: Workspace) -> list[bytes]:
    opener = Opener(workspace.ring.wrapping_keys(workspace.database), workspace.ring.digest_key)
    rows = entries(workspace.database, kind="capture", limit=1000)
    return [capture.body for _, capture in opener.opened(rows)]


def waiting(sqs: Any, address: str) -> int:
    """Messages in the queue, those in flight included."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    counts = sqs.get_queue_attributes(QueueUrl=address, AttributeNames=names)["Attributes"]
    return sum(map(int, counts.values()))


def test_what_a_topic_publishes_is_stored_and_then_gone_from_the_queue(
    aws: str, sqs: Any, address: str, workspace: Workspace
) -> None:
    sns = direct("sns", aws)
    topic = sns.create_topic(Name=f"whatsapp-{uuid4().hex[:8]}")["TopicArn"]
    arn = sqs.get_queue_attributes(QueueUrl=address, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    for number in range(23):
        sns.publish(TopicArn=topic, Message=event(number))
    assert waiting(sqs, address) == 23
    outcome = pull(workspace)
    assert (outcome.stored, outcome.failed, outcome.outcome) == (23, [], "complete")
    assert waiting(sqs, address) == 0
    assert {json.loads(json.loads(one)["Message"])["messageId"] for one in bodies(workspace)} == {
        str(number) for number in range(23)
    }
    workspace.refresh()
    assert workspace.database.table(t.Message).height == 23
    assert pull(workspace).stored == 0
    (row,) = [one for one in pull_rows(workspace.database, workspace.settings) if one["what"] == "queue"]
    assert row["outcome"] == "complete"


def test_raw_delivery_is_stored_as_it_came(sqs: Any, address: str, workspace: Workspace) -> None:
    text = event(1) + " \u00e4"
    sqs.send_message(QueueUrl=address, MessageBody=text)
    assert pull(workspace).stored == 1
    assert bodies(workspace) == [text.encode()]


def test_what_could_not_be_deleted_comes_again_and_is_known(
    sqs: Any, address: str, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit is before the deletion: a kill in between loses nothing and doubles nothing."""
    sqs.set_queue_attributes(QueueUrl=address, Attributes={"VisibilityTimeout": "0"})
    sqs.send_message(QueueUrl=address, MessageBody=event(1))
    with monkeypatch.context() as patched:
        patched.setattr(queue.Queue, "_deleted", killed)
        with pytest.raises(KeyboardInterrupt):
            pull(workspace)
    assert len(bodies(workspace)) == 1
    assert waiting(sqs, address) == 1
    outcome = pull(workspace)
    assert (outcome.stored, outcome.repeated) == (0, 1)
    assert waiting(sqs, address) == 0


def test_a_message_that_nobody_may_delete_ends_the_pull(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes again at once, and for ever."""
    received = [0]

    class Stubborn(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            answer: dict[str, Any] = {"Failed": [{"Id": "0", "Code": "Denied", "SenderFault": True}]}
            if self.headers["X-Amz-Target"].endswith("ReceiveMessage"):
                received[0] += 1
                message = {"MessageId": "1", "ReceiptHandle": "x", "Body": event(1)}
                answer = {"Messages": [message] if received[0] < 20 else []}
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = Server(("127.0.0.1", 0), Stubborn)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    for name, value in {"QUEUE_URL": f"{address}/1/q", "ENDPOINT_URL": address}.items():
        monkeypatch.setenv(f"WA_AWS_SOCIAL__{name}", value)
    try:
        opened = Workspace.open(workspace.settings.home)
        outcome = pull(opened)
        opened.close()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert (outcome.stored, outcome.repeated, received[0]) == (1, 1, 2)
    assert "could not be deleted" in outcome.failed[0]


def killed(*_: Any) -> None:
    raise KeyboardInterrupt


def test_nothing_is_deleted_that_was_not_stored(
    sqs: Any, address: str, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from wa_analytics.pipeline.pulling.storing import Storing

    sqs.send_message(QueueUrl=address, MessageBody=event(1))
    with monkeypatch.context() as patched:
        patched.setattr(Storing, "take_all", killed)
        with pytest.raises(KeyboardInterrupt):
            pull(workspace)
    assert waiting(sqs, address) == 1


def test_what_may_not_come_back_stays_in_the_queue_and_ends_the_pull(
    sqs: Any, address: str, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from wa_analytics.pipeline.pulling.storing import Storing

    sqs.set_queue_attributes(QueueUrl=address, Attributes={"VisibilityTimeout": "0"})
    sqs.send_message(QueueUrl=address, MessageBody=event(1))
    monkeypatch.setattr(Storing, "take_all", lambda self, captures, outcome: [False] * len(captures))
    assert pull(workspace).stored == 0
    assert waiting(sqs, address) == 1


def test_a_queue_that_is_not_there_is_one_sentence(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("WA_AWS_SOCIAL__QUEUE_URL", address + "-gone")
    with closing(Workspace.open(workspace.home)) as other:
        outcome = pull(other)
    assert outcome.outcome == "failed"
    (sentence,) = outcome.failed
    assert sentence.startswith("The queue could not be had (")


def test_without_a_queue_in_the_settings(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WA_AWS_SOCIAL__QUEUE_URL")
    with closing(Workspace.open(workspace.home)) as other, pytest.raises(SettingsInvalid, match="QUEUE_URL"):
        pull(other)


def test_one_poll_that_brings_nothing_is_no_empty_queue(
    sqs: Any, address: str, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A poll may miss what waits. Every poll is a long one, so that waiting costs no turning round."""
    for number in range(3):
        sqs.send_message(QueueUrl=address, MessageBody=event(number))
    polls: list[int] = []
    received = queue.Queue._received

    def missing(self: queue.Queue) -> list[dict[str, Any]]:
        polls.append(self._wait_seconds)
        return [] if len(polls) % 2 else received(self)

    monkeypatch.setattr(queue.Queue, "_received", missing)
    monkeypatch.setattr(queue, "BATCH", 1)
    assert pull(workspace).stored == 3
    assert waiting(sqs, address) == 0
    assert len(polls) == 8, "missed, found, thrice; then two in a row that bring nothing"
    assert queue.WAIT_SECONDS >= 10
