"""Small bodies and rows of invented people, on reserved numbers."""

from __future__ import annotations

import json
from typing import Any

from wa_analytics.capture import Capture
from wa_analytics.providers import parser
from wa_analytics.records import Record
from wa_analytics.settings import Imports, MetaCloud, Settings

ANA = "12025550123"
BEN = "447700900123"
CHANNEL = "106540352242922"
ACCOUNT = "102290129340398"
AT = 1_767_225_600
MICROS = AT * 1_000_000
RECEIVED = 1_767_225_700_000_000


def settings(time_zone: str = "UTC", **meta_cloud: Any) -> Settings:
    return Settings(imports=Imports(time_zone=time_zone), meta_cloud=MetaCloud(**meta_cloud))


def body(field: str = "messages", *, time: int | str | None = None, **value: Any) -> dict[str, Any]:
    account: dict[str, Any] = {"id": ACCOUNT}
    if time is not None:
        account["time"] = time
    metadata = {"display_phone_number": "15550783881", "phone_number_id": CHANNEL}
    account["changes"] = [
        {"field": field, "value": {"messaging_product": "whatsapp", "metadata": metadata, **value}}
    ]
    return {"object": "whatsapp_business_account", "entry": [account]}


def message(**parts: Any) -> dict[str, Any]:
    given = {"from": ANA, "id": "wamid.A", "timestamp": str(AT), "type": "text", "text": {"body": "hello"}}
    return {name: part for name, part in (given | parts).items() if part is not ...}


def status(**parts: Any) -> dict[str, Any]:
    given = {"id": "wamid.S", "status": "sent", "timestamp": str(AT), "recipient_id": ANA}
    return {name: part for name, part in (given | parts).items() if part is not ...}


def capture(stated: Any, provider: str = "meta-cloud", **headers: str) -> Capture:
    exact = stated if isinstance(stated, bytes) else json.dumps(stated).encode()
    return Capture(exact, headers, provider, RECEIVED)


def parsed(stated: Any, provider: str = "meta-cloud", **headers: str) -> list[Record]:
    return parser(provider)(capture(stated, provider, **headers), settings())


def only(records: list[Record], kind: type) -> Any:
    found = [record for record in records if isinstance(record, kind)]
    assert len(found) == 1, records
    return found[0]
