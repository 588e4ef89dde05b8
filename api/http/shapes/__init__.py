"""The documents of the REST door: what comes in and what goes out, each made by a function of its own."""
