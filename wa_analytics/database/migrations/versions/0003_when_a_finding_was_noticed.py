"""When a finding was noticed"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

from wa_analytics.tables.column import Instant

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('declared_gap', sa.Column('withdrawn_by', sqlmodel.sql.sqltypes.AutoString(), nullable=True))
    op.add_column('finding', sa.Column('noticed_at', Instant(), nullable=True))


def downgrade() -> None:
    op.drop_column('finding', 'noticed_at')
    op.drop_column('declared_gap', 'withdrawn_by')
