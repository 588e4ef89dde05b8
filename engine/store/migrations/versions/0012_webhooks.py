"""Webhooks of units, and their deliveries."""

from __future__ import annotations

revision = "0012_webhooks"
down_revision = "0011_leads"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
