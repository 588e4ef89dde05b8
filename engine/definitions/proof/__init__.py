"""Proofs: what every way through a definition keeps, and the counterexample when one does not.

Nothing here trusts the shape of a file: it works on the flattened definition and judges conditions with the very
code the engine judges them with (``engine.core.conditions``), over every combination of values they can tell apart.
"""
