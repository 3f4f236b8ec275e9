"""Points in space, and the latent planes that several models have unrolled them into."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from matplotlib.figure import Figure
from mpl_toolkits.mplot3d import Axes3D
from torch import Tensor

from nrae_geometric.visualization import palette
from nrae_geometric.visualization.captions import caption


@dataclass(frozen=True)
class LatentPanel:
    """One model's latent plane.

    Args:
        title: Name of the model.
        latent: Latents of the training points, shape :obj:`[N, 2]`.
        metrics: Names and values for the line below the title.
        latent_order: \\|Spearman\\| between the learned and the true coordinate, 1 where the model
            has found the right connectivity; :obj:`None` where the truth is not known.
    """

    title: str
    latent: Tensor
    metrics: Mapping[str, float] = field(default_factory=dict)
    latent_order: float | None = None


def plot_latents(
    panels: Sequence[LatentPanel],
    points: Tensor,
    coordinate: Tensor,
    *,
    coordinate_name: str = "true coordinate",
) -> Figure:
    """Draw points in space beside the latent planes of several models, colored alike.

    Args:
        panels: One for each model, at least one.
        points: The training points, shape :obj:`[N, 3]`.
        coordinate: The true coordinate that colors each point, shape :obj:`[N]`.
        coordinate_name: What the coordinate is, with its unit.
    """
    if not panels:
        raise ValueError("panels is empty; give at least one LatentPanel")
    if points.dim() != 2 or points.size(1) != 3:
        raise ValueError(f"points has shape {tuple(points.shape)}; expected [N, 3]")
    width, height = 4.1 * (len(panels) + 1) + 0.9, 4.9
    figure = palette.new_figure(width, height)
    colors = palette.as_array(coordinate).ravel()
    style = {"c": colors, "cmap": palette.COORDINATE, "s": 14, "linewidths": 0}
    space = figure.add_axes((0.1 / width, 0.02, 3.7 / width, 0.82), projection="3d")
    assert isinstance(space, Axes3D)
    _draw_space(space, points, style)
    for i, panel in enumerate(panels):
        axes = figure.add_axes(
            ((4.3 + 4.1 * i) / width, 0.6 / height, 3.5 / width, 1 - 1.7 / height)
        )
        axes.scatter(*palette.as_array(panel.latent).T, **style)
        palette.style_axes(axes)
        axes.set_xlabel("latent z₁", fontsize=palette.LABEL_SIZE, color=palette.INK)
        if i == 0:
            axes.set_ylabel("latent z₂", fontsize=palette.LABEL_SIZE, color=palette.INK)
        caption(axes, panel.title, panel.metrics, panel.latent_order)
    scale = figure.add_axes(((width - 0.85) / width, 0.6 / height, 0.15 / width, 1 - 1.7 / height))
    bar = figure.colorbar(axes.collections[0], cax=scale)
    bar.set_label(coordinate_name, fontsize=palette.LABEL_SIZE, color=palette.INK)
    bar.ax.tick_params(labelsize=palette.TICK_SIZE)
    bar.outline.set_visible(False)
    return figure


def _draw_space(space: Axes3D, points: Tensor, style: dict[str, object]) -> None:
    space.scatter(*palette.as_array(points).T, **style)
    space.set_aspect("equal")
    # The edge-on view, slightly raised, shows how a roll is rolled.
    space.view_init(elev=12, azim=-72)
    for axis in (space.xaxis, space.yaxis, space.zaxis):
        axis.pane.set_visible(False)
        axis.set_ticklabels([])
    space.annotate(
        "Training data",
        (0.04, 1.04),
        xycoords="axes fraction",
        fontsize=palette.TITLE_SIZE,
        color=palette.INK,
        weight="bold",
    )
