"""The lines above a panel: the model's name, its metrics, and an honest word on its order."""

from collections.abc import Mapping

from matplotlib.axes import Axes

from nrae_geometric.metrics import RIGHT_ORDER
from nrae_geometric.visualization import palette


def caption(
    axes: Axes, title: str, metrics: Mapping[str, float], latent_order: float | None
) -> None:
    """Write a panel's title, metrics and order above its axes, one below the other."""

    def line(points_above: float, text: str, size: float, color: str, weight: str) -> None:
        axes.annotate(
            text,
            (0, 1),
            xytext=(0, points_above),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=size,
            color=color,
            weight=weight,
            annotation_clip=False,
        )

    line(49, title, palette.TITLE_SIZE, palette.INK, "bold")
    line(29, "    ".join(_measured(*item) for item in metrics.items()), 12, palette.MUTED, "normal")
    if latent_order is None:
        return
    # Written so that a NaN counts as wrong.
    if latent_order >= RIGHT_ORDER:
        line(10, f"✓ right order, |Spearman| = {latent_order:.3f}", 12, palette.GREEN, "normal")
    else:
        text = f"✗ wrong connectivity, |Spearman| = {latent_order:.3f}"
        line(10, text, 12, palette.VERMILLION, "bold")


def _measured(name: str, value: float) -> str:
    return f"{name} {value:.4g}"
