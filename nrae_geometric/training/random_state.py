"""Random generators of a run, and which modules draw from those of the process."""

import os
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.lazy import LazyModuleMixin

from nrae_geometric._compat import has_forward_hooks

_DRAWING = (
    LazyModuleMixin,  # draws its parameters when it is first called
    nn.AlphaDropout,
    nn.Dropout,
    nn.Dropout1d,
    nn.Dropout2d,
    nn.Dropout3d,
    nn.FeatureAlphaDropout,
    nn.FractionalMaxPool2d,
    nn.FractionalMaxPool3d,
    nn.MultiheadAttention,
    nn.RNNBase,
    nn.RReLU,
    nn.Transformer,
    nn.TransformerDecoderLayer,
    nn.TransformerEncoderLayer,
)
_lock = threading.RLock()


def _forget_lock() -> None:
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    # No thread of the parent is there to give it back.
    os.register_at_fork(after_in_child=_forget_lock)


class RandomState:
    """The random generators that a run draws from.

    Those of Python, NumPy and PyTorch belong to the whole process; a run may do without them.

    Args:
        device (torch.device): The device of the run; a GPU has a generator of its own.
        generator (torch.Generator, optional): The loader's, where it has one.
            (default: :obj:`None`)
        of_process (bool, optional): Whether those of the process take part. If not, they are
            neither read nor changed. (default: :obj:`True`)
    """

    def __init__(
        self,
        device: torch.device,
        generator: torch.Generator | None = None,
        *,
        of_process: bool = True,
    ) -> None:
        self.device = device
        self.generator = generator
        self.of_process = of_process

    def seed(self, seed: int) -> None:
        """Seeds every generator.

        Args:
            seed (int): From 0 to 2^32 - 1.
        """
        if self.of_process:
            random.seed(seed)
            np.random.seed(seed)  # noqa: NPY002
            # torch.manual_seed would reach for all GPUs, and takes too long for every epoch.
            torch.default_generator.manual_seed(seed)
            if self.device.type == "cuda":
                with torch.cuda.device(self.device):
                    torch.cuda.manual_seed(seed)
        if self.generator is not None:
            self.generator.manual_seed(seed)

    def get(self) -> dict[str, Any]:
        """Returns the states of all generators, in tensors and plain values."""
        state: dict[str, Any] = {
            "loader": None if self.generator is None else self.generator.get_state()
        }
        if self.of_process:
            state["python"] = random.getstate()
            state["numpy"] = _numpy_state()
            state["torch"] = torch.get_rng_state()
            if self.device.type == "cuda":
                state["cuda"] = torch.cuda.get_rng_state(self.device)
        return state

    def set(self, state: dict[str, Any]) -> None:
        """Puts every generator back to where :meth:`get` found it.

        Args:
            state (dict): What :meth:`get` returned.

        Raises:
            KeyError: If the states are those of a run that did without the process's generators.
            ValueError: If only one of the two runs has a generator in its loader.
        """
        if (state["loader"] is None) != (self.generator is None):
            raise ValueError(
                "the loader of a resumed run must have a generator exactly where the first had one"
            )
        if self.of_process:
            random.setstate(state["python"])
            key, *rest = state["numpy"]
            np.random.set_state(("MT19937", key.numpy().astype(np.uint32), *rest))  # noqa: NPY002
            torch.set_rng_state(state["torch"])
            if "cuda" in state and self.device.type == "cuda":
                torch.cuda.set_rng_state(state["cuda"], self.device)
        if self.generator is not None:
            self.generator.set_state(state["loader"])

    @contextmanager
    def preserved(self) -> Iterator[None]:
        """Leaves every generator as it was found, whatever happens inside.

        Where those of the process take part, one thread at a time is inside, and others wait.
        """
        with _lock if self.of_process else nullcontext():
            found = self.get()
            try:
                yield
            finally:
                self.set(found)


def may_draw(module: nn.Module) -> bool:
    """Returns whether calling a module may draw from PyTorch's global generator, as dropout does.

    Of modules that are not PyTorch's own nothing is known, so they may.

    Args:
        module (torch.nn.Module): The module.
    """
    return any(
        not type(part).__module__.startswith("torch.nn.modules.")
        or isinstance(part, _DRAWING)
        or "forward" in vars(part)
        or has_forward_hooks(part)
        for part in module.modules()
    )


def _numpy_state() -> tuple[Tensor, int, int, float]:
    state: Any = np.random.get_state(legacy=False)  # noqa: NPY002
    # PyTorch stores no uint32 arrays of NumPy without pickling them.
    key = torch.from_numpy(state["state"]["key"].astype(np.int64))
    return key, state["state"]["pos"], state["has_gauss"], state["gauss"]
