"""The page: template, styles, scripts and content in one file that needs no network."""

import base64
import hashlib
import html
import os
from importlib import resources
from io import BytesIO
from typing import Any

import jinja2
from markupsafe import Markup
from numpy.typing import NDArray

from nrae_geometric.atomic import atomic_write
from nrae_geometric.report.content import page_content
from nrae_geometric.report.quality import Measures
from nrae_geometric.report.subject import Subject

_SCRIPTS = (
    "decoder.js",
    "scatter.js",
    "views.js",
    "paths.js",
    "charts.js",
    "controls.js",
    "page.js",
)
_HEIGHT = 1000
_SMALL_WIDTH, _SMALL_DPI = 3.6, 96


class Report:
    """A page about a trained model; a notebook shows it.

    Attributes:
        html (str): The whole page.
        measures (dict): The measures that it shows, by name; None where one has no value.
    """

    def __init__(self, page: str, measures: Measures) -> None:
        self.html = page
        self.measures = measures

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the page, whole or not at all.

        Args:
            path (str or os.PathLike): The file. Missing folders are made.

        Raises:
            OSError: If the file cannot be written, with its name.
        """
        with atomic_write(path) as temporary:
            temporary.write_text(self.html, encoding="utf-8")

    def _repr_html_(self) -> str:
        return (
            f'<iframe sandbox="allow-scripts allow-downloads" title="Report" width="100%" '
            f'height="{_HEIGHT}" frameborder="0" srcdoc="{html.escape(self.html)}"></iframe>'
        )


def make_report(subject: Subject) -> Report:
    """Measures a trained model and returns the page about it.

    Args:
        subject (Subject): The model and its points.
    """
    content, blocks = page_content(subject)
    measures = {each["name"]: each["value"] for each in content["measures"]}
    return Report(_rendered(content, {"directory": blocks.directory}, blocks.text()), measures)


def small_picture(z: NDArray[Any]) -> str:
    """Returns HTML of a small picture of latents ``[N, d]``."""
    from nrae_geometric.visualization import plot_embedding
    from nrae_geometric.visualization.embedding import embedding_axes

    picture = BytesIO()
    axes = embedding_axes(z, width=_SMALL_WIDTH if z.shape[1] <= 2 else None)
    plot_embedding(z, ax=axes)
    axes[0].figure.savefig(picture, format="png", dpi=_SMALL_DPI)
    data = base64.b64encode(picture.getvalue()).decode("ascii")
    return f'<img alt="Latent coordinates of {len(z)} points" src="data:image/png;base64,{data}">'


def _rendered(content: dict[str, Any], arrays: dict[str, Any], data: str) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_template),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # In their own order, which legends follow.
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False}
    style = _template("page.css")
    script = "\n".join(
        ['"use strict";', "(() => {", *map(_template, _SCRIPTS), "})();"],
    )
    return environment.get_template("page.html.j2").render(
        content=content,
        arrays=arrays,
        data=Markup(data),  # base64 has nothing to escape
        style=Markup(style),
        script=Markup(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
    )


def _template(name: str) -> str:
    place = resources.files("nrae_geometric.report") / "templates" / name
    return place.read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """What a content policy calls a script or a style."""
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"
