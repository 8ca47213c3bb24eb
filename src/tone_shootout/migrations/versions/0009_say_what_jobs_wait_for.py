"""Say what a job waits for, and count its attempts without end: those that an outage has ended cost nothing.

Revision: 0009, after 0008
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply."""
    op.add_column("job", sa.Column("waiting_for", sa.String(length=16), nullable=True))
    op.alter_column("job", "attempt", type_=sa.Integer(), existing_type=sa.SmallInteger(), existing_nullable=False)


def downgrade() -> None:
    """Take back."""
    op.alter_column("job", "attempt", type_=sa.SmallInteger(), existing_type=sa.Integer(), existing_nullable=False)
    op.drop_column("job", "waiting_for")
