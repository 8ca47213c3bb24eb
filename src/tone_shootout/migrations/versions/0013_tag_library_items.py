"""Let users tag library items and state the gear type of captures.

Revision: 0013, after 0012
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply."""
    op.add_column(
        "library_item", sa.Column("tags", sa.ARRAY(sa.String(length=40)), server_default="{}", nullable=False)
    )
    op.add_column("library_item", sa.Column("gear", sa.String(length=16), nullable=True))


def downgrade() -> None:
    """Take back."""
    op.drop_column("library_item", "gear")
    op.drop_column("library_item", "tags")
