"""How Sphinx builds the site (``make docs``): with the packages that are installed, and without a network."""

from vmops import __version__

project = "vmops"
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "docs.site_pages"]

html_theme = "furo"
html_title = f"vmops {version}"
html_copy_source = html_show_copyright = html_show_sphinx = False

myst_heading_anchors = 4
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_inherit_docstrings = False
python_use_unqualified_type_names = True
