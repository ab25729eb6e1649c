"""The first schema"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

from wa_analytics.database.triggers import statements
from wa_analytics.tables.column import Instant

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "capture_note",
        sa.Column("fact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recognition_digest", sa.String(length=32), nullable=False),
        sa.Column("provider", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("note_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("fact_id"),
    )
    op.create_index(
        op.f("ix_capture_note_recognition_digest"), "capture_note", ["recognition_digest"], unique=False
    )
    op.create_index(op.f("ix_capture_note_sequence"), "capture_note", ["sequence"], unique=False)
    op.create_table(
        "captured_file",
        sa.Column("fact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("provider", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("record_count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("fact_id"),
    )
    op.create_index(op.f("ix_captured_file_sequence"), "captured_file", ["sequence"], unique=False)
    op.create_table(
        "channel",
        sa.Column("channel_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("entity", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("has_inbound", sa.Boolean(), nullable=False),
        sa.Column("last_inbound_at", Instant(), nullable=True),
        sa.Column("last_outbound_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("channel_id"),
    )
    op.create_table(
        "check_result",
        sa.Column("check_run_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("check_key", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("suite", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("outcome_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("severity_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("evaluated_count", sa.Integer(), nullable=False),
        sa.Column("not_evaluated_count", sa.Integer(), nullable=False),
        sa.Column("finding_count", sa.Integer(), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.PrimaryKeyConstraint("check_run_id", "check_key"),
    )
    op.create_table(
        "check_run",
        sa.Column("check_run_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("as_of", Instant(), nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("finished_at", Instant(), nullable=True),
        sa.Column("outcome_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("suites", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("check_run_id"),
    )
    op.create_table(
        "checkpoint",
        sa.Column(
            "tree_size",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("note", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("tree_size"),
    )
    op.create_table(
        "consent_event",
        sa.Column("event_id", sa.String(length=32), nullable=False),
        sa.Column("source_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("party_id", sa.String(length=32), nullable=True),
        sa.Column("country_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("entity", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("is_any_entity", sa.Boolean(), nullable=False),
        sa.Column("has_unknown_business", sa.Boolean(), nullable=False),
        sa.Column("channel_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("purpose_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("action_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("occurred_at", Instant(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=True),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.Column("wording_version", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("language", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("jurisdiction", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("lawful_basis_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("is_incomplete", sa.Boolean(), nullable=False),
        sa.Column("is_conflicting", sa.Boolean(), nullable=False),
        sa.Column("is_asked_again", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_index(op.f("ix_consent_event_party_id"), "consent_event", ["party_id"], unique=False)
    op.create_table(
        "consent_fact",
        sa.Column("fact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.String(length=32), nullable=False),
        sa.Column("content_digest", sa.String(length=32), nullable=False),
        sa.Column("source_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("identifier_digest", sa.String(length=32), nullable=True),
        sa.Column("country_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("entity", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("is_any_entity", sa.Boolean(), nullable=False),
        sa.Column("channel_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("purpose_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("action_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("occurred_at", Instant(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=True),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.Column("has_method", sa.Boolean(), nullable=False),
        sa.Column("has_wording", sa.Boolean(), nullable=False),
        sa.Column("has_wording_version", sa.Boolean(), nullable=False),
        sa.Column("has_business_name", sa.Boolean(), nullable=False),
        sa.Column("wording_version", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("language", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("jurisdiction", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("lawful_basis_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.PrimaryKeyConstraint("fact_id"),
    )
    op.create_index(op.f("ix_consent_fact_event_id"), "consent_fact", ["event_id"], unique=False)
    op.create_index(
        op.f("ix_consent_fact_identifier_digest"), "consent_fact", ["identifier_digest"], unique=False
    )
    op.create_index(op.f("ix_consent_fact_sequence"), "consent_fact", ["sequence"], unique=False)
    op.create_table(
        "custodian",
        sa.Column("fact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("custodian_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("business_unit", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("jurisdiction", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("is_regulated", sa.Boolean(), nullable=True),
        sa.Column("phone_digest", sa.String(length=32), nullable=True),
        sa.Column("email_digest", sa.String(length=32), nullable=True),
        sa.Column("name_digest", sa.String(length=32), nullable=True),
        sa.Column("supervisor_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("active_from", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("active_to", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.PrimaryKeyConstraint("fact_id"),
    )
    op.create_index(op.f("ix_custodian_custodian_id"), "custodian", ["custodian_id"], unique=False)
    op.create_index(op.f("ix_custodian_sequence"), "custodian", ["sequence"], unique=False)
    op.create_table(
        "disposed_event",
        sa.Column("event_id", sa.String(length=32), nullable=False),
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("decision_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("disposed_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_table(
        "disposed_message",
        sa.Column("message_id", sa.String(length=32), nullable=False),
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("record_class", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("sent_on", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("direction_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("channel_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("retain_until", Instant(), nullable=True),
        sa.Column("rule", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("actor", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("decision_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("disposed_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("message_id"),
    )
    op.create_table(
        "entity_coverage",
        sa.Column("entity", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("has_register", sa.Boolean(), nullable=False),
        sa.Column("message_count", sa.Integer(), nullable=False),
        sa.Column("first_sent_at", Instant(), nullable=True),
        sa.Column("last_sent_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("entity"),
    )
    op.create_table(
        "entry",
        sa.Column(
            "sequence",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("capture_id", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("provider", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("signature_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("ciphertext_digest", sa.LargeBinary(), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
    )
    op.create_index(
        "ix_entry_own",
        "entry",
        ["kind", "sequence"],
        unique=False,
        sqlite_where=sa.text("kind <> 'capture'"),
        postgresql_where=sa.text("kind <> 'capture'"),
    )
    op.create_table(
        "entry_key",
        sa.Column(
            "sequence",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("wrapping_key_id", sa.Integer(), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("recognition_digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
        sa.UniqueConstraint("recognition_digest"),
    )
    op.create_index(op.f("ix_entry_key_wrapping_key_id"), "entry_key", ["wrapping_key_id"], unique=False)
    op.create_table(
        "erasure_decision",
        sa.Column("request_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("subject_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("subject_id", sa.String(length=32), nullable=False),
        sa.Column("decision_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("rule", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("keep_until", Instant(), nullable=True),
        sa.Column("decided_at", Instant(), nullable=False),
        sa.Column("actor", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("request_id", "subject_code", "subject_id"),
    )
    op.create_table(
        "finding",
        sa.Column("finding_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("rule", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("subject", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("subject_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("severity_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("status_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("entity", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("channel_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("purpose_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("country_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("template_name", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("outcome_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("was_known", sa.Boolean(), nullable=True),
        sa.Column("occurred_at", Instant(), nullable=True),
        sa.Column("first_seen_at", Instant(), nullable=False),
        sa.Column("last_seen_at", Instant(), nullable=False),
        sa.Column("resolved_at", Instant(), nullable=True),
        sa.Column("reopened_at", Instant(), nullable=True),
        sa.Column("check_run_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("finding_id"),
    )
    op.create_index(op.f("ix_finding_rule"), "finding", ["rule"], unique=False)
    op.create_index(op.f("ix_finding_status_code"), "finding", ["status_code"], unique=False)
    op.create_index(op.f("ix_finding_subject_id"), "finding", ["subject_id"], unique=False)
    op.create_table(
        "identifier",
        sa.Column("identifier_digest", sa.String(length=32), nullable=False),
        sa.Column("kind_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("country_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("is_valid", sa.Boolean(), nullable=False),
        sa.Column("party_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("identifier_digest"),
    )
    op.create_index(op.f("ix_identifier_party_id"), "identifier", ["party_id"], unique=False)
    op.create_table(
        "identifier_link",
        sa.Column("left_digest", sa.String(length=32), nullable=False),
        sa.Column("right_digest", sa.String(length=32), nullable=False),
        sa.Column("rule_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("left_digest", "right_digest", "rule_code"),
    )
    op.create_index(
        op.f("ix_identifier_link_right_digest"), "identifier_link", ["right_digest"], unique=False
    )
    op.create_table(
        "import_count",
        sa.Column("provider", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("outcome_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("count", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("last_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "outcome_code"),
    )
    op.create_table(
        "incident",
        sa.Column("incident_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("cause", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("kind_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("breach_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("title", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("entity", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("rule", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("severity_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("status_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("owner", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("occurred_from", Instant(), nullable=True),
        sa.Column("occurred_to", Instant(), nullable=True),
        sa.Column("finding_count", sa.Integer(), nullable=False),
        sa.Column("policy_due_at", Instant(), nullable=True),
        sa.Column("aware_at", Instant(), nullable=True),
        sa.Column("risk_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("closed_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("incident_id"),
    )
    op.create_index(op.f("ix_incident_cause"), "incident", ["cause"], unique=False)
    op.create_table(
        "incident_event",
        sa.Column("incident_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("actor", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("action_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("note", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.PrimaryKeyConstraint("incident_id", "number"),
    )
    op.create_table(
        "kept_link",
        sa.Column("left_digest", sa.String(length=32), nullable=False),
        sa.Column("right_digest", sa.String(length=32), nullable=False),
        sa.Column("rule_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("left_digest", "right_digest", "rule_code"),
    )
    op.create_index(op.f("ix_kept_link_right_digest"), "kept_link", ["right_digest"], unique=False)
    op.create_table(
        "key_check",
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("check_value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "legal_hold",
        sa.Column("hold_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("matter", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("identifier_digest", sa.String(length=32), nullable=True),
        sa.Column("custodian_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("channel_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("sent_from", Instant(), nullable=True),
        sa.Column("sent_to", Instant(), nullable=True),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("started_by", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("released_at", Instant(), nullable=True),
        sa.Column("released_by", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.PrimaryKeyConstraint("hold_id"),
    )
    op.create_index(op.f("ix_legal_hold_matter"), "legal_hold", ["matter"], unique=False)
    op.create_table(
        "merkle_tile",
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("tile_index", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "tile_index"),
    )
    op.create_table(
        "message",
        sa.Column("message_id", sa.String(length=32), nullable=False),
        sa.Column("entity", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("channel_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("party_id", sa.String(length=32), nullable=True),
        sa.Column("direction_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("kind_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("type_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("template_name", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("custodian_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("country_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("sent_at", Instant(), nullable=False),
        sa.Column("has_send_log", sa.Boolean(), nullable=False),
        sa.Column("has_echo", sa.Boolean(), nullable=False),
        sa.Column("has_body", sa.Boolean(), nullable=False),
        sa.Column("is_conflicting", sa.Boolean(), nullable=False),
        sa.Column("first_status_at", Instant(), nullable=True),
        sa.Column("delivered_at", Instant(), nullable=True),
        sa.Column("read_at", Instant(), nullable=True),
        sa.Column("failed_at", Instant(), nullable=True),
        sa.Column("status_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("error_code", sa.Integer(), nullable=True),
        sa.Column("purpose_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("declared_purpose_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("priced_purpose_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("template_purpose_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("has_purpose_mismatch", sa.Boolean(), nullable=False),
        sa.Column("consent_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("consent_reason_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("consent_event_id", sa.String(length=32), nullable=True),
        sa.Column("was_known", sa.Boolean(), nullable=True),
        sa.Column("is_recorded_late", sa.Boolean(), nullable=True),
        sa.Column("lawful_basis_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("withdrawn_at", Instant(), nullable=True),
        sa.Column("window_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("body_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("record_class", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("retain_until", Instant(), nullable=True),
        sa.Column("dispose_by", Instant(), nullable=True),
        sa.Column("retain_rule", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("dispose_rule", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("retention_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("message_id"),
    )
    op.create_index(op.f("ix_message_party_id"), "message", ["party_id"], unique=False)
    op.create_table(
        "message_fact",
        sa.Column("fact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("message_id", sa.String(length=32), nullable=False),
        sa.Column("source_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("content_digest", sa.String(length=32), nullable=False),
        sa.Column("sent_at", Instant(), nullable=False),
        sa.Column("channel_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("entity", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("identifier_digest", sa.String(length=32), nullable=True),
        sa.Column("country_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("direction_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("kind_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("type_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("purpose_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("template_name", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("custodian_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("has_body", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("fact_id"),
    )
    op.create_index(
        "ix_message_fact_call_identifier_digest",
        "message_fact",
        ["identifier_digest"],
        unique=False,
        sqlite_where=sa.text("source_code = 'call'"),
        postgresql_where=sa.text("source_code = 'call'"),
    )
    op.create_index(op.f("ix_message_fact_message_id"), "message_fact", ["message_id"], unique=False)
    op.create_index(op.f("ix_message_fact_sequence"), "message_fact", ["sequence"], unique=False)
    op.create_table(
        "pass",
        sa.Column("pass_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("finished_at", Instant(), nullable=True),
        sa.Column("outcome_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.PrimaryKeyConstraint("pass_id"),
    )
    op.create_table(
        "retention_decision",
        sa.Column(
            "decision_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("pair", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("decision_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("decided_at", Instant(), nullable=False),
        sa.Column("actor", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("decision_id"),
    )
    op.create_index(op.f("ix_retention_decision_pair"), "retention_decision", ["pair"], unique=False)
    op.create_table(
        "status_fact",
        sa.Column("fact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("message_id", sa.String(length=32), nullable=False),
        sa.Column("status_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("occurred_at", Instant(), nullable=False),
        sa.Column("channel_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("entity", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("identifier_digest", sa.String(length=32), nullable=True),
        sa.Column("is_group", sa.Boolean(), nullable=False),
        sa.Column("country_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("purpose_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("error_code", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("fact_id"),
    )
    op.create_index(op.f("ix_status_fact_message_id"), "status_fact", ["message_id"], unique=False)
    op.create_index(op.f("ix_status_fact_sequence"), "status_fact", ["sequence"], unique=False)
    op.create_table(
        "suppression",
        sa.Column("suppression_id", sa.String(length=32), nullable=False),
        sa.Column("identifier_digest", sa.String(length=32), nullable=False),
        sa.Column("country_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("entity", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("is_any_entity", sa.Boolean(), nullable=False),
        sa.Column("channel_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("purpose_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("action_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("occurred_at", Instant(), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("suppression_id"),
    )
    op.create_index(
        op.f("ix_suppression_identifier_digest"), "suppression", ["identifier_digest"], unique=False
    )
    op.create_table(
        "template_fact",
        sa.Column("fact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("entity", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("template_name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("language", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("purpose_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("status_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("wording", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("observed_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("fact_id"),
    )
    op.create_index(op.f("ix_template_fact_sequence"), "template_fact", ["sequence"], unique=False)
    op.create_table(
        "verifier_key",
        sa.Column("verifier_key", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("verifier_key"),
    )
    op.create_table(
        "verify_run",
        sa.Column("verify_run_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("finished_at", Instant(), nullable=False),
        sa.Column("outcome_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("entry_count", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sealed_count", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("checkpoint_count", sa.Integer(), nullable=False),
        sa.Column("finding_count", sa.Integer(), nullable=False),
        sa.Column("derived_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.PrimaryKeyConstraint("verify_run_id"),
    )
    op.create_index(op.f("ix_verify_run_finished_at"), "verify_run", ["finished_at"], unique=False)
    op.create_table(
        "watermark",
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("rules_digest", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "window_witness",
        sa.Column("message_id", sa.String(length=32), nullable=False),
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("message_id"),
    )
    op.create_table(
        "wrapping_key",
        sa.Column("wrapping_key_id", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=True),
        sa.Column("lost_at", Instant(), nullable=True),
        sa.Column("destroyed_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("wrapping_key_id"),
    )
    for statement in statements(op.get_bind().dialect.name):
        op.execute(sa.text(statement))
    if op.get_bind().dialect.name == "postgresql":
        # What is encrypted does not compress; PostgreSQL need not try.
        op.execute("ALTER TABLE entry ALTER ciphertext SET STORAGE EXTERNAL")
        # Its statistics keep a sample of a column's values, and would keep destroyed keys.
        for column in ("entry_key ALTER wrapped_key", "entry_key ALTER recognition_digest", "wrapping_key ALTER wrapped"):
            op.execute(f"ALTER TABLE {column} SET STATISTICS 0")


def downgrade() -> None:
    op.drop_table("wrapping_key")
    op.drop_table("window_witness")
    op.drop_table("watermark")
    op.drop_index(op.f("ix_verify_run_finished_at"), table_name="verify_run")
    op.drop_table("verify_run")
    op.drop_table("verifier_key")
    op.drop_index(op.f("ix_template_fact_sequence"), table_name="template_fact")
    op.drop_table("template_fact")
    op.drop_index(op.f("ix_suppression_identifier_digest"), table_name="suppression")
    op.drop_table("suppression")
    op.drop_index(op.f("ix_status_fact_sequence"), table_name="status_fact")
    op.drop_index(op.f("ix_status_fact_message_id"), table_name="status_fact")
    op.drop_table("status_fact")
    op.drop_index(op.f("ix_retention_decision_pair"), table_name="retention_decision")
    op.drop_table("retention_decision")
    op.drop_table("pass")
    op.drop_index(op.f("ix_message_fact_sequence"), table_name="message_fact")
    op.drop_index(op.f("ix_message_fact_message_id"), table_name="message_fact")
    op.drop_index(
        "ix_message_fact_call_identifier_digest",
        table_name="message_fact",
        sqlite_where=sa.text("source_code = 'call'"),
        postgresql_where=sa.text("source_code = 'call'"),
    )
    op.drop_table("message_fact")
    op.drop_index(op.f("ix_message_party_id"), table_name="message")
    op.drop_table("message")
    op.drop_table("merkle_tile")
    op.drop_index(op.f("ix_legal_hold_matter"), table_name="legal_hold")
    op.drop_table("legal_hold")
    op.drop_table("key_check")
    op.drop_index(op.f("ix_kept_link_right_digest"), table_name="kept_link")
    op.drop_table("kept_link")
    op.drop_table("incident_event")
    op.drop_index(op.f("ix_incident_cause"), table_name="incident")
    op.drop_table("incident")
    op.drop_table("import_count")
    op.drop_index(op.f("ix_identifier_link_right_digest"), table_name="identifier_link")
    op.drop_table("identifier_link")
    op.drop_index(op.f("ix_identifier_party_id"), table_name="identifier")
    op.drop_table("identifier")
    op.drop_index(op.f("ix_finding_subject_id"), table_name="finding")
    op.drop_index(op.f("ix_finding_status_code"), table_name="finding")
    op.drop_index(op.f("ix_finding_rule"), table_name="finding")
    op.drop_table("finding")
    op.drop_table("erasure_decision")
    op.drop_index(op.f("ix_entry_key_wrapping_key_id"), table_name="entry_key")
    op.drop_table("entry_key")
    op.drop_index(
        "ix_entry_own",
        table_name="entry",
        sqlite_where=sa.text("kind <> 'capture'"),
        postgresql_where=sa.text("kind <> 'capture'"),
    )
    op.drop_table("entry")
    op.drop_table("entity_coverage")
    op.drop_table("disposed_message")
    op.drop_table("disposed_event")
    op.drop_index(op.f("ix_custodian_sequence"), table_name="custodian")
    op.drop_index(op.f("ix_custodian_custodian_id"), table_name="custodian")
    op.drop_table("custodian")
    op.drop_index(op.f("ix_consent_fact_sequence"), table_name="consent_fact")
    op.drop_index(op.f("ix_consent_fact_identifier_digest"), table_name="consent_fact")
    op.drop_index(op.f("ix_consent_fact_event_id"), table_name="consent_fact")
    op.drop_table("consent_fact")
    op.drop_index(op.f("ix_consent_event_party_id"), table_name="consent_event")
    op.drop_table("consent_event")
    op.drop_table("checkpoint")
    op.drop_table("check_run")
    op.drop_table("check_result")
    op.drop_table("channel")
    op.drop_index(op.f("ix_captured_file_sequence"), table_name="captured_file")
    op.drop_table("captured_file")
    op.drop_index(op.f("ix_capture_note_sequence"), table_name="capture_note")
    op.drop_index(op.f("ix_capture_note_recognition_digest"), table_name="capture_note")
    op.drop_table("capture_note")
