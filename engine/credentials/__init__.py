"""Proofs of who somebody is: passwords, one-time codes, passkeys, opaque tokens. Nothing of it knows a database."""
