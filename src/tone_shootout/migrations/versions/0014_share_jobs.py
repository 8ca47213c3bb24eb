"""Share jobs.

Revision: 0014, after 0013
"""

from collections.abc import Sequence

import advanced_alchemy.types
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "share",
        sa.Column("id", advanced_alchemy.types.GUID(length=16), nullable=False),
        sa.Column("owner_id", advanced_alchemy.types.GUID(length=16), nullable=False),
        sa.Column("job_id", advanced_alchemy.types.GUID(length=16), nullable=False),
        sa.Column("slug", sa.String(length=16), nullable=False),
        sa.Column("visibility", sa.String(length=16), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("picture_sha256", sa.String(length=64), nullable=True),
        sa.Column("sa_orm_sentinel", sa.Integer(), nullable=True),
        sa.Column("created_at", advanced_alchemy.types.DateTimeUTC(timezone=True), nullable=False),
        sa.Column("updated_at", advanced_alchemy.types.DateTimeUTC(timezone=True), nullable=False),
        sa.CheckConstraint("visibility IN ('unlisted', 'public')", name=op.f("ck_share_visibility")),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_share_job_id_job"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["user_account.id"], name=op.f("fk_share_owner_id_user_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_share")),
        sa.UniqueConstraint("job_id", name=op.f("uq_share_job_id")),
        sa.UniqueConstraint("slug", name=op.f("uq_share_slug")),
    )
    op.create_index(op.f("ix_share_owner_id"), "share", ["owner_id"], unique=False)
    op.create_index(
        "ix_share_public", "share", ["created_at"], unique=False, postgresql_where=sa.text("visibility = 'public'")
    )
    op.create_table(
        "share_picture",
        sa.Column("share_id", advanced_alchemy.types.GUID(length=16), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["share_id"], ["share.id"], name=op.f("fk_share_picture_share_id_share"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("share_id", name=op.f("pk_share_picture")),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("share_picture")
    op.drop_index("ix_share_public", table_name="share", postgresql_where=sa.text("visibility = 'public'"))
    op.drop_index(op.f("ix_share_owner_id"), table_name="share")
    op.drop_table("share")
