"""The colours of the page, dark and light."""
