"""Panels of a comparison: models with what they have learned, their verdicts and their measures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from matplotlib.axes import Axes
from numpy.typing import NDArray
from torch import Tensor

from nrae_geometric.metrics import RIGHT_ORDER
from nrae_geometric.visualization import style


@dataclass(frozen=True)
class Panel:
    r"""One model in a comparison.

    Args:
        title (str): Name of the model.
        values (torch.Tensor): Its part of the picture: a learned curve in order, :obj:`[P, 2]`,
            latents of the training points, :obj:`[N, 2]`, or images in order, :obj:`[G, H, W]` or
            :obj:`[G, C, H, W]` with values in 0..1.
        metrics (Mapping[str, float], optional): Names and values of its measures, such as its
            reconstruction error. (default: :obj:`{}`)
        latent_order (float, optional): :math:`|\rho|` of Spearman between the learned and the true
            coordinate; below :data:`~nrae_geometric.metrics.RIGHT_ORDER` the model is marked as
            having the wrong connectivity. (default: :obj:`None`, where the truth is not known)
    """

    title: str
    values: Tensor
    metrics: Mapping[str, float] = field(default_factory=dict)
    latent_order: float | None = None


def check_panels(panels: Sequence[Panel], num_columns: int | None = None) -> None:
    """Refuses no panels, and values that are not rows of so many columns."""
    if not panels:
        raise ValueError("panels is empty; give at least one Panel")
    for panel in panels:
        shape = tuple(panel.values.shape)
        if num_columns is not None and (len(shape) != 2 or shape[1] != num_columns):
            raise ValueError(
                f"values of panel {panel.title!r} has shape {shape}; expected [N, {num_columns}]"
            )


def write_captions(axes_of: Sequence[Axes] | NDArray[Any], panels: Sequence[Panel]) -> None:
    """Writes panels' titles with their verdicts above axes, and their measures in between."""
    measures = [_measures(panel) for panel in panels]
    texts = [style.wrapped(each, axes) for axes, each in zip(axes_of, measures, strict=True)]
    if len({text.count("\n") for text in texts}) > 1:  # else titles have one height
        texts = ["\n".join(each) for each in measures]
    for axes, panel, text in zip(axes_of, panels, texts, strict=True):
        num_lines = text.count("\n") + bool(text)
        panel_title(axes, *_finding(panel), pad=5 + 1.25 * style.TICK_SIZE * num_lines)
        axes.annotate(
            text,
            (0, 1),
            xytext=(0, 4),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=style.TICK_SIZE,
            color=style.INK,
            annotation_clip=False,
            in_layout=False,  # it may be wider than the axes; the title makes room for its height
        )


def write_row_caption(axes: Axes, panel: Panel) -> None:
    """Writes a panel's title with its verdict and its measures above a row, in one line or two."""
    title, color = _finding(panel)
    text = "   ".join(_measures(panel))
    width = style.text_width(title, style.LABEL_SIZE, "bold") + style.text_width(f"   {text}")
    if width > style.width_of(axes):
        write_captions([axes], [panel])
        return
    panel_title(axes, title, color, pad=3)
    # Both titles have one distance from the axes.
    axes.set_title(text, loc="right", pad=3, fontsize=style.TICK_SIZE, color=style.INK)


def _finding(panel: Panel) -> tuple[str, str]:
    """Returns a panel's title with its verdict, and its color."""
    if panel.latent_order is None:
        return panel.title, style.INK
    if _has_right_order(panel):
        return f"{panel.title}: right order ✓", style.INK
    return f"{panel.title}: wrong order ✗", style.VERMILLION


def panel_title(axes: Axes, text: str, color: str, pad: float) -> None:
    """Writes a title above the axes of a panel, so many points above."""
    axes.set_title(text, loc="left", pad=pad, fontsize=style.LABEL_SIZE, color=color, weight="bold")


def _measures(panel: Panel) -> list[str]:
    measures = [f"{name} {value:.4g}" for name, value in panel.metrics.items()]
    if panel.latent_order is not None:
        measures.append(f"|Spearman| {panel.latent_order:.4f}")
    return measures


def _has_right_order(panel: Panel) -> bool:
    # A NaN counts as wrong.
    return panel.latent_order is not None and panel.latent_order >= RIGHT_ORDER
