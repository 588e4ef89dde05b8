"""The bench: what a move costs, beside the raw limit and two other ways to build the same."""
