"""Weigh jobs, and let interrupted ones wait.

Revision: 0003, after 0002
"""

from collections.abc import Sequence

import advanced_alchemy.types
import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply."""
    op.add_column("job", sa.Column("cost_s", sa.Float(), nullable=False, server_default="0"))
    op.add_column("job", sa.Column("interruptions", sa.SmallInteger(), nullable=False, server_default="0"))
    op.add_column("job", sa.Column("not_before", advanced_alchemy.types.DateTimeUTC(timezone=True), nullable=True))
    op.alter_column("job", "cost_s", server_default=None)
    op.alter_column("job", "interruptions", server_default=None)
    op.create_check_constraint(op.f("ck_job_cost"), "job", "cost_s >= 0")
    op.create_index("ix_job_owner_id_started_at", "job", ["owner_id", "started_at"], unique=False)


def downgrade() -> None:
    """Take back."""
    op.drop_index("ix_job_owner_id_started_at", table_name="job")
    op.drop_constraint(op.f("ck_job_cost"), "job", type_="check")
    op.drop_column("job", "not_before")
    op.drop_column("job", "interruptions")
    op.drop_column("job", "cost_s")
