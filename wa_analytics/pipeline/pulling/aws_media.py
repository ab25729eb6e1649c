"""Media files of AWS End User Messaging Social: AWS puts each into a bucket of ours, from which it is read
and deleted again.

Source: AWS, API reference, GetWhatsAppMessageMedia (`destinationS3File`, ResourceNotFoundException). The
media ids are Meta's and hold as long; their SHA-256 is the announced one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import msgspec

from wa_analytics.capture import Capture
from wa_analytics.errors import ProviderFailed, SettingsInvalid
from wa_analytics.evidence.aws import AwsFailed, client, failures
from wa_analytics.providers.aws_social import number_arn
from wa_analytics.providers.http_api import Exhausted, TooLarge
from wa_analytics.providers.media import media_capture
from wa_analytics.records import MediaRecord
from wa_analytics.settings import Settings

PROVIDER = "aws-social"
GONE = "ResourceNotFoundException"
# Of this one file, or of a moment; anything else befalls the next file too.
PASSING = (
    "DependencyException", "InternalServiceException", "InvalidParametersException", "ValidationException",
)  # fmt: skip


class AwsMedia:
    """Raises SettingsInvalid without a bucket in the settings."""

    provider = PROVIDER
    asked_days: int | None = 30

    def __init__(self, settings: Settings) -> None:
        given = settings.aws_social
        bucket, _, prefix = given.media_bucket.removeprefix("s3://").partition("/")
        if not bucket:
            raise SettingsInvalid(
                "aws_social.media_bucket is not set; set WA_AWS_SOCIAL__MEDIA_BUCKET to s3://bucket/prefix."
            )
        self._bucket, self._prefix = bucket, prefix.strip("/")
        self._limit_bytes = given.media_limit_bytes
        with _told():
            self._social = client("socialmessaging", given.region, given.endpoint_url)
            self._s3 = client("s3", given.region, given.endpoint_url)

    def fetched(self, announced: MediaRecord, announcing: Capture, at: int) -> Capture:
        """The announced file, or the answer that it is gone. Raises ProviderFailed, Exhausted."""
        number = number_arn(announcing, announced.channel_id)
        if number is None:
            raise ProviderFailed("An event of AWS names no phone number to ask by; look at it by hand.")
        asked = {"mediaId": announced.media_id, "originationPhoneNumberId": number}
        key = "/".join(filter(None, (self._prefix, uuid4().hex)))
        try:
            with failures():
                about = self._social.get_whatsapp_message_media(**asked, metadataOnly=True)
                self._fits(about.get("fileSize"))
                target = {"bucketName": self._bucket, "key": key}
                told = self._social.get_whatsapp_message_media(**asked, destinationS3File=target)
        except AwsFailed as error:
            if error.code == GONE:
                body = msgspec.json.encode({"answered": error.code})
                return media_capture(PROVIDER, announced, at, body, "lost")
            sentence = f"AWS answered {error.code} where a media file was asked for; try again later."
            raise (ProviderFailed if error.code in PASSING else Exhausted)(sentence) from None
        body = self._read(key)
        return media_capture(PROVIDER, announced, at, body, "fetched", mime_type=told.get("mimeType"))

    def _read(self, key: str) -> bytes:
        """The file that AWS put there; it does not stay."""
        place = {"Bucket": self._bucket, "Key": key}
        with _told(), failures():
            try:
                found = self._s3.get_object(**place)
                self._fits(found.get("ContentLength"))
                body: bytes = found["Body"].read(self._limit_bytes + 1)
                self._fits(len(body))
            finally:
                self._s3.delete_object(**place)
        return body

    def _fits(self, size: Any) -> None:
        if isinstance(size, int) and size > self._limit_bytes:
            raise TooLarge(
                f"A media file has {size:,} bytes; raise aws_social.media_limit_bytes to fetch it."
            )


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except AwsFailed as error:
        raise Exhausted(
            f"The bucket of media files could not be had ({error.code}); check aws_social.media_bucket, the "
            "region and the right to get and delete objects."
        ) from None
