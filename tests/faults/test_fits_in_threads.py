"""What is fitted in threads is what is fitted alone, and global random generators stay as found."""

import copy
import os
import random
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from joblib import Parallel, delayed
from torch import nn

from nrae_geometric.datasets import SwissRoll
from nrae_geometric.estimator import ManifoldAutoencoder
from nrae_geometric.loader import NeighborhoodLoader
from nrae_geometric.nn import NRAE, mlp
from nrae_geometric.training import Callback, Trainer
from nrae_geometric.transforms import KNNGraph

POINTS = SwissRoll(30, seed=0)[0].x.numpy()
SEEDS = range(4)


class Noisy(nn.Module):
    """Draws from every global generator."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(2, 1)

    def forward(self, x):
        factor = 1.0
        if self.training:
            factor = random.random() + np.random.rand() + torch.rand(())  # noqa: NPY002
        return self.linear(x) * factor


class Disturber(Callback):
    def on_epoch_end(self, trainer, model):
        torch.rand(1), np.random.rand(), random.random()  # noqa: NPY002
        with torch.no_grad():
            next(model.parameters()).add_(0.01 * torch.rand(()))


class Embedding:
    def fit_transform(self, X):
        return X[:, :1] + np.random.rand(len(X), 1)  # noqa: NPY002


# Made here: weights that a thread draws from the global generator are drawn from whatever runs.
OWN = {
    "linear": nn.Linear(2, 1),
    "dropout": nn.Sequential(nn.Linear(2, 8), nn.Dropout(), nn.Linear(8, 1)),
    "dropout of inputs": nn.Sequential(nn.Dropout(0.2), nn.Linear(2, 1)),
    "lazy": nn.LazyLinear(1),
    "noisy": Noisy(),
}
VARIANTS = {
    "default": {},
    "order 2": {"order": 2},
    "method ae": {"method": "ae"},
    "early stopping": {"early_stopping": True},
    "geodesic": {"init": "geodesic", "hidden_layer_sizes": (4,)},
    "pca": {"init": "pca"},
    "own linear encoder": {"encoder": OWN["linear"]},
    "dropout": {"encoder": OWN["dropout"]},
    "dropout with early stopping": {"encoder": OWN["dropout of inputs"], "early_stopping": True},
    "lazy": {"encoder": OWN["lazy"]},
    "noisy": {"encoder": OWN["noisy"]},
    "callback": {"callbacks": [Disturber()]},
    "object to start from": {"init": Embedding()},
}


def fit(variant, seed):
    parameters = {
        "n_components": 1,
        "n_neighbors": 3,
        "hidden_layer_sizes": (8,),
        "max_epochs": 3,
        "init": "random",
        "device": "cpu",
        **VARIANTS[variant],
    }
    estimator = ManifoldAutoencoder(**parameters, random_state=seed).fit(POINTS)
    return estimator.transform(POINTS), estimator.score(POINTS)


def global_state():
    key, *rest = np.random.get_state(legacy=True)[1:]  # noqa: NPY002
    return random.getstate(), key.tolist(), rest, torch.get_rng_state().tolist()


@pytest.mark.parametrize("variant", VARIANTS)
def test_estimators_in_threads_are_those_fitted_alone(variant):
    alone = [fit(variant, seed) for seed in SEEDS]
    before = global_state()
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda seed: fit(variant, seed), SEEDS))
    assert global_state() == before
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        assert one[1] == other[1]
    assert len({result[1] for result in alone}) == len(SEEDS)


def test_estimators_in_threads_of_joblib_are_those_fitted_alone():
    alone = [fit("default", seed) for seed in SEEDS]
    before = global_state()
    together = Parallel(3, backend="threading")(delayed(fit)("default", seed) for seed in SEEDS)
    assert global_state() == before
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one[0], other[0])


def test_several_kinds_at_once_are_those_fitted_alone():
    jobs = [(variant, seed) for seed in (0, 1) for variant in VARIANTS if variant != "geodesic"]
    alone = [fit(*job) for job in jobs]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda job: fit(*job), jobs))
    for job, one, other in zip(jobs, alone, together, strict=True):
        np.testing.assert_array_equal(one[0], other[0], err_msg=str(job))


@pytest.mark.parametrize("variant", ["default", "early stopping", "pca", "geodesic"])
def test_numbers_that_another_thread_draws_are_not_disturbed(variant):
    torch.manual_seed(3)
    random.seed(3)
    expected = [(torch.rand(()).item(), random.random()) for _ in range(2000)]
    torch.manual_seed(3)
    random.seed(3)
    drawn = []
    with ThreadPoolExecutor(2) as pool:
        fits = [pool.submit(fit, variant, seed) for seed in range(2)]
        while not all(each.done() for each in fits) or len(drawn) < 100:
            if len(drawn) < len(expected):
                drawn.append((torch.rand(()).item(), random.random()))
    assert drawn == expected[: len(drawn)]


def test_seeded_trainers_in_threads_are_those_run_alone():
    initial = NRAE(mlp([2, 8, 1], nn.Dropout), mlp([1, 8, 2], "elu"))

    def train(seed):
        model = copy.deepcopy(initial)
        data = KNNGraph(3)(SwissRoll(30)[0])
        loader = NeighborhoodLoader(data, 2, batch_size=8, shuffle=True)
        trainer = Trainer(3, seed=seed, device="cpu", progress=False)
        trainer.fit(model, loader)
        return [record["loss"] for record in trainer.history]

    alone = [train(seed) for seed in SEEDS]
    state = torch.get_rng_state()
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(train, SEEDS)) == alone
    assert torch.equal(torch.get_rng_state(), state)
    assert len({tuple(losses) for losses in alone}) == len(SEEDS)


def test_names_are_known_to_all_threads_from_the_first_look():
    program = """
from concurrent.futures import ThreadPoolExecutor
from nrae_geometric.registry import BACKENDS, MEASURES, MODELS
with ThreadPoolExecutor(8) as pool:
    for registry, name in ((MODELS, "nrae"), (BACKENDS, "torch")):
        list(pool.map(lambda _: registry[name], range(8)))
"""
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_child_of_a_process_that_is_fitting_can_fit():
    started, done = threading.Event(), threading.Event()

    class Waiting(Callback):
        def on_epoch_end(self, trainer, model):
            started.set()
            done.wait(20)

    fitting = threading.Thread(
        target=ManifoldAutoencoder(
            1, n_neighbors=3, hidden_layer_sizes=(4,), max_epochs=1, init="random",
            device="cpu", callbacks=[Waiting()],
        ).fit,
        args=(POINTS,),
    )  # fmt: skip
    fitting.start()
    assert started.wait(20)
    child = os.fork()
    if child == 0:
        torch.set_num_threads(1)
        code = 1
        try:
            fit("dropout", 0)
            code = 0
        finally:
            os._exit(code)
    done.set()
    _, status = os.waitpid(child, 0)
    fitting.join()
    assert os.waitstatus_to_exitcode(status) == 0
