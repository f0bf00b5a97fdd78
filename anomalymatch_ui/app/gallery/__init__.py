"""The gallery: pages of cards on contact sheets, labels, tags and notes."""
