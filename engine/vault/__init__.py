"""The safe. So far it makes pseudonyms; identities, keys and sealing come to live here."""
