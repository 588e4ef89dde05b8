"""Registered services and their tokens; accounts of an identity provider."""

from __future__ import annotations

revision = "0010_registered"
down_revision = "0009_sign_in"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
