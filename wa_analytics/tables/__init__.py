"""SQLModel tables, one file per noun, no behaviour."""

from wa_analytics.tables.check import (
    CheckResult,
    CheckRun,
    Finding,
    ImportCount,
    Pass,
    VerifyRun,
    Watermark,
)
from wa_analytics.tables.consent import ConsentEvent, ConsentFact
from wa_analytics.tables.disposal import (
    DisposedEvent,
    DisposedMessage,
    ErasureDecision,
    KeptHandOver,
    KeptIdentity,
    KeptLink,
    LegalHold,
    RetentionDecision,
    Suppression,
    WindowWitness,
)
from wa_analytics.tables.evidence import (
    Checkpoint,
    Entry,
    EntryKey,
    KeyCheck,
    MerkleTile,
    VerifierKey,
    WrappingKey,
)
from wa_analytics.tables.gap import ChannelDay, DeclaredGap
from wa_analytics.tables.incident import Incident, IncidentEvent
from wa_analytics.tables.message import Message, MessageFact, StatusFact
from wa_analytics.tables.party import (
    HandOver,
    Identifier,
    IdentifierLink,
    IdentityDecision,
    IdentityEvent,
    NumberEpoch,
)
from wa_analytics.tables.platform import (
    ChannelEvent,
    MediaFact,
    MessageVersion,
    PlatformMessage,
    PlatformVolume,
    SupplementaryMessage,
)
from wa_analytics.tables.pull import LastPull
from wa_analytics.tables.reference import (
    CapturedFile,
    CaptureNote,
    Channel,
    Custodian,
    EntityCoverage,
    TemplateFact,
)

EVIDENCE = (Entry, EntryKey, WrappingKey, KeyCheck, Checkpoint, MerkleTile, VerifierKey)
DISPOSED = (DisposedMessage, DisposedEvent, WindowWitness)
FACTS = (
    MessageFact,
    StatusFact,
    ConsentFact,
    TemplateFact,
    Custodian,
    CaptureNote,
    CapturedFile,
    MessageVersion,
    MediaFact,
    ChannelEvent,
    PlatformVolume,
    PlatformMessage,
    SupplementaryMessage,
    IdentityEvent,
    IdentifierLink,
    Identifier,
    *DISPOSED,
)
STATE = (Message, ConsentEvent, Channel, EntityCoverage, ChannelDay, HandOver, NumberEpoch)
DERIVED = FACTS + STATE
RECORDED = (
    CheckRun,
    CheckResult,
    Finding,
    Pass,
    VerifyRun,
    Watermark,
    ImportCount,
    Incident,
    IncidentEvent,
    LegalHold,
    RetentionDecision,
    ErasureDecision,
    Suppression,
    KeptLink,
    KeptIdentity,
    KeptHandOver,
    IdentityDecision,
    DeclaredGap,
    LastPull,
)
TABLES = EVIDENCE + DERIVED + RECORDED

__all__ = [
    "DERIVED",
    "DISPOSED",
    "EVIDENCE",
    "FACTS",
    "RECORDED",
    "STATE",
    "TABLES",
    *(table.__name__ for table in TABLES),
]
