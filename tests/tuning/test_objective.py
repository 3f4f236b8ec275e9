"""The score of one choice of settings against scikit-learn's own."""

import numpy as np
import pytest
from sklearn.model_selection import RepeatedKFold, cross_val_score

from nrae_geometric.estimator import ManifoldAutoencoder
from nrae_geometric.tuning.objective import cross_validated_scores


@pytest.fixture
def points():
    return np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)


@pytest.fixture
def estimator():
    return ManifoldAutoencoder(
        hidden=(8,), num_epochs=2, n_neighbors=3, init="random", random_state=0, device="cpu"
    )


def test_last_score_is_that_of_scikit_learn(points, estimator):
    scores = list(cross_validated_scores(estimator, points, num_folds=4, num_repeats=2, seed=5))
    folds = RepeatedKFold(n_splits=4, n_repeats=2, random_state=5)
    expected = cross_val_score(estimator, points, cv=folds)

    assert scores[-1] == pytest.approx(expected.mean(), rel=1e-5)
    assert scores[2] == pytest.approx(expected[:3].mean(), rel=1e-5)


def test_every_point_left_out_counts_once_in_each_division(points, estimator):
    scores = cross_validated_scores(estimator, points[:19], num_folds=3, num_repeats=1, seed=0)
    folds = RepeatedKFold(n_splits=3, n_repeats=1, random_state=0)
    errors = []
    for rest, fold in folds.split(points[:19]):
        estimator.fit(points[rest])
        recon = estimator.inverse_transform(estimator.transform(points[fold]))
        errors.extend(np.square(recon - points[fold]).sum(axis=1))

    assert list(scores)[-1] == pytest.approx(-np.mean(errors), rel=1e-4)
