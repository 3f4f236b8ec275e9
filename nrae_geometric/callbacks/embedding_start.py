"""A start for the weights at which the latent coordinates already follow the graph."""

import logging
from collections.abc import Iterable, Iterator
from itertools import chain, islice, repeat

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from nrae_geometric.geodesics import GeodesicCoordinates, geodesic_coordinates
from nrae_geometric.metrics import latent_order
from nrae_geometric.nn import AE
from nrae_geometric.training.device import resolve_device
from nrae_geometric.training.step import Precision, TrainingStep

logger = logging.getLogger(__name__)

# Above this many points, a step fits a batch of the loader instead of all points.
_LARGEST_FULL_BATCH = 1024
# Noise exchanges neighbors and leaves more than this; so does a fold of the last few points.
_SMALLEST_ORDER = 0.99
_MOST_COMPARED = 10_000


def warm_start(
    model: AE,
    loader: Iterable[Data],
    *,
    num_steps: int = 500,
    lr: float = 1e-3,
    device: str | int | torch.device = "auto",
    precision: Precision = "32-true",
) -> GeodesicCoordinates:
    r"""Fits an autoencoder to the geodesic coordinates of its points.

    With :math:`z_i` the coordinates of the loader's graph, see
    :func:`~nrae_geometric.geodesics.geodesic_coordinates`, centered and divided by one number so
    that their variance is 1 over all dimensions, Adam minimizes

    .. math::
        \frac{1}{N} \sum_i \Bigl( \frac{1}{d} \lVert g(x_i) - z_i \rVert^2
        + \frac{1}{\sigma^2} \lVert f(z_i) - x_i \rVert^2 \Bigr),

    where :math:`\sigma^2` is the points' variance, summed over their dimensions. Encoder and
    decoder are thus fitted each by itself, to a target that has no folds.

    Args:
        model: An :class:`~nrae_geometric.nn.AE` or :class:`~nrae_geometric.nn.NRAE`; fitted in
            place and left on the device.
        loader: What the model will be trained with, over one graph ``loader.data``. Its batches
            are used where there are more than 1024 points; a step is full-batch otherwise.
        num_steps: The number of Adam's steps.
        lr: Adam's learning rate.
        device: As in :class:`~nrae_geometric.training.Trainer`.
        precision: As in :class:`~nrae_geometric.training.Trainer`.

    Returns:
        The coordinates, in the unit of the points, and what was found on the way: whether the
        graph closes on itself, its components and its shortcuts.

    Raises:
        TypeError: If the model is no autoencoder.
        ValueError: If the loader has no graph, or not more points than the model has latent
            dimensions.
    """
    if not isinstance(model, AE):
        raise TypeError(f"a geodesic start fits an AE or NRAE, got {type(model).__name__}")
    data = getattr(loader, "data", None)
    if not isinstance(data, Data) or data.edge_index is None or data.edge_index.size(1) == 0:
        raise ValueError(
            "a geodesic start needs the graph: use a loader over one graph, such as "
            "NeighborhoodLoader(data, ...), with a non-empty data.edge_index"
        )
    coordinates = geodesic_coordinates(data.x, data.edge_index, _latent_dim(model, data))
    z = coordinates.z - coordinates.z.mean(dim=0)
    fit = _CoordinateFit(model, z / z.square().mean().sqrt(), data.x)
    step = TrainingStep(fit, lr, resolve_device(device), precision)
    model.train()
    for batch in islice(_batches(data, loader), num_steps):
        step(batch)
    return coordinates


@torch.no_grad()
def report_folds(model: AE, loader: Iterable[Data], coordinates: GeodesicCoordinates) -> None:
    """Warns where training has undone the order in which :func:`warm_start` began.

    This needs no labels: on a line, the trained latents of the points should still be in the order
    of their geodesic coordinates.

    Args:
        model: The trained model.
        loader: What it was trained with.
        coordinates: What :func:`warm_start` returned. In several dimensions there is no order to
            compare, and where the graph closes on itself there was none to begin with.
    """
    if coordinates.z.size(1) != 1 or coordinates.loop is not None:
        return
    data = getattr(loader, "data", None)
    if not isinstance(data, Data):  # a resumed run may have another loader
        return
    was_training = model.training
    model.eval()
    parameter = next(model.parameters())
    # So many points show a fold; an encoder of graphs has to see all.
    rows = slice(None, None, max(1, len(data.x) // _MOST_COMPARED))
    if model.encoder_uses_graph:
        z = model.encode(data.x.to(parameter), data.edge_index.to(parameter.device))[rows]
    else:
        z = model.encode(data.x[rows].to(parameter))
    model.train(was_training)
    order = latent_order(z.to(coordinates.z), coordinates.z[rows]).spearman
    if order < _SMALLEST_ORDER:
        logger.warning(
            "training has folded the latent line: its order agrees with the graph's only to "
            "|Spearman| %.3f, and far points may share coordinates. Use a lower learning rate, "
            "order 1, or more neighbors in each step",
            order,
        )


@torch.no_grad()
def _latent_dim(model: AE, data: Data) -> int:
    model.eval()
    point = data.x[:1].to(next(model.parameters()))
    return model.encode(point, data.edge_index[:, :0].to(point.device)).size(1)


class _CoordinateFit(nn.Module):
    """The distance of a model from the given coordinates, as a loss."""

    def __init__(self, model: AE, z: Tensor, x: Tensor) -> None:
        super().__init__()
        self.model = model
        self.z: Tensor
        self.register_buffer("z", z, persistent=False)
        self.variance = float(x.flatten(1).float().var(dim=0).sum())

    def loss(self, batch: Data) -> Tensor:
        rows = batch.n_id[: batch.batch_size]
        x = batch.x[: batch.batch_size]
        latent = self.model.encode(batch.x, batch.edge_index)[: batch.batch_size]
        z = self.z[rows].to(latent.dtype)
        recon = self.model.decode(z)
        fitted = (recon - x).flatten(1).square().sum(dim=1).mean() / self.variance
        return (latent - z).square().mean() + fitted


def _batches(data: Data, loader: Iterable[Data]) -> Iterator[Data]:
    if data.num_nodes > _LARGEST_FULL_BATCH:
        return chain.from_iterable(repeat(loader))
    rows = torch.arange(data.num_nodes, device=data.x.device)
    whole = Data(x=data.x, edge_index=data.edge_index, n_id=rows, batch_size=data.num_nodes)
    return repeat(whole)
