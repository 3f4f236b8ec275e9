"""What the theme leaves out for people who use the keyboard or a screen reader."""

from typing import Any

from docutils.nodes import document
from sphinx.application import Sphinx

CAPTION = '<p class="caption" role="heading">'
AFTER_THEME = 900  # priority: the theme makes the navigation at 500


def setup(app: Sphinx) -> dict[str, bool]:
    """Adds the level of headings in the navigation, and the script that marks what scrolls."""
    app.add_js_file("scrollable.js", loading_method="defer")
    app.connect("html-page-context", add_levels, priority=AFTER_THEME)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def add_levels(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: document | None
) -> None:
    """Gives each caption of the navigation the level that its role requires."""
    if tree := context.get("furo_navigation_tree"):
        leveled = CAPTION.replace(">", ' aria-level="2">')
        context["furo_navigation_tree"] = tree.replace(CAPTION, leveled)
