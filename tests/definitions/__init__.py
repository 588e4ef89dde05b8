"""Definitions: what is refused and where, and what flattening makes of what is written."""
