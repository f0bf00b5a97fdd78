"""The page's objects on the sky, by Aladin Lite."""
