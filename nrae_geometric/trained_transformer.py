"""Learning of a manifold from points, all at once or block by block."""

import logging
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from sklearn.utils import check_random_state
from torch import Tensor, nn
from torch_geometric.data import Batch, Data

from nrae_geometric.budget import Budget, choose_budget, held_out_fraction
from nrae_geometric.callbacks import EarlyStopping, EmbeddingStart
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
from nrae_geometric.loader import NeighborhoodLoader
from nrae_geometric.nn import AE
from nrae_geometric.nn.build import check_autoencoder, take_weights
from nrae_geometric.persistence import StoredTransformer, storable_parameters
from nrae_geometric.points import Points
from nrae_geometric.registry import ModelSettings
from nrae_geometric.scaling import check_distinct, choose_scale
from nrae_geometric.training import Callback, OneCycle, Trainer
from nrae_geometric.training.processes import Processes
from nrae_geometric.training.random_state import RandomState, may_draw

logger = logging.getLogger(__name__)

_PATIENCE = 20
# Large steps fold a curve, and at a constant rate they undo a good start.
_CAREFUL_FRACTION = 1 / 3


class Run(NamedTuple):
    """A run of training.

    Attributes:
        settings (ModelSettings): The model.
        budget (Budget): Its steps.
        seed (int): The seed of its random numbers.
        start (list of Callback): Where the model starts; nothing if it goes on, unless its loss
            needs the coordinates.
        goes_on (bool): Whether it goes on from the fitted model.
        is_block (bool): Whether it is one epoch over one block of points.
    """

    settings: ModelSettings
    budget: Budget
    seed: int
    start: list[EmbeddingStart]
    goes_on: bool
    is_block: bool


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
    warm_start: bool
    _optimizer_state: dict[str, Any] | None = None

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
        """Learns the manifold of the points. After an error the estimator is as it was.

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
                range or does not fit the others, there are too few points for it, or points or
                parameters do not fit the model that a warm start goes on from.
        """
        self._learn(X, graph, is_block=False)
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
        return self.fit(X, graph=graph)._fitted_latents(X)

    def _fitted_latents(self, X: Any) -> Any:
        return Points(X).like(self.embedding_)

    @torch.inference_mode(False)
    @torch.enable_grad()
    def partial_fit(self, X: Any, y: Any = None, *, graph: Any = None) -> Self:
        """Learns from one block of points for one epoch. After an error all is as it was.

        The first call starts as :meth:`fit` does, and its points determine ``center_`` and
        ``scale_``: they should be like those to come. Later calls go on from the fitted model, as
        do those behind :meth:`fit` or :meth:`load`. Each block has a graph of its own, and
        ``graph_``, ``embedding_`` and ``n_neighbors_`` are those of the last one; ``history_``
        goes on.

        The learning rate is constant, a third of ``learning_rate``, where :meth:`fit` lets it rise
        and fall; lower it by ``set_params`` for the last blocks. Adam goes on as well, but begins
        anew behind :meth:`fit` and :meth:`load`. To callbacks each call is a run of one epoch.

        Args:
            X (array, Tensor, data frame or Data): Points ``[N, *feature_shape]``, as in
                :meth:`fit`.
            y: Not used.
            graph (optional): A neighbor graph of your own of this block, as in :meth:`fit`.
                (default: :obj:`None`)

        Raises:
            FloatingPointError: If the loss is NaN or infinite.
            TypeError: If the points are no numbers, or the graph is none.
            ValueError: As in :meth:`fit`, and if points or parameters do not fit the fitted model,
                or ``early_stopping`` is true.
        """
        self._learn(X, graph, is_block=True)
        return self

    def _learn(self, X: Any, graph: Any, is_block: bool) -> None:
        """Learns, or leaves the estimator as it was."""
        # Nothing that is found here is changed in place.
        before = dict(vars(self))
        try:
            self._check_parameters()
            # What is fitted can be saved.
            storable_parameters(self.get_params(deep=False))
            self._learn_from(Points(X), X, graph, is_block)
        except BaseException:
            self.__dict__ = before
            raise
        self._fitted_parameters = self.get_params(deep=False)

    def _learn_from(self, points: Points, X: Any, graph: Any, is_block: bool) -> None:
        settings = self._settings()
        goes_on = hasattr(self, "model_") and (is_block or bool(self.warm_start))
        points.require(2)
        self._check_features(points, reset=not goes_on)
        rows, given = points.rows(), given_graph(X, graph, len(points))
        processes = self._started_processes()
        seed = processes.from_first(self._drawn_seed)
        # What follows on one random state draws other numbers.
        seed += self.n_epochs_ if goes_on else 0
        reasons: dict[str, str | None] = {}
        fraction, reasons["early_stopping"] = held_out_fraction(
            len(rows), self._early_stopping(is_block), float(self.validation_fraction)
        )
        k = None if given is not None or self.n_neighbors == "auto" else int(self.n_neighbors)
        learned, held_out = split_rows(len(rows), fraction, seed, k)
        shape = (len(rows), int(self.n_components))
        has_start = settings.needs_embedding or not goes_on
        start = start_callbacks(self.init, shape, learned, goes_on) if has_start else []
        device = processes.device
        # Images have one unit, and distances of another kind or graph are what they are.
        is_table = len(points.shape) == 2 and self.metric == "euclidean" and given is None
        origin_and_unit = choose_scale(rows[learned], self.scale, one_unit=not is_table)
        if goes_on:  # in another unit the weights would be another model
            origin_and_unit = self.center_, self.scale_, self.choices_.get("scale")
        else:
            self.feature_shape_ = points.shape[1:]
        self.center_, self.scale_, reasons["scale"] = origin_and_unit
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
        budget, why = choose_budget(
            len(learned), self.batch_size, 1 if is_block else self.max_epochs
        )
        self._note_choices(settings, {**reasons, **why})
        self._train(Run(settings, budget, seed, start, goes_on, is_block), x[held_out], whole)
        z = np.empty((len(rows), self._n_features_out), rows.dtype)
        for place, block in self._blocks(points):
            z[place] = self._latents(self._scaled(block))
        if self.model_.encoder_uses_graph:
            z[learned] = self._encoded(self.graph_)
        self.embedding_ = z

    def _started_processes(self) -> Processes:
        processes = Processes(self.device, self.devices, self.num_nodes, self.strategy)
        processes.start()
        return processes

    def _drawn_seed(self) -> int:
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _note_choices(self, settings: ModelSettings, reasons: dict[str, str | None]) -> None:
        if self.activation == "auto":
            reasons["activation"] = (
                "elu: smooth, for a curve or second derivatives"
                if self._is_smooth(settings)
                else "relu: it keeps more of the neighborhoods of tables and images"
            )
        self.choices_ = {name: reason for name, reason in reasons.items() if reason is not None}
        for name, reason in self.choices_.items():
            logger.info("%s: %s", name, reason)

    def _early_stopping(self, is_block: bool) -> bool | str:
        if not is_block:
            return self.early_stopping
        if self.early_stopping != "auto" and self.early_stopping:
            raise ValueError(
                "early_stopping=True waits for the loss of points left out, which partial_fit has "
                "not: it sees each block for one epoch; set early_stopping=False"
            )
        return False

    def _is_smooth(self, settings: ModelSettings) -> bool:
        """Returns whether second derivatives count, or a curve is drawn."""
        return int(self.n_components) == 1 or (settings.expansion_order or 1) > 1

    def _activation(self, settings: ModelSettings) -> str:
        if self.activation != "auto":
            return self.activation
        return "elu" if self._is_smooth(settings) else "relu"

    def _build(self, run: Run, alone: bool) -> None:
        """Makes the model, and tries it on some points."""
        device, dim = self.graph_.x.device, self._n_features_out
        some = torch.arange(min(run.budget.batch_size, self.graph_.num_nodes), device=device)
        generator = torch.Generator().manual_seed(run.seed) if alone else None
        random = RandomState(device, of_process=not alone)
        with random.preserved():
            random.seed(run.seed)
            model = self._new_model(run.settings, generator)
            if run.goes_on:
                take_weights(model, self.model_)
            self.model_ = model.to(device)
            width = run.settings.encoder_width(dim)
            check_autoencoder(self.model_, self.graph_.subgraph(some), width, dim)

    def _begin(self, run: Run) -> bool:
        """Makes the model; returns whether its training draws from generators of its own alone."""
        own = [each for each in (self.encoder, self.decoder) if isinstance(each, nn.Module)]
        init = self.init if run.start else None
        alone = draws_alone(run.settings, own, init, self.callbacks or ())
        self._build(run, alone)
        return alone and not may_draw(self.model_.encoder) and not may_draw(self.model_.decoder)

    def _train(self, run: Run, held_out: Tensor, whole: Data | None) -> None:
        settings, budget = run.settings, run.budget
        alone = self._begin(run)
        follows_graph = settings.follows_graph or self.model_.encoder_uses_graph
        sampled = int(self.n_sampled_neighbors)
        if self.n_neighbors == "auto" and whole is None:
            sampled = min(sampled, self.n_neighbors_)
        if follows_graph and whole is None and sampled > self.n_neighbors_:
            raise ValueError(
                f"n_sampled_neighbors must be from 1 to n_neighbors = {self.n_neighbors_}, "
                f"got {self.n_sampled_neighbors}"
            )
        is_new = not run.goes_on and not _is_geodesic(self.init)
        if follows_graph and is_new and self.graph_.batch is None:
            warn_of_clusters(self.graph_.edge_index, self.graph_.num_nodes)
        num_sampled = sampled if follows_graph else 0
        loader = training_loader(self.model_.prepared(self.graph_), num_sampled, budget.batch_size)
        validation = None
        if len(held_out):
            if whole is None:
                whole = self._attached(held_out)
            first = self.graph_.num_nodes
            whole = self.model_.prepared(whole)
            validation = validation_loader(whole, first, follows_graph, budget.batch_size)
        self._finish(run, loader, validation, alone)

    def _finish(
        self,
        run: Run,
        loader: NeighborhoodLoader,
        validation: NeighborhoodLoader | None,
        alone: bool,
    ) -> None:
        """Trains the model on batches, and notes its history."""
        stopping = [] if validation is None else [EarlyStopping(_PATIENCE)]
        is_careful = run.is_block or self._is_smooth(run.settings)
        fraction = _CAREFUL_FRACTION if is_careful else 1.0
        trainer = Trainer(
            run.budget.max_epochs,
            float(self.learning_rate),
            callbacks=[*run.start, *stopping, *(self.callbacks or ())],
            schedule=(lambda *_: fraction) if run.is_block else OneCycle(fraction),
            device=self.device,
            devices=self.devices,
            num_nodes=self.num_nodes,
            strategy=self.strategy,
            seed=run.seed,
            global_generators=not alone,
            progress=self.verbose > 0,
        )
        state = self._optimizer_state if run.is_block and run.goes_on else None
        trainer.fit(self.model_, loader, validation=validation, optimizer_state=state)
        self.model_.eval()
        self._optimizer_state = trainer.optimizer_state if run.is_block else None
        earlier = self.history_ if run.goes_on else []
        for record in trainer.history:
            record["epoch"] += len(earlier)
        self.history_ = [*earlier, *trainer.history]
        self.n_epochs_ = len(self.history_)


def _is_geodesic(init: Any) -> bool:
    return isinstance(init, str) and init == "geodesic"
