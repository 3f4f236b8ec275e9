"""The scikit-learn front door: a manifold learned with ``fit`` and used with ``transform``."""

import inspect
import os
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import torch
from sklearn.base import clone
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn
from torch_geometric.data import Batch, Data

from nrae_geometric.archive import MISFITS, check_storable, read_archive, write_archive
from nrae_geometric.arguments import choice, integer
from nrae_geometric.callbacks import EarlyStopping, EmbeddingStart
from nrae_geometric.fitting import center_and_scale, check_distinct, given_graph
from nrae_geometric.geodesics import warn_of_clusters
from nrae_geometric.geodesics.graph import edge_lengths
from nrae_geometric.latent_transformer import LatentTransformer
from nrae_geometric.loader import NeighborhoodLoader
from nrae_geometric.neighbors import Backend, Metric
from nrae_geometric.nn import AE
from nrae_geometric.nn.build import build_autoencoder, check_autoencoder, method_settings
from nrae_geometric.nn.mlp import ACTIVATIONS
from nrae_geometric.points import Points
from nrae_geometric.registry import BACKENDS, METRICS, MODELS, ModelSettings
from nrae_geometric.training import Callback, Trainer
from nrae_geometric.training.device import resolve_device
from nrae_geometric.training.random_state import RandomState, may_draw
from nrae_geometric.transforms import KNNGraph

METHOD_PARAMETERS = ("order", "neighbor_weight")
"""Parameters of the estimator that are settings of the methods that have them."""

# scikit-learn's constraints take True for 1.
# fmt: off
_COUNTS = (
    "batch_size", "max_epochs", "n_components", "n_neighbors", "n_sampled_neighbors", "order",
)
# fmt: on
_PATIENCE = 20
_KIND = "estimator"
# Objects that a fitted estimator has no more need of, and those that it needs to be used.
_DISPENSABLE = ("backend", "callbacks", "init", "random_state")
_NEEDED = ("encoder", "decoder", "metric")


class ManifoldAutoencoder(LatentTransformer):
    r"""An autoencoder of a manifold as a scikit-learn transformer.

    Connects the points to a k-nearest-neighbor graph, learns a model of :mod:`nrae_geometric.nn`
    over it, by default an :class:`~nrae_geometric.nn.NRAE`, and maps points to latent coordinates
    and back. Points are arrays ``[N, D]``, data frames, or images ``[N, C, H, W]`` (any feature
    shape) of NumPy, PyTorch or a library that shares its numbers with them; a tensor is answered
    by a tensor, on its device, all else by an array, of float32 for single and half precision and
    else of float64.

    The model sees points that are centered and divided by *one* number, the square root of their
    mean variance, so that the settings suit data in any unit while nearest neighbors stay what
    they are. Features in different units should be scaled before, for example in a pipeline with
    :class:`~sklearn.preprocessing.StandardScaler`.

    Args:
        n_components (int, optional): The number of latent coordinates. (default: :obj:`2`)
        method (str, optional): The name of a model in :data:`nrae_geometric.registry.MODELS`, such
            as :obj:`"nrae"` or :obj:`"ae"`. (default: :obj:`"nrae"`)
        method_params (dict, optional): The method's settings other than those below, by the names
            in its settings class. (default: :obj:`None`)
        order (int, optional): The order of NRAE's local expansion: 1 (NRAE-L) or 2 (NRAE-Q).
            (default: :obj:`1`)
        n_neighbors (int, optional): The number of neighbors of each point in the graph.
            (default: :obj:`10`)
        metric (str or Metric, optional): The graph's metric, see
            :func:`nrae_geometric.neighbors.knn`. (default: :obj:`"euclidean"`)
        backend (str or Backend, optional): The search engine of the graph, see
            :func:`nrae_geometric.neighbors.available_backends`. (default: :obj:`"auto"`)
        n_sampled_neighbors (int, optional): The number of neighbors that a step draws for each of
            its points, where the method uses the graph. (default: :obj:`2`)
        neighbor_weight (float, optional): How much a neighbor counts in NRAE against the point
            itself, the published :math:`\lambda`. Large weights smooth noise away; see
            :mod:`nrae_geometric.tuning` for a choice of this, the order and the number of
            neighbors. (default: :obj:`10.0`)
        encoder (torch.nn.Module, optional): A network ``[N, *feature_shape] -> [N, n_components]``
            of your own, which may take an ``edge_index``. Each fit trains a copy of it, from the
            weights it has. (default: :obj:`None`)
        decoder (torch.nn.Module, optional): A network ``[N, n_components] -> [N, *feature_shape]``
            of your own, likewise. (default: :obj:`None`)
        hidden_layer_sizes (sequence of int, optional): The widths of the encoder's hidden layers,
            mirrored by the decoder, where they are not your own. (default: :obj:`(512, 512, 512)`)
        activation (str, optional): A name of :data:`nrae_geometric.nn.mlp.ACTIVATIONS`.
            (default: :obj:`"elu"`)
        init (str, array or object, optional): The latent coordinates that training starts from:
            :obj:`"geodesic"`, those of the graph, which keeps the manifold from folding;
            :obj:`"pca"`; an array ``[N, n_components]``; those of an object with
            ``fit_transform``; or :obj:`"random"`, none, the published way. See
            :class:`~nrae_geometric.callbacks.EmbeddingStart`. (default: :obj:`"geodesic"`)
        max_epochs (int, optional): How often all points are seen. (default: :obj:`500`)
        batch_size (int, optional): The number of points in a step. (default: :obj:`32`)
        learning_rate (float, optional): Adam's learning rate. (default: :obj:`1e-3`)
        early_stopping (bool, optional): Whether to leave points out, and to stop when their loss
            has not fallen for 20 epochs. The best weights count. (default: :obj:`False`)
        validation_fraction (float, optional): The share of points to leave out.
            (default: :obj:`0.1`)
        random_state (int, RandomState or None, optional): Determines weights, batches and points
            left out; :obj:`None` draws a seed from NumPy's global generator, as in all of
            scikit-learn. Fits in threads are as reproducible as others, and leave global
            generators as they were. They run side by side unless networks, callbacks or an object
            for ``init`` of your own may draw from the global generators, as dropout does: then one
            runs at a time. (default: :obj:`None`)
        device (str, int or torch.device, optional): :obj:`"auto"`, :obj:`"cpu"`, or the number of
            a GPU. (default: :obj:`"auto"`)
        verbose (int, optional): Whether to show a progress bar. (default: :obj:`0`)
        callbacks (list of Callback, optional): More callbacks of the
            :class:`~nrae_geometric.training.Trainer`. (default: :obj:`None`)

    Attributes:
        model_ (AE): The trained model, of centered and scaled points.
        graph_ (torch_geometric.data.Data): The centered and scaled points that were learned from,
            without those left out, and their graph: ``x``, ``edge_index`` and ``edge_length``.
        embedding_ (ndarray): The latent coordinates of all points, ``[N, n_components]``.
        history_ (list): One ``{"epoch", "loss", "lr"}`` for each epoch, with early stopping also
            its ``"validation_loss"``.
        n_epochs_ (int): The number of epochs.
        n_neighbors_ (int): The number of neighbors in the graph; the median in one of your own.
        n_features_in_ (int): The number of values of a point.
        feature_names_in_ (ndarray): The columns of a data frame.
        feature_shape_ (tuple of int): The shape of a point.
        center_ (ndarray): The mean of the points learned from, ``[D]``.
        scale_ (float): The number that centered points are divided by.

    Example::

        roll = ManifoldAutoencoder(n_components=1, n_neighbors=3, random_state=0)
        z = roll.fit_transform(points)          # [N, 1]
        clean = roll.inverse_transform(z)       # [N, D]
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "method": [str],
        "method_params": [dict, None],
        "order": [Interval(Integral, 1, 2, closed="both")],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "metric": [str, Metric],
        "backend": [str, Backend],
        "n_sampled_neighbors": [Interval(Integral, 1, None, closed="left")],
        "neighbor_weight": [Interval(Real, 0, None, closed="left")],
        "encoder": [nn.Module, None],
        "decoder": [nn.Module, None],
        "hidden_layer_sizes": ["array-like"],
        "activation": [str],
        "init": [
            StrOptions({"geodesic", "pca", "random"}),
            HasMethods("fit_transform"),
            "array-like",
        ],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "random_state": ["random_state"],
        "device": [str, Integral, torch.device],
        "verbose": ["verbose"],
        "callbacks": [list, tuple, None],
    }

    def __init__(
        self,
        n_components: int = 2,
        *,
        method: str = "nrae",
        method_params: dict[str, Any] | None = None,
        order: int = 1,
        n_neighbors: int = 10,
        metric: str | Metric = "euclidean",
        backend: str | Backend = "auto",
        n_sampled_neighbors: int = 2,
        neighbor_weight: float = 10.0,
        encoder: nn.Module | None = None,
        decoder: nn.Module | None = None,
        hidden_layer_sizes: Sequence[int] = (512, 512, 512),
        activation: str = "elu",
        init: Any = "geodesic",
        max_epochs: int = 500,
        batch_size: int = 32,
        learning_rate: float = 1e-3,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        random_state: int | np.random.RandomState | None = None,
        device: str | int | torch.device = "auto",
        verbose: int = 0,
        callbacks: Sequence[Callback] | None = None,
    ) -> None:
        self.n_components = n_components
        self.method = method
        self.method_params = method_params
        self.order = order
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.backend = backend
        self.n_sampled_neighbors = n_sampled_neighbors
        self.neighbor_weight = neighbor_weight
        self.encoder = encoder
        self.decoder = decoder
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.init = init
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.random_state = random_state
        self.device = device
        self.verbose = verbose
        self.callbacks = callbacks

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
        _storable_parameters(self.get_params(deep=False))
        settings = self._settings()
        points = Points(X)
        points.require(2)
        self._check_features(points, reset=True)
        rows, given = points.rows(), given_graph(X, graph, len(points))
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        learned, held_out = self._split(len(rows), seed, given is not None)
        start = self._start(len(rows), learned)
        device = resolve_device(self.device)
        self.feature_shape_ = points.shape[1:]
        self.center_, self.scale_ = center_and_scale(rows[learned])
        self._n_features_out = int(self.n_components)
        x = self._scaled(rows)
        check_distinct(rows, x)
        x = x.to(device)
        order = np.concatenate([learned, held_out])
        if given is None:
            self._connect(X, rows, x, learned)
            whole = None
        else:
            whole = self._take(given, x[order], order, len(learned))
        self._train(settings, seed, start, x[held_out], whole)
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

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the fitted estimator to a file that :meth:`load` reads.

        Objects that a file cannot hold are left out. ``init``, ``backend``, ``callbacks`` and a
        random generator have done their work: a loaded estimator has their defaults. Modules and a
        metric of your own are given to :meth:`load` again; of modules the weights are written.

        Args:
            path (str or os.PathLike): The file, of any name. Missing folders are made.

        Raises:
            OSError: If the file cannot be written, with its name.
        """
        check_is_fitted(self)
        # Parameters may have been set since, to fit again.
        parameters, own = _storable_parameters(self._fitted_parameters)
        content = {
            "parameters": parameters,
            "own": own,
            "feature_shape": self.feature_shape_,
            "feature_names": list(getattr(self, "feature_names_in_", [])),
            "center": self.center_,
            "scale": self.scale_,
            "embedding": self.embedding_,
            "graph": self.graph_.to_dict(),
            "model": self.model_.state_dict(),
            "history": self.history_,
            "num_neighbors": self.n_neighbors_,
        }
        write_archive(path, _KIND, content)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        device: str | int | torch.device = "auto",
        *,
        encoder: nn.Module | None = None,
        decoder: nn.Module | None = None,
        metric: Metric | None = None,
    ) -> Self:
        """Reads a fitted estimator; nothing in the file is executed.

        Args:
            path (str or os.PathLike): A file that :meth:`save` wrote.
            device (str, int or torch.device, optional): Where to use it, whatever it was trained
                on. (default: :obj:`"auto"`)
            encoder (torch.nn.Module, optional): A module like the estimator's own encoder, where
                it had one; a copy of it gets the weights. (default: :obj:`None`)
            decoder (torch.nn.Module, optional): Likewise for the decoder. (default: :obj:`None`)
            metric (Metric, optional): The estimator's own metric, where it had one.
                (default: :obj:`None`)

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is another file, or damaged, the objects are not like those that
                were saved, or the device is not there.
        """
        target, state = resolve_device(device), read_archive(path, _KIND)
        objects = {"encoder": encoder, "decoder": decoder, "metric": metric}
        given = {name: value for name, value in objects.items() if value is not None}
        try:
            for name in objects:
                if (name in given) != (name in state["own"]):
                    has = "without" if name in given else "with"
                    raise ValueError(f"it was fitted {has} its own {name}; see load(..., {name}=)")
            estimator = cls(**{**state["parameters"], **given, "device": device})
            estimator._restore(state, target)
        except MISFITS as error:
            reason = error if isinstance(error, ValueError) else repr(error)
            raise ValueError(f"{path} cannot be loaded: {reason}") from error
        return estimator

    def _restore(self, state: dict[str, Any], device: torch.device) -> None:
        self._validate_params()
        self.feature_shape_ = tuple(state["feature_shape"])
        self.n_features_in_ = int(np.prod(self.feature_shape_))
        if state["feature_names"]:
            self.feature_names_in_ = np.array(list(map(str, state["feature_names"])), dtype=object)
        self.center_, self.scale_ = state["center"], state["scale"]
        self.embedding_, self.history_ = state["embedding"], state["history"]
        _check_restored(self)
        self.n_epochs_ = len(self.history_)
        self.n_neighbors_ = int(state["num_neighbors"])
        self._n_features_out = self.n_components
        self.graph_ = Data.from_dict(state["graph"]).to(device)
        self.model_ = self._new_model(self._settings())
        self.model_.load_state_dict(state["model"])
        self.model_.to(device).eval()
        self._fitted_parameters = self.get_params(deep=False)

    def _settings(self) -> ModelSettings:
        known = MODELS[self.method].model_fields
        settings = dict(self.method_params or {})
        for name in METHOD_PARAMETERS:
            value = getattr(self, name)
            if name in settings:
                raise ValueError(f"{name} is a parameter of its own, not one in method_params")
            if name in known:
                settings[name] = value
            elif value != inspect.signature(type(self)).parameters[name].default:
                raise ValueError(f"{name}={value!r} has no meaning for the method {self.method!r}")
        return method_settings(self.method, settings)

    def _new_model(self, settings: ModelSettings, generator: torch.Generator | None = None) -> AE:
        return build_autoencoder(
            settings,
            self.feature_shape_,
            self._n_features_out,
            hidden=self.hidden_layer_sizes,
            activation=self.activation,
            encoder=self.encoder,
            decoder=self.decoder,
            generator=generator,
        )

    def _check_parameters(self) -> None:
        """Refuses parameters that are of another type or out of their range, by name."""
        self._validate_params()
        for name in _COUNTS:
            integer(name, getattr(self, name), 0)
        widths = [
            integer("each of hidden_layer_sizes", w, -(2**63)) for w in self.hidden_layer_sizes
        ]
        if min(widths, default=1) < 1:
            raise ValueError(f"hidden_layer_sizes: all channels must be at least 1, got {widths}")
        for noun, value, known in (
            ("model", self.method, MODELS),
            ("activation", self.activation, ACTIVATIONS),
            ("metric", self.metric, METRICS),
            ("backend", self.backend, ["auto", *BACKENDS]),
        ):
            if isinstance(value, str):
                choice(noun, value, known)
        resolve_device(self.device)

    def _draws_alone(self, settings: ModelSettings) -> bool:
        """Whether a fit draws from generators of its own alone, as far as is known before it.

        What is a user's may draw from the global ones, as dropout does.
        """
        own = [module for module in (self.encoder, self.decoder) if module is not None]
        return not (
            vars(type(settings)).get("draws", True)
            or any(map(may_draw, own))
            or hasattr(self.init, "fit_transform")
            or any(
                not type(callback).__module__.startswith("nrae_geometric.")
                for callback in self.callbacks or ()
            )
        )

    def _build(self, settings: ModelSettings, seed: int, alone: bool) -> None:
        """Makes the model, and tries it on some points."""
        device, dim = self.graph_.x.device, self._n_features_out
        some = torch.arange(min(int(self.batch_size), self.graph_.num_nodes), device=device)
        generator = torch.Generator().manual_seed(seed) if alone else None
        random = RandomState(device, of_process=not alone)
        with random.preserved():
            random.seed(seed)
            self.model_ = self._new_model(settings, generator).to(device)
            check_autoencoder(
                self.model_, self.graph_.subgraph(some), settings.encoder_width(dim), dim
            )

    def _split(self, num_points: int, seed: int, has_graph: bool) -> tuple[np.ndarray, np.ndarray]:
        """Rows to learn from, and rows left out."""
        rows, held_out = np.arange(num_points), np.arange(0)
        if self.early_stopping:
            rows, held_out = train_test_split(
                rows, test_size=float(self.validation_fraction), random_state=seed
            )
        if not has_graph and self.n_neighbors >= len(rows):
            raise ValueError(
                f"n_neighbors must be from 1 to {len(rows) - 1} for n_samples = {num_points}"
                f"{f', of which {len(held_out)} are left out' if len(held_out) else ''}, "
                f"got {self.n_neighbors}"
            )
        return rows, held_out

    def _start(self, num_points: int, learned: np.ndarray) -> list[Callback]:
        if isinstance(self.init, str):
            return [] if self.init == "random" else [EmbeddingStart(self.init)]
        if hasattr(self.init, "fit_transform"):
            return [EmbeddingStart(clone(self.init, safe=False))]
        init = Points(self.init, "init")
        if init.shape != (num_points, self.n_components):
            raise ValueError(
                f"init should have the shape {[num_points, int(self.n_components)]} of n_samples "
                f"and n_components, got {list(init.shape)}"
            )
        return [EmbeddingStart(init.rows()[learned])]

    def _connect(self, X: Any, rows: np.ndarray, x: Tensor, learned: np.ndarray) -> None:
        """Joins each point learned from with its nearest."""
        self.n_neighbors_ = int(self.n_neighbors)
        connect = KNNGraph(self.n_neighbors_, metric=self.metric, backend=self.backend)
        # Other metrics depend on the origin; this one keeps its neighbors.
        located = x if self.metric == "euclidean" else torch.tensor(rows, device=x.device)
        batch = X.batch.to(x.device)[learned] if isinstance(X, Batch) else None
        self.graph_ = connect(Data(x=located[learned], batch=batch))
        self.graph_.x = x[learned]

    def _take(
        self, given: tuple[Tensor, Tensor | None], x: Tensor, order: np.ndarray, num_learned: int
    ) -> Data:
        """Takes a given graph, and returns it with the points left out, which come last."""
        edges, length = given
        position = torch.empty(len(order), dtype=torch.long)
        position[torch.from_numpy(order)] = torch.arange(len(order))
        edges = position[edges.cpu()].to(x.device)
        if length is None:
            length = edge_lengths(x.flatten(1), edges).to(x)
        else:
            unit = self.scale_ if self.metric == "euclidean" else 1.0
            length = (length.double() / unit).float().to(x.device)
        is_learned = (edges < num_learned).all(dim=0)
        self.graph_ = Data(
            x=x[:num_learned], edge_index=edges[:, is_learned], edge_length=length[is_learned]
        )
        degree = self.graph_.edge_index[1].bincount(minlength=num_learned)
        self.n_neighbors_ = max(1, int(degree.median()))
        too_few = ((degree > 0) & (degree < self.n_sampled_neighbors)).nonzero().view(-1)
        if len(too_few):
            raise ValueError(
                f"n_sampled_neighbors={self.n_sampled_neighbors} is more than point "
                f"{order[int(too_few[0])]} has in the graph: {int(degree[too_few[0]])} "
                f"({len(too_few)} such points in all)"
            )
        return Data(x=x, edge_index=edges[:, edges[0] < num_learned])

    def _train(
        self,
        settings: ModelSettings,
        seed: int,
        start: list[Callback],
        held_out: Tensor,
        whole: Data | None,
    ) -> None:
        alone = self._draws_alone(settings)
        self._build(settings, seed, alone)
        device = self.graph_.x.device
        alone = alone and not may_draw(self.model_.encoder) and not may_draw(self.model_.decoder)
        follows_graph = settings.needs_graph or self.model_.encoder_uses_graph
        if follows_graph and whole is None and self.n_sampled_neighbors > self.n_neighbors_:
            raise ValueError(
                f"n_sampled_neighbors must be from 1 to n_neighbors = {self.n_neighbors_}, "
                f"got {self.n_sampled_neighbors}"
            )
        if follows_graph and not _is_geodesic(self.init) and self.graph_.batch is None:
            warn_of_clusters(self.graph_.edge_index, self.graph_.num_nodes)
        loader = NeighborhoodLoader(
            self.graph_,
            int(self.n_sampled_neighbors) if follows_graph else 0,
            batch_size=int(self.batch_size),
            shuffle=True,
            generator=torch.Generator(),
        )
        validation, stopping = None, []
        if self.early_stopping:
            # With all of their neighbors, so that no chance is in the loss.
            validation = NeighborhoodLoader(
                self._attached(held_out) if whole is None else whole,
                None if follows_graph else 0,
                batch_size=int(self.batch_size),
                input_nodes=torch.arange(len(held_out)) + self.graph_.num_nodes,
                generator=torch.Generator(),
            )
            stopping = [EarlyStopping(_PATIENCE)]
        trainer = Trainer(
            int(self.max_epochs),
            float(self.learning_rate),
            callbacks=[*start, *stopping, *(self.callbacks or ())],
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


def _storable_parameters(parameters: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Returns the parameters that a file holds, and the names of objects that loading asks for."""
    storable, own = {}, []
    for name, value in parameters.items():
        try:
            check_storable({name: value})
        except TypeError:
            if name in _NEEDED:
                own.append(name)
            elif name not in _DISPENSABLE:
                raise
        else:
            storable[name] = value
    return storable, own


def _check_restored(estimator: ManifoldAutoencoder) -> None:
    num_features = estimator.n_features_in_
    for name, array, shape in [
        ("center", estimator.center_, (num_features,)),
        ("embedding", estimator.embedding_[:1], (1, estimator.n_components)),
        ("scale", np.asarray(estimator.scale_), ()),
    ]:
        if array.shape != shape or not np.isfinite(array).all():
            raise ValueError(f"its {name} is not finite or of another shape than {list(shape)}")
