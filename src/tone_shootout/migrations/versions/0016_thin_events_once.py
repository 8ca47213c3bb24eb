"""Thin the events of each job once, and find old deliveries.

Revision: 0016, after 0015
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply."""
    op.add_column("job", sa.Column("events_thinned", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.create_index(
        "ix_job_to_thin",
        "job",
        ["finished_at"],
        unique=False,
        postgresql_where=sa.text("finished_at IS NOT NULL AND NOT events_thinned"),
    )
    op.create_index("ix_webhook_delivery_updated_at", "webhook_delivery", ["updated_at"], unique=False)


def downgrade() -> None:
    """Take back."""
    op.drop_index("ix_webhook_delivery_updated_at", table_name="webhook_delivery")
    op.drop_index("ix_job_to_thin", table_name="job")
    op.drop_column("job", "events_thinned")
