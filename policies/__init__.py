"""Who may do and see what: the policies, shipped as data."""
