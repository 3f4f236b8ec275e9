r"""Figures and animations of learned manifolds.

Animations are made in two steps. While a model trains, a *recorder* of
:mod:`nrae_geometric.callbacks` keeps small CPU tensors at a few epochs. They are drawn afterwards,
which needs neither the model nor the device that it was trained on::

    recorder = recorder_for(data, manifold=dataset.manifold().x, order=1)
    Trainer(..., callbacks=[recorder]).fit(model, loader)
    write_animation(recorder, "NRAEL_training.gif")

The ``plot_*`` functions draw on ``ax=``, axes of your own, and return them; without any they make a
figure of :mod:`matplotlib.pyplot`, which notebooks show. A picture of several panels takes as many
axes and returns an array of them. :func:`save_figure` writes the figure of axes::

    figure, (left, right) = plt.subplots(1, 2, layout="constrained")
    plot_embedding(z, labels=digits, ax=left)
    plot_decoded_images(estimator.inverse_transform, z, labels=digits, ax=right)
    save_figure(figure, "digits.png")
"""

from nrae_geometric.visualization.animation import write_animation
from nrae_geometric.visualization.decoded import plot_decoded_images, plot_decoded_value
from nrae_geometric.visualization.embedding import plot_embedding
from nrae_geometric.visualization.graph import plot_graph
from nrae_geometric.visualization.panels import Panel
from nrae_geometric.visualization.plots import (
    plot_latent_planes,
    plot_latent_traversal,
    plot_learned_curves,
    plot_losses,
)
from nrae_geometric.visualization.style import save_figure

__all__ = [
    "Panel",
    "plot_decoded_images",
    "plot_decoded_value",
    "plot_embedding",
    "plot_graph",
    "plot_latent_planes",
    "plot_latent_traversal",
    "plot_learned_curves",
    "plot_losses",
    "save_figure",
    "write_animation",
]
