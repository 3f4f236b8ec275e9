r"""Files of tensors and plain values, with a checksum, of which reading executes nothing.

An archive is a `safetensors <https://huggingface.co/docs/safetensors>`_ file. Its tensors are
those of the content, named by their places in it, and the rest of the content as JSON in bytes.
Its metadata tell the kind of content, the version of the format, the library that wrote it, and
the SHA-256 digest of all of this.
"""

import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from nrae_geometric.atomic import atomic_write
from nrae_geometric.version import __version__

MISFITS = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What taking over a file's values may raise where they are of the right kind of file alone."""

_FORMAT = "nrae_geometric"
_VERSION = 1
_TREE = "content.json"
# A value that JSON lacks is a dictionary of one such key.
_TENSOR, _ARRAY, _TUPLE, _DICT, _FLOAT = "$tensor", "$array", "$tuple", "$dict", "$float"


def write_archive(path: str | os.PathLike[str], kind: str, content: Mapping[str, Any]) -> None:
    """Writes a dictionary of tensors and plain values; on an error the file is as it was.

    Args:
        path (str or os.PathLike): The file, of any name. Missing folders are made.
        kind (str): What it holds, for example :obj:`"checkpoint"`.
        content (Mapping[str, Any]): Tensors, NumPy arrays, :obj:`None`, booleans, numbers, strings,
            and lists, tuples and dictionaries of them. NumPy's scalars become numbers, paths and
            devices strings, members of an enumeration their values, and other sequences lists.

    Raises:
        OSError: If the file cannot be written, with its name.
        TypeError: If a value has no such form; the message names its place.
    """
    tensors: dict[str, Tensor] = {}
    tree = json.dumps(_plain(dict(content), "", tensors), allow_nan=False)
    tensors[_TREE] = torch.frombuffer(bytearray(tree.encode()), dtype=torch.uint8)
    metadata = {
        "format": _FORMAT,
        "version": str(_VERSION),
        "kind": kind,
        "library": f"nrae_geometric {__version__}, torch {torch.__version__}",
    }
    metadata["sha256"] = _digest(metadata, tensors)
    with atomic_write(path) as temporary:
        temporary.write_bytes(save(tensors, metadata))


def read_archive(path: str | os.PathLike[str], kind: str) -> dict[str, Any]:
    """Returns what :func:`write_archive` wrote, its tensors on the CPU.

    Args:
        path (str or os.PathLike): The file.
        kind (str): What it should hold.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it holds something else, is damaged, or is of another version.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            _check_kind(path, kind, metadata)
            # Copies, since a tensor of an open file changes or faults with the file.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"{path} is not {_described(kind)}, or is damaged: {error}") from error
    if metadata.pop("sha256", None) != _digest(metadata, tensors):
        raise ValueError(f"{path} is damaged: it is not what its checksum says")
    try:
        return dict(_restored(json.loads(tensors.pop(_TREE).numpy().tobytes()), tensors))
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not {_described(kind)}: {error!r}") from error


def library_of(path: str | os.PathLike[str]) -> str:
    """Returns the library, with its version and PyTorch's, that wrote an archive.

    Args:
        path (str or os.PathLike): A file that :func:`read_archive` has read.
    """
    with safe_open(path, framework="pt") as file:
        return str((file.metadata() or {}).get("library", ""))


def check_storable(content: Mapping[str, Any]) -> None:
    """Raises what :func:`write_archive` would raise for the values.

    Args:
        content (Mapping[str, Any]): As there.

    Raises:
        TypeError: If a value has no form that a file holds; the message names its place.
    """
    _plain(dict(content), "", {})


def _described(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind} file of nrae_geometric"


def _check_kind(path: str | os.PathLike[str], kind: str, metadata: Mapping[str, str]) -> None:
    if metadata.get("format") != _FORMAT:
        raise ValueError(f"{path} is not {_described(kind)}, or is damaged")
    if metadata.get("version") != str(_VERSION):
        raise ValueError(
            f"{path} is of version {metadata.get('version')} of the file format, and this is "
            f"nrae_geometric {__version__}, which reads version {_VERSION}; it was written by "
            f"{metadata.get('library')}"
        )
    if metadata.get("kind") != kind:
        raise ValueError(f"{path} is not {_described(kind)}, but holds: {metadata.get('kind')}")


def _digest(metadata: Mapping[str, str], tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256(json.dumps(metadata, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name!r} {tensor.dtype} {list(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _plain(value: Any, place: str, tensors: dict[str, Tensor]) -> Any:
    """Returns a value in JSON's types, and puts its tensors aside."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, np.bool_ | np.integer | np.floating | np.str_):
        value = value.item()
    if value is None or isinstance(value, bool):
        return value
    for kind in (int, str):  # also what is derived from them
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {_FLOAT: repr(float(value))}
    if isinstance(value, os.PathLike | torch.device | torch.dtype):
        return os.fspath(value) if isinstance(value, os.PathLike) else str(value)
    if isinstance(value, Tensor | np.ndarray):
        tag = _TENSOR if isinstance(value, Tensor) else _ARRAY
        return {tag: _put_aside(value, place, tensors)}
    if isinstance(value, tuple):
        return {_TUPLE: _plain(list(value), place, tensors)}
    if isinstance(value, Mapping):
        items = {
            key: _plain(item, f"{place}.{key}" if place else str(key), tensors)
            for key, item in value.items()
        }
        if all(type(key) is str and not key.startswith("$") for key in items):
            return items
        return {_DICT: [[_plain(key, f"{place}.{key}", {}), items[key]] for key in items]}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return [_plain(item, f"{place}.{index}", tensors) for index, item in enumerate(value)]
    raise TypeError(f"{place} cannot be saved: a file cannot hold a {type(value).__name__}")


def _put_aside(value: Tensor | np.ndarray, place: str, tensors: dict[str, Tensor]) -> str:
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{place} cannot be saved: a file cannot hold a masked array")
    name = place.encode(errors="replace").decode()
    while name in tensors or name in {_TREE, "__metadata__"}:
        name += "'"
    try:
        if isinstance(value, np.ndarray):
            native = value.dtype.newbyteorder("=")
            tensor = torch.from_numpy(np.array(value, native, order="C", subok=False))
        else:
            # A copy, since a file holds no two tensors that share memory.
            tensor = value.detach().to("cpu", copy=True).contiguous().resolve_neg().resolve_conj()
        save({name: tensor.reshape(-1)[:0]})
    except (RuntimeError, TypeError, KeyError, ValueError, NotImplementedError) as error:
        described = f"{type(value).__name__} of type {value.dtype}"
        raise TypeError(f"{place} cannot be saved: a file cannot hold a {described}") from error
    tensors[name] = tensor
    return name


def _restored(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_restored(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((tag, held),) = value.items()
        if tag == _TENSOR:
            return tensors[held]
        if tag == _ARRAY:
            return tensors[held].numpy()
        if tag == _TUPLE:
            return tuple(_restored(held, tensors))
        if tag == _DICT:
            return {_restored(key, tensors): _restored(item, tensors) for key, item in held}
        if tag == _FLOAT:
            return float(held)
    return {key: _restored(item, tensors) for key, item in value.items()}
