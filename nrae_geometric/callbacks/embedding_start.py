"""Start of training from given latent coordinates."""

import logging
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain, islice, repeat
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from sklearn.decomposition import PCA
from torch import Tensor, nn
from torch_geometric.data import Data

from nrae_geometric.arguments import flag, integer, number
from nrae_geometric.geodesics import GeodesicCoordinates, Loop, geodesic_coordinates
from nrae_geometric.metrics import RIGHT_ORDER, latent_order
from nrae_geometric.nn.evaluation import EDGE_ARGUMENTS, encode_data, evaluating
from nrae_geometric.nn.traversal import Autoencoder
from nrae_geometric.training import Callback, Trainer, gentle_schedule
from nrae_geometric.training.points import points_fault
from nrae_geometric.training.step import TrainingStep
from nrae_geometric.training.threads import suitable_threads

logger = logging.getLogger(__name__)

# Above this many points, a step fits some of them instead of all.
_LARGEST_FULL_BATCH, _NUM_RANDOM_ROWS = 1024, 512
_STEPS_COMPARED = 25
_MOST_COMPARED = 10_000
# The loss of an expansion to second order is steeper in the weights.
_FRACTION, _FRACTION_OF_HIGHER_ORDER = 0.3, 0.1


@runtime_checkable
class Embedding(Protocol):
    """A method of dimension reduction, such as scikit-learn's and UMAP's."""

    def fit_transform(self, X: np.ndarray) -> Any:
        """Returns coordinates ``[N, d]`` of points ``[N, D]``."""


class EmbeddingStart(Callback):
    r"""Fits an autoencoder to given coordinates of its points before it is trained.

    With :math:`z_i` the coordinates, centered and divided by one number so that their variance is
    1 over all dimensions, Adam minimizes

    .. math::
        \frac{1}{N} \sum_i \Bigl( \frac{1}{d} \lVert g(x_i) - z_i \rVert^2
        + \frac{1}{\sigma^2} \lVert f(z_i) - x_i \rVert^2 \Bigr),

    where :math:`\sigma^2` is the points' variance, summed over their dimensions. Encoder and
    decoder are thus fitted each by itself, to a target that has no folds.

    Training goes on with :func:`~nrae_geometric.training.gentle_schedule` unless the trainer was
    given a schedule. Where a line started from geodesic coordinates, and training folds it
    nevertheless, a warning says so. A resumed run is not fitted again; one that was stopped before
    the end of its first epoch has no checkpoint and starts anew.

    A model with a true attribute :obj:`needs_embedding`, such as :class:`~nrae_geometric.nn.GRAE`,
    has the :math:`z_i` while it is trained: they are :obj:`embedding` of the loader's graph, and so
    of its batches. Its method :obj:`anneal(epoch, max_epochs)`, where it has one, is called before
    each epoch.

    Args:
        init (str, Tensor, ndarray or Embedding, optional): :obj:`"geodesic"` takes the
            :func:`~nrae_geometric.geodesics.geodesic_coordinates` of the loader's graph,
            :obj:`"pca"` the first principal components of its points. Else the coordinates
            ``[N, d]`` of the points of ``loader.data``, or an object with ``fit_transform`` that
            returns them for points ``[N, D]``. (default: :obj:`"geodesic"`)
        num_steps (int, optional): The largest number of Adam's steps. They are full-batch up to
            1024 points, and over 512 points drawn at random above that; an encoder of graphs sees
            batches of the loader. With 0 of them the model stays as it is.
            (default: :obj:`500`)
        lr (float, optional): Adam's learning rate. (default: :obj:`1e-3`)
        tol (float, optional): The fit has converged, and ends, once 25 steps lower the loss by no
            more than this share of it. (default: :obj:`0.0`)
        num_landmarks (int, optional): Of a geodesic start, see
            :func:`~nrae_geometric.geodesics.geodesic_coordinates`. (default: :obj:`256`)
        align (bool, optional): Whether the coordinates are turned, scaled and shifted as a whole to
            where the model has its latents, as fits one that is trained already.
            (default: :obj:`False`)
        data (torch_geometric.data.Data, optional): The points that the coordinates are of, such as
            a sample with a graph of its own, where the loader's are not in memory.
            (default: :obj:`None`, those of the loader)

    Attributes:
        coordinates (GeodesicCoordinates, optional): The coordinates of a geodesic start, in the
            unit of the points, and what was found on the way: whether the graph closes on itself,
            its components and its shortcuts.

    Raises:
        ValueError: If an argument is out of its range. At the start of training: if the loader is
            not over one graph, or there are not as many coordinates as points and latent
            dimensions.
        TypeError: At the start of training, if the model is no autoencoder.

    Example::

        start = EmbeddingStart("geodesic")
        Trainer(600, callbacks=[start]).fit(model, loader)
        start.coordinates.loop  # None, or the loop that the graph closes
    """

    def __init__(
        self,
        init: str | Tensor | np.ndarray | Embedding = "geodesic",
        *,
        num_steps: int = 500,
        lr: float = 1e-3,
        tol: float = 0.0,
        num_landmarks: int = 256,
        align: bool = False,
        data: Data | None = None,
    ) -> None:
        if isinstance(init, str) and init not in ("geodesic", "pca"):
            raise ValueError(
                f"init must be 'geodesic', 'pca', coordinates [N, d], or an object with "
                f"fit_transform, got {init!r}"
            )
        self.init = init
        self.num_steps = integer("num_steps", num_steps, 0)
        self.lr = number("lr", lr, above=0)
        self.tol = number("tol", tol, 0)
        self.num_landmarks = integer("num_landmarks", num_landmarks, 2)
        self.align = flag("align", align)
        self.data = data
        self.coordinates: GeodesicCoordinates | None = None
        self._embedding: Tensor | None = None

    def on_fit_start(self, trainer: Trainer, model: nn.Module) -> None:
        """Fits the model, and chooses the schedule."""
        if trainer.schedule is None:
            first_order = (getattr(model, "order", None) or 1) == 1
            fraction = _FRACTION if first_order else _FRACTION_OF_HIGHER_ORDER
            trainer.schedule = partial(gentle_schedule, fraction=fraction)
        _anneal(model, trainer.epoch, trainer.max_epochs)
        if trainer.resumed:
            self._hand_out(trainer)
            return
        self.coordinates = self._embedding = None
        if not isinstance(model, Autoencoder):
            raise TypeError(
                f"{type(model).__name__} cannot start from coordinates: it needs "
                f"encode(x, edge_index=None), decode(z) and a decoder, as nrae_geometric.nn.AE has"
            )
        data = self._graph(trainer)
        if not isinstance(data, Data):
            raise ValueError(
                "a start from coordinates needs all points: use a loader over one graph, such as "
                "NeighborhoodLoader(data, ...)"
            )
        fault = points_fault(data.x, next(model.parameters()).dtype)
        if fault is not None:
            raise ValueError(fault)
        z = self._embed(data, _latent_dim(model, data))
        z = z.detach().to(data.x.device, torch.float64)
        z = z - z.mean(dim=0)
        scale = z.square().mean().sqrt()
        if not 0 < scale < float("inf"):
            raise ValueError(
                "the coordinates to start from are all equal, or not all finite; check whether the "
                "points are all equal"
            )
        z = z / scale
        if self.align:
            z = _aligned(z, _latents(model, data).to(z))
        if self.num_steps:
            self._fit(trainer, model, data, z)
        if getattr(model, "needs_embedding", False):
            self._embedding = z.to(next(model.parameters()).dtype)
            self._hand_out(trainer)

    def _graph(self, trainer: Trainer) -> Any:
        return getattr(trainer.loader, "data", None) if self.data is None else self.data

    def _fit(self, trainer: Trainer, model: nn.Module, data: Data, z: Tensor) -> None:
        fit = _CoordinateFit(model, z, data.x)
        step = TrainingStep(fit, self.lr, trainer.device, trainer.precision)
        sees_graph = getattr(model, "encoder_uses_graph", True)
        loader = trainer.loader if sees_graph else None
        batches = _batches(data, loader, trainer.seed or 0)
        with suitable_threads(model, _num_rows(data, loader), trainer.device):
            self._minimize(step, islice(batches, self.num_steps))

    def _hand_out(self, trainer: Trainer) -> None:
        """Gives the batches the coordinates of their points."""
        data = self._graph(trainer)
        if self._embedding is not None and isinstance(data, Data):
            data.embedding = self._embedding.to(data.x.device)

    def _minimize(self, step: TrainingStep, batches: Iterator[Data]) -> None:
        before = float("inf")
        while losses := [step(batch) for batch in islice(batches, _STEPS_COMPARED)]:
            if self.tol:
                loss = float(torch.stack(losses).mean())
                if before - loss <= self.tol * loss:
                    return
                before = loss

    def on_epoch_end(self, trainer: Trainer, model: nn.Module) -> None:
        """Tells a model that asks for it how far the training is."""
        _anneal(model, trainer.epoch + 1, trainer.max_epochs)

    def on_fit_end(self, trainer: Trainer, model: nn.Module) -> None:
        """Warns where training has undone the order in which a line began.

        This needs no labels: the trained latents of the points should still be in the order of
        their geodesic coordinates. In several dimensions there is no order to compare, and where
        the graph closes on itself there was none to begin with.
        """
        data = self._graph(trainer)
        if self._embedding is not None and isinstance(data, Data):
            data.pop("embedding", None)  # for another run it would be out of date
        found = self.coordinates
        if found is None or found.z.size(1) != 1 or found.loop is not None or data is None:
            return
        # So many points show a fold; an encoder of graphs has to see all.
        rows = slice(None, None, max(1, len(data.x) // _MOST_COMPARED))
        with evaluating(model):
            if getattr(model, "encoder_uses_graph", True):
                z = encode_data(model, data)[rows]
            else:
                z = encode_data(model, Data(x=data.x[rows]))
        order = latent_order(z.to(found.z), found.z[rows]).spearman
        if order < RIGHT_ORDER:
            logger.warning(
                "training has folded the latent line: its order agrees with the graph's only to "
                "|Spearman| %.3f, and far points may share coordinates. Use a lower learning rate, "
                "order 1, or more neighbors in each step",
                order,
            )

    def state_dict(self) -> dict[str, Any]:
        """Returns the geodesic coordinates, and those that the model has been given."""
        given = {} if self._embedding is None else {"embedding": self._embedding}
        if self.coordinates is None:
            return given
        loop = None if self.coordinates.loop is None else self.coordinates.loop._asdict()
        return {**self.coordinates._asdict(), "loop": loop, **given}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over the coordinates, on the CPU."""
        self.coordinates = None
        state = dict(state)
        self._embedding = state.pop("embedding", None)
        if state:
            loop = None if state["loop"] is None else Loop(**state["loop"])
            self.coordinates = GeodesicCoordinates(**{**state, "loop": loop})

    def _embed(self, data: Data, dim: int) -> Tensor:
        if isinstance(self.init, str) and self.init == "geodesic":
            if data.edge_index is None or data.edge_index.size(1) == 0:
                raise ValueError(
                    "a geodesic start needs the graph, but data.edge_index is empty; connect the "
                    "points, for example with KNNGraph(k)(data)"
                )
            self.coordinates = geodesic_coordinates(
                data.x,
                data.edge_index,
                dim,
                num_landmarks=max(self.num_landmarks, dim + 1),
                edge_length=data.get("edge_length"),
            )
            return self.coordinates.z
        points = data.x.flatten(1)
        if isinstance(self.init, str):
            return _principal_components(points, dim)
        if isinstance(self.init, Embedding):
            z = torch.as_tensor(np.asarray(self.init.fit_transform(points.numpy(force=True))))
        else:
            z = torch.as_tensor(self.init)
        if z.shape != (len(points), dim):
            raise ValueError(
                f"the coordinates to start from have the shape {list(z.shape)}, but there are "
                f"{len(points)} points and {dim} latent dimensions"
            )
        return z


class _CoordinateFit(nn.Module):
    """The distance of a model from the given coordinates, as a loss."""

    def __init__(self, model: nn.Module, z: Tensor, x: Tensor) -> None:
        super().__init__()
        self.model: Any = model
        self.z: Tensor
        self.register_buffer("z", z.to(next(model.parameters()).dtype), persistent=False)
        self.variance = float(x.detach().flatten(1).float().var(dim=0).sum())

    def loss(self, batch: Data) -> Tensor:
        rows = batch.n_id[: batch.batch_size]
        x = batch.x[: batch.batch_size]
        if getattr(self.model, "encoder_uses_graph", True):
            latent = encode_data(self.model, batch)[: batch.batch_size]
        else:
            latent = encode_data(self.model, Data(x=x))
        z = self.z[rows].to(latent.dtype)
        recon = self.model.decode(z)
        fitted = (recon - x.to(recon.dtype)).flatten(1).square().sum(dim=1).mean() / self.variance
        return (latent - z).square().mean() + fitted


def _batches(data: Data, loader: Iterable[Data] | None, seed: int) -> Iterator[Data]:
    if data.num_nodes > _LARGEST_FULL_BATCH:
        return _random_rows(data.x, seed) if loader is None else chain.from_iterable(repeat(loader))
    rows = torch.arange(data.num_nodes, device=data.x.device)
    edges = {name: data[name] for name in ("edge_index", *EDGE_ARGUMENTS) if name in data}
    whole = Data(x=data.x, **edges, n_id=rows, batch_size=data.num_nodes)
    return repeat(whole)


def _num_rows(data: Data, loader: Iterable[Data] | None) -> int | None:
    if data.num_nodes <= _LARGEST_FULL_BATCH:
        return data.num_nodes
    return _NUM_RANDOM_ROWS if loader is None else getattr(loader, "rows_per_batch", None)


def _random_rows(x: Tensor, seed: int) -> Iterator[Data]:
    generator = torch.Generator().manual_seed(seed)
    while True:
        rows = torch.randint(len(x), (_NUM_RANDOM_ROWS,), generator=generator).to(x.device)
        yield Data(x=x[rows], n_id=rows, batch_size=len(rows))


def _anneal(model: nn.Module, epoch: int, max_epochs: int) -> None:
    if callable(anneal := getattr(model, "anneal", None)):
        anneal(epoch, max_epochs)


def _aligned(z: Tensor, latents: Tensor) -> Tensor:
    """Coordinates turned or mirrored, scaled and shifted to be as near to latents as can be."""
    center = latents.mean(0)
    left, lengths, right = torch.linalg.svd(z.T @ (latents - center), full_matrices=False)
    return z @ (left @ right) * (lengths.sum() / z.square().sum()) + center


def _latents(model: nn.Module, data: Data) -> Tensor:
    with evaluating(model):
        if getattr(model, "encoder_uses_graph", True):
            return encode_data(model, data)
        return encode_data(model, Data(x=data.x))


def _latent_dim(model: nn.Module, data: Data) -> int:
    some = Data(x=data.x[:1])
    if data.edge_index is not None:
        some.edge_index = data.edge_index[:, :0]
        some.update({name: data[name][:0] for name in EDGE_ARGUMENTS if name in data})
    with evaluating(model):
        return encode_data(model, some).size(1)


def _principal_components(x: Tensor, dim: int) -> Tensor:
    largest = min(x.shape)
    if dim > largest:
        raise ValueError(
            f"{len(x)} points of {x.size(1)} values have no {dim} principal components"
        )
    # From a generator of its own, which torch.pca_lowrank has not.
    pca = PCA(dim, random_state=0)
    return torch.from_numpy(pca.fit_transform(x.float().numpy(force=True))).to(x.device)
