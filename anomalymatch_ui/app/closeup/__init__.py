"""One image in its full resolution, what lies around it, and what is known of it."""
