"""How the documentation becomes a site: ``make docs``."""

from anomalymatch_ui import __version__

project = "anomalymatch-ui"
author = "the anomalymatch-ui developers"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.mathjax", "numpydoc"]
exclude_patterns = ["_build"]

html_theme = "pydata_sphinx_theme"
html_theme_options = {"show_prev_next": False, "navigation_with_keys": True, "navbar_center": []}
html_sidebars = {"**": ["globaltoc.html"]}
html_title = project

# Headings have addresses as on the pages of a repository, which these documents are read on as well.
myst_heading_anchors = 4
myst_enable_extensions = ["dollarmath", "deflist"]
suppress_warnings = ["myst.header"]

autodoc_typehints = "none"  # types stand in the docstrings
numpydoc_show_class_members = True
numpydoc_class_members_toctree = False
