import logging

import pytest

from nrae_geometric.datasets import SwissRoll
from nrae_geometric.estimator import ManifoldAutoencoder
from nrae_geometric.tuning import tune


@pytest.fixture
def quiet(caplog):
    """Optuna and warnings about poor settings say nothing."""
    optuna = pytest.importorskip("optuna", reason="needs the extra: pip install '.[tune]'")
    caplog.set_level(logging.ERROR)
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    optuna.logging.set_verbosity(before)


@pytest.fixture(scope="module")
def points():
    return SwissRoll(24, seed=0)[0].x.numpy()


def estimator(**parameters):
    defaults = {
        "n_components": 1,
        "hidden_layer_sizes": (8,),
        "max_epochs": 2,
        "init": "random",
        "n_neighbors": 3,
        "random_state": 0,
        "device": "cpu",
    }
    return ManifoldAutoencoder(**{**defaults, **parameters})


def search(points, model=None, **options):
    defaults = {"num_trials": 3, "num_folds": 2, "num_repeats": 2, "progress": False}
    return tune(points, model or estimator(), **{**defaults, **options})
