"""What the gallery lists: queries, views, filters, and the way back."""
