"""How each provider tells what happened, and how its deliveries lie in files.

A wire turns events into bodies, and a body into the line that is kept of its delivery. What a provider
has no way to tell, the wire says, so that no scene is played that it could not show.
"""

from __future__ import annotations

import hmac
import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from wa_analytics.synthetic import bodies, infobip
from wa_analytics.synthetic.companies import Channel, Template
from wa_analytics.synthetic.contents import Content
from wa_analytics.synthetic.delivery import Step
from wa_analytics.synthetic.people import Person, wamid


class Landed(NamedTuple):
    """One delivery as it is kept. captured: the text that is one capture."""

    line: str
    captured: str


class MetaWire:
    """The Cloud API itself: signed bodies, kept by the company's own receiver as spool lines.

    is_signed: deliveries carry a signature. has_user_ids: people may hide their phone. has_prices: a
    status tells the category. has_codes: a failure tells the platform's own error code. has_calls,
    has_number_changes: these are told. names_sender: every status says which number sent.
    """

    provider = "meta-cloud"
    is_signed = True
    has_user_ids = True
    has_prices = True
    has_codes = True
    has_calls = True
    has_number_changes = True
    names_sender = True

    def message_id(self, rng: random.Random, person: Person, at: int, *, is_inbound: bool) -> str:
        address = person.user_id if person.is_hidden(at) else person.wa_id
        return wamid(rng, address, is_inbound=is_inbound)

    def inbound(self, person: Person, channel: Channel, at: int, message_id: str, content: Content) -> str:
        return self.body(bodies.entry(channel, bodies.inbound(person, channel, at, message_id, content)))

    def statuses(
        self, person: Person, channel: Channel, sent_at: int, message_id: str, steps: Sequence[Step]
    ) -> list[str]:
        """Bodies that tell the steps; the Cloud API never tells that it gave up."""
        told = [
            bodies.status(person, step.at, message_id, step.name, step.priced, step.code)
            for step in steps
            if step.name != "expired"
        ]
        if not told:
            return []
        inner = f'"statuses":[{",".join(told)}]'
        if steps[0].name != "failed":
            inner = f"{bodies.contacts(person, sent_at)},{inner}"
        return [self.body(bodies.entry(channel, inner))]

    def preference(self, person: Person, channel: Channel, at: int, value: str) -> str:
        return self.body(bodies.entry(channel, bodies.preference(person, at, value), "user_preferences"))

    def template(self, waba_id: str, template: Template, at: int, number: int) -> str:
        value = bodies.template_approved(template, number)
        return self.body(bodies.account_entry(waba_id, at, "message_template_status_update", value))

    def body(self, entry: str) -> str:
        return f'{{"object":"whatsapp_business_account","entry":[{entry}]}}'

    def landed(self, rng: random.Random, body: str, received_at: float, secret: bytes, signed: str) -> Landed:
        """A spool line; the signature is over the bytes of `signed`, otherwise of `body`."""
        signature = hmac.digest(secret, (signed or body).encode(), "sha256").hex()
        return Landed(_spooled(body, received_at, f'"X-Hub-Signature-256":"sha256={signature}"'), body)


class AwsWire(MetaWire):
    """AWS End User Messaging Social: an SNS notification whose message is an event whose entry is the
    Cloud API's, each a JSON string inside the other; kept in S3 as Firehose puts it there."""

    provider = "aws-social"
    is_signed = False
    account = "123456789012"
    arn = f"arn:aws:social-messaging:sa-east-1:{account}"
    topic = f"arn:aws:sns:sa-east-1:{account}:whatsapp-events"
    service = "https://sns.sa-east-1.amazonaws.com"

    def body(self, entry: str) -> str:
        return entry

    def landed(self, rng: random.Random, body: str, received_at: float, secret: bytes, signed: str) -> Landed:
        waba_id = body[7 : body.index('"', 7)]
        moment = datetime.fromtimestamp(received_at, UTC).isoformat(timespec="milliseconds")[:-6]
        event = (
            f'{{"context":{{"MetaWabaIds":[{{"wabaId":"{waba_id}","arn":"{self.arn}:waba/{_hex(waba_id)}"}}],'
            f'"MetaPhoneNumberIds":[]}},"whatsAppWebhookEntry":{json.dumps(body)},'
            f'"aws_account_id":"{self.account}","message_timestamp":"{moment}000000Z"}}'
        )
        line = (
            f'{{"Type":"Notification","MessageId":"{_uuid(rng)}","TopicArn":"{self.topic}",'
            f'"Message":{json.dumps(event)},"Timestamp":"{moment}Z","SignatureVersion":"1",'
            f'"Signature":"bWFkZSB1cA==","SigningCertURL":"{self.service}/SimpleNotificationService-made-up.pem",'
            f'"UnsubscribeURL":"{self.service}/?Action=Unsubscribe&SubscriptionArn={self.topic}:made-up"}}'
        )
        return Landed(line, line)


class InfobipWire:
    """Infobip: unsigned webhooks of its own shapes, kept by the company's own receiver as spool lines."""

    provider = "infobip"
    is_signed = False
    has_user_ids = False
    has_prices = False
    has_codes = False
    has_calls = False
    has_number_changes = False
    names_sender = False

    def message_id(self, rng: random.Random, person: Person, at: int, *, is_inbound: bool) -> str:
        """The platform's id for what comes in, Infobip's own for what goes out."""
        if is_inbound:
            return wamid(rng, person.wa_id, is_inbound=True)
        return _uuid(rng)

    def inbound(self, person: Person, channel: Channel, at: int, message_id: str, content: Content) -> str:
        return infobip.inbound(person, channel, at, message_id, content)

    def statuses(
        self, person: Person, channel: Channel, sent_at: int, message_id: str, steps: Sequence[Step]
    ) -> list[str]:
        """A delivery report tells the end, a seen report that it was read; that a message is on its way
        is not told."""
        told = []
        for step in steps:
            if step.name == "read":
                told.append(infobip.seen(person, channel, sent_at, step.at, message_id))
            elif step.name != "sent":
                told.append(infobip.reported(person, sent_at, step.at, message_id, step.name))
        return told

    def preference(self, person: Person, channel: Channel, at: int, value: str) -> str:
        return infobip.marketing_update(person, channel, at, value)

    def template(self, waba_id: str, template: Template, at: int, number: int) -> str:
        return infobip.template_category(template, at, number)

    def landed(self, rng: random.Random, body: str, received_at: float, secret: bytes, signed: str) -> Landed:
        return Landed(_spooled(body, received_at, '"Accept-Encoding":"gzip"'), body)


Wire = MetaWire | AwsWire | InfobipWire
WIRES: dict[str, Wire] = {wire.provider: wire for wire in (MetaWire(), AwsWire(), InfobipWire())}


def _spooled(body: str, received_at: float, header: str) -> str:
    moment = datetime.fromtimestamp(received_at, UTC).isoformat(timespec="milliseconds")
    return (
        f'{{"received_at":"{moment}","headers":{{"Content-Type":"application/json",{header}}},'
        f'"body":{json.dumps(body)}}}'
    )


def _uuid(rng: random.Random) -> str:
    n = f"{rng.getrandbits(128):032x}"
    return f"{n[:8]}-{n[8:12]}-4{n[13:16]}-a{n[17:20]}-{n[20:]}"


def _hex(text: str) -> str:
    return text.encode().hex()
