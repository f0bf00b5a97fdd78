"""Parts of `benchmarks/interface.py`: what is served, what is done on the page, and what is measured."""
