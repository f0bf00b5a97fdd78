"""All that a search has come to, at one look: what share of all was found, and a page for a colleague."""
