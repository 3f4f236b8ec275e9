"""Parts of a training run beside the loop."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from torch import nn

if TYPE_CHECKING:
    from nrae_geometric.training.trainer import Trainer

logger = logging.getLogger(__name__)


class Callback:
    """A part of a training run beside the loop. Every hook does nothing by itself.

    A callback decides itself at which epochs it acts. It may read the attributes of the trainer,
    change the model, and end the run with :meth:`Trainer.request_stop`. What it has to remember
    when a run is resumed goes through :meth:`state_dict` and :meth:`load_state_dict`.

    Example::

        class StopBelow(Callback):
            def __init__(self, loss):
                self.loss = loss

            def on_epoch_end(self, trainer, model):
                if trainer.history[-1]["loss"] < self.loss:
                    trainer.request_stop(f"the loss is below {self.loss}")
    """

    name: str | None = None
    """The name of its state in checkpoints; by default that of its class."""

    in_first_process: bool = False
    """Whether it is called in the first of several processes alone, as what writes files or only
    looks on should be; what changes the model is called in all, and has to do the same in all."""

    def on_fit_start(self, trainer: "Trainer", model: nn.Module) -> None:
        """Called before the first epoch, when the model is on its device.

        Where :obj:`Trainer.resumed` is set, the model is the one of the checkpoint, and
        :meth:`load_state_dict` has been called.
        """

    def on_epoch_end(self, trainer: "Trainer", model: nn.Module) -> None:
        """Called at the end of each epoch."""

    def on_fit_end(self, trainer: "Trainer", model: nn.Module) -> None:
        """Called after the last epoch, before the last checkpoint."""

    def on_checkpoint(self, trainer: "Trainer", model: nn.Module) -> None:
        """Called after each checkpoint has been written."""

    def state_dict(self) -> dict[str, Any]:
        """Returns tensors, numbers, strings, and lists, tuples and dictionaries of them."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from what :meth:`state_dict` returned."""


def by_name(callbacks: Sequence[Callback]) -> dict[str, Callback]:
    """Returns callbacks by the names of their states.

    Args:
        callbacks (Sequence[Callback]): The callbacks, in the order in which they are called.

    Raises:
        TypeError: If one is no callback.
        ValueError: If two have the same name.
    """
    for callback in callbacks:
        if not isinstance(callback, Callback):
            raise TypeError(f"{callback!r} is no nrae_geometric.training.Callback; derive it")
    names = [callback.name or type(callback).__name__ for callback in callbacks]
    for name, count in Counter(names).items():
        if count > 1:
            raise ValueError(
                f"{count} callbacks have the name {name!r}, which checkpoints tell them apart by; "
                f"set the attribute `name` of each"
            )
    return dict(zip(names, callbacks, strict=True))


def restore_states(callbacks: Mapping[str, Callback], states: Mapping[str, dict[str, Any]]) -> None:
    """Has callbacks go on from their states, and warns where only one of both is there.

    Args:
        callbacks (Mapping[str, Callback]): The callbacks by name.
        states (Mapping[str, dict[str, Any]]): Their states by name, empty for one without any.
    """
    for name, callback in callbacks.items():
        if name in states:
            callback.load_state_dict(states[name])
        elif callback.state_dict():
            logger.warning("the checkpoint has no state of %s, which starts afresh", name)
    for name, state in states.items():
        if state and name not in callbacks:
            logger.warning("the checkpoint has a state of %s, which this run goes without", name)
