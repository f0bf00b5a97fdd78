"""An archive of images in the order of a session."""
