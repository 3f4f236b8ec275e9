"""Preparation of a fit: rows to learn from, start, graphs and batches."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.utils.data import RandomSampler
from torch_geometric.data import Data
from torch_geometric.utils import remove_self_loops

from nrae_geometric.budget import usual_landmarks
from nrae_geometric.callbacks import EmbeddingStart
from nrae_geometric.geodesics import choose_neighbors
from nrae_geometric.geodesics.graph import edge_lengths
from nrae_geometric.geodesics.suggest import USUAL_NEIGHBORS
from nrae_geometric.loader import EdgeStore, NeighborhoodLoader, PointStore
from nrae_geometric.neighbors import Backend, Metric, precomputed_graph
from nrae_geometric.points import Points
from nrae_geometric.registry import ModelSettings
from nrae_geometric.training import Callback
from nrae_geometric.training.random_state import may_draw
from nrae_geometric.transforms import KNNGraph

# The fit to the start's coordinates ends here at the latest, or when it has converged. What is
# folded on a line stays folded; a plane unfolds while it is trained.
_START_STEPS, _START_STEPS_ON_A_LINE, _START_TOLERANCE = 100, 300, 0.02


def split_rows(
    num_points: int, fraction: float, seed: int, k: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the rows to learn from, and those left out.

    Args:
        num_points (int): The number of points.
        fraction (float): The share of them to leave out.
        seed (int): The seed of the choice.
        k (int, optional): The number of neighbors of a point among those learned from.

    Raises:
        ValueError: If there are too few points.
    """
    learned, held_out = np.arange(num_points), np.arange(0)
    if fraction:
        learned, held_out = train_test_split(learned, test_size=fraction, random_state=seed)
    if len(learned) < 2:
        raise ValueError(f"n_samples = {num_points} leave fewer than two points to learn from")
    if k is not None and k >= len(learned):
        raise ValueError(
            f"n_neighbors must be from 1 to {len(learned) - 1} for n_samples = {num_points}"
            f"{f', of which {len(held_out)} are left out' if len(held_out) else ''}, got {k}"
        )
    return learned, held_out


def start_callbacks(
    init: Any, shape: tuple[int, int], learned: np.ndarray, goes_on: bool
) -> list[EmbeddingStart]:
    """Returns the start of training that an estimator's ``init`` asks for.

    Args:
        init (Any): As in :class:`~nrae_geometric.estimator.ManifoldAutoencoder`.
        shape (tuple of int): That of the coordinates of all points.
        learned (numpy.ndarray): The rows that are learned from.
        goes_on (bool): Whether a fitted model goes on. It stays as it is, and the coordinates come
            to where it has its latents.

    Raises:
        ValueError: If given coordinates are of another shape.
    """
    if isinstance(init, str):
        if init == "random":
            return []
        start: Any = init
    elif hasattr(init, "fit_transform"):
        start = clone(init, safe=False)
    else:
        coordinates = Points(init, "init")
        if coordinates.shape != shape:
            raise ValueError(
                f"init should have the shape {list(shape)} of n_samples and n_components, got "
                f"{list(coordinates.shape)}"
            )
        start = coordinates.rows()[learned]
    steps = _START_STEPS_ON_A_LINE if shape[1] == 1 else _START_STEPS
    return [
        EmbeddingStart(
            start,
            num_steps=0 if goes_on else steps,
            tol=_START_TOLERANCE,
            num_landmarks=usual_landmarks(len(learned)),
            align=goes_on,
        )
    ]


def given_graph(X: Any, graph: Any, num_points: int) -> tuple[Tensor, Tensor | None] | None:
    """Returns the edges of a user's own graph, and their lengths where they have some.

    Args:
        X (Any): The points; those of a :class:`~torch_geometric.data.Data` may bring edges.
        graph (Any): A graph in one of the forms of
            :func:`~nrae_geometric.neighbors.precomputed_graph`, an ``edge_index`` alone, or
            :obj:`None`.
        num_points (int): The number of points.

    Raises:
        TypeError: If it is no graph.
        ValueError: If it does not fit the points.
    """
    if graph is None:
        if not isinstance(X, Data) or X.edge_index is None:
            return None
        graph = X
    edges = graph.edge_index if isinstance(graph, Data) else graph
    has_length = isinstance(graph, Data) and graph.get("edge_length") is not None
    if has_length or not _is_edge_index(edges):
        return precomputed_graph(graph, num_points, name="graph")
    # All that may be wrong with edges is checked in one place, which needs lengths.
    precomputed_graph((edges, np.ones(edges.shape[1])), num_points, name="graph")
    return remove_self_loops(torch.as_tensor(edges).long())[0], None


def as_given(
    given: tuple[Tensor, Tensor | None],
    x: Tensor,
    learned: np.ndarray,
    held_out: np.ndarray,
    unit: float,
) -> Data:
    """Returns points with the edges of a given graph, those learned from first.

    Points left out have edges from points learned from alone.

    Args:
        given (tuple): What :func:`given_graph` returned.
        x (torch.Tensor): The centered and scaled points, ``[N, *]``.
        learned (numpy.ndarray): The rows learned from.
        held_out (numpy.ndarray): The rows left out.
        unit (float): What given lengths are divided by.
    """
    edges, length = given
    order = torch.from_numpy(np.concatenate([learned, held_out]))
    x = x[order.to(x.device)]
    position = torch.empty_like(order)
    position[order] = torch.arange(len(order))
    edges = position[edges.cpu()].to(x.device)
    if length is None:
        length = edge_lengths(x.flatten(1), edges).to(x)
    else:
        length = (length.double() / unit).float().to(x.device)
    from_learned = edges[0] < len(learned)
    return Data(x=x, edge_index=edges[:, from_learned], edge_length=length[from_learned])


def connected(
    x: Tensor, k: int | None, metric: str | Metric, backend: str | Backend, batch: Tensor | None
) -> tuple[Data, int, str | None]:
    """Returns the graph of points, the number of neighbors, and why it was chosen if it was.

    Args:
        x (torch.Tensor): Points ``[N, *shape]`` as the metric expects them.
        k (int, optional): The number of neighbors, where it is given.
        metric (str or Metric): The graph's metric.
        backend (str or Backend): The search engine.
        batch (torch.Tensor, optional): The numbers ``[N]`` of the sets that points belong to.
    """
    reason = None
    if k is None and batch is None:
        suggested, distance, index = choose_neighbors(x, metric, backend)
        target = torch.arange(len(x), device=index.device).repeat_interleave(suggested.k)
        graph = Data(
            x=x,
            edge_index=torch.stack([index.flatten(), target]),
            edge_length=distance.flatten(),
        )
        return graph, suggested.k, suggested.reason
    if k is None:
        fewest = int(batch.bincount().min()) if batch is not None else len(x)
        k = max(1, min(USUAL_NEIGHBORS, fewest - 1))
        reason = f"{k} neighbors in each of several sets of points"
    connect = KNNGraph(k, metric=metric, backend=backend)
    return connect(Data(x=x, batch=batch)), connect.k, reason


def usual_degree(graph: Data, num_sampled: int, rows: np.ndarray) -> int:
    """Returns the median number of neighbors of a point.

    Args:
        graph (torch_geometric.data.Data): The points learned from, and a given graph of them.
        num_sampled (int): The number of neighbors that a step draws.
        rows (numpy.ndarray): The rows of the points, for error messages.

    Raises:
        ValueError: If a point has neighbors, but not as many as a step draws.
    """
    degree = graph.edge_index[1].bincount(minlength=graph.num_nodes)
    too_few = ((degree > 0) & (degree < num_sampled)).nonzero().view(-1)
    if len(too_few):
        raise ValueError(
            f"n_sampled_neighbors={num_sampled} is more than point {rows[int(too_few[0])]} has in "
            f"the graph: {int(degree[too_few[0]])} ({len(too_few)} such points in all)"
        )
    return max(1, int(degree.median()))


def _is_edge_index(graph: Any) -> bool:
    is_dense = isinstance(graph, np.ndarray) or (
        isinstance(graph, Tensor) and graph.layout == torch.strided
    )
    return is_dense and graph.ndim == 2 and graph.shape[0] == 2


def draws_alone(
    settings: ModelSettings,
    own: Iterable[nn.Module],
    init: Any,
    callbacks: Iterable[Callback],
) -> bool:
    """Returns whether a fit draws from generators of its own alone, as far as is known before it.

    What is a user's may draw from those of the process, as dropout does.

    Args:
        settings (ModelSettings): The model.
        own (Iterable[Module]): Encoder and decoder where they are the user's.
        init (Any): As in :func:`start_callbacks`.
        callbacks (Iterable[Callback]): The user's callbacks.
    """
    return not (
        vars(type(settings)).get("draws", True)
        or any(map(may_draw, own))
        or hasattr(init, "fit_transform")
        or any(not type(each).__module__.startswith("nrae_geometric.") for each in callbacks)
    )


def training_loader(graph: Data, num_sampled: int, batch_size: int) -> NeighborhoodLoader:
    """Returns shuffled batches of points with some of their neighbors.

    Args:
        graph (torch_geometric.data.Data): The points learned from.
        num_sampled (int): The number of neighbors of each.
        batch_size (int): The number of points.
    """
    return NeighborhoodLoader(
        graph, num_sampled, batch_size=batch_size, shuffle=True, generator=torch.Generator()
    )


def validation_loader(
    graph: Data, first: int, with_neighbors: bool, batch_size: int
) -> NeighborhoodLoader:
    """Returns batches of the points left out, with all of their neighbors: no chance is in them.

    Args:
        graph (torch_geometric.data.Data): The points learned from, and behind them those left out.
        first (int): The first that is left out.
        with_neighbors (bool): Whether the model needs neighbors.
        batch_size (int): The number of points.
    """
    return NeighborhoodLoader(
        graph,
        None if with_neighbors else 0,
        batch_size=batch_size,
        input_nodes=torch.arange(first, graph.num_nodes),
        generator=torch.Generator(),
    )


def stored_loaders(
    stores: tuple[PointStore, EdgeStore],
    num_sampled: int,
    batch_size: int,
    centers_per_epoch: int,
    held_out: np.ndarray,
) -> tuple[NeighborhoodLoader, NeighborhoodLoader | None]:
    """Returns batches of points on the disk to train on, and those of the points left out.

    Each epoch draws its centers anew, with replacement, as an order of all points would be too
    large for memory. Points left out are no centers, but may be neighbors of some.

    Args:
        stores (tuple): The points and their graph.
        num_sampled (int): The number of neighbors of each center in a step.
        batch_size (int): The number of centers in a step.
        centers_per_epoch (int): The number of centers in an epoch.
        held_out (numpy.ndarray): The rows left out.
    """
    num_points = stores[1].graph.num_nodes
    is_learned = torch.ones(num_points, dtype=torch.bool)
    is_learned[torch.from_numpy(held_out)] = False
    generator = torch.Generator()
    centers = is_learned.nonzero().view(-1)
    sampler = RandomSampler(
        range(len(centers)), replacement=True, num_samples=centers_per_epoch, generator=generator
    )
    loader = NeighborhoodLoader(
        stores,
        num_sampled,
        batch_size=batch_size,
        input_nodes=centers,
        sampler=sampler,
        generator=generator,
    )
    if len(held_out) == 0:
        return loader, None
    validation = NeighborhoodLoader(
        stores,
        None if num_sampled else 0,
        batch_size=batch_size,
        input_nodes=torch.from_numpy(held_out),
        generator=torch.Generator(),
    )
    return loader, validation
