"""Commands by which the evidence is sealed, proven, searched and handed over."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wa_analytics.cli.invocation import Json, Reason, current, moment
from wa_analytics.cli.output import answered, emit, listed, say
from wa_analytics.cli.progress import bars

if TYPE_CHECKING:
    from wa_analytics.evidence.bundle_check import BundleProof
    from wa_analytics.pipeline.proof import Proof

SHOWN = 20


def register(app: typer.Typer) -> None:
    app.command("checkpoint")(checkpoint)
    app.command("verify")(verify)
    app.command("search")(search)
    app.command("bundle")(bundle)


def checkpoint(context: typer.Context, as_json: Json = False) -> None:
    """Seal the log: sign its head and keep it in every place."""
    from wa_analytics.evidence.places import places_of

    workspace = current(context)
    sealed = workspace.checkpoint(at=moment(None))
    places = [place.name for place in places_of(workspace.home, workspace.settings)]
    if as_json:
        emit(
            {
                "origin": sealed.origin,
                "tree_size": sealed.size,
                "root": sealed.root,
                "note": sealed.note,
                "places": ["database", *places],
                "timestamp_refusal": sealed.timestamp_refusal,
            }
        )
    else:
        typer.echo(f"{sealed.size:,} entries sealed under {sealed.root.hex()[:16]}… as {sealed.origin}.")
        typer.echo(f"Kept in the database, {', '.join(places)}.")
        if len(places) == 1:
            typer.echo("No further place is set: put `evidence.places` where the log's keeper cannot write.")
        if sealed.timestamp_refusal:
            say(sealed.timestamp_refusal)


def verify(
    context: typer.Context,
    bundle: Annotated[
        Path | None, typer.Argument(help="A bundle to verify instead of this workspace; needs no workspace.")
    ] = None,
    is_derived: Annotated[
        bool, typer.Option("--derived", help="Hold the derived tables against a rebuild too; needs the keys.")
    ] = False,
    key: Annotated[
        str | None, typer.Option(metavar="PUBLIC_KEY", help="Trust this key of the log alone (name+id+key).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Prove the evidence from its stored bytes. Needs no key.

    Exit code 0: proven. 1: not proven. 2: could not be verified.
    """
    from wa_analytics.errors import InputRefused
    from wa_analytics.evidence.note import NoteInvalid, VerifierKey

    try:
        trusted = [VerifierKey.of_text(key)] if key else []
    except NoteInvalid:
        raise InputRefused("--key is no public key of a log; it reads name+id+key.") from None
    if bundle is not None:
        from wa_analytics.evidence.bundle_check import bundle_proof

        if is_derived:
            raise InputRefused("--derived speaks of a workspace; a bundle holds no derived tables.")
        proven = bundle_proof(bundle, trusted)
        emit(proven.document()) if as_json else _bundle_told(proven)
        raise typer.Exit(0 if proven.is_proven else 1)
    with bars() as bar:
        proof = current(context).verify(
            is_derived=is_derived, trusted=trusted, at=moment(None), progress=lambda title: bar(title, None)
        )
    emit(proof.document()) if as_json else _told(proof)
    raise typer.Exit(0 if proof.is_proven else 1)


def _told(proof: Proof) -> None:
    told = proof.verification
    words = {"pass": "Proven", "fail": "NOT PROVEN", "not_evaluated": "Not proven: no checkpoint stands yet"}
    typer.echo(
        f"{words[proof.outcome]}: {told.entry_count:,} entries read, {told.sealed_count:,} sealed "
        f"(checkpoints that hold: {told.checkpoint_count:,}), {told.disposed_count:,} lawfully disposed of."
    )
    if told.entry_count > told.sealed_count and not proof.findings:
        typer.echo(f"{told.entry_count - told.sealed_count:,} more wait for `wa checkpoint`.")
    if told.unfinished_disposal_count:
        typer.echo(f"{told.unfinished_disposal_count:,} disposals are not finished; run `wa dispose` again.")
    if told.copied_count is not None:
        typer.echo(f"{told.copied_count:,} keys stand in both of their places.")
    if {"key_missing", "key_copy_missing", "wrapping_key_missing"} & {found.code for found in proof.findings}:
        typer.echo("`wa keys restore` puts back what one place of the keys lost and the other still has.")
    for name in told.empty_places if told.checkpoint_count else ():
        typer.echo(f"Place {name} keeps no checkpoint, so it proves nothing; is it mounted?")
    dated = told.timestamps
    if dated.tree_size is not None and dated.dated_at is not None:
        typer.echo(
            f"Dated: {dated.valid_count:,} checkpoints bear a valid timestamp; the first "
            f"{dated.tree_size:,} entries stood by {dated.dated_at.isoformat()}."
        )
    if dated.undated_count:
        typer.echo(f"{dated.undated_count:,} later checkpoints bear no valid timestamp.")
    if dated.unjudged_count:
        typer.echo(f"{dated.unjudged_count:,} timestamps were not judged: {dated.reason}.")
    if proof.derived:
        reason = f" ({proof.derived.reason})" if proof.derived.reason else ""
        typer.echo(f"Derived tables: {proof.derived.outcome.replace('_', ' ')}{reason}.")
    for found in proof.findings[:SHOWN]:
        typer.echo(f"evidence.broken  {found.sentence}")
    if len(proof.findings) > SHOWN:
        typer.echo(f"… and {len(proof.findings) - SHOWN:,} more; `--json` lists them all.")


def _bundle_told(proof: BundleProof) -> None:
    typer.echo(
        f"{'Proven' if proof.is_proven else 'NOT PROVEN'}: {proof.entry_count:,} entries, "
        f"{proof.opened_count:,} opened and equal to the originals beside them, "
        f"{proof.disposed_count:,} lawfully disposed of."
    )
    if proof.signer:
        typer.echo(f"Signed by {proof.signer}")
        if not proof.is_key_given:
            typer.echo("Compare that key with a copy you have from elsewhere, or give it with --key.")
    for found in proof.findings:
        typer.echo(f"evidence.broken  {found.sentence}")


def search(
    context: typer.Context,
    text: Annotated[str, typer.Argument(help="Words that must all occur, whole and in any order.")],
    reason: Reason = "",
    is_regex: Annotated[bool, typer.Option("--regex", help="TEXT is a regular expression.")] = False,
    as_json: Json = False,
) -> None:
    """Find messages by what they say. Needs a reason and is journalled; `wa reveal` shows them."""
    with bars() as bar:
        found = current(context).search(
            text, reason=reason, is_regex=is_regex, at=moment(None), progress=bar("search", None)
        )
    from wa_analytics.reports.wording import several

    listed(found, as_json, title=several(found.height, "message"), empty="0 messages")


def bundle(
    context: typer.Context,
    message_ids: Annotated[list[str], typer.Argument(metavar="MESSAGE_ID", help="Our message ids.")],
    out: Annotated[Path, typer.Option(help="The zip file to write; must not exist yet.")],
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Hand messages over, with their proof and a verifier.

    In the zip file: originals, entries, proofs, journal and the program that checks them. Whoever holds
    it can read these messages. Needs a reason and is journalled.
    """
    from wa_analytics.reports.wording import several

    made = current(context).bundle(message_ids, reason=reason, out=out, at=moment(None))
    answered(
        made.document(),
        f"{made.path}: {several(made.message_count, 'message')} in "
        f"{several(made.entry_count, 'entry', 'entries')}, under a checkpoint of {made.tree_size:,}. "
        f"Check it with `wa verify {made.path}`.",
        as_json,
    )
