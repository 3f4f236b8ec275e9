"""The scikit-learn front door: a manifold learned with ``fit`` and used with ``transform``."""

import inspect
import os
from collections.abc import Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from torch import nn

from nrae_geometric.arguments import choice, integer
from nrae_geometric.neighbors import Backend, Metric
from nrae_geometric.nn import AE
from nrae_geometric.nn.build import build_autoencoder, method_settings
from nrae_geometric.nn.mlp import ACTIVATIONS
from nrae_geometric.registry import BACKENDS, METRICS, MODELS, ModelSettings
from nrae_geometric.streamed_transformer import StreamedTransformer
from nrae_geometric.training import Callback
from nrae_geometric.training.device import resolve_device
from nrae_geometric.training.processes import STRATEGIES

if TYPE_CHECKING:
    from nrae_geometric.report import Report

METHOD_PARAMETERS = ("order", "neighbor_weight")
"""Parameters of the estimator that are settings of the methods that have them."""

# scikit-learn's constraints take True for 1.
# fmt: off
_COUNTS = (
    "batch_size", "max_epochs", "n_components", "n_neighbors", "n_sampled_neighbors", "order",
)
# fmt: on


class ManifoldAutoencoder(StreamedTransformer):
    r"""An autoencoder of a manifold as a scikit-learn transformer.

    Connects the points to a k-nearest-neighbor graph, learns a model of :mod:`nrae_geometric.nn`
    over it, by default an :class:`~nrae_geometric.nn.NRAE`, and maps points to latent coordinates
    and back. Points are arrays ``[N, D]``, data frames, or images ``[N, C, H, W]`` (any feature
    shape) of NumPy, PyTorch or a library that shares its numbers with them; a tensor is answered
    by a tensor, on its device, all else by an array, of float32 for single and half precision and
    else of float64.

    The defaults adapt to the points; what was chosen is in ``choices_``, and is logged.

    Args:
        n_components (int, optional): The number of latent coordinates. (default: :obj:`2`)
        method (str, optional): The name of a model in :data:`nrae_geometric.registry.MODELS`, such
            as :obj:`"nrae"` or :obj:`"ae"`. (default: :obj:`"nrae"`)
        method_params (dict, optional): The method's settings other than those below, by the names
            in its settings class. (default: :obj:`None`)
        order (int, optional): The order of NRAE's local expansion: 1 (NRAE-L) or 2 (NRAE-Q).
            (default: :obj:`1`)
        n_neighbors (int or str, optional): The number of neighbors of each point in the graph;
            :obj:`"auto"` is that of :func:`~nrae_geometric.geodesics.suggest_neighbors`.
            (default: :obj:`"auto"`)
        metric (str or Metric, optional): The graph's metric, see
            :func:`nrae_geometric.neighbors.knn`. (default: :obj:`"euclidean"`)
        backend (str or Backend, optional): The search engine of the graph, see
            :func:`nrae_geometric.neighbors.available_backends`. (default: :obj:`"auto"`)
        n_sampled_neighbors (int, optional): The number of neighbors that a step draws for each of
            its points, where the method uses the graph. (default: :obj:`1`)
        neighbor_weight (float, optional): How much a neighbor counts in NRAE against the point
            itself, the published :math:`\lambda`. Large weights smooth noise away; see
            :mod:`nrae_geometric.tuning` for a choice of this, the order and the number of
            neighbors. (default: :obj:`0.2`)
        encoder (torch.nn.Module or str, optional): A network ``[N, *feature_shape] -> [N,
            n_components]`` of your own, which may take an ``edge_index``. Each fit trains a copy
            of it, from the weights it has. Or :obj:`"conv"`: convolutions of images
            ``[N, C, H, W]`` or ``[N, H, W]`` before the hidden layers, mirrored by the decoder.
            (default: :obj:`None`)
        decoder (torch.nn.Module, optional): A network ``[N, n_components] -> [N, *feature_shape]``
            of your own, likewise. (default: :obj:`None`)
        hidden_layer_sizes (sequence of int, optional): The widths of the encoder's hidden layers,
            mirrored by the decoder, where they are not your own. (default: :obj:`(256, 256, 256)`)
        activation (str, optional): A name of :data:`nrae_geometric.nn.ACTIVATIONS`;
            :obj:`"auto"` is :obj:`"relu"`, which keeps more of the neighborhoods of tables and
            images, but :obj:`"elu"` where the expansion is of second order or the latent space a
            line: a smooth curve, with second derivatives. (default: :obj:`"auto"`)
        init (str, array or object, optional): The latent coordinates that training starts from:
            :obj:`"geodesic"`, those of the graph, which keeps the manifold from folding;
            :obj:`"pca"`; an array ``[N, n_components]``; those of an object with
            ``fit_transform``; or :obj:`"random"`, none, the published way. See
            :class:`~nrae_geometric.callbacks.EmbeddingStart`. (default: :obj:`"geodesic"`)
        max_epochs (int, optional): How often all points are seen; by default 36 times, but in at
            least 400 and at most 2000 steps, and once at least. (default: :obj:`None`)
        batch_size (int or str, optional): The number of points in a step; :obj:`"auto"` is a
            64th of all, from 32 to 256, and of very many points a thousandth, up to 1024.
            (default: :obj:`"auto"`)
        learning_rate (float, optional): Adam's largest learning rate, see
            :class:`~nrae_geometric.training.OneCycle`; a third of it is taken where the expansion
            is of second order or the latent space a line, which large steps fold.
            (default: :obj:`3e-3`)
        early_stopping (bool or str, optional): Whether to leave points out, and to stop when their
            loss has not fallen for 20 epochs. The best weights count. :obj:`"auto"` does so with
            more than 10 000 points, of which it leaves out 1000 at most. (default: :obj:`"auto"`)
        validation_fraction (float, optional): The share of points to leave out.
            (default: :obj:`0.1`)
        scale (str, optional): What centered points are divided by before the graph is made and
            the model sees them: :obj:`"points"`, one number, the square root of their mean
            variance, which leaves nearest neighbors what they are; :obj:`"columns"`, the standard
            deviation of each value; or :obj:`"auto"`, the latter where ``[N, D]`` are columns of
            different units, whose ranges differ by more than ten times. It is undone by
            :meth:`inverse_transform`. (default: :obj:`"auto"`)
        random_state (int, RandomState or None, optional): Determines weights, batches and points
            left out; :obj:`None` draws a seed from NumPy's global generator, as in all of
            scikit-learn. Fits in threads are as reproducible as others, and leave global
            generators as they were. They run side by side unless networks, callbacks or an object
            for ``init`` of your own may draw from the global generators, as dropout does: then one
            runs at a time. (default: :obj:`None`)
        device (str, int or torch.device, optional): :obj:`"auto"`, :obj:`"cpu"`, or the number of
            a GPU. (default: :obj:`"auto"`)
        devices (int, optional): How many processes of this machine learn together, each on a part
            of every batch, which changes nothing but the time. They run the same script, and what
            comes behind :meth:`fit` too: let :func:`~nrae_geometric.training.is_first_process`
            decide which one writes. See :class:`~nrae_geometric.training.Trainer`.
            (default: :obj:`1`)
        num_nodes (int, optional): The number of machines. (default: :obj:`1`)
        strategy (str, optional): How the processes share the work, as in
            :class:`~nrae_geometric.training.Trainer`. (default: :obj:`"auto"`)
        verbose (int, optional): Whether to show a progress bar. (default: :obj:`0`)
        callbacks (list of Callback, optional): More callbacks of the
            :class:`~nrae_geometric.training.Trainer`. (default: :obj:`None`)
        warm_start (bool, optional): Whether a second fit, also behind :meth:`load`, starts from
            the weights of the fitted model, with its ``center_`` and ``scale_``, instead of
            ``init``. Points and parameters must fit that model. (default: :obj:`False`)
        on_disk (bool or str, optional): Whether points stay on the disk, of which a step reads
            what it needs: those of :func:`~nrae_geometric.datasets.open_points`, a
            :class:`numpy.memmap` or a Zarr array. An epoch is then 50 steps on points drawn at
            random. :obj:`"auto"` leaves points there that take more than a quarter of the
            available memory in single precision. (default: :obj:`"auto"`)

    Attributes:
        model_ (AE): The trained model, of centered and scaled points.
        graph_ (torch_geometric.data.Data): The centered and scaled points that were learned from,
            without those left out, and their graph: ``x``, ``edge_index`` and ``edge_length``. Of
            points on the disk, those of a random sample, at most 10 000, and a graph of these.
        embedding_ (ndarray): The latent coordinates of all points, ``[N, n_components]``; of the
            last block after :meth:`partial_fit`, as ``graph_``, and of the sample where points
            stay on the disk.
        sample_rows_ (ndarray): The rows of that sample, where points stay on the disk.
        history_ (list): One ``{"epoch", "loss", "lr"}`` for each epoch, with early stopping also
            its ``"validation_loss"``. A warm start and :meth:`partial_fit` add to it.
        n_epochs_ (int): The number of epochs.
        n_neighbors_ (int): The number of neighbors in the graph; the median in one of your own.
        n_features_in_ (int): The number of values of a point.
        feature_names_in_ (ndarray): The columns of a data frame.
        feature_shape_ (tuple of int): The shape of a point.
        center_ (ndarray): The mean of the points learned from, ``[D]``.
        scale_ (float or ndarray): What centered points are divided by: a number, or ``[D]``.
        choices_ (dict): For each parameter that was left to the estimator, what it has chosen and
            why, in a sentence.

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
        "n_neighbors": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "metric": [str, Metric],
        "backend": [str, Backend],
        "n_sampled_neighbors": [Interval(Integral, 1, None, closed="left")],
        "neighbor_weight": [Interval(Real, 0, None, closed="left")],
        "encoder": [nn.Module, StrOptions({"conv"}), None],
        "decoder": [nn.Module, None],
        "hidden_layer_sizes": ["array-like"],
        "activation": [str],
        "init": [
            StrOptions({"geodesic", "pca", "random"}),
            HasMethods("fit_transform"),
            "array-like",
        ],
        "max_epochs": [Interval(Integral, 1, None, closed="left"), None],
        "batch_size": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "early_stopping": ["boolean", StrOptions({"auto"})],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "scale": [StrOptions({"auto", "columns", "points"})],
        "random_state": ["random_state"],
        "device": [str, Integral, torch.device],
        "devices": [Interval(Integral, 1, None, closed="left")],
        "num_nodes": [Interval(Integral, 1, None, closed="left")],
        "strategy": [StrOptions(set(STRATEGIES))],
        "verbose": ["verbose"],
        "callbacks": [list, tuple, None],
        "warm_start": ["boolean"],
        "on_disk": ["boolean", StrOptions({"auto"})],
    }

    def __init__(
        self,
        n_components: int = 2,
        *,
        method: str = "nrae",
        method_params: dict[str, Any] | None = None,
        order: int = 1,
        n_neighbors: int | str = "auto",
        metric: str | Metric = "euclidean",
        backend: str | Backend = "auto",
        n_sampled_neighbors: int = 1,
        neighbor_weight: float = 0.2,
        encoder: nn.Module | str | None = None,
        decoder: nn.Module | None = None,
        hidden_layer_sizes: Sequence[int] = (256, 256, 256),
        activation: str = "auto",
        init: Any = "geodesic",
        max_epochs: int | None = None,
        batch_size: int | str = "auto",
        learning_rate: float = 3e-3,
        early_stopping: bool | str = "auto",
        validation_fraction: float = 0.1,
        scale: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        device: str | int | torch.device = "auto",
        devices: int = 1,
        num_nodes: int = 1,
        strategy: str = "auto",
        verbose: int = 0,
        callbacks: Sequence[Callback] | None = None,
        warm_start: bool = False,
        on_disk: bool | str = "auto",
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
        self.scale = scale
        self.random_state = random_state
        self.device = device
        self.devices = devices
        self.num_nodes = num_nodes
        self.strategy = strategy
        self.verbose = verbose
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.on_disk = on_disk

    def report(
        self,
        path: str | os.PathLike[str] | None = None,
        X: Any = None,
        y: Any = None,
        **options: Any,
    ) -> "Report":
        """Makes a page about the fitted estimator: one HTML file that needs no network.

        A notebook shows what is returned.

        Args:
            path (str or os.PathLike, optional): The file to write; none by default.
                (default: :obj:`None`)
            X (array, Tensor, data frame or Data, optional): Points ``[N, *feature_shape]``; those
                learned from by default. (default: :obj:`None`)
            y (sequence, optional): A number or a text for each point. (default: :obj:`None`)
            **options: More of :func:`nrae_geometric.report.estimator_subject`, such as ``title``,
                ``label_name``, ``image_shape`` and ``units``.

        Raises:
            OSError: If the file cannot be written, with its name.
            ValueError: If the points are not like those that were fitted, or the labels, the
                shape of images or the units do not fit them.
        """
        # Imported here as fitting needs neither templates nor pictures.
        from nrae_geometric.report import estimator_subject, make_report

        page = make_report(estimator_subject(self, X, y, **options))
        if path is not None:
            page.save(path)
        return page

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        bundle = super()._repr_mimebundle_(**kwargs)
        if "text/html" in bundle and hasattr(self, "embedding_"):
            from nrae_geometric.report import small_picture

            bundle["text/html"] += small_picture(self.embedding_)
        return bundle

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
            activation=self._activation(settings),
            encoder=self.encoder,
            decoder=self.decoder,
            generator=generator,
        )

    def _unfitted_model(self) -> AE:
        self._check_parameters()
        return self._new_model(self._settings())

    def _check_parameters(self) -> None:
        """Refuses parameters that are of another type or out of their range, by name."""
        self._validate_params()
        for name in _COUNTS:
            value = getattr(self, name)
            if value is not None and value != "auto":
                integer(name, value, 0)
        for width in self.hidden_layer_sizes:
            integer("each of hidden_layer_sizes", width, 1)
        for noun, value, known in (
            ("model", self.method, MODELS),
            ("activation", self.activation, ["auto", *ACTIVATIONS]),
            ("metric", self.metric, METRICS),
            ("backend", self.backend, ["auto", *BACKENDS]),
        ):
            if isinstance(value, str):
                choice(noun, value, known)
        resolve_device(self.device)
