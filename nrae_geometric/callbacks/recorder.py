"""Recorders for animations, on one base."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from nrae_geometric.arguments import integer
from nrae_geometric.nn.evaluation import EDGE_ARGUMENTS, evaluating
from nrae_geometric.nn.traversal import Autoencoder
from nrae_geometric.training import Callback, Trainer


@dataclass(frozen=True)
class Frame:
    """The state of a model at the end of one epoch.

    Attributes:
        epoch (int): The epoch, counted from 0.
        loss (float, optional): Mean training loss of that epoch, where it is known.
        tensors (dict[str, Tensor]): Named CPU tensors; which ones depends on the recorder.
    """

    epoch: int
    loss: float | None
    tensors: dict[str, Tensor]


def frame_epochs(max_epochs: int) -> tuple[int, ...]:
    """Returns the epochs worth a frame: the first thirty, then every fortieth, and the last.

    This is the spacing of the published animations: a model changes fast at first.

    Args:
        max_epochs (int): Length of the training run.

    Returns:
        tuple[int, ...]: Epochs counted from 0, ascending.

    Raises:
        TypeError: If the length is no integer.
        ValueError: If the run has no epoch.
    """
    max_epochs = integer("max_epochs", max_epochs, 1)
    return tuple(epoch for epoch in range(max_epochs) if _has_frame(epoch, max_epochs))


def _has_frame(epoch: int, max_epochs: int) -> bool:
    return epoch < 30 or epoch % 40 == 0 or epoch == max_epochs - 1


class Recorder(Callback, ABC):
    """A callback that keeps a :meth:`snapshot` of the model at the :func:`frame_epochs` of a run.

    Recording leaves the model and every random generator as they were, so a recorded run and an
    unrecorded one end in the same weights. A run that another callback ends has its last epoch
    recorded if the recorder comes later in the trainer's callbacks.

    Args:
        data (Data): The training data, ``x`` of shape :obj:`[N, *feature_shape]`.
        model_name (str): Name of the model as the pictures print it.

    Attributes:
        frames (list[Frame]): The frames so far.
    """

    in_first_process = True

    capacity: ClassVar[int | None] = None
    """How many of the latest frames are kept; :obj:`None` keeps all."""

    def __init__(self, data: Data, *, model_name: str) -> None:
        parts = {key: data.get(key) for key in ("x", "edge_index", "y", *EDGE_ARGUMENTS)}
        kept = {key: t.detach().cpu() for key, t in parts.items() if isinstance(t, Tensor)}
        self.data = Data(**kept)
        self.model_name = model_name
        self.frames: list[Frame] = []

    @property
    @abstractmethod
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of the tensors of one frame."""

    @abstractmethod
    def snapshot(self, model: Autoencoder) -> dict[str, Tensor]:
        """Returns the tensors of one frame; called without gradients and in evaluation mode."""

    def record(self, epoch: int, loss: float | None, model: nn.Module) -> None:
        """Records the model's state at the end of an epoch.

        Frames of this epoch and of later ones are dropped: training was resumed from before them.

        Args:
            epoch (int): The epoch, counted from 0.
            loss (float, optional): Its mean training loss, where it is known.
            model (torch.nn.Module): The model.

        Raises:
            TypeError: If the model is not an autoencoder.
        """
        if not isinstance(model, Autoencoder):
            raise TypeError(
                f"{type(model).__name__} cannot be pictured: it needs encode(x, edge_index=None), "
                "decode(z) and a decoder, as nrae_geometric.nn.AE has them"
            )
        with evaluating(model):
            tensors = {name: t.detach().cpu().float() for name, t in self.snapshot(model).items()}
        kept = [frame for frame in self.frames if frame.epoch < epoch]
        kept.append(Frame(epoch, loss, tensors))
        self.frames = kept if self.capacity is None else kept[-self.capacity :]

    def on_fit_start(self, trainer: Trainer, model: nn.Module) -> None:
        """Forgets an earlier run."""
        if not trainer.resumed:
            self.frames = []

    def on_epoch_end(self, trainer: Trainer, model: nn.Module) -> None:
        """Records the epochs that are worth a frame."""
        if trainer.is_last_epoch or _has_frame(trainer.epoch, trainer.max_epochs):
            self.record(trainer.epoch, trainer.history[-1]["loss"], model)

    def state_dict(self) -> dict[str, Any]:
        """Returns the frames as lists of numbers and one stacked tensor for each name."""
        names = self.frames[0].tensors if self.frames else {}
        return {
            "epochs": [frame.epoch for frame in self.frames],
            "losses": [frame.loss for frame in self.frames],
            "tensors": {
                name: torch.stack([frame.tensors[name] for frame in self.frames]) for name in names
            },
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes over the frames of another recorder of the same data.

        Args:
            state (Mapping[str, Any]): What :meth:`state_dict` returned.

        Raises:
            ValueError: If the state was recorded for other data, another graph or another order.
        """
        epochs, losses, tensors = state["epochs"], state["losses"], state["tensors"]
        found = {name: tuple(stacked.shape[1:]) for name, stacked in tensors.items()}
        if epochs and found != self.shapes:
            raise ValueError(
                f"the recorded frames hold {found}, but this recorder draws {self.shapes}; "
                "resume with the same data, graph and order"
            )
        self.frames = [
            Frame(epoch, loss, {name: stacked[i].clone() for name, stacked in tensors.items()})
            for i, (epoch, loss) in enumerate(zip(epochs, losses, strict=True))
        ]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.model_name!r}, frames={len(self.frames)})"


def recorder_for(
    data: Data,
    *,
    manifold: Tensor | None = None,
    order: int | None = None,
    model_name: str | None = None,
    coordinate: str = "true coordinate",
) -> Recorder | None:
    """Returns a recorder for planar points or images, and :obj:`None` for any others.

    Args:
        data (Data): Training data: ``x`` of shape :obj:`[N, 2]` for points, :obj:`[N, C, H, W]`
            or :obj:`[N, H, W]` for images; ``edge_index`` and ``y`` where there are any.
        manifold (Tensor, optional): Points of the true curve in order, shape :obj:`[M, 2]`
            (points only). (default: :obj:`None`)
        order (int, optional): Order of the model's local expansion, 1 or 2; :obj:`None` for a
            model without any. (default: :obj:`None`)
        model_name (str, optional): Name of the model as the pictures print it; by default that of
            the published model of that order. (default: :obj:`None`)
        coordinate (str, optional): What ``y`` is, with its unit, as the pictures print it (images
            only). (default: :obj:`"true coordinate"`)

    Raises:
        ValueError: If the order is none of these.
    """
    # Both derive from this module's Recorder.
    from nrae_geometric.callbacks.curve_recorder import CurveRecorder
    from nrae_geometric.callbacks.image_recorder import ImageRecorder

    name = published_name(order) if model_name is None else model_name
    if data.x.dim() == 2 and data.x.size(1) == 2:
        return CurveRecorder(data, manifold, order=order, model_name=name)
    if data.x.dim() in (3, 4):
        return ImageRecorder(data, model_name=name, coordinate=coordinate)
    return None


def published_name(order: int | None) -> str:
    """Returns the published name of the model whose loss expands the decoder to an order.

    Args:
        order (int, optional): The order; :obj:`None` without any expansion.

    Raises:
        ValueError: If no model of that order is published.
    """
    names = {None: "AE", 1: "NRAE-L", 2: "NRAE-Q"}
    if order not in list(names) or isinstance(order, bool | float):
        raise ValueError(f"order is {order!r}; choose None (plain autoencoder), 1 or 2")
    return names[order]
