r"""Figures and animations of learned manifolds.

Pictures are made in two steps. While a model trains, a *recorder* is called at a few epochs and
keeps small CPU tensors of what the model has learned so far. Afterwards the recorded states are
drawn, which needs neither the model nor the device it was trained on::

    recorder = recorder_for(data, manifold=dataset.manifold().x, order=1)
    Trainer(2001, callbacks=[recorder]).fit(model, loader)
    write_animation(recorder, "NRAEL_training.gif")

The ``plot_*`` functions return a :class:`matplotlib.figure.Figure` that no window or notebook
owns; :func:`save_figure` writes it.
"""

from nrae_geometric.visualization.animation import write_animation
from nrae_geometric.visualization.plots import (
    CurvePanel,
    LatentPanel,
    plot_latent_planes,
    plot_latent_traversal,
    plot_learned_curves,
    plot_losses,
)
from nrae_geometric.visualization.style import save_figure

__all__ = [
    "CurvePanel",
    "LatentPanel",
    "plot_latent_planes",
    "plot_latent_traversal",
    "plot_learned_curves",
    "plot_losses",
    "save_figure",
    "write_animation",
]
