"""What every recorder does: watch some epochs of a training run, and survive its checkpoints."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from nrae_geometric.nn.traversal import Autoencoder


@dataclass(frozen=True)
class Frame:
    """What a model had learned at the end of one epoch.

    Args:
        epoch: The epoch, counted from 0.
        loss: Mean training loss of that epoch, or :obj:`None` where it is not known.
        tensors: Named CPU tensors; which ones depends on the recorder.
    """

    epoch: int
    loss: float | None
    tensors: dict[str, Tensor]


def frame_epochs(num_epochs: int) -> tuple[int, ...]:
    """Return the epochs worth a frame: the first thirty, then every fortieth, and the last.

    This is the spacing of the published animations: a model changes fast at first.

    Args:
        num_epochs: Length of the training run.

    Returns:
        Epochs counted from 0, ascending.
    """
    if num_epochs < 1:
        raise ValueError(f"num_epochs is {num_epochs}; an animation needs at least one epoch")
    first = range(min(30, num_epochs))
    return tuple(sorted({*first, *range(0, num_epochs, 40), num_epochs - 1}))


class Recorder(ABC):
    """A training callback that keeps what :meth:`measure` finds at its :attr:`epochs`.

    A trainer calls :meth:`on_epoch_end` after every epoch in :attr:`epochs`, and stores
    :meth:`state_dict` in its checkpoints. Recording leaves the model and every random generator
    as they were, so a recorded run and an unrecorded one end in the same weights.

    Args:
        data: The training data, ``x`` of shape :obj:`[N, *feature_shape]`.
        num_epochs: Length of the training run.
        model_name: Name of the model as the pictures print it.
    """

    #: How many of the latest frames are kept; :obj:`None` keeps all.
    capacity: ClassVar[int | None] = None

    def __init__(self, data: Data, *, num_epochs: int, model_name: str) -> None:
        parts = (("x", data.x), ("edge_index", data.edge_index), ("y", data.y))
        self.data = Data(**{key: t.detach().cpu() for key, t in parts if t is not None})
        self.epochs = frame_epochs(num_epochs)
        self.model_name = model_name
        self.frames: list[Frame] = []

    @property
    @abstractmethod
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of the tensors of one frame."""

    @abstractmethod
    def measure(self, model: Autoencoder) -> dict[str, Tensor]:
        """Return the tensors of one frame; called without gradients and in evaluation mode."""

    def on_epoch_end(self, epoch: int, loss: float | None, model: nn.Module) -> None:
        """Record the model's state at the end of ``epoch``.

        Frames of this epoch and of later ones are dropped: training was resumed from before them.

        Raises:
            TypeError: If the model is not an autoencoder.
        """
        if not isinstance(model, Autoencoder):
            raise TypeError(
                f"{type(model).__name__} cannot be pictured: it needs encode(x, edge_index=None), "
                "decode(z) and a decoder, as nrae_geometric.nn.AE has them"
            )
        with torch.no_grad(), _evaluation_mode(model):
            tensors = {name: t.detach().cpu().float() for name, t in self.measure(model).items()}
        kept = [frame for frame in self.frames if frame.epoch < epoch]
        kept.append(Frame(epoch, None if loss is None else float(loss), tensors))
        self.frames = kept if self.capacity is None else kept[-self.capacity :]

    def state_dict(self) -> dict[str, Any]:
        """Return the frames as lists of numbers and one stacked tensor for each name."""
        names = self.frames[0].tensors if self.frames else {}
        return {
            "epochs": [frame.epoch for frame in self.frames],
            "losses": [frame.loss for frame in self.frames],
            "tensors": {
                name: torch.stack([frame.tensors[name] for frame in self.frames]) for name in names
            },
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over the frames of another recorder of the same data.

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


@contextmanager
def _evaluation_mode(model: nn.Module) -> Iterator[None]:
    # One flag for each module: parts that a user froze must come back frozen.
    training = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, flag in training.items():
            module.training = flag
