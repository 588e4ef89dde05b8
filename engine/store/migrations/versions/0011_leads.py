"""Leads, and data shared where a clause prints it."""

from __future__ import annotations

revision = "0011_leads"
down_revision = "0010_registered"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
