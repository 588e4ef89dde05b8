"""The safe. So far it makes pseudonyms and signatures of approvers; identities and sealing come to live here."""
