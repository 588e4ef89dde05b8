"""The REST door: it turns requests into commands and answers into documents; no rule lives here."""
