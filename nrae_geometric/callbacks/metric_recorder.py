"""Recorder of measures over the epochs."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn
from torch_geometric.data import Data

from nrae_geometric.arguments import integer
from nrae_geometric.metrics import evaluate_measures
from nrae_geometric.nn import AE
from nrae_geometric.registry import MEASURES
from nrae_geometric.training import Callback, Trainer


class MetricRecorder(Callback):
    """Measures the model every few epochs.

    Recording leaves the model and every random generator as they were, so a recorded run and an
    unrecorded one end in the same weights.

    Args:
        metrics (Sequence[str]): Names of measures, see
            :func:`~nrae_geometric.metrics.register_measure`.
        points (Data): The training points and their graph.
        every (int, optional): Measures in epoch 0, in every so many epochs from there, and in the
            last. (default: :obj:`100`)
        test (Data, optional): Clean points ``x`` and their true coordinate ``y``, not trained on.
            (default: :obj:`None`)
        manifold (Data, optional): Points that cover the true manifold densely, in the order of
            their ``y``. (default: :obj:`None`)

    Attributes:
        records (list[dict[str, Any]]): For each measured epoch its number, its loss, and each
            measure under its dotted name.

    Raises:
        TypeError: If the names are no list, or a count is no integer.
        ValueError: If a name is unknown, what it needs is missing, or a count is below 1.

    Example::

        recorder = MetricRecorder(["shortcut_segments"], data, every=100)
        Trainer(2001, callbacks=[recorder]).fit(model, loader)
        recorder.records[-1]  # {"epoch": 2000, "loss": 0.05, "shortcut_segments.fraction": ...}
    """

    in_first_process = True

    def __init__(
        self,
        metrics: Sequence[str],
        points: Data,
        *,
        every: int = 100,
        test: Data | None = None,
        manifold: Data | None = None,
    ) -> None:
        if isinstance(metrics, str):
            raise TypeError(f"metrics must be a list of names, got {metrics!r}; pass [{metrics!r}]")
        every = integer("every", every, 1)
        for name in metrics:
            MEASURES[name].check_data(points, test, manifold)
        self.metrics = tuple(metrics)
        self.every = every
        self.points, self.test, self.manifold = points, test, manifold
        self.records: list[dict[str, Any]] = []

    def on_fit_start(self, trainer: Trainer, model: nn.Module) -> None:
        """Forgets an earlier run."""
        if not trainer.resumed:
            self.records = []

    def on_epoch_end(self, trainer: Trainer, model: nn.Module) -> None:
        """Adds a record where it is time for one.

        Raises:
            TypeError: If the model is not an autoencoder.
        """
        if not isinstance(model, AE):
            raise TypeError(
                f"{type(model).__name__} cannot be measured: it must be an nrae_geometric.nn.AE"
            )
        if trainer.epoch % self.every and not trainer.is_last_epoch:
            return
        measured = evaluate_measures(self.metrics, model, self.points, self.test, self.manifold)
        loss = trainer.history[-1]["loss"]
        self.records.append({"epoch": trainer.epoch, "loss": loss, **flat(measured)})

    def state_dict(self) -> dict[str, Any]:
        """Returns the records."""
        return {"records": self.records}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from the records of a stopped run."""
        self.records = list(state["records"])


def flat(measured: Mapping[str, Any]) -> dict[str, Any]:
    """Returns nested values under dotted names, such as ``latent_order.spearman``."""
    values: dict[str, Any] = {}
    for name, value in measured.items():
        if isinstance(value, Mapping):
            values |= {f"{name}.{key}": item for key, item in flat(value).items()}
        else:
            values[name] = value
    return values
