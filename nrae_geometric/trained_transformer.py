"""Learning of a manifold from points."""

import logging
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
from sklearn.utils import check_random_state
from torch import Tensor, nn
from torch_geometric.data import Batch, Data

from nrae_geometric.budget import Budget, choose_budget, held_out_fraction
from nrae_geometric.callbacks import EarlyStopping
from nrae_geometric.fitting import (
    as_given,
    connected,
    draws_alone,
    given_graph,
    split_rows,
    start_callbacks,
    training_loader,
    usual_degree,
    validation_loader,
)
from nrae_geometric.geodesics import warn_of_clusters
from nrae_geometric.nn import AE
from nrae_geometric.nn.build import check_autoencoder
from nrae_geometric.persistence import StoredTransformer, storable_parameters
from nrae_geometric.points import Points
from nrae_geometric.registry import ModelSettings
from nrae_geometric.scaling import check_distinct, choose_scale
from nrae_geometric.training import Callback, OneCycle, Trainer
from nrae_geometric.training.device import resolve_device
from nrae_geometric.training.random_state import RandomState, may_draw

logger = logging.getLogger(__name__)

_PATIENCE = 20
_FRACTION_AGAINST_FOLDS = 1 / 3


class TrainedTransformer(StoredTransformer):
    """A transformer that learns its model from points.

    A subclass has the parameters, makes sure that they are right, and makes the model that they
    ask for.
    """

    n_neighbors: int | str
    n_sampled_neighbors: int
    encoder: nn.Module | str | None
    decoder: nn.Module | None
    activation: str
    init: Any
    max_epochs: int | None
    batch_size: int | str
    learning_rate: float
    early_stopping: bool | str
    validation_fraction: float
    scale: str
    random_state: int | np.random.RandomState | None
    device: str | int | torch.device
    verbose: int
    callbacks: Sequence[Callback] | None

    @abstractmethod
    def _check_parameters(self) -> None:
        """Refuses parameters that are of another type or out of their range, by name."""

    @abstractmethod
    def _settings(self) -> ModelSettings:
        """The settings of the model."""

    @abstractmethod
    def _new_model(self, settings: ModelSettings, generator: torch.Generator | None = None) -> AE:
        """A model for points of the fitted shape, its weights drawn from the generator."""

    @torch.inference_mode(False)
    @torch.enable_grad()
    def fit(self, X: Any, y: Any = None, *, graph: Any = None) -> Self:
        """Learns the manifold of the points.

        Args:
            X (array, Tensor, data frame or Data): Points ``[N, *feature_shape]``. Of a
                :class:`~torch_geometric.data.Data` they are its ``x``, else its ``pos``; its
                edges, where it has some, are the graph, and points of different graphs of a
                :class:`~torch_geometric.data.Batch` are not joined.
            y: Not used.
            graph (tuple, Data, sparse matrix or Tensor, optional): A neighbor graph of your own in
                place of that of the ``n_neighbors`` nearest, in any form that
                :func:`~nrae_geometric.neighbors.precomputed_graph` takes, with lengths in the unit
                of the points; or an ``edge_index`` ``[2, E]`` alone, whose lengths are Euclidean.
                Each point needs ``n_sampled_neighbors`` neighbors or none. (default: :obj:`None`)

        Raises:
            FloatingPointError: If the loss is NaN or infinite.
            TypeError: If the points are no numbers, or the graph is none.
            ValueError: If a value is not finite, all points are equal, an argument is out of its
                range or does not fit the others, or there are too few points for it.
        """
        self._check_parameters()
        # What is fitted can be saved.
        storable_parameters(self.get_params(deep=False))
        settings = self._settings()
        points = Points(X)
        points.require(2)
        self._check_features(points, reset=True)
        rows, given = points.rows(), given_graph(X, graph, len(points))
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        reasons: dict[str, str | None] = {}
        fraction, reasons["early_stopping"] = held_out_fraction(
            len(rows), self.early_stopping, float(self.validation_fraction)
        )
        k = None if given is not None or self.n_neighbors == "auto" else int(self.n_neighbors)
        learned, held_out = split_rows(len(rows), fraction, seed, k)
        start = start_callbacks(self.init, (len(rows), int(self.n_components)), learned)
        device = resolve_device(self.device)
        self.feature_shape_ = points.shape[1:]
        # Images have one unit, and distances of another kind or graph are what they are.
        is_table = len(self.feature_shape_) == 1 and self.metric == "euclidean" and given is None
        self.center_, self.scale_, reasons["scale"] = choose_scale(
            rows[learned], self.scale, one_unit=not is_table
        )
        self._n_features_out = int(self.n_components)
        x = self._scaled(rows)
        check_distinct(rows, x)
        x = x.to(device)
        if given is None:
            # Other metrics depend on the origin; this one keeps its neighbors.
            located = x if self.metric == "euclidean" else torch.tensor(rows, device=device)
            batch = X.batch.to(device)[learned] if isinstance(X, Batch) else None
            self.graph_, self.n_neighbors_, reasons["n_neighbors"] = connected(
                located[learned], k, self.metric, self.backend, batch
            )
            self.graph_.x, whole = x[learned], None
        else:
            typical = float(np.sqrt(np.mean(np.square(self.scale_))))
            unit = typical if self.metric == "euclidean" else 1.0
            whole = as_given(given, x, learned, held_out, unit)
            self.graph_ = whole.subgraph(torch.arange(len(learned), device=device))
            self.n_neighbors_ = usual_degree(self.graph_, int(self.n_sampled_neighbors), learned)
        if self.activation == "auto":
            reasons["activation"] = f"{self._activation(settings)} between the layers"
        budget, why = choose_budget(len(learned), self.batch_size, self.max_epochs)
        reasons.update(why)
        self.choices_ = {name: reason for name, reason in reasons.items() if reason is not None}
        for name, reason in self.choices_.items():
            logger.info("%s: %s", name, reason)
        self._train(settings, budget, seed, start, x[held_out], whole)
        z = np.empty((len(rows), self._n_features_out), rows.dtype)
        for place, block in self._blocks(points):
            z[place] = self._latents(self._scaled(block))
        if self.model_.encoder_uses_graph:
            z[learned] = self._encoded(self.graph_)
        self.embedding_ = z
        self._fitted_parameters = self.get_params(deep=False)
        return self

    def fit_transform(self, X: Any, y: Any = None, *, graph: Any = None) -> Any:
        """Learns the manifold of the points, and returns their latent coordinates.

        Args:
            X (array, Tensor, data frame or Data): Points ``[N, *feature_shape]``, as in
                :meth:`fit`.
            y: Not used.
            graph (optional): A neighbor graph of your own, as in :meth:`fit`.
                (default: :obj:`None`)

        Returns:
            array or Tensor: ``[N, n_components]``.
        """
        return Points(X).like(self.fit(X, graph=graph).embedding_)

    def _is_smooth(self, settings: ModelSettings) -> bool:
        """Returns whether second derivatives count, or a curve is drawn."""
        return int(self.n_components) == 1 or (settings.expansion_order or 1) > 1

    def _activation(self, settings: ModelSettings) -> str:
        if self.activation != "auto":
            return self.activation
        return "elu" if self._is_smooth(settings) else "relu"

    def _build(self, settings: ModelSettings, num_tried: int, seed: int, alone: bool) -> None:
        """Makes the model, and tries it on some points."""
        device, dim = self.graph_.x.device, self._n_features_out
        some = torch.arange(min(num_tried, self.graph_.num_nodes), device=device)
        generator = torch.Generator().manual_seed(seed) if alone else None
        random = RandomState(device, of_process=not alone)
        with random.preserved():
            random.seed(seed)
            self.model_ = self._new_model(settings, generator).to(device)
            check_autoencoder(
                self.model_, self.graph_.subgraph(some), settings.encoder_width(dim), dim
            )

    def _train(
        self,
        settings: ModelSettings,
        budget: Budget,
        seed: int,
        start: Sequence[Callback],
        held_out: Tensor,
        whole: Data | None,
    ) -> None:
        own = [each for each in (self.encoder, self.decoder) if isinstance(each, nn.Module)]
        alone = draws_alone(settings, own, self.init, self.callbacks or ())
        self._build(settings, budget.batch_size, seed, alone)
        device = self.graph_.x.device
        alone = alone and not may_draw(self.model_.encoder) and not may_draw(self.model_.decoder)
        follows_graph = settings.needs_graph or self.model_.encoder_uses_graph
        sampled = int(self.n_sampled_neighbors)
        if self.n_neighbors == "auto" and whole is None:
            sampled = min(sampled, self.n_neighbors_)
        if follows_graph and whole is None and sampled > self.n_neighbors_:
            raise ValueError(
                f"n_sampled_neighbors must be from 1 to n_neighbors = {self.n_neighbors_}, "
                f"got {self.n_sampled_neighbors}"
            )
        if follows_graph and not _is_geodesic(self.init) and self.graph_.batch is None:
            warn_of_clusters(self.graph_.edge_index, self.graph_.num_nodes)
        num_sampled = sampled if follows_graph else 0
        loader = training_loader(self.graph_, num_sampled, budget.batch_size)
        validation, stopping = None, []
        if len(held_out):
            if whole is None:
                whole = self._attached(held_out)
            first = self.graph_.num_nodes
            validation = validation_loader(whole, first, follows_graph, budget.batch_size)
            stopping = [EarlyStopping(_PATIENCE)]
        trainer = Trainer(
            budget.max_epochs,
            float(self.learning_rate),
            callbacks=[*start, *stopping, *(self.callbacks or ())],
            schedule=OneCycle(_FRACTION_AGAINST_FOLDS if self._is_smooth(settings) else 1.0),
            device=device,
            seed=seed,
            global_generators=not alone,
            progress=self.verbose > 0,
        )
        trainer.fit(self.model_, loader, validation=validation)
        self.model_.eval()
        self.history_ = trainer.history
        self.n_epochs_ = len(self.history_)


def _is_geodesic(init: Any) -> bool:
    return isinstance(init, str) and init == "geodesic"
