"""Keep the ids of the request that has submitted a job.

Revision: 0019, after 0018
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply."""
    op.add_column("job", sa.Column("request_id", sa.String(length=64), nullable=True))
    op.add_column("job", sa.Column("trace_parent", sa.String(length=64), nullable=True))


def downgrade() -> None:
    """Take back."""
    op.drop_column("job", "trace_parent")
    op.drop_column("job", "request_id")
