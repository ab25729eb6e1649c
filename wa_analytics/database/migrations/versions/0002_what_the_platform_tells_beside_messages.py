"""What the platform tells beside messages"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

from wa_analytics.tables.column import Instant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "channel_day",
        sa.Column("channel_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("day_on", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("entity", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("inbound_count", sa.Integer(), nullable=False),
        sa.Column("outbound_count", sa.Integer(), nullable=False),
        sa.Column("delivered_count", sa.Integer(), nullable=False),
        sa.Column("edge_count", sa.Integer(), nullable=False),
        sa.Column("platform_sent_count", sa.Integer(), nullable=True),
        sa.Column("platform_delivered_count", sa.Integer(), nullable=True),
        sa.Column("platform_observed_at", Instant(), nullable=True),
        sa.Column("day_from", Instant(), nullable=False),
        sa.Column("day_to", Instant(), nullable=False),
        sa.Column("is_silent", sa.Boolean(), nullable=True),
        sa.Column("expected_count", sa.Float(), nullable=True),
        sa.Column("silent_on", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.PrimaryKeyConstraint("channel_id", "day_on"),
    )
    op.create_table(
        "channel_event",
        sa.Column("fact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("message_id", sa.String(length=32), nullable=True),
        sa.Column("event_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("occurred_at", Instant(), nullable=False),
        sa.Column("account_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("channel_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("entity", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("detail_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("subject_name", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("identifier_digest", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("fact_id"),
    )
    op.create_index(op.f("ix_channel_event_message_id"), "channel_event", ["message_id"], unique=False)
    op.create_index(op.f("ix_channel_event_sequence"), "channel_event", ["sequence"], unique=False)
    op.create_table(
        "declared_gap",
        sa.Column("gap_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("subject_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("entity", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("channel_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("gap_from", Instant(), nullable=False),
        sa.Column("gap_to", Instant(), nullable=True),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("declared_by", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("declared_at", Instant(), nullable=False),
        sa.Column("withdrawn_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("gap_id"),
    )
    op.create_table(
        "hand_over",
        sa.Column("number_digest", sa.String(length=32), nullable=False),
        sa.Column("left_digest", sa.String(length=32), nullable=False),
        sa.Column("right_digest", sa.String(length=32), nullable=False),
        sa.Column("entity", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.Column("decision_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("left_party_id", sa.String(length=32), nullable=False),
        sa.Column("right_party_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("number_digest", "left_digest", "right_digest"),
    )
    op.create_index(op.f("ix_hand_over_left_party_id"), "hand_over", ["left_party_id"], unique=False)
    op.create_index(op.f("ix_hand_over_right_party_id"), "hand_over", ["right_party_id"], unique=False)
    op.create_table(
        "identity_decision",
        sa.Column("decision_id", sa.Integer(), nullable=False),
        sa.Column("left_digest", sa.String(length=32), nullable=False),
        sa.Column("right_digest", sa.String(length=32), nullable=False),
        sa.Column("decision_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("decided_at", Instant(), nullable=False),
        sa.Column("actor", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("decision_id"),
    )
    op.create_index(
        op.f("ix_identity_decision_left_digest"), "identity_decision", ["left_digest"], unique=False
    )
    op.create_index(
        op.f("ix_identity_decision_right_digest"), "identity_decision", ["right_digest"], unique=False
    )
    op.create_table(
        "identity_event",
        sa.Column("left_digest", sa.String(length=32), nullable=False),
        sa.Column("right_digest", sa.String(length=32), nullable=False),
        sa.Column("rule_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("entity", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("occurred_at", Instant(), nullable=True),
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("left_digest", "right_digest", "rule_code", "entity"),
    )
    op.create_index(op.f("ix_identity_event_right_digest"), "identity_event", ["right_digest"], unique=False)
    op.create_index(op.f("ix_identity_event_sequence"), "identity_event", ["sequence"], unique=False)
    op.create_table(
        "kept_hand_over",
        sa.Column("number_digest", sa.String(length=32), nullable=False),
        sa.Column("epoch_digest", sa.String(length=32), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("number_digest", "epoch_digest"),
    )
    op.create_table(
        "kept_identity",
        sa.Column("left_digest", sa.String(length=32), nullable=False),
        sa.Column("right_digest", sa.String(length=32), nullable=False),
        sa.Column("rule_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("entity", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("occurred_at", Instant(), nullable=True),
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("left_digest", "right_digest", "rule_code", "entity"),
    )
    op.create_index(op.f("ix_kept_identity_right_digest"), "kept_identity", ["right_digest"], unique=False)
    op.create_table(
        "last_pull",
        sa.Column("provider", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("what_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("last_at", Instant(), nullable=False),
        sa.Column("outcome_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("captured_count", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("known_count", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("lost_count", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("failed_count", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("provider", "what_code"),
    )
    op.create_table(
        "media_fact",
        sa.Column("fact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("message_id", sa.String(length=32), nullable=True),
        sa.Column("media_digest", sa.String(length=32), nullable=False),
        sa.Column("source_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("occurred_at", Instant(), nullable=False),
        sa.Column("channel_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("entity", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("type_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("mime_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("content_digest", sa.String(length=32), nullable=True),
        sa.Column("size_bytes", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("is_intact", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("fact_id"),
    )
    op.create_index(op.f("ix_media_fact_media_digest"), "media_fact", ["media_digest"], unique=False)
    op.create_index(op.f("ix_media_fact_message_id"), "media_fact", ["message_id"], unique=False)
    op.create_index(op.f("ix_media_fact_sequence"), "media_fact", ["sequence"], unique=False)
    op.create_table(
        "message_version",
        sa.Column("fact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("message_id", sa.String(length=32), nullable=False),
        sa.Column("version_digest", sa.String(length=32), nullable=False),
        sa.Column("action_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("occurred_at", Instant(), nullable=False),
        sa.Column("channel_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("entity", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("identifier_digest", sa.String(length=32), nullable=True),
        sa.Column("direction_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("type_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.PrimaryKeyConstraint("fact_id"),
    )
    op.create_index(op.f("ix_message_version_message_id"), "message_version", ["message_id"], unique=False)
    op.create_index(op.f("ix_message_version_sequence"), "message_version", ["sequence"], unique=False)
    op.create_table(
        "number_epoch",
        sa.Column("identifier_digest", sa.String(length=32), nullable=False),
        sa.Column("epoch_digest", sa.String(length=32), nullable=False),
        sa.Column("from_at", Instant(), nullable=True),
        sa.Column("to_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("identifier_digest", "epoch_digest"),
    )
    op.create_table(
        "platform_message",
        sa.Column("fact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("message_id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("channel_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("entity", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("status_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("occurred_at", Instant(), nullable=True),
        sa.Column("observed_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("fact_id"),
    )
    op.create_index(op.f("ix_platform_message_message_id"), "platform_message", ["message_id"], unique=False)
    op.create_index(op.f("ix_platform_message_sequence"), "platform_message", ["sequence"], unique=False)
    op.create_table(
        "platform_volume",
        sa.Column("fact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("channel_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("entity", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("granularity_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("counted_from", Instant(), nullable=False),
        sa.Column("counted_to", Instant(), nullable=False),
        sa.Column("observed_at", Instant(), nullable=False),
        sa.Column("sent_count", sa.Integer(), nullable=True),
        sa.Column("delivered_count", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("fact_id"),
    )
    op.create_index(op.f("ix_platform_volume_sequence"), "platform_volume", ["sequence"], unique=False)
    op.create_table(
        "supplementary_message",
        sa.Column("fact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("content_digest", sa.String(length=32), nullable=False),
        sa.Column("occurred_at", Instant(), nullable=True),
        sa.Column("identifier_digest", sa.String(length=32), nullable=True),
        sa.Column("sender_digest", sa.String(length=32), nullable=True),
        sa.Column("type_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("has_body", sa.Boolean(), nullable=False),
        sa.Column("is_edited", sa.Boolean(), nullable=False),
        sa.Column("chat_digest", sa.String(length=32), nullable=True),
        sa.Column("file_digest", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("fact_id"),
    )
    op.create_index(
        op.f("ix_supplementary_message_chat_digest"), "supplementary_message", ["chat_digest"], unique=False
    )
    op.create_index(
        op.f("ix_supplementary_message_content_digest"),
        "supplementary_message",
        ["content_digest"],
        unique=False,
    )
    op.create_index(
        op.f("ix_supplementary_message_file_digest"), "supplementary_message", ["file_digest"], unique=False
    )
    op.create_index(
        op.f("ix_supplementary_message_sequence"), "supplementary_message", ["sequence"], unique=False
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_supplementary_message_sequence"), table_name="supplementary_message")
    op.drop_index(op.f("ix_supplementary_message_file_digest"), table_name="supplementary_message")
    op.drop_index(op.f("ix_supplementary_message_content_digest"), table_name="supplementary_message")
    op.drop_index(op.f("ix_supplementary_message_chat_digest"), table_name="supplementary_message")
    op.drop_table("supplementary_message")
    op.drop_index(op.f("ix_platform_volume_sequence"), table_name="platform_volume")
    op.drop_table("platform_volume")
    op.drop_index(op.f("ix_platform_message_sequence"), table_name="platform_message")
    op.drop_index(op.f("ix_platform_message_message_id"), table_name="platform_message")
    op.drop_table("platform_message")
    op.drop_table("number_epoch")
    op.drop_index(op.f("ix_message_version_sequence"), table_name="message_version")
    op.drop_index(op.f("ix_message_version_message_id"), table_name="message_version")
    op.drop_table("message_version")
    op.drop_index(op.f("ix_media_fact_sequence"), table_name="media_fact")
    op.drop_index(op.f("ix_media_fact_message_id"), table_name="media_fact")
    op.drop_index(op.f("ix_media_fact_media_digest"), table_name="media_fact")
    op.drop_table("media_fact")
    op.drop_table("last_pull")
    op.drop_index(op.f("ix_kept_identity_right_digest"), table_name="kept_identity")
    op.drop_table("kept_identity")
    op.drop_table("kept_hand_over")
    op.drop_index(op.f("ix_identity_event_sequence"), table_name="identity_event")
    op.drop_index(op.f("ix_identity_event_right_digest"), table_name="identity_event")
    op.drop_table("identity_event")
    op.drop_index(op.f("ix_identity_decision_right_digest"), table_name="identity_decision")
    op.drop_index(op.f("ix_identity_decision_left_digest"), table_name="identity_decision")
    op.drop_table("identity_decision")
    op.drop_index(op.f("ix_hand_over_right_party_id"), table_name="hand_over")
    op.drop_index(op.f("ix_hand_over_left_party_id"), table_name="hand_over")
    op.drop_table("hand_over")
    op.drop_table("declared_gap")
    op.drop_index(op.f("ix_channel_event_sequence"), table_name="channel_event")
    op.drop_index(op.f("ix_channel_event_message_id"), table_name="channel_event")
    op.drop_table("channel_event")
    op.drop_table("channel_day")
