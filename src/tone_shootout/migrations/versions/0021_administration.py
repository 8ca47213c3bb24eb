"""Keep maintenance mode, announcements and quotas of users, and find failed jobs.

Revision: 0021, after 0020
"""

from collections.abc import Sequence

import advanced_alchemy.types
import sqlalchemy as sa
from alembic import op

revision: str = "0021"
down_revision: str | None = "0020"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "maintenance_mode",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("message", sa.String(length=500), nullable=False),
        sa.Column("retry_after_s", sa.Integer(), nullable=False),
        sa.Column("pauses_workers", sa.Boolean(), nullable=False),
        sa.Column("started_at", advanced_alchemy.types.DateTimeUTC(timezone=True), nullable=False),
        sa.Column("started_by", sa.String(length=64), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_maintenance_mode_single_row")),
        sa.CheckConstraint("retry_after_s > 0", name=op.f("ck_maintenance_mode_retry_after_s")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_maintenance_mode")),
    )
    op.create_table(
        "announcement",
        sa.Column("id", advanced_alchemy.types.GUID(length=16), nullable=False),
        sa.Column("text", sa.String(length=500), nullable=False),
        sa.Column("severity", sa.String(length=16), nullable=False),
        sa.Column("starts_at", advanced_alchemy.types.DateTimeUTC(timezone=True), nullable=False),
        sa.Column("ends_at", advanced_alchemy.types.DateTimeUTC(timezone=True), nullable=True),
        sa.Column("sa_orm_sentinel", sa.Integer(), nullable=True),
        sa.Column("created_at", advanced_alchemy.types.DateTimeUTC(timezone=True), nullable=False),
        sa.Column("updated_at", advanced_alchemy.types.DateTimeUTC(timezone=True), nullable=False),
        sa.CheckConstraint("severity IN ('info', 'warning', 'critical')", name=op.f("ck_announcement_severity")),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_announcement_period")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_announcement")),
    )
    op.create_index("ix_announcement_starts_at", "announcement", ["starts_at"], unique=False)
    op.create_table(
        "user_quota",
        sa.Column("user_id", advanced_alchemy.types.GUID(length=16), nullable=False),
        sa.Column("storage_bytes", sa.BigInteger(), nullable=True),
        sa.Column("library_items", sa.Integer(), nullable=True),
        sa.Column("queued_jobs", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "storage_bytes >= 0 AND library_items >= 0 AND queued_jobs >= 0", name=op.f("ck_user_quota_not_negative")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_user_quota_user_id_user_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_user_quota")),
    )
    op.create_index(
        "ix_job_failed", "job", ["error_code", "id"], unique=False, postgresql_where=sa.text("status = 'failed'")
    )


def downgrade() -> None:
    """Take back."""
    op.drop_index("ix_job_failed", table_name="job", postgresql_where=sa.text("status = 'failed'"))
    op.drop_table("user_quota")
    op.drop_table("announcement")
    op.drop_table("maintenance_mode")
