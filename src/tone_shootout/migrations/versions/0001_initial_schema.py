"""Initial schema.

Revision: 0001, the first
"""

from collections.abc import Sequence

import advanced_alchemy.types
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "user_account",
        sa.Column("id", advanced_alchemy.types.GUID(length=16), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("display_name", sa.String(length=100), nullable=True),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("sa_orm_sentinel", sa.Integer(), nullable=True),
        sa.Column("created_at", advanced_alchemy.types.DateTimeUTC(timezone=True), nullable=False),
        sa.Column("updated_at", advanced_alchemy.types.DateTimeUTC(timezone=True), nullable=False),
        sa.CheckConstraint("name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'", name=op.f("ck_user_account_name")),
        sa.CheckConstraint("role IN ('user', 'administrator')", name=op.f("ck_user_account_role")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_account")),
    )
    op.create_index("uq_user_account_name", "user_account", [sa.literal_column("lower(name)")], unique=True)
    op.create_table(
        "api_token",
        sa.Column("id", advanced_alchemy.types.GUID(length=16), nullable=False),
        sa.Column("user_id", advanced_alchemy.types.GUID(length=16), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("prefix", sa.String(length=16), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("scope", sa.String(length=8), nullable=False),
        sa.Column("expires_at", advanced_alchemy.types.DateTimeUTC(timezone=True), nullable=True),
        sa.Column("last_used_at", advanced_alchemy.types.DateTimeUTC(timezone=True), nullable=True),
        sa.Column("revoked_at", advanced_alchemy.types.DateTimeUTC(timezone=True), nullable=True),
        sa.Column("sa_orm_sentinel", sa.Integer(), nullable=True),
        sa.Column("created_at", advanced_alchemy.types.DateTimeUTC(timezone=True), nullable=False),
        sa.Column("updated_at", advanced_alchemy.types.DateTimeUTC(timezone=True), nullable=False),
        sa.CheckConstraint("scope IN ('read', 'write')", name=op.f("ck_api_token_scope")),
        sa.CheckConstraint("octet_length(hash) = 32", name=op.f("ck_api_token_hash")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_api_token_user_id_user_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("hash", name=op.f("uq_api_token_hash")),
    )
    op.create_index(op.f("ix_api_token_user_id"), "api_token", ["user_id"], unique=False)
    op.create_table(
        "library_item",
        sa.Column("id", advanced_alchemy.types.GUID(length=16), nullable=False),
        sa.Column("owner_id", advanced_alchemy.types.GUID(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("notes", sa.String(length=2000), nullable=False),
        sa.Column("filename", sa.String(length=255), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.String(length=64), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sa_orm_sentinel", sa.Integer(), nullable=True),
        sa.Column("created_at", advanced_alchemy.types.DateTimeUTC(timezone=True), nullable=False),
        sa.Column("updated_at", advanced_alchemy.types.DateTimeUTC(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('cab_ir', 'capture', 'di_track')", name=op.f("ck_library_item_kind")),
        sa.CheckConstraint("size > 0", name=op.f("ck_library_item_size")),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["user_account.id"], name=op.f("fk_library_item_owner_id_user_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_library_item")),
        sa.UniqueConstraint("owner_id", "kind", "sha256", name="uq_library_item_owner_id_kind_sha256"),
    )
    op.create_index("ix_library_item_owner_id_created_at", "library_item", ["owner_id", "created_at"], unique=False)
    op.create_table(
        "shootout",
        sa.Column("id", advanced_alchemy.types.GUID(length=16), nullable=False),
        sa.Column("owner_id", advanced_alchemy.types.GUID(length=16), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("schema_version", sa.SmallInteger(), nullable=False),
        sa.Column("config", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("visibility", sa.String(length=16), nullable=False),
        sa.Column("sa_orm_sentinel", sa.Integer(), nullable=True),
        sa.Column("created_at", advanced_alchemy.types.DateTimeUTC(timezone=True), nullable=False),
        sa.Column("updated_at", advanced_alchemy.types.DateTimeUTC(timezone=True), nullable=False),
        sa.CheckConstraint("visibility IN ('private', 'public')", name=op.f("ck_shootout_visibility")),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["user_account.id"], name=op.f("fk_shootout_owner_id_user_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shootout")),
    )
    op.create_index("ix_shootout_owner_id_created_at", "shootout", ["owner_id", "created_at"], unique=False)
    op.create_index(
        "ix_shootout_public",
        "shootout",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("visibility = 'public'"),
    )
    op.create_table(
        "job",
        sa.Column("id", advanced_alchemy.types.GUID(length=16), nullable=False),
        sa.Column("owner_id", advanced_alchemy.types.GUID(length=16), nullable=False),
        sa.Column("shootout_id", advanced_alchemy.types.GUID(length=16), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("inputs", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("phase", sa.String(length=16), nullable=True),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("event_seq", sa.Integer(), nullable=False),
        sa.Column("progress_done", sa.Float(), nullable=False),
        sa.Column("progress_total", sa.Float(), nullable=False),
        sa.Column("eta_s", sa.Float(), nullable=True),
        sa.Column("error_code", sa.String(length=64), nullable=True),
        sa.Column("error_detail", sa.String(length=2000), nullable=True),
        sa.Column("worker", sa.String(length=120), nullable=True),
        sa.Column("heartbeat_at", advanced_alchemy.types.DateTimeUTC(timezone=True), nullable=True),
        sa.Column("queued_at", advanced_alchemy.types.DateTimeUTC(timezone=True), nullable=True),
        sa.Column("started_at", advanced_alchemy.types.DateTimeUTC(timezone=True), nullable=True),
        sa.Column("finished_at", advanced_alchemy.types.DateTimeUTC(timezone=True), nullable=True),
        sa.Column("sa_orm_sentinel", sa.Integer(), nullable=True),
        sa.Column("created_at", advanced_alchemy.types.DateTimeUTC(timezone=True), nullable=False),
        sa.Column("updated_at", advanced_alchemy.types.DateTimeUTC(timezone=True), nullable=False),
        sa.CheckConstraint(
            "phase IS NULL OR phase IN ('fetch', 'level', 'plots', 'publish', 'render', 'video')",
            name=op.f("ck_job_phase"),
        ),
        sa.CheckConstraint(
            "status IN ('cancelled', 'cancelling', 'completed', 'failed', 'pending', 'queued', 'running')",
            name=op.f("ck_job_status"),
        ),
        sa.CheckConstraint("progress_done >= 0 AND progress_done <= progress_total", name=op.f("ck_job_progress")),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["user_account.id"], name=op.f("fk_job_owner_id_user_account"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["shootout_id"], ["shootout.id"], name=op.f("fk_job_shootout_id_shootout"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
    )
    op.create_index("ix_job_owner_id_created_at", "job", ["owner_id", "created_at"], unique=False)
    op.create_index(op.f("ix_job_shootout_id"), "job", ["shootout_id"], unique=False)
    op.create_index(
        "ix_job_unfinished",
        "job",
        ["status"],
        unique=False,
        postgresql_where=sa.text("NOT (status IN ('cancelled', 'completed', 'failed'))"),
    )
    op.create_table(
        "shootout_asset",
        sa.Column("shootout_id", advanced_alchemy.types.GUID(length=16), nullable=False),
        sa.Column("library_item_id", advanced_alchemy.types.GUID(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ["library_item_id"],
            ["library_item.id"],
            name=op.f("fk_shootout_asset_library_item_id_library_item"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["shootout_id"], ["shootout.id"], name=op.f("fk_shootout_asset_shootout_id_shootout"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("shootout_id", "library_item_id", name=op.f("pk_shootout_asset")),
    )
    op.create_index(op.f("ix_shootout_asset_library_item_id"), "shootout_asset", ["library_item_id"], unique=False)
    op.create_table(
        "user_session",
        sa.Column("id", advanced_alchemy.types.GUID(length=16), nullable=False),
        sa.Column("user_id", advanced_alchemy.types.GUID(length=16), nullable=False),
        sa.Column("api_token_id", advanced_alchemy.types.GUID(length=16), nullable=True),
        sa.Column("scope", sa.String(length=8), nullable=False),
        sa.Column("refresh_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", advanced_alchemy.types.DateTimeUTC(timezone=True), nullable=False),
        sa.Column("last_used_at", advanced_alchemy.types.DateTimeUTC(timezone=True), nullable=False),
        sa.Column("revoked_at", advanced_alchemy.types.DateTimeUTC(timezone=True), nullable=True),
        sa.Column("user_agent", sa.String(length=200), nullable=True),
        sa.Column("sa_orm_sentinel", sa.Integer(), nullable=True),
        sa.Column("created_at", advanced_alchemy.types.DateTimeUTC(timezone=True), nullable=False),
        sa.Column("updated_at", advanced_alchemy.types.DateTimeUTC(timezone=True), nullable=False),
        sa.CheckConstraint("scope IN ('read', 'write')", name=op.f("ck_user_session_scope")),
        sa.CheckConstraint("octet_length(refresh_hash) = 32", name=op.f("ck_user_session_refresh_hash")),
        sa.ForeignKeyConstraint(
            ["api_token_id"], ["api_token.id"], name=op.f("fk_user_session_api_token_id_api_token"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_user_session_user_id_user_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_session")),
    )
    op.create_index(op.f("ix_user_session_api_token_id"), "user_session", ["api_token_id"], unique=False)
    op.create_index(op.f("ix_user_session_user_id"), "user_session", ["user_id"], unique=False)
    op.create_table(
        "job_artifact",
        sa.Column("job_id", advanced_alchemy.types.GUID(length=16), nullable=False),
        sa.Column("path", sa.String(length=400), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("storage_key", sa.String(length=600), nullable=False),
        sa.CheckConstraint("size >= 0", name=op.f("ck_job_artifact_size")),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_job_artifact_job_id_job"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "path", name=op.f("pk_job_artifact")),
    )
    op.create_table(
        "job_event",
        sa.Column("job_id", advanced_alchemy.types.GUID(length=16), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("at", advanced_alchemy.types.DateTimeUTC(timezone=True), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_job_event_job_id_job"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "seq", name=op.f("pk_job_event")),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("job_event")
    op.drop_table("job_artifact")
    op.drop_index(op.f("ix_user_session_user_id"), table_name="user_session")
    op.drop_index(op.f("ix_user_session_api_token_id"), table_name="user_session")
    op.drop_table("user_session")
    op.drop_index(op.f("ix_shootout_asset_library_item_id"), table_name="shootout_asset")
    op.drop_table("shootout_asset")
    op.drop_index(
        "ix_job_unfinished",
        table_name="job",
        postgresql_where=sa.text("NOT (status IN ('cancelled', 'completed', 'failed'))"),
    )
    op.drop_index(op.f("ix_job_shootout_id"), table_name="job")
    op.drop_index("ix_job_owner_id_created_at", table_name="job")
    op.drop_table("job")
    op.drop_index("ix_shootout_public", table_name="shootout", postgresql_where=sa.text("visibility = 'public'"))
    op.drop_index("ix_shootout_owner_id_created_at", table_name="shootout")
    op.drop_table("shootout")
    op.drop_index("ix_library_item_owner_id_created_at", table_name="library_item")
    op.drop_table("library_item")
    op.drop_index(op.f("ix_api_token_user_id"), table_name="api_token")
    op.drop_table("api_token")
    op.drop_index("uq_user_account_name", table_name="user_account")
    op.drop_table("user_account")
