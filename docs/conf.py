"""Configuration of Sphinx: `task docs:site` builds the site (decision 0032)."""

import importlib.metadata

project = "Tone Shootout"
author = "The Tone Shootout maintainers"
copyright = f"2026, {author}"  # noqa: A001 - the name that Sphinx reads
version = release = importlib.metadata.version("tone-shootout")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]

# The documents are read as they are on code hosting sites as well: anchors are those, and quotes stay as written.
myst_heading_anchors = 6
myst_enable_extensions = ["attrs_inline"]
smartquotes_action = "D"  # only dashes, which follow the parameters of the client
default_role = "code"

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_use_admonition_for_examples = True

html_theme = "furo"
html_title = f"Tone Shootout {release}"
html_favicon = "_static/icon.svg"
html_static_path = ["_static"]
html_extra_path = ["_extra"]
html_copy_source = False
html_show_sphinx = False
