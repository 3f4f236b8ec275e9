"""Sections of a configuration: their keys, types and ranges, and what does not fit together.

The format is that of the published code's files. The sections ``data.training``, ``data.test`` and
``model`` have, besides their own keys, those of the kind that they name. Kinds are looked up in
:mod:`nrae_geometric.registry` whenever a configuration is validated.
"""

import math
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SerializeAsAny,
    create_model,
    model_validator,
)

from nrae_geometric.configs.errors import section_error, shortened
from nrae_geometric.registry import (
    BACKENDS,
    DATASETS,
    METRICS,
    MODELS,
    Count,
    DatasetSettings,
    ModelSettings,
    Section,
)

_MOST_WEIGHTS = 10**9  # 16 GB with their gradients and what Adam remembers of them
_Checked = TypeVar("_Checked", bound="CheckedSection")


class CheckedSection(Section):
    """A section whose values, each valid by itself, are checked against each other."""

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yields the dotted key of each value that does not fit, and why."""
        yield from ()

    @model_validator(mode="after")
    def _check(self: _Checked) -> _Checked:
        if faults := list(self.faults()):
            raise section_error(faults)
        return self


def _backend(name: str) -> str:
    if name != "auto" and name not in BACKENDS:
        raise ValueError(f"should be one of {_listed(['auto', *BACKENDS])}, got {shortened(name)}")
    return name


def _metric(name: str) -> str:
    if name not in METRICS:
        raise ValueError(f"should be one of {_listed(METRICS)}, got {shortened(name)}")
    return name


def _listed(names: Any) -> str:
    return ", ".join(map(repr, names))


class Graph(CheckedSection):
    """The k-nearest-neighbor graph, and how many neighbors a step samples.

    ``bs_nn`` counts the center when ``include_center`` is true.
    """

    include_center: bool = True
    replace: bool = False
    num_nn: Count
    bs_nn: Annotated[Count, Field(le=100_000)] = 2
    metric: Annotated[str, AfterValidator(_metric)] = "euclidean"
    backend: Annotated[str, AfterValidator(_backend)] = "auto"

    @property
    def num_neighbors(self) -> int:
        """How many neighbors a step samples for each center, without the center."""
        return self.bs_nn - self.include_center

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yields what cannot be sampled."""
        if not self.replace and self.num_neighbors > self.num_nn:
            yield (
                "bs_nn",
                f"{self.num_neighbors} neighbors cannot be drawn from num_nn = {self.num_nn} "
                f"without replacement; set replace: true, or bs_nn to at most "
                f"{self.num_nn + self.include_center}",
            )


class Points(CheckedSection, DatasetSettings):
    """The keys of every section of points, beside those of its kind."""

    split: Literal["training", "test"] | None = None
    batch_size: Count
    graph: Graph | None = None

    @classmethod
    def of_kind(cls, settings: Mapping[str, Any]) -> "type[Points]":
        """Returns the section of the kind of points that the settings name.

        Raises:
            ValidationError: If they name none, or one that is not known.
        """
        kinds = [name.partition("/")[::2] for name in DATASETS]
        dataset = _choice(settings, "dataset", [dataset for dataset, _ in kinds])
        types = [type_ for name, type_ in kinds if name == dataset and type_]
        if not types:
            return _section(cls, DATASETS[dataset])
        if "type" not in settings:
            # One of the kinds that share the name is the one that is meant without a type.
            by_default = (DATASETS[f"{dataset}/{type_}"] for type_ in types)
            for kind in by_default:
                if not kind.model_fields["type"].is_required():
                    return _section(cls, kind)
        return _section(cls, DATASETS[f"{dataset}/{_choice(settings, 'type', types)}"])

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yields a graph of more neighbors than there are points."""
        num_points = self.num_points
        if self.graph is not None and num_points is not None and self.graph.num_nn >= num_points:
            yield (
                "graph.num_nn",
                f"{self.graph.num_nn} neighbors need more than the {num_points} points there "
                f"are; at most {num_points - 1}",
            )


class Network(CheckedSection):
    """Fully connected layers; ``l_hidden`` and ``activation`` name one hidden layer each.

    Activations are those of :data:`nrae_geometric.nn.ACTIVATIONS`.
    """

    arch: Literal["fc_vec", "fc_image"]
    l_hidden: list[Count]
    activation: list[str]
    out_activation: str

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yields activations that are not as many as the layers."""
        if len(self.activation) != len(self.l_hidden):
            yield (
                "activation",
                f"{len(self.activation)} activations for {len(self.l_hidden)} hidden layers in "
                f"l_hidden; give one for each",
            )


class Model(CheckedSection, ModelSettings):
    """The keys of every model, beside those of its kind."""

    x_dim: Count
    z_dim: Count
    encoder: Network
    decoder: Network

    @classmethod
    def of_kind(cls, settings: Mapping[str, Any]) -> "type[Model]":
        """Returns the section of the kind of model that the settings name.

        Raises:
            ValidationError: If they name none, or one that is not known.
        """
        return _section(cls, MODELS[_choice(settings, "arch", list(MODELS))])

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yields networks that no memory holds."""
        code = self.encoder_width(self.z_dim)
        for name, layers in (
            ("encoder", (self.x_dim, *self.encoder.l_hidden, code)),
            ("decoder", (self.z_dim, *self.decoder.l_hidden, self.x_dim)),
        ):
            count = sum(a * b for a, b in pairwise(layers))
            if count > _MOST_WEIGHTS:
                yield (
                    "z_dim" if max(layers) in (self.z_dim, code) else f"{name}.l_hidden",
                    f"layers of {', '.join(map(str, layers))} units have {count:,} weights; make "
                    f"them narrower, for at most {_MOST_WEIGHTS:,}",
                )
                return

    def misfits(self, point_shape: tuple[int, ...]) -> Iterator[tuple[str, str]]:
        """Yields the key of each value that does not fit points of a shape, and why."""
        if self.x_dim != math.prod(point_shape):
            yield "x_dim", f"each point has {math.prod(point_shape)} values, got {self.x_dim}"
        arch = "fc_vec" if len(point_shape) == 1 else "fc_image"
        for name, network in (("encoder", self.encoder), ("decoder", self.decoder)):
            if network.arch != arch:
                yield (
                    f"{name}.arch",
                    f"{network.arch} does not fit points of shape {point_shape}; use {arch}",
                )


def _choice(settings: Mapping[str, Any], key: str, names: list[str]) -> str:
    listed = _listed(dict.fromkeys(names))
    if key not in settings:
        raise section_error([(key, f"missing; choose one of {listed}")])
    if settings[key] not in names:
        raise section_error([(key, f"should be one of {listed}, got {shortened(settings[key])}")])
    return settings[key]


_Kind = TypeVar("_Kind", bound=Section)


@cache
def _section(base: type[_Kind], settings: type[Section]) -> type[_Kind]:
    # What the kind says of itself goes before what all kinds have.
    bases: Any = (settings, base)
    return create_model(settings.__name__, __base__=bases, __doc__=settings.__doc__)


def _with_keys_of_kind(section: "type[Points] | type[Model]") -> BeforeValidator:
    def validate(settings: Any) -> Any:
        if not isinstance(settings, Mapping):
            return settings
        return section.of_kind(settings).model_validate(dict(settings))

    return BeforeValidator(validate)


AnyPoints = Annotated[SerializeAsAny[Points], _with_keys_of_kind(Points)]
AnyModel = Annotated[SerializeAsAny[Model], _with_keys_of_kind(Model)]


class Data(CheckedSection):
    """Points to learn from, and points to measure the result on."""

    training: AnyPoints
    test: AnyPoints | None = None

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yields test points of another shape."""
        shape = self.training.point_shape
        test_shape = None if self.test is None else self.test.point_shape
        if shape is not None and test_shape is not None and shape != test_shape:
            yield (
                "test.dataset",
                f"points of shape {test_shape} cannot test a model of points of shape {shape}",
            )


class Optimizer(Section):
    """Adam's learning rate at the start."""

    lr: Annotated[float, Field(gt=0, le=1e30)] = 0.001


class Training(Section):
    """Number of epochs, and start of the weights.

    ``init`` is ``random`` as published, or ``geodesic`` or ``pca`` for the embedding that the
    model is fitted to before it is trained.
    """

    num_epochs: Count
    init: Literal["random", "geodesic", "pca"] = "random"

    @property
    def needs_graph(self) -> bool:
        """Whether the start follows the edges of a graph."""
        return self.init == "geodesic"
