"""Whole stories, from the first report to the archive."""
