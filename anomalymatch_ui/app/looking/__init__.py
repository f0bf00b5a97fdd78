"""How images are shown: the look of the page, and stretch and bands of native values."""
