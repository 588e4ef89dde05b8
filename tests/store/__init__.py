"""Tests of the record room, on SQLite and PostgreSQL alike."""
