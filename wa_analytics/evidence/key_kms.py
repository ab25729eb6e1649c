"""The master key under AWS KMS: only its ciphertext is kept, in `keys/master.kms`.

KMS makes the key (GenerateDataKey) and opens it (Decrypt) at every start of a program; between the
two no plain master key stands on any disk. KMS finds its own key by the ciphertext, so the setting
`keys.kms_key_id` names only the one for new keys: set another one and rotate to move.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from wa_analytics.errors import KeyRefused
from wa_analytics.evidence.aws import AwsFailed, client, failures
from wa_analytics.evidence.keyfile import KEY_BYTES, MASTER, move_key, read_ciphertext, read_key, write_key

if TYPE_CHECKING:
    from wa_analytics.settings import Keys

CIPHERTEXT, NEXT_CIPHERTEXT = "master.kms", "master.kms.next"
_CONTEXT: Final = {"purpose": "wa-analytics master key"}


class KmsMaster:
    """A master key that KMS makes and opens."""

    makes_new_keys = True

    def __init__(self, folder: Path, keys: Keys) -> None:
        self._folder = folder
        self._keys = keys
        self.place = str(folder / CIPHERTEXT)

    def create(self) -> None:
        """Make the ciphertext unless it is there; a `master.key` of earlier days is taken over."""
        if (self._folder / CIPHERTEXT).exists():
            self.key()
            return
        if (self._folder / MASTER).exists():
            told = self._asked("encrypt", KeyId=self._key_id(), Plaintext=read_key(self._folder / MASTER))
        else:
            told = self._made()
        write_key(self._folder / CIPHERTEXT, told["CiphertextBlob"])

    def key(self) -> bytes:
        return self._opened(CIPHERTEXT)

    def drafted(self, given: bytes | None) -> bytes:
        if given is not None:
            raise KeyRefused("The master key comes from AWS KMS, which makes the new one itself; give none.")
        told = self._made()
        write_key(self._folder / NEXT_CIPHERTEXT, told["CiphertextBlob"], replace=True)
        new: bytes = told["Plaintext"]
        return new

    def settle(self) -> None:
        move_key(self._folder / NEXT_CIPHERTEXT, self._folder / CIPHERTEXT)

    def taken_up(self, is_expected: Callable[[bytes], bool]) -> bytes | None:
        for name in (CIPHERTEXT, NEXT_CIPHERTEXT):
            if (self._folder / name).exists():
                key = self._opened(name)
                if is_expected(key):
                    if name == NEXT_CIPHERTEXT:
                        self.settle()
                    return key
        return None

    def _opened(self, name: str) -> bytes:
        ciphertext = read_ciphertext(self._folder / name)
        key: bytes = self._asked("decrypt", CiphertextBlob=ciphertext)["Plaintext"]
        if len(key) != KEY_BYTES:
            raise KeyRefused(f"{self.place} opens to no 32-byte key; put the original back from its copy.")
        return key

    def _made(self) -> dict[str, Any]:
        return self._asked("generate_data_key", KeyId=self._key_id(), NumberOfBytes=KEY_BYTES)

    def _key_id(self) -> str:
        if not self._keys.kms_key_id:
            raise KeyRefused(
                "settings say that the master key comes from AWS KMS; set keys.kms_key_id to the id, "
                "ARN or alias of a symmetric KMS key."
            )
        return self._keys.kms_key_id

    def _asked(self, operation: str, **given: Any) -> dict[str, Any]:
        try:
            kms = client("kms", self._keys.kms_region, self._keys.kms_endpoint_url)
            with failures():
                told: dict[str, Any] = getattr(kms, operation)(EncryptionContext=_CONTEXT, **given)
        except AwsFailed as failed:
            raise KeyRefused(
                f"AWS KMS did not {'open' if operation == 'decrypt' else 'make'} the master key of "
                f"{self.place} ({failed.code}); check keys.kms_key_id, keys.kms_region and the credentials."
            ) from None
        return told
