"""Keep rendered sound.

Revision: 0002, after 0001
"""

from collections.abc import Sequence

import advanced_alchemy.types
import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "render_cache",
        sa.Column("owner_id", advanced_alchemy.types.GUID(length=16), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("last_used_at", advanced_alchemy.types.DateTimeUTC(timezone=True), nullable=False),
        sa.CheckConstraint("size >= 0", name=op.f("ck_render_cache_size")),
        sa.ForeignKeyConstraint(
            ["owner_id"],
            ["user_account.id"],
            name=op.f("fk_render_cache_owner_id_user_account"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("owner_id", "key", name=op.f("pk_render_cache")),
    )
    op.create_index("ix_render_cache_owner_id_last_used_at", "render_cache", ["owner_id", "last_used_at"], unique=False)


def downgrade() -> None:
    """Take back."""
    op.drop_index("ix_render_cache_owner_id_last_used_at", table_name="render_cache")
    op.drop_table("render_cache")
