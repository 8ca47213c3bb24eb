"""Say which segment of a job failed, and point to the reason.

Revision: 0008, after 0007
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply."""
    op.add_column("job", sa.Column("error_segment", sa.SmallInteger(), nullable=True))
    op.add_column("job", sa.Column("error_pointer", sa.String(length=100), nullable=True))


def downgrade() -> None:
    """Take back."""
    op.drop_column("job", "error_pointer")
    op.drop_column("job", "error_segment")
