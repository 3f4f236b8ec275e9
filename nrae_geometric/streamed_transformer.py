"""Learning of a manifold from points that stay on the disk."""

from typing import Any

import numpy as np
import torch

from nrae_geometric.budget import (
    BATCHES_IN_STREAMED_EPOCH,
    choose_streamed_budget,
    held_out_fraction,
)
from nrae_geometric.fitting import connected, given_graph, start_callbacks, stored_loaders
from nrae_geometric.loader import EdgeStore, PointStore
from nrae_geometric.loader.csc import CSCGraph
from nrae_geometric.nn import AE
from nrae_geometric.points import Points
from nrae_geometric.registry import ModelSettings
from nrae_geometric.scaling import check_distinct, choose_scale_of_blocks
from nrae_geometric.tables import stays_on_disk
from nrae_geometric.trained_transformer import Run, TrainedTransformer

_SAMPLE_SIZE = 10_000


class StreamedTransformer(TrainedTransformer):
    """A transformer that learns from points which need not fit into memory.

    Center and scale follow from one pass over the points. The start of training is that of a
    random sample of at most 10 000 points and of their own graph, which are ``graph_`` and
    ``embedding_`` of the fitted transformer. Then each step reads the rows of its centers and
    their neighbors, and nothing else.

    Attributes:
        sample_rows_ (ndarray): The rows of that sample, sorted; only behind a fit of points that
            stayed on the disk.
    """

    on_disk: bool | str
    sample_rows_: np.ndarray

    def _fitted_latents(self, X: Any) -> Any:
        # Those that the estimator keeps are of a sample.
        return self.transform(X) if hasattr(self, "sample_rows_") else super()._fitted_latents(X)

    def _learn_from(self, points: Points, X: Any, graph: Any, is_block: bool) -> None:
        reason = None if is_block else stays_on_disk(points.values, self.on_disk)
        if reason is None:
            self.__dict__.pop("sample_rows_", None)
            super()._learn_from(points, X, graph, is_block)
            return
        settings, goes_on = self._settings(), hasattr(self, "model_") and bool(self.warm_start)
        self._check_can_stay(settings)
        points.require(2)
        self._check_features(points, reset=not goes_on)
        num_points = len(points)
        edges = edge_store(X, graph, num_points)
        processes = self._started_processes()
        seed = processes.from_first(self._drawn_seed)
        seed += self.n_epochs_ if goes_on else 0
        random = np.random.default_rng(seed)
        reasons: dict[str, str | None] = {"on_disk": reason}
        fraction, reasons["early_stopping"] = held_out_fraction(
            num_points, self.early_stopping, float(self.validation_fraction)
        )
        # Neither choice makes a list of all rows where few are chosen.
        held_out = np.sort(random.choice(num_points, round(fraction * num_points), replace=False))
        sample = np.sort(random.choice(num_points, min(num_points, _SAMPLE_SIZE), replace=False))
        is_table = len(points.shape) == 2 and self.metric == "euclidean" and graph is None
        if goes_on:
            reasons["scale"] = self.choices_.get("scale")
        else:
            self.feature_shape_ = points.shape[1:]
            self.center_, self.scale_, reasons["scale"] = choose_scale_of_blocks(
                lambda: (rows for _, rows in points.blocks()), self.scale, one_unit=not is_table
            )
        self._n_features_out = int(self.n_components)
        self._take_sample(points.at(sample), processes.device)
        num_edges = edges.graph.source.numel()
        self.n_neighbors_ = max(1, round(num_edges / num_points))
        budget, why = choose_streamed_budget(num_points, self.batch_size, self.max_epochs)
        self._note_choices(settings, {**reasons, **why})
        has_start = settings.needs_embedding or not goes_on
        shape = (num_points, self._n_features_out)
        start = start_callbacks(self.init, shape, sample, goes_on) if has_start else []
        for each in start:
            each.data = self.graph_
        run = Run(settings, budget, seed, start, goes_on, is_block=False)
        self._stream(run, points, edges, held_out)
        self.sample_rows_ = sample
        self.embedding_ = self._latents(self.graph_.x).astype(points.dtype)

    def _check_can_stay(self, settings: ModelSettings) -> None:
        """Refuses what needs all points at once."""
        if settings.needs_embedding:
            raise ValueError(
                f"the method {self.method!r} needs the coordinates of all points in memory; choose "
                "another, or set on_disk=False"
            )

    def _take_sample(self, rows: np.ndarray, device: torch.device) -> None:
        """Connects some of the points to the graph that training starts from."""
        x = self._scaled(rows)
        check_distinct(rows, x)
        x = x.to(device)
        located = x if self.metric == "euclidean" else torch.tensor(rows, device=x.device)
        k = None if self.n_neighbors == "auto" else min(int(self.n_neighbors), len(x) - 1)
        self.graph_, _, _ = connected(located, k, self.metric, "auto", None)
        self.graph_.x = x

    def _stream(
        self,
        run: Run,
        points: Points,
        edges: EdgeStore,
        held_out: np.ndarray,
    ) -> None:
        """Trains on batches whose rows are read from the disk."""
        alone = self._begin(run)
        if self.model_.encoder_uses_graph or type(self.model_).prepared is not AE.prepared:
            raise ValueError(
                f"the method {self.method!r}, or an encoder that takes the graph, needs all points "
                "in memory; choose another, or set on_disk=False"
            )
        store = PointStore(points.values, lambda rows: self._scaled(points.converted(rows)))
        num_sampled = int(self.n_sampled_neighbors) if run.settings.follows_graph else 0
        loader, validation = stored_loaders(
            (store, edges),
            num_sampled,
            run.budget.batch_size,
            BATCHES_IN_STREAMED_EPOCH * run.budget.batch_size,
            held_out,
        )
        self._finish(run, loader, validation, alone)


def edge_store(X: Any, graph: Any, num_points: int) -> EdgeStore:
    """Returns a graph as edges that stay where they are, if they are grouped by center.

    Args:
        X (Any): The points; those of a :class:`~torch_geometric.data.Data` may bring edges.
        graph (Any): An :class:`~nrae_geometric.loader.EdgeStore`, a pair of the neighbors and their
            distances ``[N, k]``, such as memory maps, or what
            :meth:`~nrae_geometric.estimator.ManifoldAutoencoder.fit` takes in memory.
        num_points (int): The number of points.

    Raises:
        ValueError: If there is none.
    """
    if isinstance(graph, EdgeStore):
        return graph
    if isinstance(graph, tuple | list) and all(getattr(each, "ndim", 0) == 2 for each in graph):
        integers = [each for each in graph if "int" in str(each.dtype)]
        if len(integers) == 1 and integers[0].shape[0] == num_points:
            return EdgeStore.from_neighbors(integers[0])
    given = given_graph(X, graph, num_points)
    if given is None:
        raise ValueError(
            "points that stay on the disk need a graph in files: pass "
            "graph=stored_knn_graph(x, 10, 'points_graph').pair, or, to nrae fit, --graph FOLDER "
            "behind nrae graph POINTS --out FOLDER/"
        )
    grouped = CSCGraph.from_edge_index(given[0], num_points)
    return EdgeStore(grouped.source, grouped.ptr)
