"""The desk: the imperative shell. It reads the clock, asks the rooms in order, and commits once."""
