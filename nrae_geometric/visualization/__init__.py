r"""Figures and animations of learned manifolds.

Pictures are made in two steps. While a model trains, a *recorder* is called at a few epochs and
keeps small CPU tensors of what the model has learned so far. Afterwards the recorded states are
drawn, which needs neither the model nor the device it was trained on::

    recorder = make_recorder(data, num_epochs=2001, manifold=dataset.manifold().x, order=1)
    Trainer(..., callbacks=[recorder]).fit(model, loader)
    write_animation(recorder, "NRAEL_training.gif")

The ``plot_*`` functions return a :class:`matplotlib.figure.Figure` that no window or notebook
owns; :func:`save_figure` writes it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nrae_geometric.visualization.curve_recorder import CurveRecorder
from nrae_geometric.visualization.image_recorder import ImageRecorder
from nrae_geometric.visualization.latent import learned_manifold
from nrae_geometric.visualization.recorder import Frame, Recorder, frame_epochs
from nrae_geometric.visualization.recorders import make_recorder

if TYPE_CHECKING:
    from nrae_geometric.visualization.animation import write_animation
    from nrae_geometric.visualization.history import plot_history
    from nrae_geometric.visualization.latents import LatentPanel, plot_latents
    from nrae_geometric.visualization.manifolds import ManifoldPanel, plot_manifolds
    from nrae_geometric.visualization.orbit import plot_orbit
    from nrae_geometric.visualization.save import save_figure

# Recording must not cost a training run the import of matplotlib; drawing may.
_DRAWING = {
    "LatentPanel": "latents",
    "ManifoldPanel": "manifolds",
    "plot_history": "history",
    "plot_latents": "latents",
    "plot_manifolds": "manifolds",
    "plot_orbit": "orbit",
    "save_figure": "save",
    "write_animation": "animation",
}

__all__ = [
    "CurveRecorder",
    "Frame",
    "ImageRecorder",
    "LatentPanel",
    "ManifoldPanel",
    "Recorder",
    "frame_epochs",
    "learned_manifold",
    "make_recorder",
    "plot_history",
    "plot_latents",
    "plot_manifolds",
    "plot_orbit",
    "save_figure",
    "write_animation",
]


def __getattr__(name: str) -> Any:
    if name in _DRAWING:
        return getattr(import_module(f"{__name__}.{_DRAWING[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
