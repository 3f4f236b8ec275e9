"""Guarantee: after any call every part of a model is in training or evaluation mode as before."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from nrae_geometric.callbacks import CurveRecorder, EmbeddingStart
from nrae_geometric.loader import NeighborhoodLoader
from nrae_geometric.metrics.suite import evaluate_supervised, evaluate_unsupervised
from nrae_geometric.nn import AE, NRAE, mlp
from nrae_geometric.nn.evaluation import evaluating
from nrae_geometric.nn.traversal import decode_latent_range
from nrae_geometric.training import Callback, Trainer
from nrae_geometric.transforms import KNNGraph


class Merging(nn.Linear):
    """As adapters of low rank do, it learns only where ``train`` has told it so."""

    def __init__(self, *size: int) -> None:
        super().__init__(*size)
        self.merged = False

    def train(self, mode: bool = True) -> "Merging":
        self.merged = not mode
        return super().train(mode)


class Stop(Callback):
    def on_epoch_end(self, trainer: Trainer, model: nn.Module) -> None:
        raise LookupError("stopped")


class Meddle(Callback):
    def on_epoch_end(self, trainer: Trainer, model: nn.Module) -> None:
        model.eval()


@pytest.fixture
def data() -> Data:
    t = torch.linspace(0, 3, 24)
    return KNNGraph(4)(Data(x=torch.stack([t, t.sin()], dim=1), y=t))


def frozen_parts(model: AE) -> None:
    model.train()
    model.decoder[1].eval()
    model.encoder[0].eval()


def model_in(state: Callable[[AE], object]) -> AE:
    torch.manual_seed(0)
    decoder = nn.Sequential(
        Merging(1, 4), nn.BatchNorm1d(4).eval(), nn.Tanh(), nn.Dropout(0.1), nn.Linear(4, 2)
    )
    model = NRAE(mlp([2, 6, 1], "elu"), decoder)
    state(model)
    return model


def fit(model: AE, data: Data, *callbacks: Callback) -> None:
    loader = NeighborhoodLoader(data, 2, batch_size=12)
    trainer = Trainer(2, device="cpu", progress=False, seed=0, callbacks=callbacks)
    trainer.fit(model, loader, validation=loader)


CALLS: dict[str, Callable[[AE, Data], object]] = {
    "fit": fit,
    "fit from coordinates": lambda m, d: fit(m, d, EmbeddingStart(num_steps=2)),
    "fit with pictures": lambda m, d: fit(m, d, CurveRecorder(d)),
    "fit that is stopped": lambda m, d: fit(m, d, Stop()),
    "fit with a callback that changes modes": lambda m, d: fit(m, d, Meddle()),
    "evaluate": evaluate_supervised,
    "evaluate without truth": evaluate_unsupervised,
    "curve": lambda m, d: decode_latent_range(m, d.x),
    "failing evaluation": lambda m, d: evaluate_unsupervised(m, Data(x=torch.zeros(3, 5))),
}
STATES: dict[str, Callable[[AE], object]] = {
    "frozen parts": frozen_parts,
    "evaluation": lambda model: model.eval(),
    "frozen encoder": lambda model: (model.train(), model.decoder[1].eval(), model.encoder.eval()),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", CALLS)
def test_modes_are_as_before(data, name, state):
    model = model_in(STATES[state])
    if state == "evaluation":
        model.decoder[1] = nn.Identity().eval()  # all of it is trained
    before = [(part, part.training) for part in model.modules()]
    merged = model.decoder[0].merged
    try:
        CALLS[name](model, data)
    except (LookupError, ValueError, RuntimeError):
        assert "stopped" in name or "failing" in name
    assert [(part, part.training) for part in model.modules()] == before
    assert model.decoder[0].merged == merged


@pytest.mark.parametrize("state", STATES)
def test_training_keeps_what_is_frozen_and_trains_the_rest(data, state):
    seen: list[list[bool]] = []

    class Watch(nn.Tanh):
        def forward(self, x: Tensor) -> Tensor:
            seen.append([part.training for part in model.modules()])
            return super().forward(x)

    model = model_in(STATES[state])
    expected = [part.training or state == "evaluation" for part in model.modules()]
    model.encoder[1] = Watch().train(model.encoder[1].training)
    if state == "evaluation":
        model.decoder[1] = nn.Identity().eval()
    fit_only = Trainer(2, device="cpu", progress=False, callbacks=[Meddle()])
    fit_only.fit(model, NeighborhoodLoader(data, 2, batch_size=12))
    assert seen
    assert all(each == expected for each in seen)


def test_error_while_switching_leaves_modes(data):
    class Stubborn(nn.Linear):
        def train(self, mode: bool = True) -> "Stubborn":
            if not mode:
                raise LookupError("never evaluated")
            return super().train(mode)

    model = AE(nn.Sequential(nn.Linear(2, 2), Stubborn(2, 1)), nn.Linear(1, 2))
    with pytest.raises(LookupError), evaluating(model):
        pass
    assert all(part.training for part in model.modules())
