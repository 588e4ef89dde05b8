"""Guitu's engine: the rules of the house, without a front door."""
