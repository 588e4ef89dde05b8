"""Attacks on the ledger and on what it tells of: each is done for real, and who noticed it is measured."""
