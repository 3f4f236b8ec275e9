"""A finished run of an experiment as the subject of a page."""

import json
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nrae_geometric.configs import load_config
from nrae_geometric.experiments.build import build_graph, build_model
from nrae_geometric.experiments.folder import CHECKPOINT, CONFIG, METRICS, check_fingerprint
from nrae_geometric.metrics import smallest_connected_k
from nrae_geometric.nn.evaluation import encode_data, evaluating
from nrae_geometric.registry import MEASURES
from nrae_geometric.report.subject import Setting, Subject, value_text
from nrae_geometric.training.checkpoint import load_checkpoint
from nrae_geometric.transforms import KNNGraph

_LARGEST_K = 10


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


def _flat(tree: Mapping[str, Any], start: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in tree.items():
        if isinstance(value, Mapping):
            rows += _flat(value, f"{start}{name}.")
        else:
            rows.append((f"{start}{name}", value_text(value)))
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
