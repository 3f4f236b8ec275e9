"""What a page is about: a trained model and its points, whoever has trained it."""

import inspect
import json
import os
import shlex
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch_geometric.data import Data

from nrae_geometric.arguments import integer
from nrae_geometric.configs import load_config
from nrae_geometric.experiments.build import build_graph, build_model
from nrae_geometric.experiments.folder import CHECKPOINT, CONFIG, METRICS, check_fingerprint
from nrae_geometric.metrics import smallest_connected_k
from nrae_geometric.nn import AE
from nrae_geometric.nn.evaluation import encode_data, evaluating
from nrae_geometric.persistence import StoredTransformer
from nrae_geometric.points import Points
from nrae_geometric.registry import MEASURES
from nrae_geometric.training.checkpoint import load_checkpoint
from nrae_geometric.training.history import EpochRecord
from nrae_geometric.transforms import KNNGraph

_LARGEST_K = 10


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
        names (list of str, optional): The names of the values of a point.
        labels (numpy.ndarray, optional): A number or a text for each point ``[N]``.
        label_name (str): What the labels are.
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
    names: list[str] | None = None
    labels: np.ndarray | None = None
    label_name: str = "label"
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
    label_name: str = "label",
    image_shape: Sequence[int] | None = None,
    command: str | None = None,
) -> Subject:
    """Returns a fitted estimator and points as the subject of a page.

    Args:
        estimator (StoredTransformer): The fitted estimator.
        X (array, Tensor, data frame or Data, optional): Points ``[N, *feature_shape]``; by default
            those that it has learned from. Edges are those of the graph learned from, between the
            points that are among these. (default: :obj:`None`)
        y (sequence, optional): A number or a text for each point. (default: :obj:`None`)
        title (str, optional): What the page is called. (default: :obj:`None`)
        label_name (str, optional): What the labels are. (default: :obj:`"label"`)
        image_shape (sequence of int, optional): The shape of the image ``[H, W]`` or ``[C, H, W]``
            that the values of a point are. (default: that of a point)
        command (str, optional): The command that fits it again. (default: Python's)

    Raises:
        ValueError: If the points are not like those that were fitted, there is not one label for
            each, or they are no such images.
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
    names = getattr(estimator, "feature_names_in_", None)
    parameters = getattr(estimator, "_fitted_parameters", estimator.get_params(deep=False))
    return Subject(
        title=title or f"{len(rows)} points, {z.shape[1]} latent dimensions",
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
        names=None if names is None else list(map(str, names)),
        labels=_labels(y, len(rows)),
        label_name=label_name,
    )


def run_subject(directory: str | os.PathLike[str]) -> Subject:
    """Returns a finished run of an experiment as the subject of a page.

    Args:
        directory (str or os.PathLike): The folder that ``nrae train`` wrote.

    Raises:
        FileNotFoundError: If there is no finished run.
        ValueError: If its files are damaged or do not belong together.
    """
    folder = Path(directory)
    for name in (CONFIG, CHECKPOINT):
        if not (folder / name).is_file():
            raise FileNotFoundError(
                f"{folder} holds no run: there is no {name}; give a model file of nrae fit, or the "
                "folder that nrae train names at its end"
            )
    config, state = load_config(folder / CONFIG), load_checkpoint(folder / CHECKPOINT)
    check_fingerprint(state, config, folder)
    dataset = config.data.training.build(config.seed)
    data = build_graph(dataset[0], config.data.training)
    model = build_model(config.model, data.x.shape[1:])
    try:
        model.load_state_dict(state["model"])
    except RuntimeError as error:
        raise ValueError(f"{folder / CHECKPOINT} is of another model than {CONFIG}") from error
    if data.edge_index.size(1) == 0:
        largest = min(_LARGEST_K, len(data.x) - 1)
        data = KNNGraph(smallest_connected_k(data.x, largest) or largest)(data)
    with evaluating(model):
        z = encode_data(model, data).double().numpy(force=True)
    rows = data.x.flatten(1).double().numpy(force=True)
    y = None if data.y is None else data.y.numpy(force=True).reshape(len(rows), -1)
    length = data.get("edge_length")
    return Subject(
        title=config.exp_name,
        model=model,
        rows=rows,
        z=z,
        shape=tuple(data.x.shape[1:]),
        center=np.zeros(rows.shape[1]),
        scale=1.0,
        edge_index=data.edge_index.numpy(force=True),
        edge_length=None if length is None else length.numpy(force=True),
        history=list(state.get("history", [])),
        settings=[Setting(name, value) for name, value in _flat(config.to_dict())],
        command=f"nrae train {shlex.quote(str(folder / CONFIG))}",
        labels=None if y is None or y.shape[1] != 1 else y[:, 0],
        label_name=config.data.training.coordinate or "true coordinate",
        frames=_frames(state["callbacks"]),
        truth=_truth(folder / METRICS),
    )


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
        Setting(name, _text(value), choices.get(name, "")) for name, value in parameters.items()
    ]


def _python(estimator: StoredTransformer, parameters: Mapping[str, Any]) -> str:
    defaults = inspect.signature(type(estimator)).parameters
    given = [
        f"{name}={_text(value)}"
        for name, value in parameters.items()
        if name not in defaults or _text(value) != _text(defaults[name].default)
    ]
    return f"{type(estimator).__name__}({', '.join(given)}).fit(points)"


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray | torch.Tensor):
        return f"array of shape {list(value.shape)}"
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."


def _flat(tree: Mapping[str, Any], start: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in tree.items():
        if isinstance(value, Mapping):
            rows += _flat(value, f"{start}{name}.")
        else:
            rows.append((f"{start}{name}", _text(value)))
    return rows


def _frames(callbacks: Mapping[str, Any]) -> list[tuple[int, np.ndarray]]:
    """The curves that a recorder of planar points has kept, of whichever name it is."""
    for state in callbacks.values():
        curves = state.get("tensors", {}).get("curve")
        if curves is not None and curves.dim() == 3 and curves.size(2) == 2:
            return [
                (int(epoch), curve.numpy(force=True))
                for epoch, curve in zip(state["epochs"], curves, strict=True)
            ]
    return []


def _truth(path: Path) -> list[tuple[str, float | None, str]]:
    if not path.is_file():
        return []
    found = json.loads(path.read_text(encoding="utf-8"))
    return [
        (name, value, MEASURES[name].description)
        for name, value in found.items()
        if name in MEASURES and not isinstance(value, Mapping)
    ]
