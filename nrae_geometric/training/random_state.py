"""States of the random generators."""

import os
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

_lock = threading.RLock()


def _forget_lock() -> None:
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    # No thread of the parent is there to give it back.
    os.register_at_fork(after_in_child=_forget_lock)


def seed_generators(
    seed: int, device: torch.device, generator: torch.Generator | None = None
) -> None:
    """Seeds every random generator that training draws from.

    Args:
        seed (int): From 0 to 2^32 - 1.
        device (torch.device): The device trained on; a GPU has a generator of its own.
        generator (torch.Generator, optional): The loader's, where it has one.
            (default: :obj:`None`)
    """
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    # torch.manual_seed would reach for all GPUs, and takes too long for every epoch.
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)
    if generator is not None:
        generator.manual_seed(seed)


def random_state(device: torch.device, generator: torch.Generator | None = None) -> dict[str, Any]:
    """Returns the state of every random generator that training draws from.

    Args:
        device (torch.device): As in :func:`seed_generators`.
        generator (torch.Generator, optional): As in :func:`seed_generators`.

    Returns:
        dict: Tensors and numbers alone, so that a checkpoint can hold it.
    """
    return {
        "python": random.getstate(),
        "numpy": _numpy_state(),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
        "loader": None if generator is None else generator.get_state(),
    }


def restore_random_state(
    state: dict[str, Any], device: torch.device, generator: torch.Generator | None = None
) -> None:
    """Puts every random generator back to where :func:`random_state` found it.

    Args:
        state (dict): What :func:`random_state` returned.
        device (torch.device): As in :func:`seed_generators`.
        generator (torch.Generator, optional): As in :func:`seed_generators`.

    Raises:
        ValueError: If only one of the two runs has a generator in its loader.
    """
    saved: Tensor | None = state["loader"]
    if (saved is None) != (generator is None):
        raise ValueError(
            "the loader of a resumed run must have a generator exactly where the first had one"
        )
    random.setstate(state["python"])
    key, *rest = state["numpy"]
    np.random.set_state(("MT19937", key.numpy().astype(np.uint32), *rest))  # noqa: NPY002
    torch.set_rng_state(state["torch"])
    if state["cuda"] is not None and device.type == "cuda":
        torch.cuda.set_rng_state(state["cuda"], device)
    if generator is not None and saved is not None:
        generator.set_state(saved)


@contextmanager
def preserved_random_state(
    device: torch.device, generator: torch.Generator | None = None
) -> Iterator[None]:
    """Leaves every random generator as it was found, whatever happens inside.

    The generators of Python, NumPy and PyTorch are those of the whole process: one thread at a
    time is inside, and others wait.

    Args:
        device (torch.device): As in :func:`seed_generators`.
        generator (torch.Generator, optional): As in :func:`seed_generators`.
    """
    with _lock:
        found = random_state(device, generator)
        try:
            yield
        finally:
            restore_random_state(found, device, generator)


@contextmanager
def preserved_generator(generator: torch.Generator | None) -> Iterator[None]:
    """Leaves one random generator as it was found, and does nothing without one.

    Args:
        generator (torch.Generator, optional): The generator.
    """
    found = None if generator is None else generator.get_state()
    try:
        yield
    finally:
        if generator is not None and found is not None:
            generator.set_state(found)


def _numpy_state() -> tuple[Tensor, int, int, float]:
    state: Any = np.random.get_state(legacy=False)  # noqa: NPY002
    # PyTorch stores no uint32 arrays of NumPy without pickling them.
    key = torch.from_numpy(state["state"]["key"].astype(np.int64))
    return key, state["state"]["pos"], state["has_gauss"], state["gauss"]
