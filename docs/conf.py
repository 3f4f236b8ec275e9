"""Configuration of the documentation site; ``make docs`` builds it."""

import logging
import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_extensions"))

import a11y_pygments  # noqa: E402, F401
import inventories  # noqa: E402

import nrae_geometric  # noqa: E402

# What fits choose, and what they warn of, is for the pages alone. The colors of code that the theme
# brings set up logging to the terminal when they are imported.
logging.getLogger("nrae_geometric").setLevel(logging.WARNING)
logging.getLogger().handlers.clear()

project = "nrae_geometric"
author = "the nrae_geometric authors"
release = version = nrae_geometric.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "accessibility",
    "architecture",
    "mathml",
    "references",
    "report_pages",
    "repository_files",
]
RUN_TIMES = ["sg_execution_times.rst", "**/sg_execution_times.rst"]  # they ask other servers
exclude_patterns = ["_build", "**/GALLERY_HEADER.rst", *RUN_TIMES]
nitpicky = True
highlight_language = "text"  # of blocks that name none, such as commands
# The folder of a checkout may have a space in its name, the scripts have none.
suppress_warnings = ["sphinx_gallery.space_in_filename"]
# As in PyTorch Geometric, :obj: sets values and shapes in the type of code.
WORDS = "array_like|callable|data frame|iterable|mapping|optional|sequence|sparse matrix|table"
nitpick_ignore_regex = [("py:obj", ".*"), ("py:class", WORDS)]

# -- Pages ----------------------------------------------------------------------------------------

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"nrae_geometric {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_copyright = False
copybutton_exclude = ".linenos, .gp, .go"

# -- Reference ------------------------------------------------------------------------------------

add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings have types, and shapes besides
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True

# What the network has comes first, the names that lie here serve a machine without one.
intersphinx_mapping = inventories.mapping(HERE / "inventories.txt", HERE / "_build" / "inventories")
intersphinx_timeout = 5

# -- Scripts that are run -------------------------------------------------------------------------

SCRIPTS = ("guides", "method", "gallery")
WITH_MNIST = "NRAE_DATA" in os.environ

sphinx_gallery_conf = {
    "examples_dirs": [f"../examples/{name}" for name in SCRIPTS],
    "gallery_dirs": [f"auto/{name}" for name in SCRIPTS],
    # MNIST does not come with scikit-learn: its scripts are run where NRAE_DATA names the files.
    "filename_pattern": r"\.py$" if WITH_MNIST else r"/(?!mnist)\w+\.py$",
    "abort_on_example_error": True,
    "capture_repr": (),
    "default_thumb_file": str(HERE / "images" / "gallery_mnist.png"),
    "download_all_examples": False,
    "image_srcset": ["2x"],
    "matplotlib_animations": False,
    "min_reported_time": 1e9,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "within_subsection_order": "reading_order.place",
    "reference_url": {"nrae_geometric": None},
    "doc_module": ("nrae_geometric",),
}
