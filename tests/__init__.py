"""The tests: names are sentences, no mocks of our own code, a real PostgreSQL."""
