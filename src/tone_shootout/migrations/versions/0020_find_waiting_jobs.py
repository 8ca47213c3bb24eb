"""Find the waiting jobs of each owner.

Revision: 0020, after 0019
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0020"
down_revision: str | None = "0019"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply."""
    op.create_index(
        "ix_job_waiting",
        "job",
        ["owner_id", "created_at", "id"],
        unique=False,
        postgresql_where=sa.text("status IN ('pending', 'queued')"),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_index("ix_job_waiting", table_name="job")
