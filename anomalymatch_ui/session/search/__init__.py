"""Finding images in a session: queries, ready-made views, and what can be said beyond the order."""
