"""One message of a WhatsApp chat export: supplementary evidence, which no rule reads.

An export has no message id, no status and no time zone; a sender is a name as somebody saved it, and
what was deleted or has disappeared is not in it. So nothing is complete by it and nothing is proven
missing. Times are read in `imports.time_zone`. The words for files, deletions and edits differ by
language; those of Danish, Dutch, English, French, German, Italian, Portuguese, Spanish and Swedish are
known, a line in another language is a text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from wa_analytics.capture import Capture
from wa_analytics.errors import CaptureUnreadable
from wa_analytics.providers.bodies import place_of
from wa_analytics.providers.chat_lines import Order, dated, line_of, plain
from wa_analytics.providers.instants import micros_of
from wa_analytics.providers.people import identifier_of
from wa_analytics.records import Identifier, Record, SupplementaryRecord
from wa_analytics.settings import Settings

MEDIA = re.compile(
    r"<[^<>\n]{0,40}\b(?:omitted|ausgeschlossen|omitidos?|omis|omessi|weggelaten|udeladt|uteslutna|ocult[oa]"
    r"|omesso|weggelassen)\b[^<>\n]{0,20}>"
    r"|\b(?:image|video|audio|sticker|gif|document|contact card|bild|dokument|imagen|imagem|documento"
    r"|immagine|afbeelding|vidéo|billede)\b[^\n:]{0,12}\b(?:omitted|weggelassen|omitid[oa]|omesso|omessa"
    r"|weggelaten|absente?|ocult[oa]|udeladt|utelämnad)\b"
    r"|< ?(?:attached|adjunto|anexado|angehängt|anhang|pièce jointe|joint|allegato|bijgevoegd|bifogad"
    r"|vedhæftet) ?: ?[^<>\n]+>"
    r"|\S.*?\.\w{2,5} ?[(<](?:file attached|attached|datei angehängt|archivo adjunto|arquivo anexado"
    r"|fichier joint|file allegato|bestand bijgevoegd)[)>].*"
    r"|(?:IMG|VID|PTT|AUD|DOC|STK)-\d{8}-WA\d{4,}\.\w{2,5}",
    re.IGNORECASE | re.DOTALL,
)
DELETED = frozenset(
    (
        "this message was deleted", "you deleted this message", "diese nachricht wurde gelöscht",
        "du hast diese nachricht gelöscht", "se eliminó este mensaje", "eliminaste este mensaje",
        "este mensaje fue eliminado", "mensagem apagada", "você apagou esta mensagem",
        "esta mensagem foi apagada", "esta mensagem foi eliminada", "ce message a été supprimé",
        "vous avez supprimé ce message", "questo messaggio è stato eliminato",
        "hai eliminato questo messaggio", "dit bericht is verwijderd", "u hebt dit bericht verwijderd",
        "denne besked blev slettet", "det här meddelandet togs bort",
    )
)  # fmt: skip
EDITED = re.compile(
    r" ?<(?:this message was edited|diese nachricht wurde bearbeitet|se editó este mensaje"
    r"|mensagem editada|esta mensagem foi editada|ce message a été modifié"
    r"|questo messaggio è stato modificato|dit bericht is bewerkt)\.?>\Z",
    re.IGNORECASE,
)
CALL = re.compile(
    r"(?:null|(?:missed |silenced )?(?:voice|video) call(?:[,. ].*)?"
    r"|(?:verpasster )?(?:sprach|video)anruf(?:[,. ].*)?)\Z",
    re.IGNORECASE | re.DOTALL,
)
# Lines of the app itself that look like a person's, since a chat's name stands before them.
NOTICE = re.compile(
    r"(?:messages and calls are|messages to this (?:chat|group) (?:and calls )?are"
    r"|nachrichten und anrufe sind|los mensajes y las llamadas están|as mensagens e (?:as )?(?:chamadas|"
    r"ligações) são|les messages et (?:les )?appels sont|i messaggi e le chiamate sono"
    r"|berichten en oproepen zijn)\b.*(?:encrypted|verschlüsselt|cifrad|criptografad|chiffr|crittografat"
    r"|versleuteld)",
    re.IGNORECASE | re.DOTALL,
)
# The name of a file that was exported with the chat; phones make names of these two kinds.
_FILE_NAME = re.compile(
    r"(?:IMG|VID|PTT|AUD|DOC|STK)-\d{8}-WA\d{4,}\.\w{2,5}|(?<=: )[^<>:/\\\n]+\.\w{2,5}(?= ?>)"
    r"|\A[^<>:/\\\n]+\.\w{2,5}(?= ?[(<])",
    re.IGNORECASE,
)
_SENDER = re.compile(r"(?:~ ?)?(?P<name>[^:\n\"“”«»]{1,120}?): ?(?P<text>.*)\Z", re.DOTALL)
_NUMBER = re.compile(r"\+?[0-9][0-9 ()\-\u2011]{6,24}\Z")
_NAMED = re.compile(r"\+[0-9][0-9 ()\-\u2011]{6,23}[0-9]")


def parse(capture: Capture, settings: Settings) -> list[Record]:
    """One SupplementaryRecord, for a file that came with the chat too; one per number that a line of the
    app itself names.

    Raises CaptureUnreadable: text that no message's first line opens.
    """
    headers = capture.headers
    if headers.get("kind") == "file":
        return []
    if headers.get("source") == "chat_media":
        return [SupplementaryRecord(type="file", file_name=headers.get("file_name"))]
    place = place_of(capture)
    try:
        text = capture.body.decode().replace("\r\n", "\n").strip("\n")
    except UnicodeDecodeError:
        raise CaptureUnreadable(f"{place}: is not UTF-8; export the chat again.") from None
    line = line_of(text, headers.get("line_style"))
    order = headers.get("date_order")
    day = dated(line.date, _order(order)) if line is not None and order is not None else None
    if line is None or day is None:
        raise CaptureUnreadable(f"{place}: no message of a chat export begins there; export the chat again.")
    moment = day.replace(hour=line.hour, minute=line.minute, second=line.second)
    occurred_at, _ = micros_of(moment.isoformat(), settings.imports.time_zone)
    return [*_messages(occurred_at, line.rest, headers.get("file_digest"))]


def _order(text: str) -> Order:
    for order in ("dmy", "mdy", "ymd", "ydm", "myd"):
        if order == text:
            return order
    raise CaptureUnreadable("a chat export's date order is unknown; export the chat again.")


def _messages(occurred_at: int, rest: str, chat: str | None) -> Iterator[SupplementaryRecord]:
    found = _SENDER.match(rest)
    if found is None or NOTICE.match(found["text"]):
        told = [_people(number) for number in _NAMED.findall(plain(rest))]
        for people in told or [()]:
            yield SupplementaryRecord(
                occurred_at=occurred_at,
                type="system",
                people=people,
                text=rest or None,
                has_body=True,
                chat=chat,
            )
        return
    sender, text = found["name"].strip(), found["text"].strip()
    words, edits = EDITED.subn("", text)
    type_ = _type(words)
    yield SupplementaryRecord(
        occurred_at=occurred_at,
        type=type_,
        people=_people(sender),
        sender=sender,
        text=words or None,
        has_body=type_ == "text" and bool(words),
        is_edited=bool(edits),
        chat=chat,
        file_name=_file_name(words) if type_ == "media" else None,
    )


def _file_name(words: str) -> str | None:
    found = _FILE_NAME.search(plain(words))
    return found[0].strip() if found else None


def _type(words: str) -> str:
    if not words or CALL.match(words):
        return "call" if words else "text"
    if words.strip(" .!").casefold() in DELETED:
        return "deleted"
    return "media" if MEDIA.match(words) else "text"


def _people(sender: str) -> tuple[Identifier, ...]:
    return (identifier_of(sender),) if _NUMBER.match(plain(sender)) else ()
