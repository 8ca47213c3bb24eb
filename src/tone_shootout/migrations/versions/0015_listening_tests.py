"""Add listening tests and the sessions of listeners.

Revision: 0015, after 0014
"""

from collections.abc import Sequence

import advanced_alchemy.types
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "listening_test",
        sa.Column("id", advanced_alchemy.types.GUID(length=16), nullable=False),
        sa.Column("owner_id", advanced_alchemy.types.GUID(length=16), nullable=False),
        sa.Column("share_id", advanced_alchemy.types.GUID(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("method", sa.String(length=16), nullable=True),
        sa.Column("positions", postgresql.ARRAY(sa.SmallInteger()), nullable=False),
        sa.Column("trials", sa.SmallInteger(), nullable=False),
        sa.Column("start_s", sa.Float(), nullable=False),
        sa.Column("duration_s", sa.Float(), nullable=False),
        sa.Column("results", sa.String(length=16), nullable=False),
        sa.Column("closes_at", advanced_alchemy.types.DateTimeUTC(timezone=True), nullable=True),
        sa.Column("sa_orm_sentinel", sa.Integer(), nullable=True),
        sa.Column("created_at", advanced_alchemy.types.DateTimeUTC(timezone=True), nullable=False),
        sa.Column("updated_at", advanced_alchemy.types.DateTimeUTC(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('abx', 'preference', 'identification')", name=op.f("ck_listening_test_kind")),
        sa.CheckConstraint("method IN ('sliders', 'pairs')", name=op.f("ck_listening_test_method")),
        sa.CheckConstraint("(kind = 'preference') = (method IS NOT NULL)", name=op.f("ck_listening_test_kind_method")),
        sa.CheckConstraint("results IN ('at_end', 'after_close', 'owner')", name=op.f("ck_listening_test_results")),
        sa.CheckConstraint("trials > 0 AND start_s >= 0 AND duration_s > 0", name=op.f("ck_listening_test_extent")),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["user_account.id"], name=op.f("fk_listening_test_owner_id_user_account"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["share_id"], ["share.id"], name=op.f("fk_listening_test_share_id_share"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listening_test")),
    )
    op.create_index(op.f("ix_listening_test_owner_id"), "listening_test", ["owner_id"], unique=False)
    op.create_index(op.f("ix_listening_test_share_id"), "listening_test", ["share_id"], unique=False)
    op.create_table(
        "listening_session",
        sa.Column("id", advanced_alchemy.types.GUID(length=16), nullable=False),
        sa.Column("test_id", advanced_alchemy.types.GUID(length=16), nullable=False),
        sa.Column("listener", sa.LargeBinary(), nullable=False),
        sa.Column("stimuli", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("answers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("finished_at", advanced_alchemy.types.DateTimeUTC(timezone=True), nullable=True),
        sa.Column("sa_orm_sentinel", sa.Integer(), nullable=True),
        sa.Column("created_at", advanced_alchemy.types.DateTimeUTC(timezone=True), nullable=False),
        sa.Column("updated_at", advanced_alchemy.types.DateTimeUTC(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["test_id"],
            ["listening_test.id"],
            name=op.f("fk_listening_session_test_id_listening_test"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listening_session")),
        sa.UniqueConstraint("test_id", "listener", name=op.f("uq_listening_session_test_id")),
    )
    op.create_index(
        "ix_listening_session_finished",
        "listening_session",
        ["test_id", "finished_at"],
        unique=False,
        postgresql_where=sa.text("finished_at IS NOT NULL"),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_index(
        "ix_listening_session_finished",
        table_name="listening_session",
        postgresql_where=sa.text("finished_at IS NOT NULL"),
    )
    op.drop_table("listening_session")
    op.drop_index(op.f("ix_listening_test_share_id"), table_name="listening_test")
    op.drop_index(op.f("ix_listening_test_owner_id"), table_name="listening_test")
    op.drop_table("listening_test")
