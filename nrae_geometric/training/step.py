"""One step of gradient descent, on whatever device and in whatever precision."""

import copy
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

Precision = Literal["32-true", "64-true", "bf16-true", "bf16-mixed", "16-mixed"]

_MODEL_TYPES = {"64-true": torch.float64, "bf16-true": torch.bfloat16}
_PRODUCT_TYPES = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}

# Just below the largest block from which glibc's malloc learns, 32 MiB.
_LARGEST_LESSON = (1 << 25) - (1 << 17)


class TrainingStep:
    """Moves a model to a device and takes fused Adam steps on its loss.

    Args:
        model: A module with ``loss(batch) -> Tensor []``; moved in place.
        lr: The learning rate.
        device: Where to train.
        precision: ``"32-true"`` leaves the model as it is; another ``true`` type converts it. With
            a ``mixed`` type the weights stay as they are and :class:`torch.autocast` chooses the
            type of each operation; float16 has its loss scaled.
        compile: Whether to run the loss through :func:`torch.compile`.
    """

    def __init__(
        self,
        model: nn.Module,
        lr: float,
        device: torch.device,
        precision: Precision = "32-true",
        compile: bool = False,
    ) -> None:
        self.device = device
        if device.type == "cpu":
            _keep_freed_memory()
        model.to(device, _MODEL_TYPES.get(precision))
        self.adam = torch.optim.Adam(model.parameters(), lr=lr, fused=True)
        product_type = _PRODUCT_TYPES.get(precision)
        self._autocast: AbstractContextManager[Any] = (
            torch.autocast(device.type, product_type, cache_enabled=device.type == "cpu")
            if product_type
            else nullcontext()
        )
        self._scaler = torch.amp.GradScaler(device.type) if precision == "16-mixed" else None
        loss: Any = model.loss  # nn.Module types every attribute as a tensor or module
        self._loss = torch.compile(loss) if compile else loss
        self._dtype = next(model.parameters()).dtype

    def __call__(self, batch: Data) -> Tensor:
        """Takes one step and returns the loss before it, ``[]``, detached and on the device.

        Args:
            batch: A batch with points ``x``, brought to the model's device and floating type.
        """
        batch = self._place(batch)
        self.adam.zero_grad()
        with self._autocast:
            loss = self._loss(batch)
        if self._scaler is None:
            loss.backward()
            self.adam.step()
        else:
            self._scaler.scale(loss).backward()
            self._scaler.step(self.adam)
            self._scaler.update()
        return loss.detach()

    def epoch(self, batches: Iterable[Data]) -> Tensor:
        """Takes a step on each batch, without waiting for the device, and returns the mean loss.

        Raises:
            ValueError: If there is no batch.
        """
        losses = [self(batch) for batch in batches]
        if not losses:
            raise ValueError("the loader yields no batches; it needs at least one")
        return torch.stack(losses).mean()

    def _place(self, batch: Data) -> Data:
        if batch.x.device != self.device:
            batch = copy.copy(batch).to(self.device, non_blocking=True)
        if batch.x.dtype != self._dtype and batch.x.is_floating_point():
            batch = copy.copy(batch)
            batch.x = batch.x.to(self._dtype)
        return batch


def _keep_freed_memory() -> None:
    """Has the C library keep what a step frees for the next step.

    glibc gives memory back to the system when more lies idle than twice the largest block freed so
    far. With a few megabytes of gradients it does so in every step, and asking for them again,
    page by page, has been seen to cost a quarter of the step. One large block, freed untouched, is
    enough to teach it.
    """
    torch.empty(_LARGEST_LESSON, dtype=torch.uint8)
