"""The panel at the left: counts, training, what to expect, and downloads."""
