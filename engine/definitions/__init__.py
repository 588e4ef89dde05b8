"""The rule book: reads, flattens, checks and names the workflow definitions. Decides nothing."""
