"""The mind: pure functions and frozen data. No I/O, no clock, no chance."""
