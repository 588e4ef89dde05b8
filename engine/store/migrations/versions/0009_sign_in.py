"""Sign-in: passwords, second factors, sessions, throttling, recoveries."""

from __future__ import annotations

revision = "0009_sign_in"
down_revision = "0008_by_class"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
