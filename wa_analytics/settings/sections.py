"""The tables of `settings.toml`, a class each: what may be set, within which bounds, and what holds else."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

MOST_HOURS = 10 * 366 * 24
_NUMBER = re.compile(r"\+?[0-9][0-9 ().-]*\Z")


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


def known_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError("unknown time zone") from error
    return value


def country_of(jurisdiction: str) -> str:
    """The ISO country of a jurisdiction such as `US-NY`, `UK` or `BR`; `EU` stays `EU`."""
    code = jurisdiction.strip().upper().split("-")[0]
    return "GB" if code == "UK" else code


@cache
def places() -> frozenset[str]:
    """What `country_of` may give: ISO 3166 codes as the time-zone database lists them, Kosovo's, and `EU`."""
    table = files("tzdata.zoneinfo").joinpath("iso3166.tab").read_text(encoding="utf-8")
    return frozenset({"EU", "XK"}.union(line[:2] for line in table.splitlines() if line[:1] != "#"))


def channel_of(text: str) -> str:
    """A channel as every table names it: a number however it is written (`+44 20 …`, `whatsapp:+44…`) is its
    digits, any other name itself."""
    if text.isdecimal():
        return text
    bare = text.strip().removeprefix("whatsapp:")
    return re.sub(r"[^0-9]", "", bare) if _NUMBER.match(bare) else text


class Entity(Section):
    """A company of the group and what it owns on the platform."""

    key: str = Field(min_length=1)
    name: str = ""
    kind: str = ""
    jurisdiction: str = ""
    time_zone: str = "UTC"
    channels: tuple[str, ...] = ()
    waba_ids: tuple[str, ...] = ()
    business_names: tuple[str, ...] = ()
    owner: str = ""

    @field_validator("channels", "waba_ids", mode="before")
    @classmethod
    def _digits_may_be_numbers(cls, value: Any) -> Any:
        return tuple(str(v) for v in value) if isinstance(value, list | tuple) else value

    @field_validator("channels")
    @classmethod
    def _numbers_are_digits(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(channel_of, value))

    @field_validator("jurisdiction")
    @classmethod
    def _is_a_place(cls, value: str) -> str:
        """Or no rule of any country would bind the company, and nothing would say so."""
        if value.strip() and country_of(value) not in places():
            raise ValueError("names no country; give its ISO code, such as GB, BR or US-NY, or EU")
        return value

    _zone = field_validator("time_zone")(known_zone)


class MediaSection(Section):
    """`media_limit_bytes`: of the largest media file fetched."""

    media_limit_bytes: int = Field(default=100 << 20, gt=0, le=1 << 30)


class MetaCloud(MediaSection):
    """`callback_url`: where our webhooks are to arrive, `app_id`: our own app, so that a pull can tell
    an override that diverts them."""

    app_secret: SecretStr | None = None
    verify_token: SecretStr | None = None
    access_token: SecretStr | None = None
    graph_url: str = "https://graph.facebook.com"
    graph_version: str = "v26.0"
    callback_url: str = ""
    app_id: str = ""

    @field_validator("app_id", mode="before")
    @classmethod
    def _digits_may_be_a_number(cls, value: Any) -> Any:
        return str(value) if type(value) is int else value


class Infobip(MediaSection):
    """How deliveries are known to be Infobip's, by whichever is set: Basic authentication
    (`webhook_user`, `webhook_password`), `secret` in the header that `header` names, or an HMAC-SHA-256
    under `hmac_secret` over the body, as hex or base64 in `hmac_header`. `api_key`, `api_url` (your
    account's base URL): for `wa pull infobip`."""

    webhook_user: str = ""
    webhook_password: SecretStr | None = None
    secret: SecretStr | None = None
    header: str = "x-webhook-secret"
    hmac_secret: SecretStr | None = None
    hmac_header: str = "x-hub-signature"
    api_key: SecretStr | None = None
    api_url: str = ""


class Twilio(MediaSection):
    """`auth_token`: checks X-Twilio-Signature, and with `account_sid` opens `wa pull twilio`.
    `public_url`: the address that Twilio was told to post to; it is part of what is signed."""

    account_sid: str = ""
    auth_token: SecretStr | None = None
    public_url: str = ""
    api_url: str = "https://api.twilio.com"


class AwsSocial(MediaSection):
    """AWS End User Messaging Social. `topic_arns`: the SNS topics whose deliveries and
    subscriptions are taken. `topics`: topic → company, WhatsApp Business Account or number that it
    delivers for; one that is not named is the only company's. `certificates`: a folder of SNS signing
    certificates under their own names, looked into before any is fetched; without it signatures of
    imported files are not checked. `queue_url`: the SQS queue that `wa pull aws-social queue` empties.
    `media_bucket`: `s3://bucket/prefix`, through which media files pass on their way here; each is deleted
    there once it is read. A relative path is in the workspace."""

    topic_arns: tuple[str, ...] = ()
    topics: dict[str, str] = {}
    certificates: Path | None = None
    queue_url: str = ""
    media_bucket: str = Field(default="", pattern=r"^(s3://[a-z0-9.-]{3,63}(/.*)?)?$")
    region: str = ""
    endpoint_url: str = ""


class Imports(Section):
    """`time_zone`: of times in import files that name no offset. `day_first`: whether the day comes
    before the month in chat exports whose dates can be read both ways."""

    time_zone: str = "UTC"
    day_first: bool | None = None

    _zone = field_validator("time_zone")(known_zone)


class Completeness(Section):
    """`settle_hours`: when the platform's own counts are final and a late record is a missing one.
    `false_alarms_per_year`: how often a number's silence may be alleged wrongly, per number."""

    settle_hours: int = Field(default=168, ge=0, le=MOST_HOURS)
    false_alarms_per_year: float = Field(default=0.01, gt=0, le=12)


class ConsentRules(Section):
    """Opt-out words added to the shipped ones: language or ISO country → words."""

    opt_out_words: dict[str, tuple[str, ...]] = {}


class RecordClassRule(Section):
    """Assigns `record_class` to messages that match every condition given."""

    record_class: str
    entity: str = ""
    channel: str = ""
    purpose: str = ""
    template: str = ""

    _channel = field_validator("channel")(channel_of)


class Retention(Section):
    record_class: tuple[RecordClassRule, ...] = ()


class Checks(Section):
    """`interval_hours`: how often `wa run` is expected. `capture_hours`: how old the newest
    capture of an entity may be before the freshness check fails."""

    interval_hours: int = Field(default=24, gt=0, le=MOST_HOURS)
    capture_hours: int = Field(default=72, gt=0, le=MOST_HOURS)


class Controls(Section):
    """`tcpa_in_scope`: whether counsel holds WhatsApp to be in the TCPA's scope; unset keeps
    TCP-01 not evaluated."""

    tcpa_in_scope: bool | None = None


class Alerts(Section):
    """Apprise addresses (mailto://, slack://, json:// …) that `wa run` tells of new high or critical
    incidents and of checks that could not run."""

    urls: tuple[SecretStr, ...] = ()


class Keys(Section):
    """Where the master key comes from: `file` (keys/master.key), `environment`, or `kms`: AWS KMS
    encrypts it under `kms_key_id` (id, ARN or alias) and only its ciphertext is kept. `copies`: folder
    of the second place of the entry keys, best on another volume than the database; default
    `keys/copies` in the workspace."""

    source: Literal["file", "environment", "kms"] = "file"
    master_key: SecretStr | None = None
    kms_key_id: str = ""
    kms_region: str = ""
    kms_endpoint_url: str = ""
    copies: Path | None = None


class Evidence(Section):
    """`origin`: the log's name in its checkpoints (a schema-less URL that you own); empty: a name
    made from the signing key. `seal_seconds`: how long an entry may wait for its checkpoint.
    `places`: further places that get every checkpoint: folders (other volumes, other machines'
    mounts) and `s3://bucket/prefix` with object lock, each object locked for `s3_retention_days`.
    `timestamp_url`: an RFC 3161 authority that dates every checkpoint. `timestamp_roots`: PEM file
    of the certificates it is trusted by; a relative path is in the workspace."""

    origin: str = ""
    seal_seconds: int = Field(default=60, ge=0, le=MOST_HOURS * 3600)
    places: tuple[Path | str, ...] = ()
    s3_region: str = ""
    s3_endpoint_url: str = ""
    s3_retention_days: int = Field(default=2192, ge=1, le=36500)
    timestamp_url: SecretStr | None = None
    timestamp_roots: Path | None = None

    @field_validator("places")
    @classmethod
    def _folder_or_bucket(cls, value: tuple[Path | str, ...]) -> tuple[Path | str, ...]:
        for place in value:
            scheme, colon, rest = str(place).partition("://")
            if colon and (scheme != "s3" or not rest.strip("/") or rest.startswith("/")):
                raise ValueError("a place is a folder or s3://bucket/prefix")
        return value

    @field_validator("timestamp_url")
    @classmethod
    def _is_web_address(cls, value: SecretStr | None) -> SecretStr | None:
        text = value.get_secret_value() if value else ""
        if text and not text.startswith(("http://", "https://")):
            raise ValueError("an authority's address starts with http:// or https://")
        return value if text else None

    @field_validator("origin")
    @classmethod
    def _fits_a_signed_note(cls, value: str) -> str:
        if any(character.isspace() or character == "+" for character in value):
            raise ValueError("a log's name holds no space and no plus sign")
        return value


def secret_text(secret: SecretStr | None) -> str | None:
    """A secret in clear; None where there is none or an empty one."""
    return (secret.get_secret_value() or None) if secret is not None else None
