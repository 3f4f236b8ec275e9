"""What a page shows: measures, colors, graph and points, as JSON and compressed arrays."""

import platform
import re
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nrae_geometric.geodesics.graph import undirected_edges
from nrae_geometric.metrics import decoder_distortion, shortcut_edges
from nrae_geometric.metrics._common import NotApplicableError
from nrae_geometric.nn.evaluation import evaluating, to_model
from nrae_geometric.report.advice import (
    MOST_SEARCHED,
    dead_dimensions,
    examine_graph,
    suspicions,
    unsuspicious,
)
from nrae_geometric.report.blocks import Blocks
from nrae_geometric.report.decoder import export_decoder
from nrae_geometric.report.quality import (
    MOST_NODES,
    READINGS,
    measure_latents,
    measured_rows,
    reason_of_absence,
    suggest_latents,
    torn_fraction,
)
from nrae_geometric.report.subject import Subject
from nrae_geometric.version import __version__
from nrae_geometric.visualization.classes import COLORS, COLORS_ON_DARK, find_classes

MOST_BYTES = 7_000_000
"""Compressed bytes of arrays; in base64 they are a third more."""
_MOST_EDGES = 250_000
_MOST_DISTORTIONS = 600_000_000
_SIDES = (64, 48, 32, 28, 20, 14, 10)
_MOST_COLUMNS, _MOST_NAMES = 256, 2000
_MOST_BARS, _MOST_LATENTS = 60, 16
_LONGEST_NAME, _LONGEST_UNIT = 120, 20
# "mass [kg]" and "height (cm)", but neither "f(x)" nor "area (2)".
_UNIT_IN_NAME = re.compile(r"(.*\S)\s+[\[(]([^\[\]()]*[^\W\d_][^\[\]()]*|[%°])[\])]\s*")

_READINGS = {
    "error": "The distance of each point to what the decoder makes of its latent.",
    "local stretch": "The length of the decoded way for each unit of the latent; on a line of even "
    "pace it is the same everywhere.",
    "local distortion": "How many times farther a step decodes in one latent direction than in "
    "another, as log10: 0 is no distortion, 1 is ten times.",
}


def page_content(subject: Subject) -> tuple[dict[str, Any], Blocks]:
    """Measures a subject.

    Args:
        subject (Subject): The trained model and its points.

    Returns:
        tuple[dict, Blocks]: What JSON holds, and the arrays beside it.
    """
    blocks, x, z = Blocks(MOST_BYTES), subject.scaled, subject.z
    decoder = export_decoder(subject.model, z, blocks)
    blocks.add("z", z.astype(np.float32))
    recon = _decoded(subject)
    rows = measured_rows(len(z))
    measures = measure_latents(x[rows], z[rows], recon[rows])
    if len(z) <= MOST_NODES:
        measures["torn edges"] = torn_fraction(z, subject.edge_index, subject.edge_length)
    graph = examine_graph(x, subject.edge_index, subject.edge_length)
    dead, init = dead_dimensions(subject.model, z), _init(subject)
    more = suggest_latents(x[rows], z.shape[1], measures)
    warnings = suspicions(measures, graph, dead, z.shape[1], init == "geodesic", more)
    colors = _colors(subject, blocks, np.sqrt(np.square(x - recon).sum(axis=1)))
    content = {
        "title": subject.title,
        "num_points": len(z),
        "origin": subject.origin,
        "dim": z.shape[1],
        "shape": list(subject.shape),
        "kind": _kind(subject),
        "decoder": decoder,
        "settings": [vars(setting) for setting in subject.settings],
        "command": subject.command,
        "shell_command": subject.shell_command,
        "command_note": subject.command_note,
        "versions": _versions(),
        "measures": [
            {
                "name": name,
                "value": value,
                "reading": READINGS[name],
                "absence": reason_of_absence(name, len(z), subject.edge_index.shape[1]),
            }
            for name, value in measures.items()
        ],
        "num_measured": len(rows),
        "truth": [
            {
                "name": name.replace("_", " "),
                "value": value,
                "reading": text,
                "absence": "not a finite number",
            }
            for name, value, text in subject.truth
        ],
        "warnings": [warning._asdict() for warning in warnings],
        "unsuspicious": unsuspicious(measures, graph, len(z)),
        "history": _history(subject),
        "epochs": _frames(subject, blocks),
        "colors": colors,
        "class_colors": {"light": COLORS, "dark": COLORS_ON_DARK},
        "graph": _graph(subject, graph.shortcuts, blocks),
        "points": _points(subject, blocks),
    }
    return content, blocks


def _init(subject: Subject) -> str | None:
    """What the training started from, where that is known."""
    values = [each.value for each in subject.settings if each.name in ("init", "training.init")]
    return values[0].strip("'") if values else None


def _kind(subject: Subject) -> str:
    """How a decoded point is shown."""
    shape = subject.shape
    if len(shape) == 2 or (len(shape) == 3 and shape[0] in (1, 3)):
        return "image"
    return {2: "plane", 3: "space"}.get(subject.rows.shape[1], "bars")


def _decoded(subject: Subject) -> NDArray[np.float64]:
    model = subject.model
    with evaluating(model):
        blocks = torch.tensor(subject.z, dtype=torch.float32).split(4096)
        parts = [model.decode(to_model(model, block)).flatten(1).cpu() for block in blocks]
    return torch.cat(parts).double().numpy()


def _colors(subject: Subject, blocks: Blocks, error: NDArray[np.float64]) -> list[dict[str, Any]]:
    """What points may be colored by: a name, and classes or the block of a quantity."""
    colors = []
    if subject.labels is not None:
        colors.append(_label_color(subject.labels, subject.label_name, blocks))
    colors.append(_quantity("reconstruction error", error, blocks, _READINGS["error"]))
    distortion = _distortion(subject)
    if distortion is not None:
        name = "local stretch" if subject.z.shape[1] == 1 else "local distortion"
        colors.append(_quantity(name, distortion, blocks, _READINGS[name]))
    latents = range(min(subject.z.shape[1], _MOST_LATENTS))
    return colors + [{"name": f"latent z{i + 1}", "kind": "latent", "index": i} for i in latents]


def _label_color(labels: NDArray[Any], name: str, blocks: Blocks) -> dict[str, Any]:
    found = find_classes(labels)
    if found is None:
        values = labels.astype(np.float64)
        return {**_quantity(name, values, blocks), "absence": "none given"}
    blocks.add("label", np.minimum(found.code, _MOST_NAMES).astype(np.uint16))
    return {
        "name": name[:_LONGEST_NAME],
        "kind": "classes",
        "block": "label",
        "classes": found.names[:_MOST_NAMES] + ["others"] * (len(found.names) > _MOST_NAMES),
    }


def _quantity(
    name: str, values: NDArray[np.float64], blocks: Blocks, reading: str = ""
) -> dict[str, Any]:
    key = f"color {len(blocks.directory)}"
    with np.errstate(over="ignore"):
        blocks.add(key, values.astype(np.float32))
    return {
        "name": name[:_LONGEST_NAME],
        "kind": "quantity",
        "block": key,
        "reading": reading,
        "absence": "not a finite number",
    }


def _distortion(subject: Subject) -> NDArray[np.float64] | None:
    """How the decoder stretches a line, or how unlike it stretches the directions of a space."""
    if subject.rows.size * subject.z.shape[1] > _MOST_DISTORTIONS:
        return None
    with evaluating(subject.model):
        found = decoder_distortion(subject.model.decode, subject.z.astype(np.float32))
    if subject.z.shape[1] == 1:
        return found.volume.cpu().numpy()
    # Eigenvalues of the metric are squares of stretches.
    return found.condition_number.clamp(max=1e12).log10().cpu().numpy() / 2


def _graph(subject: Subject, shortcuts: NDArray[Any], blocks: Blocks) -> dict[str, Any]:
    """The edges, the shortest first where there are too many."""
    length = subject.edge_length
    edges, lengths = undirected_edges(
        torch.from_numpy(subject.edge_index),
        len(subject.z),
        None if length is None else torch.from_numpy(length),
    )
    pairs = edges.numpy()
    if pairs.shape[1] == 0:
        return {"num_edges": 0, "num_shown": 0}
    torn = np.zeros(pairs.shape[1], dtype=bool)
    try:
        found = shortcut_edges(subject.z, pairs, edge_length=lengths)
        torn = found.is_shortcut.cpu().numpy()
    except NotApplicableError:
        pass
    number = pairs[0] * len(subject.z) + pairs[1]
    short = np.isin(number, shortcuts[0] * len(subject.z) + shortcuts[1])
    x = subject.scaled
    if lengths is None:
        lengths = torch.from_numpy(np.linalg.norm(x[pairs[0]] - x[pairs[1]], axis=1))
    kept = np.sort(np.argsort(lengths.numpy(), kind="stable")[:_MOST_EDGES])
    kept = np.union1d(kept, np.flatnonzero(short))
    blocks.add("edges", pairs[:, kept].T.astype(np.uint32))
    blocks.add("edge length", lengths.numpy()[kept].astype(np.float32))
    blocks.add("edge mark", (short[kept] + 2 * (torn & ~short)[kept]).astype(np.uint8))
    return {
        "num_edges": int(pairs.shape[1]),
        "num_shown": len(kept),
        "num_shortcuts": int(short.sum()),
        "num_torn": int((torn & ~short).sum()),
        "most_searched": MOST_SEARCHED if len(subject.z) > MOST_SEARCHED else None,
    }


def _points(subject: Subject, blocks: Blocks) -> dict[str, Any]:
    """The points themselves, as far as the budget goes, and how to scale decoded ones."""
    rows, kind = subject.rows, _kind(subject)
    low, high = rows.min(axis=0), rows.max(axis=0)
    blocks.add("center", subject.center.astype(np.float32))
    blocks.add("scale", np.atleast_1d(subject.scale).astype(np.float32))
    points: dict[str, Any] = {}
    if kind == "image":
        least, most = float(low.min()), float(high.max())
        points["range"] = [0.0, 1.0] if least >= 0 and 0.5 < most <= 1 else [least, most]
        points["thumbnail"] = _thumbnails(subject, points["range"], blocks)
        return points
    names = subject.names or [f"x{i + 1}" for i in range(rows.shape[1])]
    blocks.add("low", low.astype(np.float32))
    blocks.add("high", high.astype(np.float32))
    order = np.argsort(-(rows.std(axis=0) / np.maximum(subject.scale, 1e-30)), kind="stable")
    points["names"] = [name[:_LONGEST_NAME] for name in names]
    points["units"] = _units(names, subject.units)
    points["bars"] = np.sort(order[:_MOST_BARS]).tolist()
    columns = np.sort(order[:_MOST_COLUMNS])
    while len(columns):
        if blocks.add("values", rows[:, columns].astype(np.float32), optional=True):
            break
        columns = np.sort(order[: len(columns) // 2])
    points["columns"] = columns.tolist()
    return points


def _units(names: list[str], given: Mapping[str, str]) -> dict[int, tuple[str, str]]:
    """The columns that have a unit, each with its name without that, and the unit."""
    units = {}
    for column, name in enumerate(names):
        found = _UNIT_IN_NAME.fullmatch(name)
        bare, unit = found.groups() if found else (name, "")
        if unit := given.get(name, unit):
            units[column] = (bare[:_LONGEST_NAME], unit[:_LONGEST_UNIT])
    return units


def _thumbnails(subject: Subject, span: list[float], blocks: Blocks) -> dict[str, int] | None:
    """Adds images of the points, as large as the budget allows, in 16 or 256 grays."""
    shape = subject.shape if len(subject.shape) == 3 else (1, *subject.shape)
    images = torch.from_numpy(subject.rows.reshape(-1, *shape)).float()
    images = (images - span[0]) / ((span[1] - span[0]) or 1.0)
    whole = max(shape[1:])
    for side in dict.fromkeys([min(whole, _SIDES[0]), *(s for s in _SIDES if s < whole)]):
        size = [max(1, round(length * side / whole)) for length in shape[1:]]
        if len(images) * shape[0] * size[0] * size[1] > 60_000_000:
            continue
        small = images
        if size != list(shape[1:]):
            small = torch.nn.functional.adaptive_avg_pool2d(images, (size[0], size[1]))
        levels = 255 if small.numel() < 3_000_000 else 15
        pixels = (small.clamp(0, 1) * levels).round().to(torch.uint8).numpy()
        if blocks.add("thumbnails", pixels, optional=True):
            return {"channels": shape[0], "height": size[0], "width": size[1], "levels": levels}
    return None


def _frames(subject: Subject, blocks: Blocks) -> list[int]:
    """Adds the curves of the training, and returns their epochs from 1."""
    if not subject.frames:
        return []
    blocks.add("frames", np.stack([curve for _, curve in subject.frames]).astype(np.float32))
    return [epoch + 1 for epoch, _ in subject.frames]


def _history(subject: Subject) -> dict[str, list[float]]:
    history = subject.history
    losses = {"training": [float(record["loss"]) for record in history]}
    held_out = [record.get("validation_loss") for record in history]
    if history and all(loss is not None for loss in held_out):
        losses["held-out points"] = [float(loss) for loss in held_out if loss is not None]
    return losses


def _versions() -> list[list[str]]:
    names = ("torch", "torch-geometric", "numpy", "scikit-learn")
    return [
        ["nrae_geometric", __version__],
        ["Python", platform.python_version()],
        *([name, version(name)] for name in names),
    ]
