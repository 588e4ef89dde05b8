"""What may happen: the definitions, shipped as data."""
