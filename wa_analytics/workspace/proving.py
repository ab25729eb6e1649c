"""Proof and keys: sealing the log, verifying it, handing parts of it over."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wa_analytics.errors import InputRefused, KeyRefused, ReasonRequired
from wa_analytics.workspace.acting import actor, now
from wa_analytics.workspace.opened import Opened

if TYPE_CHECKING:
    from wa_analytics.evidence.checkpoint import Checkpoint
    from wa_analytics.evidence.key_restore import Restored
    from wa_analytics.evidence.note import VerifierKey
    from wa_analytics.pipeline.bundles import BundleMade
    from wa_analytics.pipeline.proof import Proof
    from wa_analytics.pipeline.refreshing.derived import DerivedProof


class Proving(Opened):
    """A workspace's evidence as something to prove."""

    def checkpoint(self, *, at: datetime | None = None) -> Checkpoint:
        """Seal the log: a signed head over all entries, kept in the database and in every place.

        Raises EvidenceBroken, PlaceUnavailable.
        """
        from wa_analytics.evidence.checkpoint import seal

        return seal(self.database, self.ring, at or now())

    def seal_pending(self, *, at: datetime | None = None) -> Checkpoint | None:
        """Seal what waits for a checkpoint; None if nothing does. For the end of a program."""
        from wa_analytics.evidence.checkpoint import seal_pending
        from wa_analytics.pipeline.collecting import uncollected

        with uncollected():
            return seal_pending(self.database, self.ring, at or now())

    def seal_if_due(self, *, at: datetime | None = None) -> Checkpoint | None:
        """Seal if entries have waited for `evidence.seal_seconds`. For programs that go on."""
        from wa_analytics.evidence.checkpoint import seal_if_due

        return seal_if_due(self.database, self.ring, at or now())

    def verify(
        self,
        *,
        is_derived: bool = False,
        trusted: Sequence[VerifierKey] = (),
        at: datetime | None = None,
        progress: Callable[[str], Callable[[int, int], None]] | None = None,
    ) -> Proof:
        """Prove the log from its stored bytes; needs no key. `.outcome`, `.findings`, `.frame`.

        trusted: public keys known from elsewhere; without any, those of database and places.
        is_derived: also hold the derived tables against a rebuild, which needs the keys; without
        them that part is not evaluated. The run and its findings are recorded.
        """
        from wa_analytics.evidence.key_copies import copies_of
        from wa_analytics.evidence.places import places_of
        from wa_analytics.evidence.timestamp import trusted_roots
        from wa_analytics.evidence.verify import verify
        from wa_analytics.pipeline.proof import Proof, recorded

        started_at = at or now()
        places = places_of(self.home, self.settings)
        advance = progress("evidence") if progress else None
        roots = trusted_roots(self.home, self.settings)
        # Whoever may not enter the folder of the keys verifies without their copies.
        has_copies = self.settings.keys.copies is not None or os.access(self.home / "keys", os.R_OK | os.X_OK)
        copies = copies_of(self.home, self.settings) if has_copies else None
        verification = verify(self.database, places, advance, trusted=trusted, roots=roots, copies=copies)
        proof = Proof(verification, self._derived_proof(progress) if is_derived else None)
        recorded(self.database, proof, started_at, at or now())
        return proof

    def _derived_proof(self, progress: Any) -> DerivedProof:
        from wa_analytics.pipeline.refreshing.derived import DerivedProof, derived_proof

        try:
            ring = self.ring
        except KeyRefused as error:
            return DerivedProof("not_evaluated", str(error))
        with self.locked("refresh"):
            return derived_proof(self.database, ring, self.settings, self.schedule, progress=progress)

    def bundle(
        self, message_ids: Iterable[str], *, reason: str, out: Path | str, at: datetime | None = None
    ) -> BundleMade:
        """Write the messages with their proof to the zip file `out`; see `wa bundle`.

        Raises ReasonRequired, InputRefused for an id nobody knows or a file that exists already.
        """
        from wa_analytics.pipeline.bundles import bundled, chosen_entries

        ids, path = list(dict.fromkeys(map(str, message_ids))), Path(out)
        if path.exists():
            raise InputRefused(f"{path} exists already; name another file.")
        chosen = chosen_entries(self.database, self.ring, ids)
        self._journalled("bundle", reason, at, {"message_ids": ids})
        checkpoint = self.checkpoint(at=at)
        return bundled(self.database, self.ring, self.settings, chosen, checkpoint, path, at or now())

    def rotate_keys(self, *, reason: str, new_master: bytes | None = None, at: datetime | None = None) -> int:
        """A new master key over the wrapping keys; returns how many. Journalled.

        new_master: needed only where the master key comes from the environment.
        """
        from wa_analytics.evidence.rotation import rotate

        if not reason.strip():
            raise ReasonRequired("A new master key needs a reason; say why with --reason.")
        return rotate(
            self.database, self.ring, actor=actor(), reason=reason, at=at or now(), new_master=new_master
        )

    def restore_keys(self, *, reason: str, at: datetime | None = None) -> Restored:
        """Put back what one place of the keys lost and the other still has; see `wa keys restore`."""
        from wa_analytics.evidence.key_restore import restored

        if not reason.strip():
            raise ReasonRequired("Putting keys back needs a reason; say why with --reason.")
        with self.locked("refresh"):
            return restored(self.database, self.ring, actor=actor(), reason=reason, at=at or now())
