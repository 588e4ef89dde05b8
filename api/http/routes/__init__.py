"""The resources of the REST door, one module each."""
