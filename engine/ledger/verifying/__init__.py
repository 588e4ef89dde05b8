"""The verifier: holds a bundle to what an auditor brings along. It needs no server, no network and no clock.

Each check says what it looked at, what is wrong and where, and what it could not look at. What could not be looked at
is never said to be right.
"""
