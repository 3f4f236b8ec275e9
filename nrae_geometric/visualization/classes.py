"""Classes of labels: their order, and the colors that tell them apart, of pictures and of pages.

Numbers of more than ten values are a quantity; all other labels are classes. The ten most frequent
have a color each and are in the order of their names, or of their values. The rest follow, the
frequent first, and look alike.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nrae_geometric.visualization import style

Labels = NDArray[Any] | Sequence[Any]

COLORS = (*style.MODELS, style.INK, "#882255", "#666633", "#5511AA")
"""Colors on white, those of Okabe and Ito before two of Tol's and a violet: whichever kind of cones
is missing, any two remain at least as far apart as Okabe and Ito's closest."""
COLORS_ON_DARK = (
    *("#5198F2", "#E76C2C", "#259169", "#CE96BE", "#F2BF40"),
    *("#A7CEF8", "#EAECED", "#BE458D", "#8E9A5B", "#8A4FF0"),
)
"""The same hues on a dark page, as far apart."""
_LONGEST_NAME = 120


class Classes(NamedTuple):
    """Classes of points.

    Attributes:
        names (list of str): Their names, of those with a color first.
        code (numpy.ndarray): The place in these of each point's class ``[N]``.
    """

    names: list[str]
    code: NDArray[np.int64]


def find_classes(labels: Labels) -> Classes | None:
    """Returns the classes of labels, or None where they are a quantity.

    Args:
        labels (sequence): A number or a text for each point ``[N]``.
    """
    values = np.asarray(labels)
    is_number = values.dtype.kind in "fiu"
    if is_number and len(np.unique(values)) > len(COLORS):
        return None
    texts = [
        f"{each:g}" if is_number else str(each)[:_LONGEST_NAME] or "(none)"
        for each in values.tolist()
    ]
    names, code, count = np.unique(texts, return_inverse=True, return_counts=True)
    by_name = np.argsort(names.astype(float) if is_number else names, kind="stable")
    by_count = by_name[np.argsort(-count[by_name], kind="stable")]
    is_colored = np.isin(by_name, by_count[: len(COLORS)])
    order = np.concatenate([by_name[is_colored], by_count[len(COLORS) :]])
    return Classes([str(names[i]) for i in order], np.argsort(order)[code.reshape(-1)])


def class_colors(labels: Labels) -> list[tuple[str, str, NDArray[np.bool_]]] | None:
    """Returns name, color on white and points ``[N]`` of each class, or None for a quantity.

    Args:
        labels (sequence): A number or a text for each point ``[N]``.
    """
    found = find_classes(labels)
    if found is None:
        return None
    names = zip(found.names, COLORS, strict=False)
    colors = [(name, color, found.code == number) for number, (name, color) in enumerate(names)]
    if len(found.names) > len(COLORS):
        colors.append(("others", style.FAINT, found.code >= len(COLORS)))
    return colors
