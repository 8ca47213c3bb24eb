"""Keep a summary of completed jobs, and metadata of shootouts and jobs.

Revision: 0010, after 0009
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply."""
    op.add_column("job", sa.Column("summary", postgresql.JSONB(), nullable=True))
    for table in ("job", "shootout"):
        op.add_column(table, sa.Column("metadata", postgresql.JSONB(), server_default="{}", nullable=False))


def downgrade() -> None:
    """Take back."""
    for table in ("shootout", "job"):
        op.drop_column(table, "metadata")
    op.drop_column("job", "summary")
