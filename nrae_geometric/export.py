"""Fitted transformers as ONNX files, for programs that have no PyTorch.

A folder ``encoder.onnx``, ``decoder.onnx`` and ``card.json``. The two files take and return what
``transform`` and ``inverse_transform`` do, points in their own unit: centering and scaling are part
of them. The card tells everything about them that a program needs to know.
"""

import copy
import hashlib
import json
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import DTypeLike
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from nrae_geometric.atomic import atomic_write
from nrae_geometric.latent_transformer import LatentTransformer
from nrae_geometric.nn import AE
from nrae_geometric.nn.evaluation import evaluating, to_model
from nrae_geometric.quiet import quiet
from nrae_geometric.version import __version__

TOLERANCE = 1e-5
"""How far a file may be from PyTorch, relative to the scale of the points."""

_FORMAT, _VERSION = "nrae_geometric ONNX export", 1
_CARD = "card.json"
_LIBRARIES = ("torch", "onnx", "onnxscript", "onnxruntime")
# As many as show a difference, in more than one batch.
_NUM_CHECKED = 256


@torch.inference_mode(False)
def export_onnx(
    transformer: LatentTransformer,
    folder: str | os.PathLike[str],
    dtype: DTypeLike = np.float32,
    parameters: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Writes encoder and decoder as ONNX files with a card, once they agree with PyTorch.

    Args:
        transformer (LatentTransformer): The fitted transformer.
        folder (str or os.PathLike): Where the files go; it is made if it is missing. On an error
            it is as it was.
        dtype (numpy.dtype, optional): The type of the files' inputs and outputs: float32 or
            float64. (default: float32)
        parameters (Mapping[str, Any], optional): What the transformer was fitted with, for the
            card. (default: :obj:`None`)

    Returns:
        dict: The card.

    Raises:
        ImportError: If onnx, onnxscript or onnxruntime is missing.
        OSError: If a file cannot be written, with its name.
        RuntimeError: If a network of your own cannot be written as ONNX, or a file gives other
            values than PyTorch.
        ValueError: If the encoder takes a graph.
    """
    check_is_fitted(transformer)
    _require_libraries()
    model = transformer.model_
    if model.encoder_uses_graph:
        raise ValueError(
            f"the encoder {type(model.encoder).__name__} takes a graph, and a point that is sent "
            "to a file has none; fit an encoder without edge_index to export it"
        )
    # Graphics cards may round to half precision.
    transformer, columns = copy.copy(transformer), getattr(transformer, "feature_names_in_", None)
    transformer.__dict__.pop("feature_names_in_", None)
    transformer.model_ = copy.deepcopy(model).cpu()
    dtype = np.dtype(dtype)
    points = _known_points(transformer, dtype)
    latents = transformer.transform(points)
    known = {
        "encoder": (points, latents, 1.0),
        "decoder": (latents, transformer.inverse_transform(latents), transformer.scale_),
    }
    parts = _parts(transformer, dtype, latents.shape[1])
    files, differences = {}, {}
    for name, part in parts.items():
        files[name] = _as_onnx(name, part)
        differences[name] = difference = _difference(files[name], *known[name])
        if not difference <= TOLERANCE:
            raise RuntimeError(
                f"{name}.onnx differs from PyTorch by {difference:.2g} of the points' scale, more "
                f"than {TOLERANCE:g}; see whether the {name} returns the same every time, and "
                "report its layers if it does"
            )
    card = {
        "format": _FORMAT,
        "version": _VERSION,
        "files": {name: _described(name, parts[name], files[name]) for name in parts},
        "unit": "that of the points that were fitted: centering and scaling are inside the files",
        "columns": None if columns is None else list(map(str, columns)),
        "scaling": {
            "formula": "scaled = (points - center) / scale",
            "center": transformer.center_.tolist(),
            "scale": np.asarray(transformer.scale_).tolist(),
        },
        "check": {
            "points": len(points),
            "tolerance": TOLERANCE,
            "largest_difference": differences,
        },
        "estimator": type(transformer).__name__,
        "parameters": _plain(parameters or {}),
        "libraries": {"nrae_geometric": __version__, **{n: version(n) for n in _LIBRARIES}},
    }
    _write(Path(folder), files, card)
    return card


class _Arithmetic:
    """Centering and scaling as in NumPy, in single precision where that is exact enough."""

    def __init__(self, transformer: LatentTransformer, dtype: np.dtype[Any]) -> None:
        shape = transformer.feature_shape_
        center = transformer.center_.reshape(shape)
        scale = np.asarray(transformer.scale_, dtype=np.float64)
        scale = scale.reshape(shape) if scale.ndim else scale
        single = np.finfo(np.float32)
        largest = max(np.abs(center).max(), scale.max())
        # What the rounding of a number far from zero is, in scaled points.
        with np.errstate(over="ignore"):
            rounding = single.eps * np.max(np.abs(center) / scale)
        is_single = (
            dtype == np.float32
            and rounding < TOLERANCE / 10
            and single.tiny < scale.min()
            and largest < single.max / 1e6
        )
        self.dtype = torch.float32 if is_single else torch.float64
        # Halves of the largest numbers still have a difference.
        self.factor = 0.5 if largest > np.finfo(np.float64).max / 1e6 else 1.0
        self.center = torch.tensor(center * self.factor, dtype=self.dtype)
        self.scale = torch.tensor(scale * self.factor, dtype=self.dtype)


class _Part(nn.Module):
    """A part of a model with the scaling of points, and what it takes and returns."""

    center: Tensor
    scale: Tensor
    names: tuple[str, str]

    def __init__(
        self,
        model: AE,
        arithmetic: _Arithmetic,
        dtype: np.dtype[Any],
        shapes: tuple[tuple[int, ...], tuple[int, ...]],
    ) -> None:
        super().__init__()
        self.model, self.factor, self.shapes = model, arithmetic.factor, shapes
        self.dtype: torch.dtype = getattr(torch, dtype.name)
        self.register_buffer("center", arithmetic.center)
        self.register_buffer("scale", arithmetic.scale)


class _Encoder(_Part):
    names = ("points", "latents")

    def forward(self, points: Tensor) -> Tensor:
        x = points.to(self.center.dtype)
        x = x if self.factor == 1 else x * self.factor
        x = ((x - self.center) / self.scale).float()
        return self.model.encode(to_model(self.model, x)).to(self.dtype)


class _Decoder(_Part):
    names = ("latents", "points")

    def forward(self, latents: Tensor) -> Tensor:
        x = self.model.decode(to_model(self.model, latents.float())).to(self.center.dtype)
        points = x * self.scale + self.center
        return (points if self.factor == 1 else points / self.factor).to(self.dtype)


def _parts(transformer: LatentTransformer, dtype: np.dtype[Any], width: int) -> dict[str, _Part]:
    arithmetic, shape = _Arithmetic(transformer, dtype), transformer.feature_shape_
    model = transformer.model_
    return {
        "encoder": _Encoder(model, arithmetic, dtype, (shape, (width,))),
        "decoder": _Decoder(model, arithmetic, dtype, ((width,), shape)),
    }


def _as_onnx(name: str, part: _Part) -> bytes:
    """Returns the content of an ONNX file for any number of points."""
    # A size of 0 or 1 would be taken for a constant.
    example = torch.zeros(3, *part.shapes[0], dtype=part.dtype)
    any_number = ({0: torch.export.Dim("batch")},)
    try:
        with evaluating(part), _quiet_exporter():
            exported = torch.export.export(part, (example,), dynamic_shapes=any_number)
            program = torch.onnx.export(
                exported,
                dynamic_shapes=any_number,
                input_names=part.names[:1],
                output_names=part.names[1:],
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    except Exception as error:
        raise RuntimeError(
            f"the {name} {type(getattr(part.model, name)).__name__} cannot be written as ONNX for "
            "any number of points; its forward may use PyTorch's operations alone, and x.size(0), "
            f"not len(x). PyTorch says: {error}"
        ) from error
    assert program is not None
    proto = program.model_proto
    for node in proto.graph.node:
        del node.metadata_props[:]  # where the code lies on this machine
    return proto.SerializeToString(deterministic=True)


def _require_libraries() -> None:
    try:
        for name in ("onnx", "onnxscript", "onnxruntime"):
            import_module(name)
    except ImportError as error:
        raise ImportError(
            f"export needs onnx, onnxscript and onnxruntime ({error}); "
            "pip install nrae-geometric[onnx]"
        ) from error


def _known_points(transformer: LatentTransformer, dtype: np.dtype[Any]) -> np.ndarray:
    """Some of the points that were learned from, in their unit."""
    scaled = transformer.graph_.x[:_NUM_CHECKED].flatten(1).double().numpy(force=True)
    points = scaled * transformer.scale_ + transformer.center_
    return points.astype(dtype).reshape(-1, *transformer.feature_shape_)


def _difference(file: bytes, values: np.ndarray, expected: np.ndarray, unit: Any) -> float:
    """The largest difference of a file from PyTorch, in units of the scaled points."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    found = [session.run(None, {name: part})[0] for part in (values[:1], values[1:])]
    unit = np.broadcast_to(unit, (expected[0].size,)).reshape(expected.shape[1:])
    wanted = expected.astype(np.float64)
    # Numbers far from zero are rounded by their type, whoever computes them.
    rounding = np.finfo(expected.dtype).eps * np.abs(wanted)
    error = np.maximum(0.0, np.abs(np.concatenate(found) - wanted) - rounding) / unit
    spread = np.abs(wanted - wanted.mean(axis=0)) / unit
    return float(error.max() / max(1.0, spread.max()))


def _described(name: str, part: _Part, file: bytes) -> dict[str, Any]:
    dtype = str(part.dtype).removeprefix("torch.")
    ends = {
        end: {"name": part.names[i], "type": dtype, "shape": ["batch", *part.shapes[i]]}
        for i, end in enumerate(("input", "output"))
    }
    return {"file": f"{name}.onnx", "sha256": hashlib.sha256(file).hexdigest(), **ends}


def _plain(value: Any) -> Any:
    """A parameter in JSON's types; of an array, which may be as long as the points, its shape."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray | Tensor):
        return f"array {list(value.shape)}"
    return str(value)


def _write(folder: Path, files: Mapping[str, bytes], card: Mapping[str, Any]) -> None:
    """Puts all files in place once all are on the disk, the card last."""
    contents = {_CARD: json.dumps(card, indent=2, allow_nan=False).encode()}
    contents.update({f"{name}.onnx": file for name, file in files.items()})
    with ExitStack() as stack:
        for name, content in contents.items():
            stack.enter_context(atomic_write(folder / name)).write_bytes(content)


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Keeps PyTorch's exporter from warnings about itself and packages that are not needed."""
    with quiet("torch.onnx"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
