"""The front door: REST, pages, command line. No rules live here."""
