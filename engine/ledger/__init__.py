"""The proof: what was done and read, written so that nobody changes it unnoticed and the writer cannot read it again.

The room is pure: chance and the clock are passed in, and only the sealing to auditors draws its own, inside the
library. It imports nothing else of the house, so a verifier outside needs this room and ``cryptography`` alone.

It is not wired into the program yet: nothing that the program does is entered into a ledger so far.
"""
