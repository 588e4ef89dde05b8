"""The rules of the house itself: a mirror, not a whip."""
