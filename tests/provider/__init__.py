"""Sign-in by an identity provider: a real one, and one that lies."""
