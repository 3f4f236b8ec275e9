"""What a page is about: a trained model and its points, whoever has trained it."""

import inspect
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch_geometric.data import Data

from nrae_geometric.arguments import integer
from nrae_geometric.nn import AE
from nrae_geometric.nn.evaluation import encode_data, evaluating
from nrae_geometric.persistence import StoredTransformer
from nrae_geometric.points import Points
from nrae_geometric.training.history import EpochRecord

_NOT_THE_SAME = (
    "It was trained without a random_state: training again gives a like result, not the same."
)


@dataclass(frozen=True)
class Setting:
    """A setting of what was trained.

    Attributes:
        name (str): Its name.
        value (str): Its value.
        reason (str): Why it was chosen, where that is known.
    """

    name: str
    value: str
    reason: str = ""


@dataclass(frozen=True)
class Subject:
    """A trained model and its points.

    Attributes:
        title (str): What it is called.
        model (AE): The model, of centered and scaled points.
        rows (numpy.ndarray): The points ``[N, D]`` in their own unit.
        z (numpy.ndarray): Their latents ``[N, d]``.
        shape (tuple of int): The shape of a point.
        center (numpy.ndarray): What is subtracted from points, ``[D]``.
        scale (float or numpy.ndarray): What they are divided by, one number or ``[D]``.
        edge_index (numpy.ndarray): Edges ``[2, E]`` between the points.
        edge_length (numpy.ndarray, optional): The lengths of the edges ``[E]``.
        history (list): A record for each epoch.
        settings (list of Setting): How it was trained.
        command (str): What trains it again.
        shell_command (str): The same from a shell, where there is such a command.
        command_note (str): What there is to know about the commands.
        names (list of str, optional): The names of the values of a point.
        units (dict): The units of some of these names, besides those that stand in them.
        labels (numpy.ndarray, optional): A number or a text for each point ``[N]``.
        label_name (str): What the labels are.
        origin (str): Whether the points are those learned from, where that is known.
        frames (list of tuple): Epochs, and the curve ``[P, 2]`` that was decoded behind each.
        truth (list of tuple): Measures against a known truth: name, value, description.
    """

    title: str
    model: AE
    rows: np.ndarray
    z: np.ndarray
    shape: tuple[int, ...]
    center: np.ndarray
    scale: float | np.ndarray
    edge_index: np.ndarray
    edge_length: np.ndarray | None
    history: list[EpochRecord]
    settings: list[Setting]
    command: str
    shell_command: str = ""
    command_note: str = ""
    names: list[str] | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    labels: np.ndarray | None = None
    label_name: str = "label"
    origin: str = ""
    frames: list[tuple[int, np.ndarray]] = field(default_factory=list)
    truth: list[tuple[str, float | None, str]] = field(default_factory=list)

    @property
    def scaled(self) -> np.ndarray:
        """The points ``[N, D]`` as the model sees them, in float64."""
        return np.asarray((self.rows - self.center) / self.scale, dtype=np.float64)


def estimator_subject(
    estimator: StoredTransformer,
    X: Any = None,
    y: Any = None,
    *,
    title: str | None = None,
    label_name: str | None = None,
    image_shape: Sequence[int] | None = None,
    units: Mapping[str, str] | None = None,
    command: str | None = None,
) -> Subject:
    """Returns a fitted estimator and points as the subject of a page.

    Args:
        estimator (StoredTransformer): The fitted estimator.
        X (array, Tensor, data frame or Data, optional): Points ``[N, *feature_shape]``; by default
            those that it has learned from. Edges are those of the graph learned from, between the
            points that are among these. (default: :obj:`None`)
        y (sequence, optional): A number or a text for each point. (default: :obj:`None`)
        title (str, optional): What the page is called. (default: the number of points,
            and what they are on)
        label_name (str, optional): What the labels are. (default: the name of ``y``,
            where it has one)
        image_shape (sequence of int, optional): The shape of the image ``[H, W]`` or ``[C, H, W]``
            that the values of a point are. (default: that of a point)
        units (dict, optional): Units of columns by their names, besides those that stand in the
            names, such as ``"mass [kg]"`` and ``"height (cm)"``. (default: :obj:`None`)
        command (str, optional): The command that fits it again. (default: Python's)

    Raises:
        ValueError: If the points are not like those that were fitted, there is not one label for
            each, they are no such images, or a unit is of a column that they do not have.
    """
    check_is_fitted(estimator)
    graph = estimator.graph_
    known = graph.x.flatten(1).double().numpy(force=True)
    if X is None:
        rows = known * estimator.scale_ + estimator.center_
        with evaluating(estimator.model_):
            z = encode_data(estimator.model_, graph).double().numpy(force=True)
        place = np.arange(len(rows))
    else:
        points = Points(X)
        # float64 keeps the rows what they were when they are scaled again.
        with warnings.catch_warnings():
            # Where a frame was fitted, an array has its columns in the same order.
            warnings.filterwarnings("ignore", "X does not have valid feature names")
            z = np.asarray(_array(estimator.transform(X)), dtype=np.float64)
        rows = points.rows()
        place = _places(known, estimator._scaled(rows).flatten(1).numpy())
    edges, length = _edges_between(graph, place, len(rows))
    names = list(map(str, getattr(estimator, "feature_names_in_", [])))
    parameters = getattr(estimator, "_fitted_parameters", estimator.get_params(deep=False))
    return Subject(
        title=title or _title(len(rows), z.shape[1]),
        model=estimator.model_,
        rows=rows,
        z=z,
        shape=_image_shape(image_shape, tuple(estimator.feature_shape_)),
        center=estimator.center_,
        scale=estimator.scale_,
        edge_index=edges,
        edge_length=length,
        history=estimator.history_,
        settings=_settings(parameters, getattr(estimator, "choices_", {})),
        command=command or _python(estimator, parameters),
        command_note="" if parameters.get("random_state") is not None else _NOT_THE_SAME,
        names=names or None,
        units=_units(units or {}, names),
        labels=_labels(y, len(rows)),
        label_name=label_name or str(getattr(y, "name", None) or "label"),
        origin=_origin(place),
    )


def _title(num_points: int, dim: int) -> str:
    where = {1: "on a line", 2: "on a plane"}.get(dim, f"in {dim} dimensions")
    return f"{num_points:,} points {where}"


def _origin(place: np.ndarray) -> str:
    num_known = int((place >= 0).sum())
    if num_known == len(place):
        return "those learned from"
    if num_known == 0:
        return "none of those learned from"
    return f"{num_known:,} of them learned from"


def _places(known: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The place ``[N]`` among the points learned from of each of some rows, -1 for others."""
    places = {row.tobytes(): i for i, row in enumerate(known.astype(np.float32))}
    return np.array([places.get(row.tobytes(), -1) for row in rows], dtype=np.int64)


def _edges_between(
    graph: Data, place: np.ndarray, num_points: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """The edges of a graph, in the numbers of points of which each has a place in it, or none."""
    row = np.full(graph.num_nodes, -1)
    row[place[place >= 0]] = np.arange(num_points)[place >= 0]
    edges = row[graph.edge_index.numpy(force=True)]
    kept = (edges >= 0).all(axis=0)
    length = graph.get("edge_length")
    return edges[:, kept], None if length is None else length.numpy(force=True)[kept]


def _labels(y: Any, num_points: int) -> np.ndarray | None:
    if y is None:
        return None
    labels = _array(y)
    if labels.shape != (num_points,):
        raise ValueError(
            f"y has the shape {list(labels.shape)}; pass one label for each of {num_points} points"
        )
    return labels


def _array(values: Any) -> np.ndarray:
    return values.numpy(force=True) if isinstance(values, torch.Tensor) else np.asarray(values)


def _units(units: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    for name in units:
        if name not in names:
            has = f"; there are {', '.join(names[:10])}" if names else ", and columns have no names"
            raise ValueError(f"units has {name!r}, which is no column{has}")
    return {name: str(unit) for name, unit in units.items()}


def _image_shape(given: Sequence[int] | None, shape: tuple[int, ...]) -> tuple[int, ...]:
    if given is None:
        return shape
    sizes = tuple(integer("each of image_shape", size, 1) for size in given)
    if len(sizes) not in (2, 3) or np.prod(sizes) != np.prod(shape):
        raise ValueError(
            f"image_shape must be [H, W] or [C, H, W] with {np.prod(shape)} values, got "
            f"{list(sizes)}"
        )
    return sizes


def _settings(parameters: Mapping[str, Any], choices: Mapping[str, str]) -> list[Setting]:
    return [
        Setting(name, value_text(value), choices.get(name, ""))
        for name, value in parameters.items()
    ]


def _python(estimator: StoredTransformer, parameters: Mapping[str, Any]) -> str:
    defaults = inspect.signature(type(estimator)).parameters
    given = [
        f"{name}={value_text(value)}"
        for name, value in parameters.items()
        if name not in defaults or value_text(value) != value_text(defaults[name].default)
    ]
    return f"{type(estimator).__name__}({', '.join(given)}).fit(points)"


def value_text(value: Any) -> str:
    """Returns a value as it stands in a program, arrays and what is long in short.

    Args:
        value (object): Of a parameter or a configuration.
    """
    if isinstance(value, np.ndarray | torch.Tensor):
        return f"array of shape {list(value.shape)}"
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."
