"""One step of gradient descent, on whatever device and in whatever precision."""

import copy
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

Precision = Literal["32-true", "64-true", "bf16-true", "bf16-mixed", "16-mixed"]


class TrainingStep:
    """Moves a model to a device and takes fused Adam steps on its loss.

    Args:
        model: A module with ``loss(batch) -> Tensor []``; moved in place.
        lr: The learning rate.
        device: Where to train.
        precision: One of Lightning Fabric's precisions.
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
        # Imported here because reading about the trainer should not cost Lightning's import.
        from lightning_fabric import Fabric

        self.device = device
        self.adam = torch.optim.Adam(model.parameters(), lr=lr, fused=True)
        self._fabric = Fabric(
            accelerator=device.type,
            devices=1 if device.type == "cpu" else [device.index],
            precision=precision,
        )
        loss = _Loss(model)
        if compile:
            loss.compile()
        wrapped: Any = self._fabric.setup(loss, self.adam)
        self._loss, self._optimizer = wrapped
        self._dtype = next(model.parameters()).dtype

    def __call__(self, batch: Data) -> Tensor:
        """Takes one step and returns the loss before it, ``[]``, detached and on the device.

        Args:
            batch: A batch with points ``x``, brought to the model's device and floating type.
        """
        self._optimizer.zero_grad()
        loss = self._loss(self._place(batch))
        self._fabric.backward(loss)
        self._optimizer.step()
        return loss.detach()

    def _place(self, batch: Data) -> Data:
        if batch.x.device != self.device:
            batch = copy.copy(batch).to(self.device, non_blocking=True)
        if batch.x.dtype != self._dtype and batch.x.is_floating_point():
            batch = copy.copy(batch)
            batch.x = batch.x.to(self._dtype)
        return batch


class _Loss(nn.Module):
    """The loss as a forward pass, which is what Fabric and the compiler wrap."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Data) -> Tensor:
        loss: Any = self.model.loss  # nn.Module types every attribute as a tensor or module
        return loss(batch)
