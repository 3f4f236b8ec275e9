r"""Figures and animations of learned manifolds.

Pictures are made in two steps. While a model trains, a *recorder* is called at a few epochs and
keeps small CPU tensors of what the model has learned so far. Afterwards the recorded states are
drawn, which needs neither the model nor the device it was trained on::

    recorder = recorder_for(data, manifold=dataset.manifold().x, order=1)
    Trainer(..., callbacks=[recorder]).fit(model, loader)
    write_animation(recorder, "NRAEL_training.gif")

The ``plot_*`` functions return a :class:`matplotlib.figure.Figure` that no window or notebook
owns; :func:`save_figure` writes it.
"""

from nrae_geometric.visualization.animation import write_animation
from nrae_geometric.visualization.history import plot_history
from nrae_geometric.visualization.latents import LatentPanel, plot_latents
from nrae_geometric.visualization.manifolds import ManifoldPanel, plot_manifolds
from nrae_geometric.visualization.orbit import plot_orbit
from nrae_geometric.visualization.save import save_figure

__all__ = [
    "LatentPanel",
    "ManifoldPanel",
    "plot_history",
    "plot_latents",
    "plot_manifolds",
    "plot_orbit",
    "save_figure",
    "write_animation",
]
