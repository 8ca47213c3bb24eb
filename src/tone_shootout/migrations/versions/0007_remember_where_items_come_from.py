"""Remember where library items come from.

Revision: 0007, after 0006
"""

from collections.abc import Sequence

import advanced_alchemy.types
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_IDS = ("tone3000_tone_id", "tone3000_model_id")


def upgrade() -> None:
    """Apply."""
    op.add_column("library_item", sa.Column("source", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    for name in _IDS:
        op.add_column("library_item", sa.Column(name, sa.BigInteger(), nullable=True))
        op.create_index(f"ix_library_item_owner_id_{name}", "library_item", ["owner_id", name], unique=False)
    op.add_column(
        "library_item",
        sa.Column("source_gone_at", advanced_alchemy.types.DateTimeUTC(timezone=True), nullable=True),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_column("library_item", "source_gone_at")
    for name in reversed(_IDS):
        op.drop_index(f"ix_library_item_owner_id_{name}", table_name="library_item")
        op.drop_column("library_item", name)
    op.drop_column("library_item", "source")
