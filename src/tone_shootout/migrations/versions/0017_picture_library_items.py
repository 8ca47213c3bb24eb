"""Picture library items.

Revision: 0017, after 0016
"""

from collections.abc import Sequence

import advanced_alchemy.types
import sqlalchemy as sa
from alembic import op

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply."""
    op.add_column("library_item", sa.Column("picture_sha256", sa.String(length=64), nullable=True))
    op.create_table(
        "library_picture",
        sa.Column("item_id", advanced_alchemy.types.GUID(length=16), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["item_id"], ["library_item.id"], name=op.f("fk_library_picture_item_id_library_item"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("item_id", name=op.f("pk_library_picture")),
    )
    op.create_table(
        "job_picture",
        sa.Column("job_id", advanced_alchemy.types.GUID(length=16), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_job_picture_job_id_job"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "sha256", name=op.f("pk_job_picture")),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("job_picture")
    op.drop_table("library_picture")
    op.drop_column("library_item", "picture_sha256")
