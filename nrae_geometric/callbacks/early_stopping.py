"""Early stopping."""

import math
from typing import Any, Literal, get_args

from torch import Tensor, nn

from nrae_geometric.arguments import choice, flag, integer, number
from nrae_geometric.training import Callback, Trainer

Monitor = Literal["validation_loss", "loss"]


class EarlyStopping(Callback):
    """Ends a run when a loss has stopped falling, and brings back the best weights.

    The loss is read after every epoch, which waits for a GPU.

    Args:
        patience (int): How many epochs without a new best loss end the run.
        min_delta (float, optional): A new best loss is lower by more than this.
            (default: :obj:`0.0`)
        monitor (str, optional): :obj:`"validation_loss"`, for which
            :meth:`~nrae_geometric.training.Trainer.fit` needs ``validation``, or :obj:`"loss"`.
            (default: :obj:`"validation_loss"`)
        restore_best (bool, optional): Whether the model ends with the weights of the epoch with
            the best loss. (default: :obj:`True`)

    Attributes:
        best (float): The best loss so far.
        best_epoch (int): Its epoch.

    Raises:
        TypeError: If an argument is of another type.
        ValueError: If an argument is out of its range, or, at the start of training, if there is
            no such loss.

    Example::

        stopping = EarlyStopping(patience=20)
        Trainer(500, callbacks=[stopping]).fit(model, loader, validation=held_out)
    """

    def __init__(
        self,
        patience: int,
        *,
        min_delta: float = 0.0,
        monitor: Monitor = "validation_loss",
        restore_best: bool = True,
    ) -> None:
        self.patience = integer("patience", patience, 1)
        self.min_delta = number("min_delta", min_delta, 0)
        self.monitor: Monitor = choice("monitor", monitor, get_args(Monitor))
        self.restore_best = flag("restore_best", restore_best)
        self.best, self.best_epoch = math.inf, -1
        self._weights: dict[str, Tensor] = {}

    def on_fit_start(self, trainer: Trainer, model: nn.Module) -> None:
        """Forgets an earlier run, and makes sure that there is a loss to watch."""
        if self.monitor == "validation_loss" and trainer.validation is None:
            raise ValueError(
                "early stopping by the validation loss needs Trainer.fit(..., validation=), "
                "or monitor='loss'"
            )
        if not trainer.resumed:
            self.best, self.best_epoch, self._weights = math.inf, -1, {}

    def on_epoch_end(self, trainer: Trainer, model: nn.Module) -> None:
        """Compares the loss with the best one."""
        loss = trainer.history[-1][self.monitor]
        if loss < self.best - self.min_delta:
            self.best, self.best_epoch = loss, trainer.epoch
            if self.restore_best:
                self._weights = {
                    name: value.detach().clone() for name, value in model.state_dict().items()
                }
        elif trainer.epoch - self.best_epoch >= self.patience:
            trainer.request_stop(
                f"the {self.monitor.replace('_', ' ')} has not fallen for {self.patience} epochs; "
                f"the best one was {self.best:.4g} in epoch {self.best_epoch}"
            )

    def on_fit_end(self, trainer: Trainer, model: nn.Module) -> None:
        """Brings back the best weights."""
        if self._weights:
            model.load_state_dict(self._weights)

    def state_dict(self) -> dict[str, Any]:
        """Returns the best loss, its epoch and its weights."""
        return {"best": self.best, "best_epoch": self.best_epoch, "weights": self._weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from the state of a stopped run."""
        self.best, self.best_epoch = state["best"], state["best_epoch"]
        self._weights = state["weights"]
