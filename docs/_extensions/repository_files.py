"""Pages and pictures of the repository that lie outside the folder of the documentation.

The recorded tables of the benchmarks become pages, so that a link to one leads there on the site as
it leads to the file in a checkout.
"""

import re
import shutil
from pathlib import Path

from sphinx.application import Sphinx

RECORDED = "auto/recorded"
LINKS = {
    r"(?:\.\./)+benchmarks/results/(\w+)\.md": rf"/{RECORDED}/\1.md",
    r"(?:\.\./)*docs/((?:\w+/)*\w+)\.md": r"/\1.md",
    r"(?:\.\./)+examples/(guides|method|gallery)/(\w+)\.py": r"/auto/\1/\2.rst",
    r"(?:\.\./)+CONTRIBUTING\.md": "/contributing.md",
    r"(?:\.\./)+benchmarks/README\.md": "/benchmarks.md",
}


def setup(app: Sphinx) -> dict[str, bool]:
    """Copies before pages are read, and turns links in what is read."""
    app.connect("builder-inited", copy)
    app.connect("source-read", turn_links)
    app.connect(
        "include-read", lambda app, path, docname, content: turn_links(app, docname, content)
    )
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def copy(app: Sphinx) -> None:
    """Copies recorded tables, with a title, and their pictures."""
    folder = Path(app.srcdir, RECORDED)
    folder.mkdir(parents=True, exist_ok=True)
    for file in Path(app.srcdir).parent.glob("benchmarks/results/*"):
        target = folder / file.name
        if file.suffix == ".png":
            shutil.copy2(file, target)
        elif file.suffix == ".md":
            text = file.read_text("utf-8").replace("\n### ", "\n## ")
            target.write_text(f"# {file.stem.replace('_', ' ').capitalize()}\n\n{text}", "utf-8")


def turn_links(app: Sphinx, docname: str, content: list[str]) -> None:
    """Turns links to files of the repository into links to their pages."""
    for pattern, page in LINKS.items():
        content[0] = re.sub(rf"\]\({pattern}", f"]({page}", content[0])
